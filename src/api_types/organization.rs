//! The organization, and what opens it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::vocabulary::{LeakPolicy, TokenAccess};

/// An organization.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Organization {
    /// The id.
    #[schema(example = "019a8f3e-7b1c-7d2e-9f40-5a6b7c8d9e0f")]
    pub id: String,
    /// The name; several organizations may bear the same one.
    #[schema(example = "Lumen Logistics")]
    pub name: String,
    /// When it was created.
    #[schema(format = DateTime)]
    pub created_at: String,
}

/// What to change of an organization; what is left out stays.
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
    /// The choice. It holds for what is reported from now on.
    pub policy: LeakPolicy,
}

/// What a key may know of its organization and of itself.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OrganizationOfKey {
    /// The organization's id.
    #[schema(example = "019a8f3e-7b1c-7d2e-9f40-5a6b7c8d9e0f")]
    pub id: String,
    /// The organization's name.
    #[schema(example = "Lumen Logistics")]
    pub name: String,
    /// The key that was presented.
    pub key: PresentedKey,
}

/// A key, as its bearer sees it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PresentedKey {
    /// Its name.
    #[schema(example = "Billing worker")]
    pub name: String,
    /// Its end, or null for none.
    #[schema(required = true, format = DateTime)]
    pub expires_at: Option<String>,
}

/// A master token, as its bearer sees it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PresentedToken {
    /// The id.
    pub id: String,
    /// The name.
    #[schema(example = "Deployment")]
    pub name: String,
    /// What it may do.
    pub access: TokenAccess,
    /// When it ends; null for never. A session token ends earlier.
    #[schema(required = true, format = DateTime)]
    pub expires_at: Option<String>,
    /// The organization that it belongs to.
    pub organization: NamedId,
}

/// A session token.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SessionToken {
    /// The token, for `Authorization: Bearer`.
    #[schema(example = "tess_s_AAAAAGkl…")]
    pub data: String,
    /// How long it works.
    #[schema(example = 900)]
    pub expires_in_seconds: i64,
}

/// An id with its name.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NamedId {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
}
