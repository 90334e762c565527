//! The scopes that an organization uses.

use actix_web::HttpResponse;

use super::{call::Call, response::Response};
use crate::{
    api_types::List,
    domain::{
        access::{Grant, SeeKeys},
        api_keys,
    },
    web::error::AppError,
};

/// List scopes.
///
/// Returns every scope of the organization’s keys once, in alphabetical order.
///
/// # Errors
/// 403 insufficient access.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/scopes",
    tag = "API keys",
    responses((
        status = 200,
        description = "All scopes.",
        body = List<String>,
        example = json!({ "data": ["invoices:read", "invoices:write"], "next_cursor": null })
    ))
)]
pub async fn list(call: Call<Grant<SeeKeys>>) -> Result<HttpResponse, AppError> {
    let scopes = call.read(api_keys::scopes_in_use).await?;
    Ok(Response::ok(&List::whole(scopes))?.send())
}
