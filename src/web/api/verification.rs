//! Verification for backends: is this key of my organization, or for those who operate the instance this key, accepted?

mod bodies;
mod once;

use actix_web::HttpResponse;
use serde_json::{Value, json};

use once::once;

use super::{
    credentials,
    gate::{Asked, Gate, WithToken},
    json::Json,
};
use crate::{
    api_types::{BatchRequest, BatchVerification, Verification, VerificationRequest},
    domain::{
        rejections::{Code, Endpoint},
        verification::{Decision, KeyRequest, KnownCaller},
    },
    vocabulary::VerificationCode,
    web::error::AppError,
};

/// Keys in one batch.
const MAX_IN_A_BATCH: usize = 100;

/// Verify a key.
///
/// Returns 200 for accepted and rejected keys alike; check `valid` in the body. Valid requests count
/// toward the key’s limits. A master token verifies keys of its organization, an instance token keys of
/// every organization.
///
/// # Errors
/// 401 missing or invalid token, 400 or 415 invalid body.
#[utoipa::path(
    post,
    path = "/api/v2/keys/verify",
    tag = "Verification",
    request_body = VerificationRequest,
    responses((
        status = 200,
        description = "The result.",
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
            ("organization_suspended" = (value = json!(rejected_example("organization_suspended")))),
            ("expired" = (value = json!(rejected_example("expired")))),
            ("deactivated" = (value = json!(rejected_example("deactivated")))),
            ("wrong_environment" = (value = json!(rejected_example("wrong_environment")))),
            ("forbidden_ip" = (value = json!(rejected_example("forbidden_ip")))),
            ("insufficient_scope" = (value = json!(rejected_example("insufficient_scope")))),
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
pub async fn verify(mut gate: Gate<WithToken, Json<VerificationRequest>>) -> Result<HttpResponse, AppError> {
    let caller = caller(&gate).await?;
    let Json(asked) = gate.take_body()?;
    once(&gate, &caller, decide(&gate, &caller, (0, &asked))).await
}

/// Verify up to 100 keys.
///
/// Returns one result per key. A master token verifies keys of its organization, an instance token keys
/// of every organization.
///
/// # Errors
/// 401 missing or invalid token, 400 or 415 invalid body, 400 more than 100 keys.
#[utoipa::path(
    post,
    path = "/api/v2/keys/verify/batch",
    tag = "Verification",
    request_body = BatchRequest,
    responses((
        status = 200,
        description = "The results, in the order of the keys.",
        body = BatchVerification,
        example = json!({ "results": [
            { "valid": false, "code": "not_found" }, { "valid": false, "code": "malformed" },
        ] })
    ))
)]
pub async fn verify_batch(mut gate: Gate<WithToken, Json<BatchRequest>>) -> Result<HttpResponse, AppError> {
    let caller = caller(&gate).await?;
    let Json(BatchRequest { keys }) = gate.take_body()?;
    if keys.len() > MAX_IN_A_BATCH {
        return Err(AppError::Unreadable(format!("Send at most {MAX_IN_A_BATCH} keys per request.")));
    }
    let decisions = async {
        let mut results = Vec::with_capacity(keys.len());
        for asked in keys.iter().enumerate() {
            results.push(decide(&gate, &caller, asked).await?);
        }
        Ok(BatchVerification { results })
    };
    once(&gate, &caller, decisions).await
}

async fn caller<B>(gate: &Gate<WithToken, B>) -> Result<KnownCaller, AppError> {
    credentials::verifying_caller(&gate.request, &gate.state, gate.now).await.inspect_err(|error| {
        if let AppError::Unauthorized { presented: true, .. } = error {
            gate.note_unverified(Endpoint::Verify, Code::TokenRejected, &KeyRequest::default());
        }
    })
}

/// To a master token, a key of another organization is not found, like one that does not exist.
async fn decide<B>(
    gate: &Gate<WithToken, B>,
    caller: &KnownCaller,
    (place, asked): (usize, &VerificationRequest),
) -> Result<Verification, AppError> {
    let wanted = KeyRequest {
        organization: caller.organization_id(),
        name: None,
        environment: asked.environment,
        scopes: &asked.scopes,
        client_ip: asked.client_ip,
        cost: asked.cost,
    };
    let client = asked.client();
    let asked = Asked { endpoint: Endpoint::Verify, place, key: &asked.key, wanted: &wanted, client };
    Ok(match gate.verify(asked).await? {
        Decision::Malformed => Verification::without_key(VerificationCode::Malformed),
        Decision::NotFound | Decision::Foreign => Verification::without_key(VerificationCode::NotFound),
        Decision::Known { key, outcome, limits } => Verification::of(outcome, &key, &limits),
    })
}

fn rejected_example(code: &str) -> Value {
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
    let mut example = rejected_example(code);
    if let Some(fields) = example.as_object_mut() {
        fields.insert(limit.to_owned(), left.clone());
        fields.insert("retry_after_seconds".to_owned(), json!(retry_after_seconds));
    }
    example
}
