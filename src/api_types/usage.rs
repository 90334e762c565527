//! How keys were used.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::vocabulary::Span;

/// Requests by how they ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Requests {
    /// All of them.
    pub total: i64,
    /// Accepted.
    pub valid: i64,
    /// The key’s end had passed.
    pub expired: i64,
    /// The key was switched off.
    pub deactivated: i64,
    /// The key came from elsewhere than it may.
    pub forbidden_ip: i64,
    /// The key had not every scope that was needed.
    pub insufficient_scope: i64,
    /// The key came too often.
    pub rate_limited: i64,
    /// The key’s quota of the month was spent.
    pub quota_exceeded: i64,
}

/// The requests of one hour or day.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UsageStep {
    /// When it begins.
    #[schema(format = DateTime)]
    pub begins_at: String,
    /// What came in it.
    pub requests: Requests,
}

/// How one key was used.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct KeyUsage {
    /// What a step is.
    pub span: Span,
    /// All steps together.
    pub totals: Requests,
    /// The steps without a gap, the oldest first; the last one is not over.
    pub steps: Vec<UsageStep>,
}

/// Whoever called with a key.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Client {
    /// The client’s address; null where it was not known.
    #[schema(required = true, example = "203.0.113.7")]
    pub address: Option<String>,
    /// What the client calls itself; null where it did not.
    #[schema(required = true, example = "curl/8.14.1")]
    pub user_agent: Option<String>,
    /// Requests in all.
    pub requests: i64,
    /// When it called last.
    #[schema(format = DateTime)]
    pub last_seen_at: String,
}

/// How all keys of the organization were used.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OrganizationUsage {
    /// All days together.
    pub totals: Requests,
    /// The days of UTC without a gap, the oldest first; the last one is not over.
    pub days: Vec<UsageStep>,
    /// The keys with requests in these days, the busiest first.
    pub keys: Vec<KeyRequests>,
}

/// How often one key came.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct KeyRequests {
    /// The key’s id.
    pub id: String,
    /// The key’s name.
    pub name: String,
    /// All requests, whatever the outcome.
    pub requests: i64,
}
