//! Verification for backends: is this key of my organization accepted?

mod bodies;

use std::{future::Future, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, http::header::CACHE_CONTROL, web::Data};
use serde::Serialize;
use serde_json::{Value, json};

pub use bodies::{
    BatchRequest, BatchVerification, NamedId, Verification, VerificationCode, VerificationRequest,
    VerifiedKey,
};

use super::{call, credentials, json::Json, rejection::Asking, response::Response};
use crate::{
    clock::Timestamp,
    db::Tx,
    domain::{
        idempotency::IdempotencyError,
        rejections::{Code, Endpoint},
        verification::{Decision, KeyRequest, KnownToken},
    },
    web::{error::AppError, state::State},
};

/// Keys in one batch.
const MAX_IN_A_BATCH: usize = 100;

/// Whether a key of the organization is accepted. The answer is in the body; a key that is refused
/// is no error. What an accepted key costs is taken from its limits.
///
/// # Errors
/// 401 without an active master token, 400 or 415 for a body that is not the expected JSON.
#[utoipa::path(
    post,
    path = "/api/v2/keys/verify",
    tag = "Verification",
    request_body = VerificationRequest,
    responses((
        status = 200,
        description = "Whether to let the request through.",
        body = Verification,
        examples(
            ("valid" = (value = json!({
                "valid": true, "code": "valid",
                "organization": { "id": "019a8f3e-7b1c-7d2e-9f40-5a6b7c8d9e0f", "name": "Lumen Logistics" },
                "key": {
                    "id": "019a8f41-03aa-7c51-8d7e-61b2c3d4e5f6", "name": "Billing worker",
                    "scopes": ["invoices:read"], "metadata": { "customer": 4711 },
                    "expires_at": "2027-01-31T00:00:00Z",
                },
                "rate_limit": { "limit": 100, "window_seconds": 60, "remaining": 99, "reset_seconds": 1 },
                "quota": { "limit": 100_000, "remaining": 87_654, "reset_seconds": 604_800 },
            }))),
            ("malformed" = (value = json!({ "valid": false, "code": "malformed" }))),
            ("not_found" = (value = json!({ "valid": false, "code": "not_found" }))),
            ("expired" = (value = json!(refused_example("expired")))),
            ("deactivated" = (value = json!(refused_example("deactivated")))),
            ("forbidden_ip" = (value = json!(refused_example("forbidden_ip")))),
            ("insufficient_scope" = (value = json!(refused_example("insufficient_scope")))),
            ("rate_limited" = (value = json!(limited_example(
                "rate_limited", "rate_limit",
                &json!({ "limit": 100, "window_seconds": 60, "remaining": 0, "reset_seconds": 60 }), 1,
            )))),
            ("quota_exceeded" = (value = json!(limited_example(
                "quota_exceeded", "quota",
                &json!({ "limit": 100_000, "remaining": 0, "reset_seconds": 604_800 }), 604_800,
            )))),
        )
    ))
)]
pub async fn verify(
    request: HttpRequest,
    state: Data<State>,
    body: Result<Json<VerificationRequest>, AppError>,
) -> Result<HttpResponse, AppError> {
    let now = state.clock.now();
    let caller = caller(&request, &state, now).await?;
    let Json(asked) = body?;
    once(&request, &state, &caller, now, answer(&request, &state, &caller, (0, &asked), now)).await
}

/// Whether up to 100 keys of the organization are accepted, asked at once.
///
/// # Errors
/// 401 without an active master token, 400 or 415 for a body that is not the expected JSON, 400
/// for more keys.
#[utoipa::path(
    post,
    path = "/api/v2/keys/verify/batch",
    tag = "Verification",
    request_body = BatchRequest,
    responses((
        status = 200,
        description = "One answer for each key, in their order.",
        body = BatchVerification,
        example = json!({ "results": [
            { "valid": false, "code": "not_found" }, { "valid": false, "code": "malformed" },
        ] })
    ))
)]
pub async fn verify_batch(
    request: HttpRequest,
    state: Data<State>,
    body: Result<Json<BatchRequest>, AppError>,
) -> Result<HttpResponse, AppError> {
    let now = state.clock.now();
    let caller = caller(&request, &state, now).await?;
    let Json(BatchRequest { keys }) = body?;
    if keys.len() > MAX_IN_A_BATCH {
        return Err(AppError::Unreadable(format!("Send at most {MAX_IN_A_BATCH} keys at once.")));
    }
    let answers = async {
        let mut results = Vec::with_capacity(keys.len());
        for asked in keys.iter().enumerate() {
            results.push(answer(&request, &state, &caller, asked, now).await?);
        }
        Ok(BatchVerification { results })
    };
    once(&request, &state, &caller, now, answers).await
}

