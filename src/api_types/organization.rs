//! The organization, and what opens it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::vocabulary::{LeakPolicy, TokenAccess};

/// An organization.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Organization {
    /// The ID.
    #[schema(example = "019a8f3e-7b1c-7d2e-9f40-5a6b7c8d9e0f")]
    pub id: String,
    /// The name. Not necessarily unique.
    #[schema(example = "Lumen Logistics")]
    pub name: String,
    /// When the organization was created.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Since when the organization is suspended; null if it isn’t. Its keys are rejected, and nothing can be changed.
    #[schema(required = true, format = DateTime)]
    pub suspended_at: Option<String>,
    /// Why the organization is suspended; null if it isn’t.
    #[schema(required = true, example = json!(null))]
    pub suspension_reason: Option<String>,
}

/// Changes to an organization. Omitted fields stay the same.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganizationChange {
    /// The new name.
    #[schema(min_length = 1, max_length = 80, example = "Lumen Logistics")]
    pub name: Option<String>,
}

/// What happens to leaked keys.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeakSettings {
    /// The policy. It applies to new reports.
    pub policy: LeakPolicy,
}

/// The organization and the key of a request.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OrganizationOfKey {
    /// The organization ID.
    #[schema(example = "019a8f3e-7b1c-7d2e-9f40-5a6b7c8d9e0f")]
    pub id: String,
    /// The name of the organization.
    #[schema(example = "Lumen Logistics")]
    pub name: String,
    /// The key of the request.
    pub key: PresentedKey,
}

/// The key of a request.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PresentedKey {
    /// The name.
    #[schema(example = "Billing worker")]
    pub name: String,
    /// When the key expires; null if never.
    #[schema(required = true, format = DateTime)]
    pub expires_at: Option<String>,
}

/// The master token of a request.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PresentedToken {
    /// The ID.
    pub id: String,
    /// The name.
    #[schema(example = "Deployment")]
    pub name: String,
    /// The access.
    pub access: TokenAccess,
    /// When the token expires; null if never. A session token expires earlier.
    #[schema(required = true, format = DateTime)]
    pub expires_at: Option<String>,
    /// The organization of the token.
    pub organization: NamedId,
}

/// A session token.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SessionToken {
    /// The token, for `Authorization: Bearer`.
    #[schema(example = "tess_s_AAAAAGkl…")]
    pub data: String,
    /// Seconds until the token expires.
    #[schema(example = 900)]
    pub expires_in_seconds: i64,
}

/// An ID with its name.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NamedId {
    /// The ID.
    pub id: String,
    /// The name.
    #[schema(example = "Lumen Logistics")]
    pub name: String,
}
