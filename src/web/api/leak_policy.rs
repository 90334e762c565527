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

/// Get the policy for leaked keys.
///
/// # Errors
/// 403 insufficient access.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/leak-policy",
    tag = "Leaks",
    operation_id = "show_leak_policy",
    responses((status = 200, description = "The policy.", body = LeakSettings))
)]
pub async fn show_policy(call: Call<Grant<See>>) -> Result<HttpResponse, AppError> {
    let policy = call.read(organizations::leak_policy).await?;
    call.show(&LeakSettings { policy })
}

/// Set the policy for leaked keys.
///
/// # Errors
/// 400 invalid policy, 412 `If-Match` doesn’t match.
#[utoipa::path(
    put,
    path = "/api/v2/organizations/{organization}/leak-policy",
    tag = "Leaks",
    operation_id = "change_leak_policy",
    request_body(content = LeakSettings, example = json!({ "policy": "deactivate" })),
    responses((status = 200, description = "The updated policy.", body = LeakSettings))
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
