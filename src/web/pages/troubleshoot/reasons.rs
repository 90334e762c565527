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
            tense.pick("It had expired.", "It has expired."),
            match facts.expires_at {
                Some(end) => format!("Its end was {}.", display::date_time_utc(&end)),
                None => "Its end had passed.".to_owned(),
            },
            "Create a new key and put it in the place of this one. An end that has passed cannot be moved.",
        ),
        Outcome::Deactivated => Explanation::new(
            tense.pick("It was deactivated.", "It is deactivated."),
            tense.pick(
                "The key was switched off or paused when the request came. Its history says by whom.",
                "The key is switched off or paused. Its history says by whom.",
            ),
            "If it should work, choose Activate in the cogwheel of the key. It holds from the next request on.",
        ),
        Outcome::ForbiddenIp => Explanation::new(
            tense.pick("It came from elsewhere.", "It comes from elsewhere."),
            forbidden_address(tense, facts),
            "If the address is one of yours, add it to the allowed networks of the key. If it is that of a proxy, \
             name the proxy in the setting for trusted proxies; a backend sends its client’s address as “client_ip”.",
        ),
        Outcome::InsufficientScope => Explanation::new(
            "The key lacks a scope.",
            lacking_scope(tense, facts),
            "Give the key the scope in its settings, or use a key that has it.",
        ),
        Outcome::RateLimited => Explanation::new(
            tense.pick("It came too often.", "It comes too often."),
            used_up_rate(tense, facts),
            "Have the client wait as “Retry-After” says and spread its requests, or raise the limit in the settings \
             of the key.",
        ),
        Outcome::QuotaExceeded => Explanation::new(
            tense.pick("Its month’s quota was used up.", "Its month’s quota is used up."),
            used_up_quota(tense, facts),
            "Raise the quota in the settings of the key, or wait for the next month.",
        ),
        Outcome::Valid => Explanation::new("It is accepted.", "Nothing speaks against it.", ""),
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
            format!("Where the request came from {is} not known, and the key is limited to {networks}.")
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
    format!("It {needs} the {scopes} {}; the key {has}.", listed(needed))
}

fn used_up_rate(tense: Tense, facts: &Facts<'_>) -> String {
    let Ok(limit) = facts.allowed.parse::<RateLimit>() else {
        return "Its rate limit was used up.".to_owned();
    };
    let (words, is) = (period_words(limit), tense.pick("was", "is"));
    if facts.cost > limit.count.get() {
        let costs = tense.pick("cost", "costs");
        return format!(
            "The request {costs} {}, which is more than its rate limit of {words} ever lets through in one go.",
            display::thousands(&facts.cost.into())
        );
    }
    let mut sentence = format!("Its rate limit of {words} {is} used up");
    if let Some(seconds) = facts.retry_after_seconds {
        let could = tense.pick("could", "can");
        let wait = display::count(&i64::try_from(seconds).unwrap_or(i64::MAX), "second", "seconds");
        let when = tense.pick("later", "from now");
        sentence += &format!("; it {could} try again {wait} {when}");
    }
    sentence + "."
}

fn used_up_quota(tense: Tense, facts: &Facts<'_>) -> String {
    let quota = facts.allowed.parse().map(|quota| display::thousands(&quota)).unwrap_or_default();
    let is = tense.pick("was", "is");
    let cost = match facts.cost {
        1 => String::new(),
        cost => format!(" for a request that costs {}", display::thousands(&cost.into())),
    };
    let sentence = format!("Its quota of {quota} a month {is} used up{cost}.");
    match (tense, facts.retry_after_seconds.and_then(|seconds| i64::try_from(seconds).ok())) {
        (Tense::At(then), Some(seconds)) => {
            let begins = then + time::Duration::seconds(seconds);
            format!("{sentence} The next month began or begins {}.", display::date_time_utc(&begins))
        }
        _ => format!("{sentence} A month begins on its first day in UTC."),
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
    match (shown, words.len() - shown.len()) {
        (_, more @ 1..) => format!("{} and {more} more", shown.join(", ")),
        ([first @ .., last], 0) if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => shown.join(", "),
    }
}
