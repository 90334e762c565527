//! How keys were used.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::vocabulary::Span;

/// Numbers of requests by result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Requests {
    /// All requests.
    #[schema(example = 1284)]
    pub total: i64,
    /// Accepted requests.
    #[schema(example = 1279)]
    pub valid: i64,
    /// The key had expired.
    #[schema(example = 0)]
    pub expired: i64,
    /// The key was deactivated.
    #[schema(example = 0)]
    pub deactivated: i64,
    /// The IP address wasn’t allowed.
    #[schema(example = 0)]
    pub forbidden_ip: i64,
    /// A required scope was missing.
    #[schema(example = 2)]
    pub insufficient_scope: i64,
    /// Rate limit exceeded.
    #[schema(example = 3)]
    pub rate_limited: i64,
    /// Monthly quota exceeded.
    #[schema(example = 0)]
    pub quota_exceeded: i64,
    /// The organization was suspended.
    #[schema(example = 0)]
    pub organization_suspended: i64,
    /// The key was for another environment.
    #[schema(example = 0)]
    pub wrong_environment: i64,
    /// The rate limit of the organization’s plan was exceeded.
    #[schema(example = 0)]
    pub plan_rate_limited: i64,
    /// The monthly quota of the organization’s plan was exceeded.
    #[schema(example = 0)]
    pub plan_quota_exceeded: i64,
}

/// The requests in an hour or day.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UsageStep {
    /// When the interval starts.
    #[schema(format = DateTime)]
    pub begins_at: String,
    /// The requests in the interval.
    pub requests: Requests,
}

/// The usage of a key.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct KeyUsage {
    /// The length of an interval.
    pub span: Span,
    /// The totals of all intervals.
    pub totals: Requests,
    /// The intervals without gaps, oldest first. The last one is still in progress.
    pub steps: Vec<UsageStep>,
}

/// A client that used a key.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Client {
    /// The IP address; null if unknown.
    #[schema(required = true, example = "203.0.113.7")]
    pub address: Option<String>,
    /// The user agent; null if unknown.
    #[schema(required = true, example = "curl/8.14.1")]
    pub user_agent: Option<String>,
    /// Number of requests.
    pub requests: i64,
    /// When it last sent a request.
    #[schema(format = DateTime)]
    pub last_seen_at: String,
}

/// The usage of all keys of the organization.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OrganizationUsage {
    /// The totals of all days.
    pub totals: Requests,
    /// The days (UTC) without gaps, oldest first. The last one is still in progress.
    pub days: Vec<UsageStep>,
    /// The keys used on these days, most requests first.
    pub keys: Vec<KeyRequests>,
}

/// Number of requests with a key.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct KeyRequests {
    /// The key ID.
    pub id: String,
    /// The name of the key.
    #[schema(example = "Billing worker")]
    pub name: String,
    /// All requests, including rejected ones.
    #[schema(example = 1284)]
    pub requests: i64,
}
