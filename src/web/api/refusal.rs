//! Refusals of a known key, in HTTP's words.

use super::rate_headers::RateHeaders;
use crate::{
    domain::{usage::Outcome, verification::Limits},
    web::error::AppError,
};

/// The refusal that an outcome means; `None` for an accepted key.
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
