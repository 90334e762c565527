//! "Test a key": what verification would answer now. Nothing is counted or taken.

use std::net::IpAddr;

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use serde::Deserialize;

use super::{
    TroubleshootPage,
    explanations::{Explanation, without_key},
    reasons::{Facts, Tense, explain, period_words},
};
use crate::{
    db::DbError,
    domain::{
        access::{Grant, SeeKeys},
        api_keys::ApiKey,
        diagnosis::{self, Finding},
        gcra::RateLeft,
        key_settings::Scopes,
        secret::{self, SecretKind},
        verification::{Decision, DryRun, KeyRequest, KnownKey, Limits, Outcome, QuotaLeft, Tried},
    },
    vocabulary::COSTS,
    web::{
        api::gate,
        display,
        error::AppError,
        form::{FieldErrors, Submitted},
        pages::organization::{Frame, Tab},
        view,
        visit::Visit,
    },
};

/// Longer than any key.
const MAX_KEY_LENGTH: usize = 200;

/// A request as it is described. The key may be a whole one, so there is no `Debug`.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Attempt {
    key: String,
    scopes: String,
    client_ip: String,
    cost: String,
    #[serde(skip)]
    pub(super) errors: FieldErrors,
}

/// What would be answered.
pub(super) struct Trial {
    pub(super) title: &'static str,
    /// Every reason to refuse, the one that is given first.
    pub(super) reasons: Vec<Explanation>,
    /// What else there is to know, by name.
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) is_accepted: bool,
}

/// What is asked, once it could be read.
struct Asked {
    scopes: Scopes,
    client_ip: Option<IpAddr>,
    cost: u32,
}

impl Attempt {
    /// A request with a key, which is named by its masked form.
    pub(super) fn with(key: &ApiKey) -> Self {
        Self { key: key.masked.clone(), ..Self::default() }
    }

    /// The same with what was asked before.
    pub(super) fn asking(self, scopes: &[String], client_ip: Option<&str>, cost: u32) -> Self {
        let (scopes, client_ip) = (scopes.join(" "), client_ip.unwrap_or_default().to_owned());
        Self { scopes, client_ip, cost: cost.to_string(), ..self }
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn scopes(&self) -> &str {
        &self.scopes
    }

    pub(super) fn client_ip(&self) -> &str {
        &self.client_ip
    }

    pub(super) fn cost(&self) -> &str {
        if self.cost.is_empty() { "1" } else { &self.cost }
    }

    fn parse(&mut self) -> Option<Asked> {
        let errors = &mut self.errors;
        if self.key.trim().is_empty() {
            errors.add("key", "Paste the full key or its first characters.");
        } else if self.key.chars().count() > MAX_KEY_LENGTH {
            errors.add("key", "This is longer than any key. Paste only the key.");
        }
        let scopes = errors.check("scopes", self.scopes.parse::<Scopes>());
        let client_ip = match self.client_ip.trim() {
            "" => Ok(None),
            text => text.parse::<IpAddr>().map(Some).map_err(|_| {
                "This isn’t an IP address. Enter one such as 203.0.113.7 or 2001:db8::1, or leave it empty."
            }),
        };
        let client_ip = errors.check("client_ip", client_ip);
        let cost = match self.cost.trim() {
            "" => Some(1),
            text => text.parse().ok().filter(|cost| COSTS.contains(cost)),
        };
        let range = format!("Enter a whole number from {} to {}.", COSTS.start(), COSTS.end());
        let cost = errors.check("cost", cost.ok_or(range));
        errors.is_empty().then_some(Asked { scopes: scopes?, client_ip: client_ip?, cost: cost? })
    }

    /// What may stand in the field again: a whole key is shown by its masked form, or not at all.
    fn without_secret(&mut self, found: Option<&ApiKey>) {
        if let Some(key) = found {
            self.key.clone_from(&key.masked);
        } else if !self.key.contains(['…', '.']) && self.key.chars().count() > 20 {
            self.key.clear();
        }
    }
}

/// Evaluates a request without consequences; 422 for one that cannot be read.
pub async fn try_request(visit: Visit<Grant<SeeKeys>, Submitted<Attempt>>) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(mut attempt)) = visit.split();
    let (shell, now) = (visit.shell(), visit.now);
    let asked = attempt.parse();
    let (text, prefix) = (attempt.key.trim().to_owned(), visit.state.config.rules.key_prefix);
    let found = visit.read(move |connection, grant| {
        let frame = Frame::load(connection, grant, Tab::Api)?;
        Ok::<_, DbError>((frame, diagnosis::diagnose(connection, grant, prefix, &text, now)?))
    });
    let (frame, finding) = found.await?;
    let key = one_key(&finding, &mut attempt.errors);
    let trial = match asked.filter(|_| attempt.errors.is_empty()) {
        None => None,
        Some(asked) => Some(match key {
            Some(key) => {
                let presented = attempt.key.trim();
                let is_whole = secret::is_well_formed(SecretKind::ApiKey, presented);
                let tried = if is_whole { Tried::Secret(presented) } else { Tried::Key(key) };
                let wanted = KeyRequest {
                    scopes: asked.scopes.as_slice(),
                    client_ip: asked.client_ip,
                    cost: asked.cost,
                    ..KeyRequest::default()
                };
                let run = visit.state.verifier.dry_run(&visit.proof, tried, &wanted, now).await?;
                Trial::of(&visit.proof.id, key, &wanted, &run)
            }
            None => Trial::without_key(&finding),
        }),
    };
    attempt.without_secret(key);
    let status = if trial.is_some() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    view::show_with_status(
        &TroubleshootPage { attempt, trial, ..TroubleshootPage::new(shell, frame) },
        status,
    )
}

