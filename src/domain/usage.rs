//! Usage: how often keys were verified, with what outcome, and when last.
//!
//! A verification only counts in memory, in atomics that live beside the key. Every few seconds,
//! and when the server stops, the sums are written in one transaction.

mod callers;
mod organization;
mod series;
mod tokens;

use std::{
    collections::VecDeque,
    mem,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering},
    },
};

use diesel::prelude::*;
use time::{Date, Duration, OffsetDateTime, PrimitiveDateTime, Time};

pub use callers::{Caller, KeyCaller, MOST_CALLERS, callers, callers_of_keys};
pub use organization::{KeyRequests, OrganizationUsage, of_organization};
pub use series::{ByOutcome, Series, Step, series};
pub(super) use tokens::add as add_for_token;
pub use tokens::token_series;

use super::{
    api_keys as keys,
    schema::{api_keys, key_usage},
    verification::{KnownKey, KnownToken},
};
use crate::{
    clock::Timestamp,
    db::{Connection, Db, DbError, Tx},
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

/// What happened to one key or token since it was last written.
#[derive(Debug, Default)]
pub(super) struct Tally {
    requests: [AtomicU32; Outcome::ALL.len()],
    /// What the accepted ones cost.
    units: AtomicU32,
    last_used_microseconds: AtomicI64,
    is_noted: AtomicBool,
    callers: callers::Callers,
}

/// Requests with one outcome, and what they cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum {
    pub(super) outcome: Outcome,
    pub(super) requests: i64,
    pub(super) units: i64,
}

impl Tally {
    /// Counts; tells whether this is the first count since the last writing.
    fn count(&self, outcome: Outcome, cost: u32, now: Timestamp) -> bool {
        if let Some(requests) = self.requests.get(outcome as usize) {
            requests.fetch_add(1, Ordering::Relaxed);
        }
        if outcome == Outcome::Valid {
            self.units.fetch_add(cost, Ordering::Relaxed);
            self.last_used_microseconds.store(microseconds(now), Ordering::Relaxed);
        }
        !self.is_noted.swap(true, Ordering::AcqRel)
    }

    fn last_used_at(&self) -> Option<Timestamp> {
        let microseconds = self.last_used_microseconds.load(Ordering::Relaxed);
        let at = OffsetDateTime::UNIX_EPOCH + Duration::microseconds(microseconds);
        (microseconds > 0).then(|| PrimitiveDateTime::new(at.date(), at.time()))
    }

    fn take(&self) -> Vec<Sum> {
        self.is_noted.store(false, Ordering::Release);
        let units = i64::from(self.units.swap(0, Ordering::Relaxed));
        let taken = Outcome::ALL.into_iter().zip(&self.requests);
        taken
            .map(|(outcome, requests)| Sum {
                outcome,
                requests: i64::from(requests.swap(0, Ordering::Relaxed)),
                units: if outcome == Outcome::Valid { units } else { 0 },
            })
            .filter(|sum| sum.requests > 0 || sum.units > 0)
            .collect()
    }

    fn put_back(&self, taken: &[Sum]) {
        for sum in taken {
            if let Some(count) = self.requests.get(sum.outcome as usize) {
                count.fetch_add(u32::try_from(sum.requests).unwrap_or(u32::MAX), Ordering::Relaxed);
            }
            self.units.fetch_add(u32::try_from(sum.units).unwrap_or(u32::MAX), Ordering::Relaxed);
        }
    }
}

fn microseconds(at: Timestamp) -> i64 {
    i64::try_from(at.assume_utc().unix_timestamp_nanos() / 1000).unwrap_or_default()
}

/// Gathers usage; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    keys: Arc<Mutex<Vec<Arc<KnownKey>>>>,
    tokens: Arc<Mutex<Vec<Arc<KnownToken>>>>,
}

/// What is counted in memory.
trait Counted {
    fn tally(&self) -> &Tally;
}

impl Counted for KnownKey {
    fn tally(&self) -> &Tally {
        &self.tally
    }
}

impl Counted for KnownToken {
    fn tally(&self) -> &Tally {
        &self.tally
    }
}

/// What one key or token is about to be written with.
struct Written<K> {
    known: Arc<K>,
    sums: Vec<Sum>,
    callers: VecDeque<callers::Seen>,
}

impl<K: Counted> Written<K> {
    fn take_all(noted: &Mutex<Vec<Arc<K>>>) -> Arc<Vec<Self>> {
        let noted = mem::take(&mut *noted.lock().unwrap_or_else(PoisonError::into_inner));
        let take =
            |known: Arc<K>| Self { sums: known.tally().take(), callers: known.tally().callers.take(), known };
        Arc::new(noted.into_iter().map(take).collect())
    }

