//! Why a key is refused, in sentences with the numbers.

use super::explanations::Explanation;
use crate::{
    clock::Timestamp,
    domain::{key_settings::RateLimit, verification::Outcome},
    web::display,
};

/// Networks and scopes that are told one by one.
const MAX_IN_A_SENTENCE: usize = 5;

/// What a rejection of a key is explained by.
pub(super) struct Facts<'a> {
    /// What the key allows of it, in the words of its settings.
    pub(super) allowed: &'a str,
    pub(super) needed_scopes: &'a [String],
    pub(super) client_address: Option<&'a str>,
    pub(super) cost: u32,
    pub(super) retry_after_seconds: Option<u64>,
    pub(super) expires_at: Option<Timestamp>,
}

/// Whether something was so or is so.
#[derive(Clone, Copy)]
pub(super) enum Tense {
    At(Timestamp),
    Now,
}

impl Tense {
    fn pick(self, then: &'static str, now: &'static str) -> &'static str {
        match self {
            Self::At(_) => then,
            Self::Now => now,
        }
    }
}

/// Why a key is refused, with the numbers.
pub(super) fn explain(outcome: Outcome, tense: Tense, facts: &Facts<'_>) -> Explanation {
    match outcome {
        Outcome::Expired => Explanation::new(
            "Key expired",
            match facts.expires_at {
                Some(end) => format!("It expired on {}.", display::date_time_utc(&end)),
                None => "Its expiration date had passed.".to_owned(),
            },
            "Rotate the key to set a new expiration date.",
        ),
        Outcome::Deactivated => Explanation::new(
            "Key deactivated",
            tense.pick(
                "The key was deactivated or paused when the request came. Its history shows who did it.",
                "The key is deactivated or paused. Its history shows who did it.",
            ),
            "To use it again, choose Activate in the key’s menu.",
        ),
        Outcome::ForbiddenIp => Explanation::new(
            "IP address not allowed",
            forbidden_address(tense, facts),
            "If the IP address is one of yours, add it to the key’s allowed IP addresses. If it belongs to a proxy, add \
             the proxy to TESSERA_TRUSTED_PROXIES. A backend sends its client’s IP address as “client_ip”.",
        ),
        Outcome::InsufficientScope => Explanation::new(
            "Missing scope",
            lacking_scope(tense, facts),
            "Add the scope in the key’s settings, or use a key that has it.",
        ),
        Outcome::RateLimited => Explanation::new(
            "Rate limit exceeded",
            used_up_rate("its rate limit", tense, facts),
            "Have the client wait as long as Retry-After says and spread out its requests, or raise the limit in the \
             key’s settings.",
        ),
        Outcome::QuotaExceeded => Explanation::new(
            "Monthly quota exceeded",
            used_up_quota("its quota", tense, facts),
            "Raise the quota in the key’s settings, or wait for the next month.",
        ),
        Outcome::PlanRateLimited => Explanation::new(
            "Rate limit of the plan exceeded",
            used_up_rate("the rate limit of all keys of the organization together", tense, facts),
            "Have clients wait as long as Retry-After says, or ask the operator of this server for a larger plan.",
        ),
        Outcome::PlanQuotaExceeded => Explanation::new(
            "Monthly quota of the plan exceeded",
            used_up_quota("the quota of all keys of the organization together", tense, facts),
            "Wait for the next month, or ask the operator of this server for a larger plan.",
        ),
        Outcome::OrganizationSuspended => Explanation::new(
            "Organization suspended",
            tense.pick(
                "The organization was suspended when the request came.",
                "The organization is suspended.",
            ),
            "The reason is at the top of the organization’s pages. Contact the operator of this server.",
        ),
        Outcome::WrongEnvironment => Explanation::new(
            "Wrong environment",
            format!("The key {} for the environment {}.", tense.pick("was", "is"), facts.allowed),
            "Use a key that is for the environment of the gateway or backend.",
        ),
        Outcome::Valid => Explanation::new("Accepted", "No problems found.", ""),
    }
}

fn forbidden_address(tense: Tense, facts: &Facts<'_>) -> String {
    let networks = listed(facts.allowed.split_whitespace());
    match facts.client_address {
        Some(address) => {
            let came = tense.pick("came from", "comes from");
            format!("The request {came} {address}, which is outside {networks}.")
        }
        None => {
            let is = tense.pick("was", "is");
            format!("The client’s IP address {is} unknown, and the key allows only {networks}.")
        }
    }
}

fn lacking_scope(tense: Tense, facts: &Facts<'_>) -> String {
    let needed = facts.needed_scopes.iter().map(String::as_str);
    let scopes = if facts.needed_scopes.len() == 1 { "scope" } else { "scopes" };
    let needs = tense.pick("needed", "needs");
    let has = match facts.allowed {
        "" => tense.pick("had none", "has none").to_owned(),
        allowed => format!("{} {}", tense.pick("had", "has"), listed(allowed.split_whitespace())),
    };
    format!("The request {needs} the {scopes} {}; the key {has}.", listed(needed))
}

fn used_up_rate(limit_of: &str, tense: Tense, facts: &Facts<'_>) -> String {
    let Ok(limit) = facts.allowed.parse::<RateLimit>() else {
        return format!("{} was exceeded.", display::capitalized(limit_of));
    };
    let (words, is) = (period_words(limit), tense.pick("was", "is"));
    if facts.cost > limit.count.get() {
        let costs = tense.pick("cost", "costs");
        return format!(
            "The request {costs} {}, which is more than {limit_of} of {words} ever allows.",
            display::thousands(&facts.cost.into())
        );
    }
    let mut sentence = format!("{} of {words} {is} exceeded", display::capitalized(limit_of));
    if let Some(seconds) = facts.retry_after_seconds {
        let could = tense.pick("could", "can");
        let wait = display::count(&i64::try_from(seconds).unwrap_or(i64::MAX), "second", "seconds");
        let when = tense.pick("later", "from now");
        sentence += &format!("; it {could} try again {wait} {when}");
    }
    sentence + "."
}

fn used_up_quota(quota_of: &str, tense: Tense, facts: &Facts<'_>) -> String {
    let quota = facts.allowed.parse().map(|quota| display::thousands(&quota)).unwrap_or_default();
    let is = tense.pick("was", "is");
    let cost = match facts.cost {
        1 => String::new(),
        cost => format!(" by a request that costs {}", display::thousands(&cost.into())),
    };
    let sentence = format!("{} of {quota} a month {is} exceeded{cost}.", display::capitalized(quota_of));
    match (tense, facts.retry_after_seconds.and_then(|seconds| i64::try_from(seconds).ok())) {
        (Tense::At(then), Some(seconds)) => {
            let begins = then + time::Duration::seconds(seconds);
            format!("{sentence} Reset date: {}.", display::date_time_utc(&begins))
        }
        _ => format!("{sentence} It resets on the first day of each month (UTC)."),
    }
}

/// "100 a minute".
pub(super) fn period_words(limit: RateLimit) -> String {
    let period = limit.period.as_str();
    let article = if period == "hour" { "an" } else { "a" };
    format!("{} {article} {period}", display::thousands(&limit.count.get().into()))
}

/// "a, b and c", and how many more there are.
fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.collect();
    let shown = words.get(..MAX_IN_A_SENTENCE).unwrap_or(&words);
    match words.len() - shown.len() {
        0 => display::list(shown),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
