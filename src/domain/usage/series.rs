//! The past of one key: requests by outcome, hour by hour or day by day.

use diesel::prelude::*;
use time::Duration;

use super::{
    super::{access::Admin, api_keys::ApiKey, organizations::Organization, schema::key_usage},
    Outcome, Span,
};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError},
};

/// Requests by outcome, in the order of [`Outcome::ALL`].
pub type ByOutcome = [i64; Outcome::ALL.len()];

/// The requests of one hour or day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// When it begins.
    pub begins_at: Timestamp,
    /// How many ended how.
    pub requests: ByOutcome,
}

impl Step {
    /// All requests.
    pub fn total(&self) -> i64 {
        self.requests.iter().sum()
    }
}

/// Equal steps without a gap, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// What a step is.
    pub span: Span,
    /// The steps; the last one is not over.
    pub steps: Vec<Step>,
}

impl Series {
    /// When the first of `count` steps begins, of which the last one is the present one.
    pub(super) fn first_step(span: Span, count: i32, now: Timestamp) -> Timestamp {
        span.begin(now) - span.length() * (count - 1)
    }

    /// Puts sums by begin and outcome into the last `count` steps.
    pub(super) fn of(span: Span, count: i32, now: Timestamp, rows: Vec<(Timestamp, String, i64)>) -> Self {
        let first = Self::first_step(span, count, now);
        let mut steps: Vec<Step> = (0..count)
            .map(|number| Step { begins_at: first + span.length() * number, requests: ByOutcome::default() })
            .collect();
        for (begins_at, outcome, requests) in rows {
            let step = steps.iter_mut().find(|step| step.begins_at == begins_at);
            let place = Outcome::ALL.iter().position(|known| known.as_str() == outcome);
            if let (Some(step), Some(place)) = (step, place)
                && let Some(sum) = step.requests.get_mut(place)
            {
                *sum += requests;
            }
        }
        Self { span, steps }
    }

    /// All requests by outcome.
    pub fn totals(&self) -> ByOutcome {
        let mut totals = ByOutcome::default();
        for step in &self.steps {
            for (total, requests) in totals.iter_mut().zip(step.requests) {
                *total += requests;
            }
        }
        totals
    }

    /// The busiest step's requests.
    pub fn peak(&self) -> i64 {
        self.steps.iter().map(Step::total).max().unwrap_or_default()
    }
}

impl Span {
    /// Its length.
    pub fn length(self) -> Duration {
        match self {
            Self::Hour => Duration::HOUR,
            Self::Day => Duration::DAY,
        }
    }
}

/// The last `count` steps of `key`, the present one among them.
///
/// # Errors
/// [`DbError`].
pub fn series(
    connection: &mut Connection,
    _: &Admin<Organization>,
    key: &ApiKey,
    span: Span,
    count: i32,
    now: Timestamp,
) -> Result<Series, DbError> {
    let rows = key_usage::table
        .filter(key_usage::api_key_id.eq(&key.id))
        .filter(key_usage::span.eq(span.as_str()))
        .filter(key_usage::begins_at.ge(Series::first_step(span, count, now)))
        .select((key_usage::begins_at, key_usage::outcome, key_usage::requests))
        .load(connection)?;
    Ok(Series::of(span, count, now, rows))
}
