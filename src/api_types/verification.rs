//! Verification for backends.

use std::net::IpAddr;

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::Value;
use utoipa::ToSchema;

use super::{NamedId, objects};
use crate::vocabulary::{COSTS, Environment, LimitedBy, VerificationCode};

/// Characters of a user agent.
const MAX_USER_AGENT_LENGTH: usize = 200;

/// A key to verify.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerificationRequest {
    /// The key that your client sent.
    #[schema(example = "tess_9fQ2…")]
    pub key: String,
    /// Required scopes. The key must have all of them.
    #[serde(default)]
    #[schema(example = json!(["invoices:read"]))]
    pub scopes: Vec<String>,
    /// The environment that the key must be for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// The IP address of your client. Without it, keys with allowed networks are rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "203.0.113.7")]
    pub client_ip: Option<IpAddr>,
    /// The user agent of your client.
    #[serde(default, deserialize_with = "user_agent", skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, example = "curl/8.14.1")]
    pub user_agent: Option<String>,
    /// Units to consume from the limits.
    #[serde(default = "usual_cost", deserialize_with = "cost")]
    #[schema(minimum = 1, maximum = 1000, default = 1)]
    pub cost: u32,
}

fn usual_cost() -> u32 {
    1
}

fn cost<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let cost = u32::deserialize(deserializer)?;
    if COSTS.contains(&cost) {
        Ok(cost)
    } else {
        Err(D::Error::custom("cost must be a number from 1 to 1000"))
    }
}

fn user_agent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    if text.as_ref().is_some_and(|text| text.chars().count() > MAX_USER_AGENT_LENGTH) {
        return Err(D::Error::custom(format!(
            "user_agent must have at most {MAX_USER_AGENT_LENGTH} characters"
        )));
    }
    Ok(text)
}

/// Keys to verify.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// Up to 100 keys.
    #[serde(deserialize_with = "objects")]
    #[schema(max_items = 100)]
    pub keys: Vec<VerificationRequest>,
}

/// The results, in the order of the keys.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BatchVerification {
    /// One result per key.
    pub results: Vec<Verification>,
}

/// The result for a key.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Verification {
    /// Whether to allow the request.
    pub valid: bool,
    /// The reason.
    pub code: VerificationCode,
    /// The organization; absent if it has no such key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<NamedId>,
    /// The key; absent if the organization has no such key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<VerifiedKey>,
    /// Which limit was exceeded; absent if none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limited_by: Option<LimitedBy>,
    /// The state of the limits.
    #[serde(flatten)]
    pub limits: LimitFields,
}

/// A key that was verified.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct VerifiedKey {
    /// The ID.
    pub id: String,
    /// The name.
    pub name: String,
    /// The environment.
    // Servers of before have none to tell.
    #[serde(default)]
    #[schema(required = true)]
    pub environment: Environment,
    /// The scopes.
    pub scopes: Vec<String>,
    /// The metadata; null if there’s none.
    #[schema(required = true, value_type = Option<Object>)]
    pub metadata: Option<Value>,
    /// When the key expires; null if never.
    #[schema(required = true, format = DateTime)]
    pub expires_at: Option<String>,
}

/// The state of a key’s limits.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct LimitFields {
    /// The rate limit; absent if there’s none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<LimitState>,
    /// The monthly quota; absent if there’s none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<LimitState>,
    /// The rate limit of the organization’s plan; absent if there’s none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_rate_limit: Option<LimitState>,
    /// The monthly quota of the organization’s plan; absent if there’s none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_quota: Option<LimitState>,
    /// Seconds to wait before retrying; only for requests that exceed a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
}

/// The state of a limit.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct LimitState {
    /// Units allowed.
    pub limit: u64,
    /// The length of the window in seconds; absent for the monthly quota.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_seconds: Option<u32>,
    /// Units left.
    pub remaining: u64,
    /// Seconds until the limit is fully restored.
    pub reset_seconds: u64,
}
