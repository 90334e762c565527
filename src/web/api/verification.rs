//! Verification for backends: is this key of my organization accepted?

use std::{net::IpAddr, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, http::header::CACHE_CONTROL, web::Data};
use serde::{Deserialize, Serialize};

use super::{credentials, json::Json, rate_headers::LimitAnswers, refusal::Asking};
use crate::{
    clock::Timestamp,
    domain::{
        key_settings::Metadata,
        refusals::{Code, Endpoint},
        usage::{Caller, Outcome},
        verification::{COSTS, Demand, KnownKey, KnownToken, Limits, Verdict},
    },
    web::{display, error::AppError, state::State},
};

/// Keys in one batch.
const MOST_IN_A_BATCH: usize = 100;
/// Characters of a user agent.
const LONGEST_USER_AGENT: usize = 200;

/// One key to verify.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerificationRequest {
    key: String,
    /// Scopes that the key needs.
    #[serde(default)]
    scopes: Vec<String>,
    /// Where the backend's own client is.
    #[serde(default)]
    client_ip: Option<IpAddr>,
    /// What the backend's own client calls itself.
    #[serde(default)]
    user_agent: Option<UserAgent>,
    /// What the request takes of the limits.
    #[serde(default)]
    cost: Cost,
}

impl VerificationRequest {
    /// The backend's own client, as far as the backend tells.
    fn caller(&self) -> Option<Caller<'_>> {
        let user_agent = self.user_agent.as_ref().map(|UserAgent(text)| text.trim()).unwrap_or_default();
        let is_known = self.client_ip.is_some() || !user_agent.is_empty();
        is_known.then(|| Caller { ip: self.client_ip.map(|ip| ip.to_canonical()), user_agent })
    }
}

/// A cost from 1 to 1000.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "u32")]
struct Cost(u32);

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
        if text.chars().count() <= LONGEST_USER_AGENT {
            Ok(Self(text))
        } else {
            Err(format!("user_agent has at most {LONGEST_USER_AGENT} characters"))
        }
    }
}

/// Several keys to verify.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    keys: Vec<VerificationRequest>,
}

/// The answers, in the order of the keys.
#[derive(Debug, Serialize)]
pub struct BatchAnswer {
    /// One for each key.
    pub results: Vec<VerificationAnswer>,
}

/// The answer for one key.
#[derive(Debug, Serialize)]
pub struct VerificationAnswer {
    /// Whether to let the request through.
    pub valid: bool,
    /// `malformed`, `not_found` or an [`Outcome`].
    pub code: &'static str,
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
#[derive(Debug, Serialize)]
pub struct NamedId {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
}

/// A key of the caller's organization.
#[derive(Debug, Serialize)]
pub struct VerifiedKey {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// What the organization keeps about it.
    pub metadata: Option<serde_json::Value>,
    /// Its end in RFC 3339, or null for none.
    pub expires_at: Option<String>,
}

impl VerificationAnswer {
    fn without_key(code: &'static str) -> Self {
        Self {
            valid: false,
            code,
            organization: None,
            key: None,
            limits: LimitAnswers::of(&Limits::default()),
        }
    }

    fn of(outcome: Outcome, known: &KnownKey, limits: &Limits) -> Self {
        Self {
            valid: outcome == Outcome::Valid,
            code: outcome.as_str(),
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

/// `POST /api/v2/keys/verify`: always 200, with the answer in the body.
///
/// # Errors
/// 401 without an active master token, 400 or 415 for a body that is not the expected JSON.
pub async fn verify(
    request: HttpRequest,
    state: Data<State>,
    body: Result<Json<VerificationRequest>, AppError>,
) -> Result<HttpResponse, AppError> {
    let now = state.clock.now();
    let caller = caller(&request, &state, now).await?;
    let Json(asked) = body?;
    let answer = answer(&request, &state, &caller, (0, &asked), now).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(answer))
}

/// `POST /api/v2/keys/verify/batch`: up to 100 keys at once.
///
/// # Errors
/// As [`verify`]; 400 for more keys.
pub async fn verify_batch(
    request: HttpRequest,
    state: Data<State>,
    body: Result<Json<BatchRequest>, AppError>,
) -> Result<HttpResponse, AppError> {
    let now = state.clock.now();
    let caller = caller(&request, &state, now).await?;
    let Json(BatchRequest { keys }) = body?;
    if keys.len() > MOST_IN_A_BATCH {
        return Err(AppError::Unreadable(format!("Send at most {MOST_IN_A_BATCH} keys at once.")));
    }
    let mut results = Vec::with_capacity(keys.len());
    for asked in keys.iter().enumerate() {
        results.push(answer(&request, &state, &caller, asked, now).await?);
    }
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(BatchAnswer { results }))
}

async fn caller(request: &HttpRequest, state: &State, now: Timestamp) -> Result<Arc<KnownToken>, AppError> {
    credentials::caller(request, state, now).await.inspect_err(|error| {
        if let AppError::Unauthorized { presented: true, .. } = error {
            let demand = Demand::default();
            let asking = Asking { request, endpoint: Endpoint::Verify, place: 0, demand: &demand };
            asking.note_unverified(state, Code::TokenRefused, now);
        }
    })
}

/// A key of another organization is not found, like one that does not exist.
async fn answer(
    request: &HttpRequest,
    state: &State,
    caller: &KnownToken,
    (place, asked): (usize, &VerificationRequest),
    now: Timestamp,
) -> Result<VerificationAnswer, AppError> {
    let demand = Demand {
        organization: Some(&caller.organization.id),
        name: None,
        scopes: &asked.scopes,
        client_ip: asked.client_ip,
        cost: asked.cost.0,
    };
    let verdict = state.verifier.verify(&asked.key, &demand, now).await?;
    Asking { request, endpoint: Endpoint::Verify, place, demand: &demand }
        .note(state, &asked.key, &verdict, now);
    match verdict {
        Verdict::Malformed => Ok(VerificationAnswer::without_key("malformed")),
        Verdict::NotFound | Verdict::Foreign => Ok(VerificationAnswer::without_key("not_found")),
        Verdict::Known { key, outcome, limits } => {
            state.usage.note(&key, outcome, demand.cost, asked.caller(), now);
            Ok(VerificationAnswer::of(outcome, &key, &limits))
        }
    }
}
