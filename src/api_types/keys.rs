//! API keys, their settings and their secrets.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, value::RawValue};
use utoipa::ToSchema;

use super::{given_object, whole::whole};
use crate::vocabulary::{Environment, GracePeriod, KeyStatus, Period, Starts};

/// An API key without its secret.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ApiKey {
    /// The ID.
    pub id: String,
    /// The name. Unique in the organization.
    #[schema(example = "Billing worker")]
    pub name: String,
    /// The masked key.
    #[schema(example = "tess_9fQ2…xA7c")]
    pub masked: String,
    /// The status.
    pub status: KeyStatus,
    /// The environment.
    // Servers of before have none to tell.
    #[serde(default)]
    #[schema(required = true)]
    pub environment: Environment,
    /// The person or master token that created the key, by their name at that time.
    #[schema(example = "Dana Whitfield")]
    pub created_by: String,
    /// When the key was created.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When the key expires; null if never.
    #[schema(required = true, format = DateTime)]
    pub expires_at: Option<String>,
    /// When the key was deactivated or paused; null if it’s neither.
    #[schema(required = true, format = DateTime)]
    pub deactivated_at: Option<String>,
    /// When the pause ends; null if the key isn’t paused.
    #[schema(required = true, format = DateTime)]
    pub paused_until: Option<String>,
    /// The rotation in progress, during which the previous secret also works; null if there’s none.
    #[schema(required = true)]
    pub rotation: Option<Rotation>,
    /// When the key was last accepted, accurate to a few seconds; null if never.
    #[schema(required = true, format = DateTime)]
    pub last_used_at: Option<String>,
    /// Its settings.
    #[serde(flatten)]
    pub settings: SettingsFields,
    /// The nodes that have applied the change; only with `?wait`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipts: Option<Vec<Receipt>>,
}

/// A key that was removed and can be restored.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RemovedKey {
    /// The ID, which it keeps.
    pub id: String,
    /// The name.
    #[schema(example = "Billing worker")]
    pub name: String,
    /// The masked key.
    #[schema(example = "tess_9fQ2…xA7c")]
    pub masked: String,
    /// The environment.
    pub environment: Environment,
    /// When the key was created.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When the key was last accepted; null if never.
    #[schema(required = true, format = DateTime)]
    pub last_used_at: Option<String>,
    /// When the key was removed.
    #[schema(format = DateTime)]
    pub removed_at: String,
    /// The person or master token that removed the key, by their name at that time.
    #[schema(example = "Dana Whitfield")]
    pub removed_by: String,
    /// When it can no longer be restored.
    #[schema(format = DateTime)]
    pub restorable_until: String,
}

/// A node that has applied a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// The node: its machine and port.
    #[schema(example = "keys-1:8080")]
    pub node: String,
    /// From when on it applies the change, by the database’s clock.
    #[schema(format = DateTime)]
    pub at: String,
}

/// The receipts of a change after which there’s nothing else to show.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Receipts {
    /// The nodes that have applied the change.
    pub receipts: Vec<Receipt>,
}

/// A key with its secret. The secret is returned only once.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct KeyWithSecret {
    /// The key.
    #[serde(flatten)]
    pub key: ApiKey,
    /// The secret. It isn’t stored and can’t be retrieved again.
    #[schema(example = "tess_9fQ2…")]
    pub secret: String,
}

/// The settings of a key.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SettingsFields {
    /// What the key is for.
    #[schema(required = true, example = "Nightly invoices")]
    pub description: Option<String>,
    /// The scopes. Empty: no scopes.
    #[schema(example = json!(["invoices:read"]))]
    pub scopes: Vec<String>,
    /// Allowed networks in CIDR notation. Empty: any IP address.
    #[schema(example = json!([]))]
    pub networks: Vec<String>,
    /// The rate limit; null for no limit.
    #[schema(required = true)]
    pub rate_limit: Option<RateLimitFields>,
    /// Maximum requests per calendar month (UTC); null for no limit.
    #[schema(required = true, example = 100_000)]
    pub monthly_quota: Option<u64>,
    /// JSON returned with every verification: an object of up to 4 KB, or null.
    #[schema(required = true, value_type = Option<Object>)]
    pub metadata: Option<Value>,
}

