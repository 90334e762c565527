//! Rejections of a known key, in HTTP's words, and their keeping for "Troubleshoot a request".

use actix_web::{HttpMessage, HttpRequest};

use super::rate_headers::RateHeaders;
use crate::{
    clock::Timestamp,
    domain::{
        rejections::{Code, Endpoint, Rejected},
        usage::Outcome,
        verification::{Decision, KeyRequest, Limits},
    },
    web::{error::AppError, extract::RequestContext, state::State},
};

/// One request for a key to be let through.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// The request.
    pub request: &'a HttpRequest,
    /// Where it came in.
    pub endpoint: Endpoint,
    /// Which of its keys is asked about.
    pub place: usize,
    /// What is asked of the key.
    pub wanted: &'a KeyRequest<'a>,
}

impl Asking<'_> {
    /// Keeps a rejection; an accepted key leaves nothing.
    pub fn note(&self, state: &State, presented: &str, decision: &Decision, now: Timestamp) {
        if matches!(decision, Decision::Known { outcome: Outcome::Valid, .. }) {
            return;
        }
        self.with_id(|refused| state.rejections.note(refused, presented, decision, now));
    }

    /// Keeps a rejection of a request that carried nothing to verify.
    pub fn note_unverified(&self, state: &State, code: Code, now: Timestamp) {
        self.with_id(|refused| state.rejections.note_code(refused, code, now));
    }

    fn with_id(&self, note: impl FnOnce(&Rejected<'_>)) {
        let Self { endpoint, place, wanted, .. } = *self;
        if let Some(RequestContext { id, .. }) = self.request.extensions().get() {
            note(&Rejected { request_id: &id.to_string(), place, endpoint, wanted });
        }
    }
}

/// The rejection that an outcome means; `None` for an accepted key.
pub fn of(outcome: Outcome, limits: &Limits) -> Option<AppError> {
    let unauthorized = |detail| Some(AppError::Unauthorized { detail, presented: true });
    let limited = |detail| {
        Some(AppError::KeyLimited {
            detail,
            retry_after_seconds: limits.retry_after_seconds().unwrap_or(1).max(1),
            headers: Box::new(RateHeaders::of(limits)),
        })
    };
    match outcome {
        Outcome::Valid => None,
        Outcome::Expired => unauthorized("This key has expired."),
        Outcome::Deactivated => unauthorized("This key is deactivated."),
        Outcome::ForbiddenIp => Some(AppError::KeyForbidden("This key may not be used from this address.")),
        Outcome::InsufficientScope => Some(AppError::InsufficientScope),
        Outcome::RateLimited => limited("This key is used too often. Try again later."),
        Outcome::QuotaExceeded => limited("This month’s quota of this key is used up."),
    }
}