/// Verifies, unless the request has an `Idempotency-Key` under which the same one was answered
/// before. Only such a request asks the database.
async fn once<T: Serialize>(
    request: &HttpRequest,
    state: &State,
    caller: &KnownToken,
    now: Timestamp,
    verify: impl Future<Output = Result<T, AppError>>,
) -> Result<HttpResponse, AppError> {
    let Some(once) = call::once(request, caller)? else {
        return Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(verify.await?));
    };
    let wanted = once.clone();
    let kept = match state.db.read(move |connection| wanted.recall(connection, now)).await? {
        Some(kept) => kept,
        None => {
            let answer = serde_json::to_vec(&Response::ok(&verify.await?)?).map_err(AppError::internal)?;
            let keep = move |tx: &mut Tx<'_>| {
                // The same request may have been answered meanwhile; both get one answer.
                if let Some(kept) = once.recall(tx.connection(), now)? {
                    return Ok(kept);
                }
                once.remember(tx, &answer, now)?;
                Ok::<_, IdempotencyError>(answer)
            };
            state.db.write(keep).await?
        }
    };
    Ok(serde_json::from_slice::<Response>(&kept).map_err(AppError::internal)?.send())
}

async fn caller(request: &HttpRequest, state: &State, now: Timestamp) -> Result<Arc<KnownToken>, AppError> {
    credentials::caller(request, state, now).await.inspect_err(|error| {
        if let AppError::Unauthorized { presented: true, .. } = error {
            let wanted = KeyRequest::default();
            let asking = Asking { request, endpoint: Endpoint::Verify, place: 0, wanted: &wanted };
            asking.note_unverified(state, Code::TokenRejected, now);
        }
    })
}

/// A key of another organization is not found, like one that does not exist.
async fn answer(
    request: &HttpRequest,
    state: &State,
    caller: &KnownToken,
    (place, asked): (usize, &VerificationRequest),
    now: Timestamp,
) -> Result<Verification, AppError> {
    let wanted = KeyRequest {
        organization: Some(&caller.organization.id),
        name: None,
        scopes: &asked.scopes,
        client_ip: asked.client_ip,
        cost: asked.cost.0,
    };
    let decision = state.verifier.verify(&asked.key, &wanted, now).await?;
    Asking { request, endpoint: Endpoint::Verify, place, wanted: &wanted }
        .note(state, &asked.key, &decision, now);
    match decision {
        Decision::Malformed => Ok(Verification::without_key(VerificationCode::Malformed)),
        Decision::NotFound | Decision::Foreign => Ok(Verification::without_key(VerificationCode::NotFound)),
        Decision::Known { key, outcome, limits } => {
            state.usage.note(&key, outcome, wanted.cost, asked.client(), now);
            Ok(Verification::of(outcome, &key, &limits))
        }
    }
}

fn refused_example(code: &str) -> Value {
    json!({
        "valid": false, "code": code,
        "organization": { "id": "019a8f3e-7b1c-7d2e-9f40-5a6b7c8d9e0f", "name": "Lumen Logistics" },
        "key": {
            "id": "019a8f41-03aa-7c51-8d7e-61b2c3d4e5f6", "name": "Billing worker", "scopes": [],
            "metadata": null, "expires_at": "2027-01-31T00:00:00Z",
        },
    })
}

fn limited_example(code: &str, limit: &str, left: &Value, retry_after_seconds: u64) -> Value {
    let mut example = refused_example(code);
    if let Some(fields) = example.as_object_mut() {
        fields.insert(limit.to_owned(), left.clone());
        fields.insert("retry_after_seconds".to_owned(), json!(retry_after_seconds));
    }
    example
}
