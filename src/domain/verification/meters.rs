//! What limited keys have used: shared by every copy of a key in memory, so that a change of its
//! other settings resets nothing. A rate limit starts anew only when it is itself changed.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use diesel::prelude::*;
use time::{Date, Duration, Time};

use super::Span;
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, NodeCount},
    domain::{
        gcra::Gcra,
        key_settings::{KeySettings, MonthlyQuota},
        rotation::{LiveRotation, Rotation},
        schema::key_usage,
    },
};

/// Bits of a count; those above hold the month.
const COUNT_BITS: u32 = 44;

/// What a key has used in a calendar month of UTC.
#[derive(Debug)]
pub(super) struct MonthlyUse(AtomicU64);

/// What is left of a monthly quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaLeft {
    /// The quota.
    pub quota: MonthlyQuota,
    /// What is left of it this month.
    pub remaining: u64,
    /// Seconds until the next month begins, rounded up.
    pub reset_seconds: u64,
    /// Whether the request was one too many.
    pub is_exceeded: bool,
}

impl MonthlyUse {
    /// `used` in the month of `now`.
    pub(super) fn new(used: u64, now: Timestamp) -> Self {
        Self(AtomicU64::new(packed(month(now), used)))
    }

    /// Spends `cost` of `quota`, or nothing.
    pub(super) fn spend(&self, quota: MonthlyQuota, cost: u32, now: Timestamp) -> QuotaLeft {
        let spent = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
            let later = used(state, now).saturating_add(u64::from(cost));
            (later <= quota.get()).then(|| packed(month(now).max(state >> COUNT_BITS), later))
        });
        answer(spent.unwrap_or_else(|refused| refused), quota, cost, now)
    }

    /// What [`spend`](Self::spend) would answer. Spends nothing.
    pub(super) fn peek(&self, quota: MonthlyQuota, cost: u32, now: Timestamp) -> QuotaLeft {
        answer(self.0.load(Ordering::Acquire), quota, cost, now)
    }
}

fn answer(state: u64, quota: MonthlyQuota, cost: u32, now: Timestamp) -> QuotaLeft {
    let before = used(state, now);
    let later = before.saturating_add(u64::from(cost));
    let is_exceeded = later > quota.get();
    QuotaLeft {
        quota,
        remaining: quota.get().saturating_sub(if is_exceeded { before } else { later }),
        reset_seconds: seconds_left_in_month(now),
        is_exceeded,
    }
}

/// What a state means in the month of `now`.
fn used(state: u64, now: Timestamp) -> u64 {
    if state >> COUNT_BITS < month(now) { 0 } else { state & MAX_USED }
}

const MAX_USED: u64 = (1 << COUNT_BITS) - 1;

fn packed(month: u64, used: u64) -> u64 {
    (month << COUNT_BITS) | used.min(MAX_USED)
}

/// Months since the year 0.
fn month(at: Timestamp) -> u64 {
    u64::try_from(at.year()).unwrap_or_default() * 12 + u64::from(u8::from(at.month())) - 1
}

fn seconds_left_in_month(now: Timestamp) -> u64 {
    let last = i64::from(now.month().length(now.year()));
    let first = Date::from_calendar_date(now.year(), now.month(), 1).unwrap_or(now.date());
    let end = Timestamp::new(first, Time::MIDNIGHT) + Duration::days(last);
    u64::try_from((end - now).as_seconds_f64().ceil() as i64).unwrap_or_default()
}

/// What accepted requests of a key cost in the calendar month of `now`.
pub(in crate::domain) fn used_this_month(
    connection: &mut Connection,
    key_id: &str,
    now: Timestamp,
) -> Result<u64, DbError> {
    let first = Timestamp::new(now.date().replace_day(1).unwrap_or(now.date()), Time::MIDNIGHT);
    let days: Vec<i64> = key_usage::table
        .filter(key_usage::api_key_id.eq(key_id).and(key_usage::span.eq(Span::Day)))
        .filter(key_usage::begins_at.ge(first))
        .select(key_usage::units)
        .load(connection)?;
    u64::try_from(days.iter().sum::<i64>()).map_err(DbError::unreadable)
}

/// The meters of one key.
#[derive(Clone, Debug, Default)]
pub(super) struct Meters {
    pub(super) rate: Option<Arc<Gcra>>,
    pub(super) month: Option<Arc<MonthlyUse>>,
}

impl Meters {
    /// Nothing but the registry holds them.
    fn is_idle(&self) -> bool {
        self.rate.as_ref().is_none_or(|rate| Arc::strong_count(rate) == 1)
            && self.month.as_ref().is_none_or(|month| Arc::strong_count(month) == 1)
    }
}

/// The meters of all limited keys in memory, by the key's id.
#[derive(Debug, Default)]
pub(super) struct MeterRegistry {
    meters: Mutex<HashMap<String, Meters>>,
    nodes: NodeCount,
}

