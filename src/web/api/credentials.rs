//! The credential in a request's headers. Never in its address, where logs would keep it
//! (ASVS 14.2.1).

use std::{net::IpAddr, sync::Arc};

use actix_web::{HttpMessage, HttpRequest, http::header::AUTHORIZATION};

use crate::{
    clock::Timestamp,
    domain::verification::KnownToken,
    web::{error::AppError, extract::RequestContext, state::State},
};

/// The API key in `Authorization: Bearer` or `X-API-Key`.
///
/// # Errors
/// 401 when there is none, or none that can be read.
pub fn api_key(request: &HttpRequest) -> Result<&str, AppError> {
    match request.headers().get("x-api-key") {
        Some(value) => value.to_str().map(str::trim).map_err(|_| unreadable()),
        None => bearer(request, "Send an API key as “Authorization: Bearer <key>” or “X-API-Key: <key>”."),
    }
}

/// The master token in `Authorization: Bearer`.
///
/// # Errors
/// 401 when there is none, or none that can be read.
pub fn master_token(request: &HttpRequest) -> Result<&str, AppError> {
    bearer(request, "Send an active master token as “Authorization: Bearer <token>”.")
}

/// The active master token behind the credential: the token itself, or a session token that stands
/// for it. Its use is noted.
///
/// # Errors
/// 401 without one.
pub async fn caller(
    request: &HttpRequest,
    state: &State,
    now: Timestamp,
) -> Result<Arc<KnownToken>, AppError> {
    let presented = master_token(request)?;
    let known = match state.session_tokens.read(presented, now) {
        Some(digest) => state.verifier.token(digest, now).await?,
        None => state.verifier.authenticate(presented, now).await?,
    };
    let known = known.ok_or(AppError::Unauthorized {
        detail: "This token does not exist, has expired or is deactivated.",
        presented: true,
    })?;
    state.usage.note_token(&known, client_ip(request), now);
    Ok(known)
}

fn bearer<'a>(request: &'a HttpRequest, advice: &'static str) -> Result<&'a str, AppError> {
    let missing = AppError::Unauthorized { detail: advice, presented: false };
    let (scheme, credential) = authorization(request)?.ok_or(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(credential) } else { Err(unreadable()) }
}

/// Scheme and credential of the header `Authorization`, if there is one.
///
/// # Errors
/// 401 when it cannot be read.
pub fn authorization(request: &HttpRequest) -> Result<Option<(&str, &str)>, AppError> {
    let Some(value) = request.headers().get(AUTHORIZATION) else { return Ok(None) };
    let parts = value.to_str().ok().and_then(|value| value.split_once(' '));
    let (scheme, credential) = parts.ok_or_else(unreadable)?;
    Ok(Some((scheme, credential.trim())))
}

/// Where the request comes from; behind trusted proxies what they say.
pub fn client_ip(request: &HttpRequest) -> Option<IpAddr> {
    request.extensions().get::<RequestContext>().and_then(|context| context.ip)
}

fn unreadable() -> AppError {
    AppError::Unauthorized {
        detail: "The credential could not be read. Send “Authorization: Bearer <key>”.",
        presented: true,
    }
}
