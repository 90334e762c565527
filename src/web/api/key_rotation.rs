//! Rotation: a key gets a new secret, while the previous one keeps working for a while.

use actix_web::HttpResponse;

use super::{
    api_keys::{change_key, counted_key, parse_expiration, rejected, show_changed},
    call::Call,
    json::Json,
    receipts::WaitParams,
    response::Response,
};
use crate::{
    api_types::{ApiKey, KeyWithSecret, Rotation, RotationRequest},
    clock::Timestamp,
    domain::{
        access::{Grant, ManageKeys},
        api_keys::{self, ActiveRotation, NewExpiration},
        rotation::Plan,
    },
    web::{display, error::AppError},
};

impl Rotation {
    /// A rotation as the database knows it.
    pub fn of(ActiveRotation { rotation, previous_last_used_at }: &ActiveRotation) -> Self {
        let Plan { grace_period, starts } = rotation.plan;
        Self {
            grace_period,
            starts,
            rotated_at: display::iso(&rotation.rotated_at),
            first_used_at: rotation.first_used_at.map(|at| display::iso(&at)),
            ends_at: display::iso(&rotation.ends_at()),
            previous_last_used_at: previous_last_used_at.map(|at| display::iso(&at)),
        }
    }
}

impl RotationRequest {
    fn end(&self, now: Timestamp) -> Result<NewExpiration, AppError> {
        let Some(text) = &self.expires_at else { return Ok(NewExpiration::Keep) };
        parse_expiration(text, now)
            .map(NewExpiration::At)
            .map_err(|error| AppError::field("/expires_at", error))
    }

    fn plan(&self) -> Plan {
        Plan { grace_period: self.grace_period, starts: self.starts }
    }
}

/// Rotate a key.
///
/// Creates a new secret, which is returned only once. Name and settings don’t change, and the expiration
/// date only if you set one. Any rotation in progress ends now.
///
/// # Errors
/// 404 not found, 412 `If-Match` doesn’t match, 422 invalid expiration date.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/keys/{key}/rotate",
    tag = "API keys",
    params(WaitParams),
    request_body(content = RotationRequest, example = json!({ "grace_period": "24h", "starts": "on_first_use" })),
    responses((status = 200, description = "The key with its new secret.", body = KeyWithSecret))
)]
pub async fn rotate(call: Call<Grant<ManageKeys>, Json<RotationRequest>>) -> Result<HttpResponse, AppError> {
    let (plan, end) = (call.input.0.plan(), call.input.0.end(call.now)?);
    let rules = call.state.config.rules;
    // The rotation tells when the previous secret was last used.
    counted_key(&call).await?;
    change_key(&call, move |tx, grant, key, now| {
        let (key, secret) = api_keys::rotate(tx, grant, &key.id, plan, end, &rules, now).map_err(rejected)?;
        let key = ApiKey::of(tx.connection(), grant, key, now)?;
        Response::resource(&KeyWithSecret { key, secret: secret.expose().to_owned() })
    })
    .await
}

/// Revoke the previous secret of a key.
///
/// Ends the grace period of a rotation: from the next request, only the new secret is accepted.
///
/// # Errors
/// 404 not found, 412 `If-Match` doesn’t match.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/keys/{key}/revoke-previous",
    tag = "API keys",
    params(WaitParams),
    responses((status = 200, description = "The key, without a rotation in progress.", body = ApiKey))
)]
pub async fn revoke_previous(call: Call<Grant<ManageKeys>>) -> Result<HttpResponse, AppError> {
    change_key(&call, |tx, grant, key, now| {
        let key = api_keys::revoke_previous(tx, grant, &key.id, now)?;
        show_changed(tx, grant, key, now)
    })
    .await
}
