//! All organizations, for those who operate the instance.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Given, NamedId, RateLimitFields, Requests, given, whole::whole_or_null};
use crate::vocabulary::InviteResult;

/// An organization of the instance.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct InstanceOrganization {
    /// The ID.
    #[schema(example = "019a8f3e-7b1c-7d2e-9f40-5a6b7c8d9e0f")]
    pub id: String,
    /// The name. Not necessarily unique.
    #[schema(example = "Lumen Logistics")]
    pub name: String,
    /// When the organization was created.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Since when the organization is suspended; null if it isn’t.
    #[schema(required = true, format = DateTime)]
    pub suspended_at: Option<String>,
    /// Why the organization is suspended; null if it isn’t.
    #[schema(required = true, example = json!(null))]
    pub suspension_reason: Option<String>,
    /// Since when the organization is removed; null if it isn’t.
    #[schema(required = true, format = DateTime)]
    pub removed_at: Option<String>,
    /// The ID of its plan; null if it has none.
    #[schema(required = true, example = "019a8f40-11c2-7a3e-8b5d-2f6e7a8b9c0d")]
    pub plan_id: Option<String>,
    /// Number of members.
    #[schema(example = 12)]
    pub members: i64,
    /// Number of API keys.
    #[schema(example = 34)]
    pub api_keys: i64,
    /// Your notes about it; null for none. Its members don’t see them.
    #[schema(required = true, example = "Renews in May. Ask Ben.")]
    pub notes: Option<String>,
    /// When something was last changed in it or one of its keys was last used; null if never.
    #[schema(required = true, format = DateTime)]
    pub last_active_at: Option<String>,
}

/// An organization to create.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInstanceOrganization {
    /// The name.
    #[schema(min_length = 1, max_length = 80, example = "Lumen Logistics")]
    pub name: String,
    /// The ID of its plan; null for none. Omitted: the default plan, if there is one.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub plan_id: Given<String>,
    /// The email of its first administrator, who gets an invitation.
    #[serde(default)]
    #[schema(format = "email", example = "dana@lumen.example")]
    pub administrator_email: Option<String>,
}

/// Changes to an organization. Omitted fields stay the same.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstanceOrganizationChange {
    /// The new name.
    #[schema(min_length = 1, max_length = 80, example = "Lumen Logistics")]
    pub name: Option<String>,
    /// The ID of the new plan; null for none.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub plan_id: Given<String>,
    /// The new notes; null for none.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 2000, example = "Renews in May. Ask Ben.")]
    pub notes: Given<String>,
}

/// What applies to one organization instead of what its plan says. Null fields follow the plan.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PlanExceptions {
    /// Requests of all keys together.
    #[schema(required = true)]
    pub rate_limit: Option<RateLimitFields>,
    /// Units of all keys together in a calendar month (UTC).
    #[serde(deserialize_with = "whole_or_null")]
    #[schema(required = true, example = 100_000, minimum = 1, maximum = 1_000_000_000_000_u64)]
    pub monthly_quota: Option<u64>,
    /// Active API keys.
    #[serde(deserialize_with = "whole_or_null")]
    #[schema(required = true, example = 50, minimum = 1, maximum = 1_000_000)]
    pub max_active_keys: Option<i64>,
    /// Members.
    #[serde(deserialize_with = "whole_or_null")]
    #[schema(required = true, example = 10, minimum = 1, maximum = 1_000_000)]
    pub max_members: Option<i64>,
    /// Longest lifetime of an API key in days.
    #[serde(deserialize_with = "whole_or_null")]
    #[schema(required = true, example = 365, minimum = 1, maximum = 3650)]
    pub max_lifetime_days: Option<i32>,
    /// The scopes that API keys can have; empty to follow the plan.
    #[schema(required = true, example = json!(["invoices:read"]))]
    pub scopes: Vec<String>,
    /// When the exceptions end; null if they don’t.
    #[schema(required = true, format = DateTime)]
    pub ends_at: Option<String>,
}

/// Why an organization is suspended.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuspensionRequest {
    /// The reason. Members see it.
    #[schema(min_length = 1, max_length = 300, example = "Payment is overdue.")]
    pub reason: String,
}

/// A person to invite as administrator.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAdministrator {
    /// The email.
    #[schema(format = "email", example = "dana@lumen.example")]
    pub email: String,
}

/// The result of inviting an administrator.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AdministratorInvitation {
    /// The email as it’s stored.
    #[schema(format = "email", example = "dana@lumen.example")]
    pub email: String,
    /// The result.
    pub outcome: InviteResult,
    /// When the pending invitation expires; null if there’s none.
    #[schema(required = true, format = DateTime)]
    pub expires_at: Option<String>,
}

/// What an organization used in a month.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct MonthlyUsage {
    /// The organization.
    pub organization: NamedId,
    /// The ID of its present plan; null if it has none.
    #[schema(required = true)]
    pub plan_id: Option<String>,
    /// The month (UTC).
    #[schema(example = "2026-11")]
    pub month: String,
    /// What accepted requests cost.
    #[schema(example = 1279)]
    pub units: i64,
    /// The requests with all keys, including removed ones.
    pub requests: Requests,
}

/// A plan.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct InstancePlan {
    /// The ID.
    #[schema(example = "019a8f40-11c2-7a3e-8b5d-2f6e7a8b9c0d")]
    pub id: String,
    /// The name.
    #[schema(example = "Starter")]
    pub name: String,
    /// Whether new organizations get it.
    pub is_default: bool,
    /// Requests of all keys together; null for no limit.
    #[schema(required = true)]
    pub rate_limit: Option<RateLimitFields>,
    /// Units of all keys together in a calendar month (UTC); null for no limit.
    #[schema(required = true, example = 100_000)]
    pub monthly_quota: Option<u64>,
    /// Active API keys; null for no limit.
    #[schema(required = true, example = 50)]
    pub max_active_keys: Option<i64>,
    /// Members; null for no limit.
    #[schema(required = true, example = 10)]
    pub max_members: Option<i64>,
    /// Longest lifetime of an API key in days; null for no limit.
    #[schema(required = true, example = 365)]
    pub max_lifetime_days: Option<i32>,
    /// The scopes that API keys can have; empty for any.
    #[schema(example = json!(["invoices:read"]))]
    pub scopes: Vec<String>,
}
