//! What verification is asked and what it answers.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    domain::{
        key_settings::Metadata,
        verification::{COSTS, Client, KnownKey, Limits, Outcome},
    },
    vocabulary::VerificationCode,
    web::{api::rate_headers::LimitAnswers, display},
};

/// Characters of a user agent.
const MAX_USER_AGENT_LENGTH: usize = 200;

/// One key to verify.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerificationRequest {
    /// The key as the backend's client presented it.
    #[schema(example = "tess_9fQ2…")]
    pub(super) key: String,
    /// Scopes that the key needs, all of them.
    #[serde(default)]
    #[schema(example = json!(["invoices:read"]))]
    pub(super) scopes: Vec<String>,
    /// Where the backend's own client is; without it a key that is bound to networks is refused.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "203.0.113.7")]
    pub(super) client_ip: Option<IpAddr>,
    /// What the backend's own client calls itself.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200, example = "curl/8.14.1")]
    user_agent: Option<UserAgent>,
    /// What the request takes of the limits.
    #[serde(default)]
    #[schema(value_type = u32, minimum = 1, maximum = 1000, default = 1)]
    pub(super) cost: Cost,
}

impl VerificationRequest {
    /// The backend's own client, as far as the backend tells.
    pub(super) fn client(&self) -> Option<Client<'_>> {
        let user_agent = self.user_agent.as_ref().map(|UserAgent(text)| text.trim()).unwrap_or_default();
        let is_known = self.client_ip.is_some() || !user_agent.is_empty();
        is_known.then(|| Client { ip: self.client_ip.map(|ip| ip.to_canonical()), user_agent })
    }
}

/// A cost from 1 to 1000.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "u32")]
pub(super) struct Cost(pub(super) u32);

impl Default for Cost {
    fn default() -> Self {
        Self(1)
    }
}

impl TryFrom<u32> for Cost {
    type Error = &'static str;

    fn try_from(cost: u32) -> Result<Self, Self::Error> {
        if COSTS.contains(&cost) { Ok(Self(cost)) } else { Err("cost is a number from 1 to 1000") }
    }
}

/// The name of a program, up to 200 characters.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
struct UserAgent(String);

impl TryFrom<String> for UserAgent {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.chars().count() <= MAX_USER_AGENT_LENGTH {
            Ok(Self(text))
        } else {
            Err(format!("user_agent has at most {MAX_USER_AGENT_LENGTH} characters"))
        }
    }
}

/// Several keys to verify.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// Up to 100.
    #[schema(max_items = 100)]
    pub(super) keys: Vec<VerificationRequest>,
}

/// The answers, in the order of the keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchVerification {
    /// One for each key.
    pub results: Vec<Verification>,
}

/// The answer for one key.
#[derive(Debug, Serialize, ToSchema)]
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
    pub limits: LimitAnswers,
}

/// An id with its name.
#[derive(Debug, Serialize, ToSchema)]
pub struct NamedId {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
}

/// A key of the client's organization.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerifiedKey {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// What the organization keeps about it: an object, or null.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<serde_json::Value>,
    /// Its end, or null for none.
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
}

impl Verification {
    pub(super) fn without_key(code: VerificationCode) -> Self {
        Self {
            valid: false,
            code,
            organization: None,
            key: None,
            limits: LimitAnswers::of(&Limits::default()),
        }
    }

    pub(super) fn of(outcome: Outcome, known: &KnownKey, limits: &Limits) -> Self {
        Self {
            valid: outcome == Outcome::Valid,
            code: outcome.into(),
            organization: Some(NamedId {
                id: known.organization.id.clone(),
                name: known.organization.name.clone(),
            }),
            key: Some(VerifiedKey {
                id: known.id.to_string(),
                name: known.name.to_string(),
                scopes: known.scopes().to_vec(),
                metadata: known.metadata().map(Metadata::to_value),
                expires_at: known.expires_at.map(|at| display::iso(&at)),
            }),
            limits: LimitAnswers::of(limits),
        }
    }
}
