//! Usage: how often keys were verified, with what outcome, and when last.
//!
//! A verification only counts in memory, beside the key. Every few seconds, and when the server
//! stops, the sums are written, a few keys in one transaction and then a pause, so that neither
//! the writer nor a core is taken for long. What was not yet written when a server crashes is
//! lost; what was written is never written twice.

mod clients;
mod month;
mod organization;
mod recorder;
mod retention;
mod rows;
mod series;
mod tokens;
mod totals;

use std::collections::HashMap;

use diesel::prelude::*;
use time::{Duration, PrimitiveDateTime, Time};

pub(super) use clients::add as add_client;
pub use clients::{KeyClient, clients};
pub use month::{Month, NotAMonth};
pub use organization::{KeyRequests, OrganizationUsage, of_organization};
pub use recorder::{Reached, Recorder};
pub use retention::{DAYS_KEPT, HOURS_KEPT, purge_expired};
pub(super) use rows::add;
pub use series::{ByOutcome, Series, Step, series};
pub(super) use tokens::add as add_for_token;
pub use tokens::token_series;
pub(super) use totals::add as add_for_organization;
pub(super) use totals::limited_organizations;
pub use totals::{
    MonthlySum, daily_requests_of_organizations, days_of_organization, limited_of, sums_of_month,
    used_by_organization,
};

use super::{
    access::{Grant, SeeKeys},
    api_keys::ApiKey,
    schema::key_usage,
    verification::{self, Span},
};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, one_of},
};

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

/// The first of the last [`DAYS_SHOWN`] days.
fn first_day_shown(now: Timestamp) -> Timestamp {
    let days = i64::try_from(DAYS_SHOWN).unwrap_or_default();
    PrimitiveDateTime::new(now.date(), Time::MIDNIGHT) - Duration::days(days - 1)
}

/// What accepted requests of `key` cost in the calendar month of `now`, as its quota counts.
pub fn used_this_month(
    connection: &mut Connection,
    _: &Grant<SeeKeys>,
    key: &ApiKey,
    now: Timestamp,
) -> Result<u64, DbError> {
    verification::used_this_month(connection, &verification::Owner::Key(key.id.clone()), now)
}

/// What the last days saw of `keys`, in their order and whatever the outcome.
pub fn daily_requests(
    connection: &mut Connection,
    _: &Grant<SeeKeys>,
    keys: &[ApiKey],
    now: Timestamp,
) -> Result<Vec<DailyRequests>, DbError> {
    let first = first_day_shown(now);
    let rows: Vec<(String, Timestamp, i64)> = key_usage::table
        .filter(one_of(key_usage::api_key_id, keys.iter().map(|key| key.id.as_str())))
        .filter(key_usage::span.eq(Span::Day).and(key_usage::begins_at.ge(first)))
        .select((key_usage::api_key_id, key_usage::begins_at, key_usage::requests))
        .load(connection)?;
    let mut by_key: HashMap<String, [i64; DAYS_SHOWN]> = HashMap::new();
    for (key_id, begins_at, requests) in rows {
        let day = usize::try_from((begins_at - first).whole_days()).unwrap_or_default();
        if let Some(sum) = by_key.entry(key_id).or_insert([0; DAYS_SHOWN]).get_mut(day) {
            *sum += requests;
        }
    }
    let of_key = |key: &ApiKey| DailyRequests(by_key.get(&key.id).copied().unwrap_or([0; DAYS_SHOWN]));
    Ok(keys.iter().map(of_key).collect())
}
