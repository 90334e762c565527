//! What happens to leaked keys: the organization's choice.

use actix_web::HttpResponse;

use super::{call::Call, json::Json, response::Response};
use crate::{
    api_types::LeakSettings,
    domain::{
        access::{Govern, Grant, See},
        organizations,
    },
    web::error::AppError,
};

/// What happens to keys of the organization that are found in public.
///
/// # Errors
/// 403 for a token that may only verify.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/leak-policy",
    tag = "Leaks",
    operation_id = "show_leak_policy",
    responses((status = 200, description = "The choice.", body = LeakSettings))
)]
pub async fn show_policy(call: Call<Grant<See>>) -> Result<HttpResponse, AppError> {
    let policy = call.read(organizations::leak_policy).await?;
    call.show(&LeakSettings { policy })
}

/// Chooses what happens to keys of the organization that are found in public.
///
/// # Errors
/// 400 for what is no policy, 412 for another version of the choice.
#[utoipa::path(
    put,
    path = "/api/v2/organizations/{organization}/leak-policy",
    tag = "Leaks",
    operation_id = "change_leak_policy",
    request_body(content = LeakSettings, example = json!({ "policy": "deactivate" })),
    responses((status = 200, description = "The choice as it is now.", body = LeakSettings))
)]
pub async fn change_policy(call: Call<Grant<Govern>, Json<LeakSettings>>) -> Result<HttpResponse, AppError> {
    let (wanted, precondition) = (call.input.0, call.precondition());
    call.change(move |tx, grant, now| {
        precondition.check(&LeakSettings { policy: organizations::leak_policy(tx.connection(), grant)? })?;
        organizations::change_leak_policy(tx, grant, wanted.policy, now)?;
        Response::resource(&wanted)
    })
    .await
}
