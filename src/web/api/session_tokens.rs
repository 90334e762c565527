//! A short-lived credential for what should not hold a master token itself.

use actix_web::HttpResponse;

use super::{
    credentials,
    gate::{Gate, WithToken},
    response::Response,
};
use crate::{
    api_types::SessionToken,
    domain::{
        secret::{self, SecretDigest, SecretKind},
        session_tokens::LIFETIME,
    },
    web::error::AppError,
};

/// Get a session token.
///
/// Exchanges a master token for a short-lived token with the same access. It stops working when the
/// master token is deactivated, replaced or removed.
///
/// # Errors
/// 401 missing or invalid master token; a session token isn’t accepted.
#[utoipa::path(
    get,
    path = "/api/v2/sessionToken",
    tag = "Tokens",
    responses((status = 200, description = "A session token.", body = SessionToken))
)]
pub async fn issue(gate: Gate<WithToken>) -> Result<HttpResponse, AppError> {
    let Gate { request, state, now, .. } = &gate;
    credentials::caller(request, state, *now).await?;
    let presented = credentials::master_token(request)?;
    if !secret::is_well_formed(SecretKind::MasterToken, presented) {
        return Err(AppError::Unauthorized {
            detail: "A session token can’t be exchanged. Send the master token itself.",
            presented: true,
        });
    }
    let data = state.session_tokens.issue(state.config.rules.key_prefix, SecretDigest::of(presented), *now);
    Ok(Response::ok(&SessionToken { data, expires_in_seconds: LIFETIME.whole_seconds() })?.send())
}