/// A rate limit.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimitFields {
    /// Number of requests.
    #[serde(deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 1_000_000, example = 100)]
    pub requests: u64,
    /// Period.
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

/// Reads a field that may be left out, but not be null.
///
/// # Errors
/// When it is null or of another type.
pub fn never_null<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
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
            /// What the key is for.
            #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<String>, max_length = 200, example = "Nightly invoices")]
            pub description: Given<String>,
            /// The scopes. Empty: no scopes.
            #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<Vec<String>>, example = json!(["invoices:read"]))]
            pub scopes: Given<Vec<String>>,
            /// Allowed IP addresses or networks in CIDR notation, such as `10.0.0.0/8`. Empty: any IP address.
            #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<Vec<String>>)]
            pub networks: Given<Vec<String>>,
            /// The rate limit; null for no limit.
            #[serde(default, deserialize_with = "given_object", skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<RateLimitFields>)]
            pub rate_limit: Given<RateLimitFields>,
            /// Maximum requests per calendar month (UTC); null for no limit.
            #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<u64>, minimum = 1, example = 100_000)]
            pub monthly_quota: Given<u64>,
            /// JSON returned with every verification: an object of up to 4 KB, or null.
            #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<Object>)]
            pub metadata: Given<Box<RawValue>>,
        }
    };
}

body_with_settings! {
    /// A key to create.
    pub struct NewKey {
        /// The name. Unique in the organization.
        #[schema(min_length = 1, max_length = 60, example = "Billing worker")]
        pub name: String,
        /// When the key expires, at most 10 years from now. Null or omitted: never.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(format = DateTime)]
        pub expires_at: Option<String>,
        /// The environment, which can’t be changed later. Defaults to live. Only servers that use environments have test keys.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub environment: Option<Environment>,
    }
}

body_with_settings! {
    /// Changes to a key. Omitted fields stay the same; null clears a field.
    pub struct KeyChange {
        /// The name, unique in the organization.
        #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
        #[schema(
            value_type = String, required = false, min_length = 1, max_length = 60, example = "Billing worker"
        )]
        pub name: Option<String>,
        /// When the key expires, at most 10 years from now; null for never. An expired key must be rotated instead.
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<String>, format = DateTime)]
        pub expires_at: Given<String>,
    }
}

impl NewKey {
    /// Its settings, as a change of none.
    pub fn settings(self) -> KeyChange {
        let Self { description, scopes, networks, rate_limit, monthly_quota, metadata, .. } = self;
        let none = KeyChange::default();
        KeyChange { description, scopes, networks, rate_limit, monthly_quota, metadata, ..none }
    }
}

/// A rotation in progress.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Rotation {
    /// How long the previous secret keeps working.
    pub grace_period: GracePeriod,
    /// When the grace period starts.
    pub starts: Starts,
    /// When the key was rotated.
    #[schema(format = DateTime)]
    pub rotated_at: String,
    /// When the new secret was first accepted; null if never.
    #[schema(required = true, format = DateTime)]
    pub first_used_at: Option<String>,
    /// When the previous secret stops working. The first use of the new secret can move this earlier,
    /// never later.
    #[schema(format = DateTime)]
    pub ends_at: String,
    /// When the previous secret was last accepted; null if never.
    #[schema(required = true, format = DateTime)]
    pub previous_last_used_at: Option<String>,
}

/// How to rotate a key.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotationRequest {
    /// How long the previous secret keeps working.
    pub grace_period: GracePeriod,
    /// When the grace period starts. With a grace period of `none` and `on_first_use`, the previous
    /// secret stops working when the new one is first used.
    pub starts: Starts,
    /// A new expiration date, at most 10 years from now. Null or omitted: no change. Required for a key
    /// that has expired, not allowed for a key that never expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
}

/// How long to pause a key.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseRequest {
    /// Number of hours: 1, 4 or 24.
    #[schema(minimum = 1, maximum = 24, example = 4)]
    pub hours: i64,
}

/// The URL of the expiration calendar. Anyone with it can read the calendar.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CalendarLink {
    /// The URL to subscribe to. It isn’t stored and can’t be retrieved again.
    #[schema(
        example = "https://tessera.example/orgs/019a8f3e-7b1c-7d2e-9f40-5a6b7c8d9e0f/api/calendar/….ics"
    )]
    pub url: String,
}
