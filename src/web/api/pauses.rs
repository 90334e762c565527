//! A pause: a key is switched off for some hours, to see who misses it.

use actix_web::HttpResponse;

use super::{
    api_keys::{change_key, show_changed},
    call::Call,
    json::Json,
    receipts::WaitParams,
};
use crate::{
    api_types::{ApiKey, PauseRequest},
    domain::{
        access::{Grant, ManageKeys},
        api_keys::{self, PauseLength},
    },
    web::error::AppError,
};

impl PauseRequest {
    fn parse(&self) -> Result<PauseLength, AppError> {
        let length = PauseLength::ALL.into_iter().find(|length| length.hours() == self.hours);
        length.ok_or_else(|| AppError::field("/hours", "Choose 1, 4 or 24 hours."))
    }
}

/// Pause a key.
///
/// The key is rejected until the pause ends, then it works again. Activating or deactivating it ends the
/// pause early.
///
/// # Errors
/// 404 not found, 409 key not active, 412 `If-Match` doesn’t match.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/keys/{key}/pause",
    tag = "API keys",
    params(WaitParams),
    operation_id = "pause_key",
    request_body = PauseRequest,
    responses((status = 200, description = "The paused key. It’s rejected until `paused_until`.", body = ApiKey))
)]
pub async fn pause(call: Call<Grant<ManageKeys>, Json<PauseRequest>>) -> Result<HttpResponse, AppError> {
    let length = call.input.0.parse()?;
    change_key(&call, move |tx, grant, key, now| {
        let key = api_keys::pause(tx, grant, &key.id, length, now)?;
        show_changed(tx, grant, key, now)
    })
    .await
}
