//! API keys, their settings and their secrets.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, value::RawValue};
use utoipa::ToSchema;

use super::given_object;
use crate::vocabulary::{GracePeriod, KeyStatus, Period, Starts};

/// An API key without its secret.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ApiKey {
    /// The id.
    pub id: String,
    /// The name, unique in the organization.
    #[schema(example = "Billing worker")]
    pub name: String,
    /// The key with its middle left out.
    #[schema(example = "tess_9fQ2…xA7c")]
    pub masked: String,
    /// Whether it is accepted.
    pub status: KeyStatus,
    /// Who created it, by name at that time.
    pub created_by: String,
    /// When it was created.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it ends; null for never.
    #[schema(required = true, format = DateTime)]
    pub expires_at: Option<String>,
    /// Since when it is switched off; null while it is on.
    #[schema(required = true, format = DateTime)]
    pub deactivated_at: Option<String>,
    /// Until when a pause keeps it switched off; null without one.
    #[schema(required = true, format = DateTime)]
    pub paused_until: Option<String>,
    /// The rotation under way, during which the previous secret is accepted, too; null without one.
    #[schema(required = true)]
    pub rotation: Option<Rotation>,
    /// When it was last accepted, up to a few seconds ago; null for never.
    #[schema(required = true, format = DateTime)]
    pub last_used_at: Option<String>,
    /// What it may do and how much.
    #[serde(flatten)]
    pub settings: SettingsFields,
}

/// A key with its secret, which is told this once.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct KeyWithSecret {
    /// The key.
    #[serde(flatten)]
    pub key: ApiKey,
    /// The secret. It is not kept and cannot be told again.
    #[schema(example = "tess_9fQ2…")]
    pub secret: String,
}

/// What a key may do and how much.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SettingsFields {
    /// What the key is for, in a sentence.
    #[schema(required = true)]
    pub description: Option<String>,
    /// What it may be used for; empty for nothing in particular.
    #[schema(example = json!(["invoices:read"]))]
    pub scopes: Vec<String>,
    /// Where it may be used from, as CIDR; empty for everywhere.
    #[schema(example = json!(["10.0.0.0/8"]))]
    pub networks: Vec<String>,
    /// How often it may be used; null for as often as wanted.
    #[schema(required = true)]
    pub rate_limit: Option<RateLimitFields>,
    /// How much it may be used in a calendar month of UTC; null for as much as wanted.
    #[schema(required = true, example = 100_000)]
    pub monthly_quota: Option<u64>,
    /// What verification tells about it: an object of up to 4 KB.
    #[schema(required = true, value_type = Option<Object>)]
    pub metadata: Option<Value>,
}

/// So many requests a period.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimitFields {
    /// How many.
    #[schema(minimum = 1, maximum = 1_000_000, example = 100)]
    pub requests: u64,
    /// In what.
    pub per: Period,
}

/// A field of a change: `None` when it was left out, `Some(None)` for null.
pub type Given<T> = Option<Option<T>>;

/// Reads a field that is there, so that null is told from a field that was left out.
///
/// # Errors
/// When it is of another type.
pub fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Given<T>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Declares a body that takes a key's settings beside fields of its own: serde can refuse unknown
/// fields only where all known ones stand in one type.
macro_rules! body_with_settings {
    ($(#[$meta:meta])* pub struct $name:ident { $($own:tt)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($own)*
            /// What the key is for, in a sentence.
            #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<String>, max_length = 200, example = "Nightly invoices")]
            pub description: Given<String>,
            /// What it may be used for; empty for nothing in particular.
            #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<Vec<String>>, example = json!(["invoices:read"]))]
            pub scopes: Given<Vec<String>>,
            /// Where it may be used from, as addresses or CIDR; empty for everywhere.
            #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<Vec<String>>, example = json!(["10.0.0.0/8"]))]
            pub networks: Given<Vec<String>>,
            /// How often it may be used; null for as often as wanted.
            #[serde(default, deserialize_with = "given_object", skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<RateLimitFields>)]
            pub rate_limit: Given<RateLimitFields>,
            /// How much it may be used in a calendar month of UTC; null for as much as wanted.
            #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<u64>, minimum = 1, example = 100_000)]
            pub monthly_quota: Given<u64>,
            /// What verification tells about it: an object of up to 4 KB.
            #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<Object>)]
            pub metadata: Given<Box<RawValue>>,
        }
    };
}

body_with_settings! {
    /// A key to create.
    pub struct NewKey {
        /// The name, unique in the organization.
        #[schema(min_length = 1, max_length = 60, example = "Billing worker")]
        pub name: String,
        /// When it ends, ten years ahead at most; left out or null for never.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(format = DateTime)]
        pub expires_at: Option<String>,
    }
}

body_with_settings! {
    /// What to change of a key; what is left out stays, what is null is taken away.
    pub struct KeyChange {}
}

impl NewKey {
    /// Its settings, as a change of none.
    pub fn settings(self) -> KeyChange {
        let Self { description, scopes, networks, rate_limit, monthly_quota, metadata, .. } = self;
        KeyChange { description, scopes, networks, rate_limit, monthly_quota, metadata }
    }
}

/// A rotation under way.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Rotation {
    /// How long the previous secret goes on.
    pub grace_period: GracePeriod,
    /// From when.
    pub starts: Starts,
    /// When the key got its new secret.
    #[schema(format = DateTime)]
    pub rotated_at: String,
    /// When the new secret was first accepted; null for never.
    #[schema(required = true, format = DateTime)]
    pub first_used_at: Option<String>,
    /// When the previous secret ends; earlier once the new one is used, never later.
    #[schema(format = DateTime)]
    pub ends_at: String,
    /// When the previous secret was last accepted; null for never.
    #[schema(required = true, format = DateTime)]
    pub previous_last_used_at: Option<String>,
}

/// How to rotate.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotationRequest {
    /// How long the previous secret goes on.
    pub grace_period: GracePeriod,
    /// From when. “none” with “on_first_use” ends the previous secret with the first use of the new one.
    pub starts: Starts,
    /// A new end for the key, ten years ahead at most; left out or null for the end that it has. A
    /// key that has expired needs one, a key without an end takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
}

/// How long a key is paused.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseRequest {
    /// 1, 4 or 24.
    #[schema(minimum = 1, maximum = 24, example = 4)]
    pub hours: i64,
}

/// A calendar’s URL. Whoever has it may read the calendar.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CalendarLink {
    /// The URL, for calendar programs. It is not kept and cannot be told again.
    #[schema(
        example = "https://tessera.example/orgs/019a8f3e-7b1c-7d2e-9f40-5a6b7c8d9e0f/api/calendar/….ics"
    )]
    pub url: String,
}