    fn put_back(&self, noted: &Mutex<Vec<Arc<K>>>) {
        let tally = self.known.tally();
        tally.put_back(&self.sums);
        tally.callers.put_back(&self.callers);
        if !tally.is_noted.swap(true, Ordering::AcqRel) {
            noted.lock().unwrap_or_else(PoisonError::into_inner).push(self.known.clone());
        }
    }
}

impl Recorder {
    /// Counts a verification of a key, and what it cost.
    pub fn note(&self, known: &Arc<KnownKey>, outcome: Outcome, cost: u32, now: Timestamp) {
        if known.tally.count(outcome, cost, now) {
            self.keys.lock().unwrap_or_else(PoisonError::into_inner).push(known.clone());
        }
    }

    /// Keeps who presented a key. Comes before [`note`](Self::note), which has it written.
    pub fn note_caller(&self, known: &KnownKey, caller: Caller<'_>, now: Timestamp) {
        known.tally.callers.note(caller, now);
    }

    /// Notes that a master token was accepted, and the address that it came from.
    pub fn note_token(&self, known: &Arc<KnownToken>, ip: Option<IpAddr>, now: Timestamp) {
        known.tally.callers.note(Caller { ip, user_agent: "" }, now);
        if known.tally.count(Outcome::Valid, 1, now) {
            self.tokens.lock().unwrap_or_else(PoisonError::into_inner).push(known.clone());
        }
    }

    /// Writes what was gathered. What cannot be written is gathered again.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn flush(&self, db: &Db, now: Timestamp) -> Result<(), DbError> {
        let (keys, tokens) = (Written::take_all(&self.keys), Written::take_all(&self.tokens));
        if keys.is_empty() && tokens.is_empty() {
            return Ok(());
        }
        let (key_rows, token_rows) = (keys.clone(), tokens.clone());
        let result = db
            .write(move |tx| {
                key_rows.iter().try_for_each(|row| write_key(tx, row, now))?;
                token_rows.iter().try_for_each(|row| tokens::write(tx, row, now))
            })
            .await;
        if result.is_err() {
            keys.iter().for_each(|row| row.put_back(&self.keys));
            tokens.iter().for_each(|row| row.put_back(&self.tokens));
        }
        result
    }
}

fn write_key(tx: &mut Tx<'_>, row: &Written<KnownKey>, now: Timestamp) -> Result<(), DbError> {
    let key_id = &*row.known.id;
    let last_used_at = row.known.tally.last_used_at();
    let updated = match last_used_at {
        Some(at) => diesel::update(api_keys::table.find(key_id))
            .set(api_keys::last_used_at.eq(at))
            .execute(tx.connection())?,
        None => {
            api_keys::table.find(key_id).count().get_result::<i64>(tx.connection())?.try_into().unwrap_or(0)
        }
    };
    if updated == 0 {
        return Ok(()); // removed meanwhile
    }
    if let Some((side, live)) = &row.known.rotation {
        keys::write_use(tx, *side, live.get(), last_used_at)?;
    }
    for sum in &row.sums {
        for span in [Span::Hour, Span::Day] {
            add(tx, key_id, span, span.begin(now), *sum)?;
        }
    }
    callers::write(tx, key_id, &row.callers)
}

/// Adds to a sum. An update that finds nothing is followed by an insert: both engines take that.
pub(super) fn add(
    tx: &mut Tx<'_>,
    key_id: &str,
    span: Span,
    begins_at: Timestamp,
    sum: Sum,
) -> Result<(), DbError> {
    let Sum { outcome, requests, units } = sum;
    let row = key_usage::table.find((key_id, span.as_str(), begins_at, outcome.as_str()));
    let updated = diesel::update(row)
        .set((
            key_usage::requests.eq(key_usage::requests + requests),
            key_usage::units.eq(key_usage::units + units),
        ))
        .execute(tx.connection())?;
    if updated == 0 {
        diesel::insert_into(key_usage::table)
            .values((
                key_usage::api_key_id.eq(key_id),
                key_usage::span.eq(span.as_str()),
                key_usage::begins_at.eq(begins_at),
                key_usage::outcome.eq(outcome.as_str()),
                key_usage::requests.eq(requests),
                key_usage::units.eq(units),
            ))
            .execute(tx.connection())?;
    }
    Ok(())
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
    let mut by_key: std::collections::HashMap<String, [i64; DAYS_SHOWN]> = std::collections::HashMap::new();
    for (key_id, begins_at, requests) in rows {
        let day = usize::try_from((begins_at - first).whole_days()).unwrap_or_default();
        if let Some(sum) = by_key.entry(key_id).or_insert([0; DAYS_SHOWN]).get_mut(day) {
            *sum += requests;
        }
    }
    let of_key = |id: &&str| DailyRequests(by_key.get(*id).copied().unwrap_or([0; DAYS_SHOWN]));
    Ok(key_ids.iter().map(of_key).collect())
}
