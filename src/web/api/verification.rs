//! Verification for backends: is this key of my organization accepted?

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::header::CACHE_CONTROL, web::Data};
use serde::{Deserialize, Serialize};

use super::{credentials, json::Json};
use crate::{
    clock::Timestamp,
    domain::{
        usage::Outcome,
        verification::{KnownKey, KnownToken, Verdict},
    },
    web::{display, error::AppError, state::State},
};

/// Keys in one batch.
const MOST_IN_A_BATCH: usize = 100;

/// One key to verify.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerificationRequest {
    key: String,
}

/// Several keys to verify.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    keys: Vec<VerificationRequest>,
}

/// The answers, in the order of the keys.
#[derive(Debug, Serialize)]
pub struct BatchAnswer {
    /// One for each key.
    pub results: Vec<VerificationAnswer>,
}

/// The answer for one key.
#[derive(Debug, Serialize)]
pub struct VerificationAnswer {
    /// Whether to let the request through.
    pub valid: bool,
    /// `valid`, `malformed`, `not_found`, `expired` or `deactivated`.
    pub code: &'static str,
    /// The organization, for a key that is its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<NamedId>,
    /// The key, for a key of the organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<VerifiedKey>,
}

/// An id with its name.
#[derive(Debug, Serialize)]
pub struct NamedId {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
}

/// A key of the caller's organization.
#[derive(Debug, Serialize)]
pub struct VerifiedKey {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its end in RFC 3339, or null for none.
    pub expires_at: Option<String>,
}

impl VerificationAnswer {
    fn without_key(code: &'static str) -> Self {
        Self { valid: false, code, organization: None, key: None }
    }

    fn of(outcome: Outcome, known: &KnownKey) -> Self {
        Self {
            valid: outcome == Outcome::Valid,
            code: outcome.as_str(),
            organization: Some(NamedId {
                id: known.organization.id.clone(),
                name: known.organization.name.clone(),
            }),
            key: Some(VerifiedKey {
                id: known.key.id.clone(),
                name: known.key.name.clone(),
                expires_at: known.key.expires_at.map(|at| display::iso(&at)),
            }),
        }
    }
}

/// `POST /api/v2/keys/verify`: always 200, with the answer in the body.
///
/// # Errors
/// 401 without an active master token, 400 or 415 for a body that is not the expected JSON.
pub async fn verify(
    request: HttpRequest,
    state: Data<State>,
    body: Result<Json<VerificationRequest>, AppError>,
) -> Result<HttpResponse, AppError> {
    let now = state.clock.now();
    let caller = caller(&request, &state, now).await?;
    let Json(VerificationRequest { key }) = body?;
    let answer = answer(&state, &caller, &key, now).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(answer))
}

/// `POST /api/v2/keys/verify/batch`: up to 100 keys at once.
///
/// # Errors
/// As [`verify`]; 400 for more keys.
pub async fn verify_batch(
    request: HttpRequest,
    state: Data<State>,
    body: Result<Json<BatchRequest>, AppError>,
) -> Result<HttpResponse, AppError> {
    let now = state.clock.now();
    let caller = caller(&request, &state, now).await?;
    let Json(BatchRequest { keys }) = body?;
    if keys.len() > MOST_IN_A_BATCH {
        return Err(AppError::Unreadable(format!("Send at most {MOST_IN_A_BATCH} keys at once.")));
    }
    let mut results = Vec::with_capacity(keys.len());
    for VerificationRequest { key } in keys {
        results.push(answer(&state, &caller, &key, now).await?);
    }
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(BatchAnswer { results }))
}

async fn caller(request: &HttpRequest, state: &State, now: Timestamp) -> Result<Arc<KnownToken>, AppError> {
    let presented = credentials::master_token(request)?;
    let Some(known) = state.verifier.authenticate(presented).await? else {
        return Err(AppError::Unauthorized {
            detail: "This master token does not exist or is deactivated.",
            presented: true,
        });
    };
    state.usage.note_token(&known, now);
    Ok(known)
}

/// A key of another organization is not found, like one that does not exist.
async fn answer(
    state: &State,
    caller: &KnownToken,
    presented: &str,
    now: Timestamp,
) -> Result<VerificationAnswer, AppError> {
    let (known, outcome) = match state.verifier.verify(presented, now).await? {
        Verdict::Malformed => return Ok(VerificationAnswer::without_key("malformed")),
        Verdict::NotFound => return Ok(VerificationAnswer::without_key("not_found")),
        Verdict::Valid(known) => (known, Outcome::Valid),
        Verdict::Expired(known) => (known, Outcome::Expired),
        Verdict::Deactivated(known) => (known, Outcome::Deactivated),
    };
    if known.organization.id != caller.organization.id {
        return Ok(VerificationAnswer::without_key("not_found"));
    }
    state.usage.note(&known, outcome, now);
    Ok(VerificationAnswer::of(outcome, &known))
}