/// The key, where the text tells it from all others.
fn one_key<'a>(finding: &'a Finding, errors: &mut FieldErrors) -> Option<&'a ApiKey> {
    match finding {
        Finding::Keys(keys) => {
            if keys.len() > 1 {
                errors.add("key", format!("{} keys start like this. Paste more of the key.", keys.len()));
            }
            keys.first().filter(|_| keys.len() == 1)
        }
        Finding::TooShort => {
            errors.add(
                "key",
                "Paste more of the key: at least the first four characters after the last underscore.",
            );
            None
        }
        _ => None,
    }
}

impl Trial {
    fn of(organization_id: &str, key: &ApiKey, wanted: &KeyRequest<'_>, run: &DryRun) -> Self {
        let Decision::Known { key: known, outcome, limits } = &run.decision else {
            return Self::refused(
                vec![without_key(&Finding::Unknown)],
                vec![("Gateway response", "401".into()), ("Verification code", "not_found".into())],
            );
        };
        let reason = |outcome: &Outcome| explanation(*outcome, key, known, wanted, limits);
        let reasons: Vec<Explanation> = run.reasons.iter().map(reason).collect();
        let status = gate::rejection(*outcome, limits).map_or(204, |error| error.status_code().as_u16());
        let mut facts = vec![
            ("Gateway response", status.to_string()),
            ("Verification code", outcome.as_str().to_owned()),
        ];
        facts.extend(words_of(&run.left));
        if *outcome == Outcome::Valid {
            let accepted = Explanation::new(
                "No problems found",
                "The key is active, and the request is within its limits.",
                "If clients are still rejected, paste the request ID of a rejected request above.",
            );
            let reasons = vec![accepted.of_key(organization_id, key)];
            return Self { title: "This request would be accepted", reasons, facts, is_accepted: true };
        }
        Self::refused(reasons.into_iter().map(|reason| reason.of_key(organization_id, key)).collect(), facts)
    }

    fn without_key(finding: &Finding) -> Self {
        let code = match finding {
            Finding::Removed(_) | Finding::Unknown | Finding::Keys(_) => "not_found",
            Finding::Mistyped | Finding::TooShort | Finding::MasterToken | Finding::NotAKey => "malformed",
        };
        let facts = vec![("Gateway response", "401".to_owned()), ("Verification code", code.to_owned())];
        Self::refused(vec![without_key(finding)], facts)
    }

    fn refused(reasons: Vec<Explanation>, facts: Vec<(&'static str, String)>) -> Self {
        Self { title: "This request would be rejected", reasons, facts, is_accepted: false }
    }
}

fn explanation(
    outcome: Outcome,
    key: &ApiKey,
    known: &KnownKey,
    wanted: &KeyRequest<'_>,
    limits: &Limits,
) -> Explanation {
    let client_address = wanted.client_ip.map(|ip| ip.to_string());
    let wait = |rate: Option<RateLeft>| rate.and_then(|rate| rate.retry_after_seconds);
    let reset = |quota: Option<QuotaLeft>| quota.map(|quota| quota.reset_seconds);
    explain(
        outcome,
        Tense::Now,
        &Facts {
            allowed: &known.allowance(outcome),
            needed_scopes: wanted.scopes,
            client_address: client_address.as_deref(),
            cost: wanted.cost,
            retry_after_seconds: match outcome {
                Outcome::QuotaExceeded => reset(limits.quota),
                Outcome::PlanQuotaExceeded => reset(limits.plan_quota),
                Outcome::PlanRateLimited => wait(limits.plan_rate),
                _ => wait(limits.rate),
            },
            expires_at: key.expires_at,
        },
    )
}

/// What the limits leave, by name.
fn words_of(left: &Limits) -> Vec<(&'static str, String)> {
    let rate = |name, rate: Option<RateLeft>| {
        rate.map(|rate| {
            let words = format!("{} of {} left", thousands(rate.remaining.into()), period_words(rate.limit));
            (name, words)
        })
    };
    let quota = |name, quota: Option<QuotaLeft>| {
        quota.map(|quota| {
            let (remaining, all) = (thousands(quota.remaining), thousands(quota.quota.get()));
            (name, format!("{remaining} of {all} left this month"))
        })
    };
    let words = [
        rate("Rate limit", left.rate),
        quota("Monthly quota", left.quota),
        rate("Plan’s rate limit", left.plan_rate),
        quota("Plan’s monthly quota", left.plan_quota),
    ];
    words.into_iter().flatten().collect()
}

fn thousands(number: u64) -> String {
    display::thousands(&i64::try_from(number).unwrap_or(i64::MAX))
}