/// Idle meters are looked for whenever there are so many times two.
const FEW_METERS: usize = 4096;

impl MeterRegistry {
    /// Meters of one of `nodes`.
    pub(super) fn of_one_among(nodes: NodeCount) -> Self {
        Self { meters: Mutex::default(), nodes }
    }

    /// The meters for a key that was just read; `used` is its use of the month of `now`.
    pub(super) fn of(&self, key_id: &str, settings: &KeySettings, used: u64, now: Timestamp) -> Meters {
        let mut registry = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
        if settings.rate_limit.is_none() && settings.monthly_quota.is_none() {
            registry.remove(key_id);
            return Meters::default();
        }
        if registry.len() >= FEW_METERS && registry.len().is_power_of_two() {
            // What is counted and not yet written is held by the recorder and so not idle.
            registry.retain(|_, meters| !meters.is_idle());
        }
        let known = registry.remove(key_id).unwrap_or_default();
        let rate = settings.rate_limit.map(|limit| {
            known
                .rate
                .filter(|rate| rate.limit() == limit)
                .unwrap_or_else(|| Arc::new(Gcra::new(limit, self.nodes.clone())))
        });
        let month = settings
            .monthly_quota
            .map(|_| known.month.unwrap_or_else(|| Arc::new(MonthlyUse::new(used, now))));
        let meters = Meters { rate, month };
        registry.insert(key_id.to_owned(), meters.clone());
        meters
    }
}

/// The rotations under way of keys in memory, by the key's id.
#[derive(Debug, Default)]
pub(super) struct RotationRegistry(Mutex<HashMap<String, Weak<LiveRotation>>>);

impl RotationRegistry {
    /// The one state that both secrets of a key share.
    pub(super) fn of(&self, key_id: &str, rotation: Rotation) -> Arc<LiveRotation> {
        let mut registry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(live) = registry.get(key_id).and_then(Weak::upgrade)
            && live.get().previous_digest == rotation.previous_digest
        {
            live.cap_previous_secret(rotation.previous_expires_at);
            // Another node may have seen it.
            rotation.first_used_at.into_iter().for_each(|at| live.note_use(at));
            return live;
        }
        registry.retain(|_, live| live.strong_count() > 0);
        let live = Arc::new(LiveRotation::new(rotation));
        registry.insert(key_id.to_owned(), Arc::downgrade(&live));
        live
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const NOW: Timestamp = datetime!(2026-12-31 23:59:30);

    #[test]
    fn a_quota_is_spent_to_its_end_and_is_whole_again_next_month() {
        let quota = MonthlyQuota::new(10).unwrap();
        let month = MonthlyUse::new(7, NOW);
        let left = month.spend(quota, 2, NOW);
        assert_eq!((left.remaining, left.reset_seconds, left.is_exceeded), (1, 30, false));
        let left = month.spend(quota, 2, NOW);
        assert_eq!((left.remaining, left.is_exceeded), (1, true));
        assert_eq!(month.spend(quota, 1, NOW).remaining, 0);
        let left = month.spend(quota, 1, NOW + Duration::seconds(30));
        assert_eq!((left.remaining, left.reset_seconds), (9, 31 * 24 * 3600));
    }

    #[test]
    fn a_meter_goes_on_until_its_own_limit_changes() {
        let registry = MeterRegistry::default();
        let settings = |rate: &str, scopes: &str| KeySettings {
            rate_limit: rate.parse().ok(),
            scopes: scopes.parse().unwrap(),
            ..KeySettings::default()
        };
        let before = registry.of("a", &settings("5/hour", ""), 0, NOW).rate.unwrap();
        before.admit(5, NOW);
        let after = registry.of("a", &settings("5/hour", "read"), 0, NOW).rate.unwrap();
        assert!(after.admit(1, NOW).retry_after_seconds.is_some());
        let changed = registry.of("a", &settings("6/hour", "read"), 0, NOW).rate.unwrap();
        assert_eq!(changed.admit(1, NOW).remaining, 5);
        assert!(registry.of("a", &KeySettings::default(), 0, NOW).rate.is_none());
    }

    proptest! {
        #[test]
        fn a_peek_changes_nothing_and_predicts_what_comes_next(
            quota in 1u64..100,
            used in 0u64..120,
            steps in prop::collection::vec((0i64..2_000_000, 0u32..40), 1..60),
        ) {
            let (quota, month) = (MonthlyQuota::new(quota).unwrap(), MonthlyUse::new(used, NOW));
            let mut now = NOW;
            for (seconds, cost) in steps {
                now += Duration::seconds(seconds);
                let before = month.0.load(Ordering::Acquire);
                let told = month.peek(quota, cost, now);
                prop_assert_eq!(month.0.load(Ordering::Acquire), before);
                prop_assert_eq!(month.spend(quota, cost, now), told);
            }
        }
    }
}
