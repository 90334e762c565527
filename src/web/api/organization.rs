//! The organization behind a key.

use actix_web::{HttpRequest, HttpResponse, http::header::CACHE_CONTROL, web::Data};
use serde::Serialize;

use super::{callers, credentials};
use crate::{
    domain::{usage::Outcome, verification::Verdict},
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
    let presented = credentials::api_key(&request)?;
    let now = state.clock.now();
    let verdict = state.verifier.verify(presented, now).await?;
    if let Some(known) = verdict.known() {
        state.usage.note_caller(known, callers::of(&request), now);
    }
    let Verdict::Valid(known) = verdict else {
        return Err(AppError::Unauthorized {
            detail: "This key does not exist, has expired or is deactivated.",
            presented: true,
        });
    };
    state.usage.note(&known, Outcome::Valid, now);
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(OrganizationOfKey {
        id: known.organization.id.clone(),
        name: known.organization.name.clone(),
        key: PresentedKey {
            name: known.key.name.clone(),
            expires_at: known.key.expires_at.map(|at| display::iso(&at)),
        },
    }))
}
