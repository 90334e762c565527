//! The organization behind a key.

use actix_web::{HttpRequest, HttpResponse, http::header::CACHE_CONTROL, web::Data};
use serde::Serialize;

use super::credentials::presented_key;
use crate::{
    domain::api_keys,
    web::{display, error::AppError, state::State},
};

/// What a key may know of its organization and of itself.
#[derive(Debug, Serialize)]
pub struct OrganizationOfKey {
    /// The organization's id.
    pub id: String,
    /// The organization's name.
    pub name: String,
    /// The key that was presented.
    pub key: PresentedKey,
}

/// A key, as its bearer sees it.
#[derive(Debug, Serialize)]
pub struct PresentedKey {
    /// Its name.
    pub name: String,
    /// Its end in RFC 3339, or null for none.
    pub expires_at: Option<String>,
}

/// `GET /api/v2/organization`.
///
/// # Errors
/// 401 without an active key.
pub async fn show(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, AppError> {
    let presented = presented_key(&request)?.to_owned();
    let now = state.clock.now();
    let found = state.db.read(move |connection| api_keys::verify(connection, &presented, now)).await?;
    let Some((key, organization)) = found else {
        return Err(AppError::Unauthorized {
            detail: "This key does not exist, has expired or is deactivated.",
            presented: true,
        });
    };
    state.last_used.note(&key.id, now);
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(OrganizationOfKey {
        id: organization.id,
        name: organization.name,
        key: PresentedKey { name: key.name, expires_at: key.expires_at.map(|at| display::iso(&at)) },
    }))
}
