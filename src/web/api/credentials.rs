//! The credential in a request's headers. Never in its address, where logs would keep it
//! (ASVS 14.2.1).

use actix_web::{HttpRequest, http::header::AUTHORIZATION};

use crate::web::error::AppError;

/// The key in `Authorization: Bearer` or `X-API-Key`.
///
/// # Errors
/// 401 when there is none, or none that can be read.
pub fn presented_key(request: &HttpRequest) -> Result<&str, AppError> {
    let headers = request.headers();
    if let Some(value) = headers.get("x-api-key") {
        return value.to_str().map(str::trim).map_err(|_| unreadable());
    }
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Err(AppError::Unauthorized {
            detail: "Send an API key as “Authorization: Bearer <key>” or “X-API-Key: <key>”.",
            presented: false,
        });
    };
    let (scheme, key) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(unreadable)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(key.trim()) } else { Err(unreadable()) }
}

fn unreadable() -> AppError {
    AppError::Unauthorized {
        detail: "The credential could not be read. Send “Authorization: Bearer <key>”.",
        presented: true,
    }
}
