//! Rotation: a key gets a new secret, while the old one goes on for a while.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    answer::Answer,
    api_keys::{ApiKey, KeyWithSecret, change_key, counted_key, parse_end, show_changed},
    call::Call,
    json::Json,
};
use crate::{
    clock::Timestamp,
    domain::{
        access::Admin,
        api_keys::{self, NewEnd, Overlapping, RotateError},
        forms::FormId,
        organizations::Organization,
        rotation::{Begin, Overlap, Plan},
    },
    web::{display, error::AppError},
};

/// A rotation under way.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rotation {
    /// How long the old secret goes on.
    pub overlap: OverlapName,
    /// From when.
    pub begins: BeginName,
    /// When the key got its new secret.
    #[schema(format = DateTime)]
    pub rotated_at: String,
    /// When the new secret was first accepted; null for never.
    #[schema(format = DateTime)]
    pub first_used_at: Option<String>,
    /// When the old secret ends; earlier once the new one is used, never later.
    #[schema(format = DateTime)]
    pub ends_at: String,
    /// When the old secret was last accepted; null for never.
    #[schema(format = DateTime)]
    pub old_last_used_at: Option<String>,
}

/// How long the old secret of a rotation goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum OverlapName {
    /// Not at all.
    #[serde(rename = "none")]
    None,
    /// For an hour.
    #[serde(rename = "1h")]
    Hour,
    /// For 24 hours.
    #[serde(rename = "24h")]
    Day,
    /// For seven days.
    #[serde(rename = "7d")]
    Week,
}

/// When the overlap of a rotation begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BeginName {
    /// When the new secret is first used, 30 days after the rotation at the latest.
    FirstUse,
    /// With the rotation.
    AtOnce,
}

impl Rotation {
    /// A rotation as the database knows it.
    pub fn of(Overlapping { rotation, old_last_used_at }: &Overlapping) -> Self {
        let Plan { overlap, begin } = rotation.plan;
        Self {
            overlap: match overlap {
                Overlap::None => OverlapName::None,
                Overlap::Hour => OverlapName::Hour,
                Overlap::Day => OverlapName::Day,
                Overlap::Week => OverlapName::Week,
            },
            begins: match begin {
                Begin::FirstUse => BeginName::FirstUse,
                Begin::AtOnce => BeginName::AtOnce,
            },
            rotated_at: display::iso(&rotation.rotated_at),
            first_used_at: rotation.first_used_at.map(|at| display::iso(&at)),
            ends_at: display::iso(&rotation.ends_at()),
            old_last_used_at: old_last_used_at.map(|at| display::iso(&at)),
        }
    }
}

/// How to rotate.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotationRequest {
    /// How long the old secret goes on.
    overlap: OverlapName,
    /// From when. “none” with “first_use” ends the old secret with the first use of the new one.
    begins: BeginName,
    /// A new end for the key, ten years ahead at most; left out or null for the end that it has. A
    /// key that has expired needs one, a key without an end takes none.
    #[serde(default)]
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

impl RotationRequest {
    fn end(&self, now: Timestamp) -> Result<NewEnd, AppError> {
        let Some(text) = &self.expires_at else { return Ok(NewEnd::Keep) };
        parse_end(text, now).map(NewEnd::At).map_err(|error| AppError::field("/expires_at", error))
    }

    fn plan(&self) -> Plan {
        Plan {
            overlap: match self.overlap {
                OverlapName::None => Overlap::None,
                OverlapName::Hour => Overlap::Hour,
                OverlapName::Day => Overlap::Day,
                OverlapName::Week => Overlap::Week,
            },
            begin: match self.begins {
                BeginName::FirstUse => Begin::FirstUse,
                BeginName::AtOnce => Begin::AtOnce,
            },
        }
    }
}

/// Gives a key a new secret, which is in the answer, this once. Name and settings stay, and so does
/// the end unless a new one is given; an overlap that is under way ends.
///
/// # Errors
/// 404 for a key of another organization, 412 for another version of it, 422 for an end that the
/// key cannot have.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/keys/{key}/rotate",
    tag = "API keys",
    request_body(content = RotationRequest, example = json!({ "overlap": "24h", "begins": "first_use" })),
    responses((status = 200, description = "The key with its new secret.", body = KeyWithSecret))
)]
pub async fn rotate(
    call: Call<Admin<Organization>, Json<RotationRequest>>,
) -> Result<HttpResponse, AppError> {
    let (plan, end) = (call.input.0.plan(), call.input.0.end(call.now)?);
    // The rotation tells when the old secret was last used.
    counted_key(&call).await?;
    change_key(&call, move |tx, admin, key, now| {
        // Whether a call is carried out twice is the affair of its idempotency key.
        let rotated = api_keys::rotate(tx, admin, &key.id, plan, end, &FormId::new(now), now);
        let (key, secret) = rotated.map_err(|error| match error {
            RotateError::End(error) => AppError::field("/expires_at", error),
            error => error.into(),
        })?;
        let key = ApiKey::of(tx.connection(), admin, key, now)?;
        Answer::resource(&KeyWithSecret { key, secret: secret.expose().to_owned() })
    })
    .await
}

/// Ends the overlap of a rotation: from the next request on only the new secret is accepted.
///
/// # Errors
/// 404 for a key of another organization, 412 for another version of it.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/keys/{key}/end-overlap",
    tag = "API keys",
    responses((status = 200, description = "The key, whether a rotation was under way or not.", body = ApiKey))
)]
pub async fn end_overlap(call: Call<Admin<Organization>>) -> Result<HttpResponse, AppError> {
    change_key(&call, |tx, admin, key, now| {
        let key = api_keys::end_overlap(tx, admin, &key.id, now)?;
        show_changed(tx, admin, key, now)
    })
    .await
}
