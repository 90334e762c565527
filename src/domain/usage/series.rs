//! The past of one key: requests by outcome, hour by hour or day by day.

use diesel::prelude::*;

use super::super::{
    access::{Grant, SeeKeys},
    api_keys::ApiKey,
    schema::key_usage,
    verification::{Outcome, Span},
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
    /// The last `count` steps, the present one among them, without requests.
    pub(super) fn empty(span: Span, count: i32, now: Timestamp) -> Self {
        let first = span.begin(now) - span.length() * (count - 1);
        let step =
            |number| Step { begins_at: first + span.length() * number, requests: ByOutcome::default() };
        Self { span, steps: (0..count).map(step).collect() }
    }

    /// Adds to the step that begins at an instant; what begins earlier is left out.
    pub(super) fn add(&mut self, begins_at: Timestamp, outcome: Outcome, requests: i64) {
        let step = self.steps.iter_mut().find(|step| step.begins_at == begins_at);
        if let Some(sum) = step.and_then(|step| step.requests.get_mut(outcome as usize)) {
            *sum += requests;
        }
    }

    /// Adds what the database has.
    pub(super) fn add_rows(&mut self, rows: Vec<(Timestamp, Outcome, i64)>) {
        for (begins_at, outcome, requests) in rows {
            self.add(begins_at, outcome, requests);
        }
    }

    /// When the first step begins.
    pub(super) fn begins_at(&self) -> Timestamp {
        self.steps.first().map_or(Timestamp::MAX, |step| step.begins_at)
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

/// The last `count` steps of `key`, the present one among them.
pub fn series(
    connection: &mut Connection,
    _: &Grant<SeeKeys>,
    key: &ApiKey,
    span: Span,
    count: i32,
    now: Timestamp,
) -> Result<Series, DbError> {
    let mut series = Series::empty(span, count, now);
    let rows: Vec<(Timestamp, Outcome, i64)> = key_usage::table
        .filter(key_usage::api_key_id.eq(&key.id))
        .filter(key_usage::span.eq(span).and(key_usage::begins_at.ge(series.begins_at())))
        .select((key_usage::begins_at, key_usage::outcome, key_usage::requests))
        .load(connection)?;
    series.add_rows(rows);
    Ok(series)
}
