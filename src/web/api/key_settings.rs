//! A key's settings in JSON.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    domain::key_settings::{self, KeySettings, Metadata, MonthlyQuota, Networks, RateLimit},
    vocabulary::Period,
    web::error::FieldProblem,
};

/// What a key may do and how much.
#[derive(Debug, Serialize, ToSchema)]
pub struct SettingsFields {
    /// What the key is for, in a sentence.
    pub description: Option<String>,
    /// What it may be used for; empty for nothing in particular.
    #[schema(example = json!(["invoices:read"]))]
    pub scopes: Vec<String>,
    /// Where it may be used from, as CIDR; empty for everywhere.
    #[schema(example = json!(["10.0.0.0/8"]))]
    pub networks: Vec<String>,
    /// How often it may be used; null for as often as wanted.
    pub rate_limit: Option<RateLimitFields>,
    /// How much it may be used in a calendar month of UTC; null for as much as wanted.
    #[schema(example = 100_000)]
    pub monthly_quota: Option<u64>,
    /// What verification tells about it: an object of up to 4 KB.
    #[schema(value_type = Option<Object>)]
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

impl SettingsFields {
    /// Stored settings.
    pub fn of(settings: &KeySettings) -> Self {
        let words = |text: String| text.split_whitespace().map(str::to_owned).collect();
        Self {
            description: settings.description.clone(),
            scopes: settings.scopes.as_slice().to_vec(),
            networks: words(settings.networks.to_string()),
            rate_limit: settings.rate_limit.map(RateLimitFields::of),
            monthly_quota: settings.monthly_quota.map(MonthlyQuota::get),
            metadata: settings.metadata.as_ref().map(Metadata::to_value),
        }
    }
}

impl RateLimitFields {
    fn of(limit: RateLimit) -> Self {
        Self { requests: limit.count.get().into(), per: limit.period }
    }

    fn text(&self) -> String {
        format!("{}/{}", self.requests, self.per.as_str())
    }
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
        #[derive(Clone, Debug, serde::Deserialize, utoipa::ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($own)*
            /// What the key is for, in a sentence.
            #[serde(default, deserialize_with = "given")]
            #[schema(value_type = Option<String>, max_length = 200, example = "Nightly invoices")]
            description: Given<String>,
            /// What it may be used for; empty for nothing in particular.
            #[serde(default, deserialize_with = "given")]
            #[schema(value_type = Option<Vec<String>>, example = json!(["invoices:read"]))]
            scopes: Given<Vec<String>>,
            /// Where it may be used from, as addresses or CIDR; empty for everywhere.
            #[serde(default, deserialize_with = "given")]
            #[schema(value_type = Option<Vec<String>>, example = json!(["10.0.0.0/8"]))]
            networks: Given<Vec<String>>,
            /// How often it may be used; null for as often as wanted.
            #[serde(default, deserialize_with = "given")]
            #[schema(value_type = Option<RateLimitFields>)]
            rate_limit: Given<RateLimitFields>,
            /// How much it may be used in a calendar month of UTC; null for as much as wanted.
            #[serde(default, deserialize_with = "given")]
            #[schema(value_type = Option<u64>, minimum = 1, example = 100_000)]
            monthly_quota: Given<u64>,
            /// What verification tells about it: an object of up to 4 KB.
            #[serde(default, deserialize_with = "given")]
            #[schema(value_type = Option<Object>)]
            metadata: Given<serde_json::Map<String, serde_json::Value>>,
        }

        impl $name {
            fn settings(&self) -> SettingsChange {
                SettingsChange {
                    description: self.description.clone(),
                    scopes: self.scopes.clone(),
                    networks: self.networks.clone(),
                    rate_limit: self.rate_limit.clone(),
                    monthly_quota: self.monthly_quota,
                    metadata: self.metadata.clone(),
                }
            }
        }
    };
}
pub(super) use body_with_settings;

/// A change of settings; what was left out stays as it is.
#[derive(Clone, Debug, Default)]
pub struct SettingsChange {
    /// The description.
    pub description: Given<String>,
    /// The scopes.
    pub scopes: Given<Vec<String>>,
    /// The networks.
    pub networks: Given<Vec<String>>,
    /// The rate limit.
    pub rate_limit: Given<RateLimitFields>,
    /// The quota.
    pub monthly_quota: Given<u64>,
    /// The metadata.
    pub metadata: Given<Map<String, Value>>,
}

impl SettingsChange {
    /// `before` with the change; what is wrong with it is added to `wrong`.
    pub fn apply(self, before: &KeySettings, wrong: &mut Vec<FieldProblem>) -> KeySettings {
        let mut after = before.clone();
        let words = |list: Option<Vec<String>>| list.unwrap_or_default().join(" ");
        if let Some(text) = self.description {
            let parsed = key_settings::parse_description(&text.unwrap_or_default());
            set(&mut after.description, "/description", parsed, wrong);
        }
        if let Some(scopes) = self.scopes {
            set(&mut after.scopes, "/scopes", words(scopes).parse(), wrong);
        }
        if let Some(networks) = self.networks {
            set(&mut after.networks, "/networks", words(networks).parse::<Networks>(), wrong);
        }
        if let Some(rate) = self.rate_limit {
            let parsed = rate.map(|rate| rate.text().parse()).transpose();
            set(&mut after.rate_limit, "/rate_limit/requests", parsed, wrong);
        }
        if let Some(quota) = self.monthly_quota {
            set(&mut after.monthly_quota, "/monthly_quota", quota.map(MonthlyQuota::new).transpose(), wrong);
        }
        if let Some(object) = self.metadata {
            let text = object.map(|object| Value::Object(object).to_string()).unwrap_or_default();
            set(&mut after.metadata, "/metadata", Metadata::parse(&text), wrong);
        }
        after
    }
}

fn set<T, E: ToString>(field: &mut T, name: &str, parsed: Result<T, E>, wrong: &mut Vec<FieldProblem>) {
    match parsed {
        Ok(value) => *field = value,
        Err(error) => wrong.push(FieldProblem::new(name, error)),
    }
}
