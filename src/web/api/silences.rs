//! Silence test: a key is switched off for some hours, to see who misses it.

use actix_web::HttpResponse;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    api_keys::{ApiKey, change_key, show_changed},
    call::Call,
    json::Json,
};
use crate::{
    domain::{
        access::Admin,
        organizations::Organization,
        silences::{self, SilenceLength},
    },
    web::error::AppError,
};

/// How long a key is silent.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SilenceRequest {
    /// 1, 4 or 24.
    #[schema(minimum = 1, maximum = 24, example = 4)]
    hours: i64,
}

impl SilenceRequest {
    fn parse(&self) -> Result<SilenceLength, AppError> {
        let length = SilenceLength::ALL.into_iter().find(|length| length.hours() == self.hours);
        length.ok_or_else(|| AppError::field("/hours", "Choose 1, 4 or 24 hours."))
    }
}

/// Switches an active key off for some hours. It comes back by itself, unless it is activated or
/// deactivated meanwhile.
///
/// # Errors
/// 404 for a key of another organization, 409 for one that is not active, 412 for another version
/// of it.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/keys/{key}/silence",
    tag = "API keys",
    operation_id = "silence_key",
    request_body = SilenceRequest,
    responses((status = 200, description = "The key, refused until “silent_until”.", body = ApiKey))
)]
pub async fn begin(call: Call<Admin<Organization>, Json<SilenceRequest>>) -> Result<HttpResponse, AppError> {
    let length = call.input.0.parse()?;
    change_key(&call, move |tx, admin, key, now| {
        let (key, _) = silences::begin(tx, admin, &key.id, length, now)?;
        show_changed(tx, admin, key, now)
    })
    .await
}
