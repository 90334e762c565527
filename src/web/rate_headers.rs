//! What a key's limits leave, as the header fields RateLimit and RateLimit-Policy tell it
//! (draft-ietf-httpapi-ratelimit-headers) and as JSON.

use actix_web::{
    HttpResponseBuilder,
    http::header::{HeaderMap, HeaderName, HeaderValue},
};

use crate::{
    api_types::{LimitFields, LimitState},
    domain::{
        gcra::RateLeft,
        verification::{Limits, QuotaLeft},
    },
    web::limits::{REQUESTS_PERIOD, RequestsLeft},
};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// A key's limits as header fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateHeaders {
    limit: String,
    policy: String,
}

impl RateHeaders {
    /// Nothing, for a key without limits.
    pub fn of(limits: &Limits) -> Self {
        let (mut limit, mut policy) = (Vec::new(), Vec::new());
        for (name, rate) in [("rate", limits.rate), ("plan-rate", limits.plan_rate)] {
            let Some(rate) = rate else { continue };
            let (count, window) = (rate.limit.count, rate.limit.period.seconds());
            policy.push(format!(r#""{name}";q={count};w={window}"#));
            limit.push(format!(r#""{name}";r={};t={}"#, rate.remaining, rate.reset_seconds));
        }
        for (name, quota) in [("month", limits.quota), ("plan-month", limits.plan_quota)] {
            let Some(quota) = quota else { continue };
            policy.push(format!(r#""{name}";q={}"#, quota.quota.get()));
            limit.push(format!(r#""{name}";r={};t={}"#, quota.remaining, quota.reset_seconds));
        }
        Self { limit: limit.join(", "), policy: policy.join(", ") }
    }

    /// What is left of a master token's calls.
    pub fn of_requests(left: &RequestsLeft) -> Self {
        Self {
            policy: format!(r#""requests";q={};w={}"#, left.most, REQUESTS_PERIOD.as_secs()),
            limit: format!(r#""requests";r={};t={}"#, left.remaining, left.reset_seconds()),
        }
    }

    /// Adds them to an answer that is being built.
    pub fn add(&self, response: &mut HttpResponseBuilder) {
        for (name, value) in self.pairs() {
            response.insert_header((name, value));
        }
    }

    /// Adds them to the header of an answer.
    pub fn add_to(&self, headers: &mut HeaderMap) {
        for (name, value) in self.pairs() {
            headers.insert(name, value);
        }
    }

    fn pairs(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let pairs = [(RATE_LIMIT, &self.limit), (RATE_LIMIT_POLICY, &self.policy)];
        pairs
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .filter_map(|(name, text)| HeaderValue::from_str(text).ok().map(|value| (name, value)))
    }
}

impl LimitFields {
    /// The limits in words of JSON.
    pub fn of(limits: &Limits) -> Self {
        Self {
            rate_limit: limits.rate.map(LimitState::of_rate),
            quota: limits.quota.map(LimitState::of_quota),
            plan_rate_limit: limits.plan_rate.map(LimitState::of_rate),
            plan_quota: limits.plan_quota.map(LimitState::of_quota),
            retry_after_seconds: limits.retry_after_seconds(),
        }
    }
}

impl LimitState {
    fn of_rate(rate: RateLeft) -> Self {
        Self {
            limit: rate.limit.count.get().into(),
            window_seconds: Some(rate.limit.period.seconds()),
            remaining: rate.remaining.into(),
            reset_seconds: rate.reset_seconds,
        }
    }

    fn of_quota(quota: QuotaLeft) -> Self {
        Self {
            limit: quota.quota.get(),
            window_seconds: None,
            remaining: quota.remaining,
            reset_seconds: quota.reset_seconds,
        }
    }
}
