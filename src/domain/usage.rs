//! Usage: how often keys were verified, with what outcome, and when last.
//!
//! A verification only counts in memory, beside the key. Every few seconds, and when the server
//! stops, the sums are written, a few keys in one transaction and then a pause, so that neither
//! the writer nor a core is taken for long. What was not yet written when a server crashes is
//! lost; what was written is never written twice.

mod clients;
mod organization;
mod recorder;
mod retention;
mod rows;
mod series;
mod tally;
mod tokens;

use std::collections::HashMap;

use diesel::prelude::*;
use time::{Date, Duration, PrimitiveDateTime, Time};

pub use clients::{Client, KeyClient, MAX_CLIENTS, clients, clients_of_keys};
pub use organization::{KeyRequests, OrganizationUsage, of_organization};
pub use recorder::Recorder;
pub use retention::{DAYS_KEPT, HOURS_KEPT, purge_expired};
pub(super) use rows::add;
pub use series::{ByOutcome, Series, Step, series};
pub(super) use tally::Tally;
pub(super) use tokens::add as add_for_token;
pub use tokens::token_series;

use super::schema::key_usage;
use crate::{
    clock::Timestamp,
    db::{Connection, DbError},
};

/// How a verification of a known key ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Accepted.
    Valid,
    /// Its end had passed.
    Expired,
    /// It was switched off.
    Deactivated,
    /// It came from elsewhere than it may, or from nobody knows where.
    ForbiddenIp,
    /// It has not every scope that was needed.
    InsufficientScope,
    /// It came too often.
    RateLimited,
    /// Its month's quota was spent.
    QuotaExceeded,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 7] = [
        Self::Valid,
        Self::Expired,
        Self::Deactivated,
        Self::ForbiddenIp,
        Self::InsufficientScope,
        Self::RateLimited,
        Self::QuotaExceeded,
    ];

    /// The word in the database and in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Deactivated => "deactivated",
            Self::ForbiddenIp => "forbidden_ip",
            Self::InsufficientScope => "insufficient_scope",
            Self::RateLimited => "rate_limited",
            Self::QuotaExceeded => "quota_exceeded",
        }
    }
}

/// Requests with one outcome, and what they cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum {
    pub(super) outcome: Outcome,
    pub(super) requests: i64,
    pub(super) units: i64,
}

/// What a sum spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// An hour of UTC.
    Hour,
    /// A day of UTC.
    Day,
}

impl Span {
    fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    fn begin(self, at: Timestamp) -> Timestamp {
        match self {
            Self::Hour => at.replace_time(Time::from_hms(at.hour(), 0, 0).unwrap_or(Time::MIDNIGHT)),
            Self::Day => at.replace_time(Time::MIDNIGHT),
        }
    }
}

/// What accepted requests of a key cost in the calendar month of `now`.
pub(super) fn used_this_month(
    connection: &mut Connection,
    key_id: &str,
    now: Timestamp,
) -> Result<u64, DbError> {
    let first = PrimitiveDateTime::new(now.date().replace_day(1).unwrap_or(now.date()), Time::MIDNIGHT);
    let days: Vec<i64> = key_usage::table
        .filter(key_usage::api_key_id.eq(key_id).and(key_usage::span.eq(Span::Day.as_str())))
        .filter(key_usage::begins_at.ge(first))
        .select(key_usage::units)
        .load(connection)?;
    Ok(u64::try_from(days.iter().sum::<i64>()).unwrap_or_default())
}

/// Days that the list of keys shows.
pub const DAYS_SHOWN: usize = 30;
const _: () = assert!(DAYS_SHOWN as i64 <= DAYS_KEPT.whole_days());

/// Verifications of one key on each of the last [`DAYS_SHOWN`] days, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DailyRequests(pub [i64; DAYS_SHOWN]);

impl DailyRequests {
    /// All of them.
    pub fn total(&self) -> i64 {
        self.0.iter().sum()
    }

    /// Those of the last `days` days.
    pub fn of_last(&self, days: usize) -> i64 {
        self.0.iter().rev().take(days).sum()
    }

    /// The busiest day's.
    pub fn peak(&self) -> i64 {
        self.0.iter().copied().max().unwrap_or_default()
    }
}

/// The last days of the keys in `key_ids`, in that order, whatever the outcome.
pub(super) fn daily(
    connection: &mut Connection,
    key_ids: &[&str],
    today: Date,
) -> Result<Vec<DailyRequests>, DbError> {
    let days = i64::try_from(DAYS_SHOWN).unwrap_or_default();
    let first = PrimitiveDateTime::new(today, Time::MIDNIGHT) - Duration::days(days - 1);
    let rows: Vec<(String, Timestamp, i64)> = key_usage::table
        .filter(key_usage::api_key_id.eq_any(key_ids))
        .filter(key_usage::span.eq(Span::Day.as_str()).and(key_usage::begins_at.ge(first)))
        .select((key_usage::api_key_id, key_usage::begins_at, key_usage::requests))
        .load(connection)?;
    let mut by_key: HashMap<String, [i64; DAYS_SHOWN]> = HashMap::new();
    for (key_id, begins_at, requests) in rows {
        let day = usize::try_from((begins_at - first).whole_days()).unwrap_or_default();
        if let Some(sum) = by_key.entry(key_id).or_insert([0; DAYS_SHOWN]).get_mut(day) {
            *sum += requests;
        }
    }
    let of_key = |id: &&str| DailyRequests(by_key.get(*id).copied().unwrap_or([0; DAYS_SHOWN]));
    Ok(key_ids.iter().map(of_key).collect())
}
