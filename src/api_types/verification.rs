//! Verification for backends.

use std::net::IpAddr;

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::Value;
use utoipa::ToSchema;

use super::{NamedId, objects};
use crate::vocabulary::{COSTS, VerificationCode};

/// Characters of a user agent.
const MAX_USER_AGENT_LENGTH: usize = 200;

/// One key to verify.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerificationRequest {
    /// The key as the backend's client presented it.
    #[schema(example = "tess_9fQ2…")]
    pub key: String,
    /// Scopes that the key needs, all of them.
    #[serde(default)]
    #[schema(example = json!(["invoices:read"]))]
    pub scopes: Vec<String>,
    /// Where the backend's own client is; without it a key that is bound to networks is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "203.0.113.7")]
    pub client_ip: Option<IpAddr>,
    /// What the backend's own client calls itself.
    #[serde(default, deserialize_with = "user_agent", skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, example = "curl/8.14.1")]
    pub user_agent: Option<String>,
    /// What the request takes of the limits.
    #[serde(default = "usual_cost", deserialize_with = "cost")]
    #[schema(minimum = 1, maximum = 1000, default = 1)]
    pub cost: u32,
}

fn usual_cost() -> u32 {
    1
}

fn cost<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let cost = u32::deserialize(deserializer)?;
    if COSTS.contains(&cost) { Ok(cost) } else { Err(D::Error::custom("cost is a number from 1 to 1000")) }
}

fn user_agent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    if text.as_ref().is_some_and(|text| text.chars().count() > MAX_USER_AGENT_LENGTH) {
        return Err(D::Error::custom(format!("user_agent has at most {MAX_USER_AGENT_LENGTH} characters")));
    }
    Ok(text)
}

/// Several keys to verify.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// Up to 100.
    #[serde(deserialize_with = "objects")]
    #[schema(max_items = 100)]
    pub keys: Vec<VerificationRequest>,
}

/// The answers, in the order of the keys.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BatchVerification {
    /// One for each key.
    pub results: Vec<Verification>,
}

/// The answer for one key.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Verification {
    /// Whether to let the request through.
    pub valid: bool,
    /// Why, or why not.
    pub code: VerificationCode,
    /// The organization, for a key that is its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<NamedId>,
    /// The key, for a key of the organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<VerifiedKey>,
    /// What the key's limits leave.
    #[serde(flatten)]
    pub limits: LimitFields,
}

/// A key of the client's organization.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct VerifiedKey {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// What the organization keeps about it: an object, or null.
    #[schema(required = true, value_type = Option<Object>)]
    pub metadata: Option<Value>,
    /// Its end, or null for none.
    #[schema(required = true, format = DateTime)]
    pub expires_at: Option<String>,
}

/// The limits in an answer's JSON.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct LimitFields {
    /// Of the rate limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<LimitState>,
    /// Of the monthly quota.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<LimitState>,
    /// For a rejection: seconds until it is worth trying again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
}

/// One limit in an answer's JSON.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct LimitState {
    /// How much is allowed.
    pub limit: u64,
    /// In how many seconds; absent for a calendar month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_seconds: Option<u32>,
    /// What is left.
    pub remaining: u64,
    /// Seconds until all of it is there again.
    pub reset_seconds: u64,
}
