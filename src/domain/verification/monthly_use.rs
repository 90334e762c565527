//! What a key, or an organization, has used of its monthly quota.
//!
//! A process that is the only one may spend all of it. Of several on one database each spends from a portion
//! that it took before (`portions.rs`), so that together they admit no more than the quota.

use std::{
    cmp::Ordering,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use time::Duration;
use tokio::sync::Mutex as AsyncMutex;

use super::{
    Pending, Portions,
    portions::{Owner, Portion, first_of_month, next_month},
};
use crate::{
    clock::Timestamp,
    db::{Db, DbError},
    domain::key_settings::MonthlyQuota,
};

/// A quota is written down in this many parts at least, so that a process that is killed forgets two
/// of them at most: one that was being written and one that was counted meanwhile.
pub const PARTS_OF_A_QUOTA: u64 = 40;

/// For how long after its last use a portion may be spent. Well below the time for which it is kept for its
/// node, since clocks differ.
const SPENT_WITHIN: Duration = Duration::seconds(20);

/// Of what is used of a quota somebody is told, in percent, the largest share first.
const SHARES_TOLD: [u8; 2] = [100, 80];

/// For how long it is believed that nothing is left: others may give back what they took.
const EMPTY_FOR: Duration = Duration::seconds(2);

/// What a key or an organization has used in a calendar month of UTC.
#[derive(Debug)]
pub(in crate::domain) struct MonthlyUse {
    state: Mutex<State>,
    /// `None` where all of a quota may be spent here.
    portions: Option<Portions>,
    /// One at a time asks for a portion; those who wait find what it got.
    asking: AsyncMutex<()>,
    /// Of an organization: what is spent and not yet written.
    unwritten: AtomicU64,
}

#[derive(Debug)]
struct State {
    /// Months since the year 0.
    month: u64,
    /// What is used, with all that other nodes may still spend of their portions.
    used: u64,
    /// What may still be spent here without asking.
    own: u64,
    /// Until when.
    own_until: Timestamp,
    /// What is being given back.
    returning: u64,
    /// When nothing was left for others to take.
    empty_since: Option<Timestamp>,
    /// Of how many percent of the quota somebody is told.
    told: u8,
}

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

/// What is written of a quota's use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::domain) struct Used {
    /// What was used in the month of the last use.
    units: u64,
    last_used_at: Option<Timestamp>,
}

impl Used {
    /// What was counted of one key.
    pub(in crate::domain) fn of(pending: &Pending) -> Self {
        let units = pending.last_used_at.map_or(0, |at| pending.units_since(first_of_month(at)));
        Self { units, last_used_at: pending.last_used_at }
    }

    /// Both together. Of two months the earlier one is over, and nothing of it is spent any more.
    #[must_use]
    pub(in crate::domain) fn and(self, other: Self) -> Self {
        let month_of = |used: &Self| used.last_used_at.map(first_of_month);
        match month_of(&self).cmp(&month_of(&other)) {
            Ordering::Less => other,
            Ordering::Greater => self,
            Ordering::Equal => Self {
                units: self.units + other.units,
                last_used_at: self.last_used_at.max(other.last_used_at),
            },
        }
    }
}

/// Nothing was spent: a portion has to be taken first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NeedsPortion;

impl MonthlyUse {
    /// `used` in the month of `now`.
    pub(super) fn new(used: u64, portions: Option<Portions>, now: Timestamp) -> Self {
        let state = State::begin(used, now);
        Self {
            state: Mutex::new(state),
            portions,
            asking: AsyncMutex::default(),
            unwritten: AtomicU64::new(0),
        }
    }

    /// Spends `cost` of `quota`, or nothing.
    pub(super) fn spend(
        &self,
        quota: MonthlyQuota,
        cost: u32,
        now: Timestamp,
    ) -> Result<QuotaLeft, NeedsPortion> {
        let mut state = self.state_at(now);
        let left = answer(state.used, quota, cost, now);
        if self.portions.is_some() && state.needs_portion(left.is_exceeded, cost, now) {
            return Err(NeedsPortion);
        }
        if !left.is_exceeded {
            state.used = state.used.saturating_add(u64::from(cost));
            state.own = state.own.saturating_sub(u64::from(cost));
        }
        Ok(left)
    }

    /// Counts what was spent and is not yet written; the sum.
    pub(super) fn note_unwritten(&self, cost: u32) -> u64 {
        self.unwritten.fetch_add(cost.into(), Relaxed) + u64::from(cost)
    }

    /// So much of that was written.
    pub(in crate::domain) fn note_written(&self, written: &Used) {
        let less = |unwritten: u64| Some(unwritten.saturating_sub(written.units));
        let _ = self.unwritten.fetch_update(Relaxed, Relaxed, less);
    }

    /// Gives back what was spent for a request that was refused after all.
    pub(super) fn give_back(&self, cost: u32, now: Timestamp) {
        let mut state = self.state_at(now);
        state.used = state.used.saturating_sub(u64::from(cost));
        state.own = state.own.saturating_add(u64::from(cost));
    }

    /// What [`spend`](Self::spend) would answer. Spends nothing.
    pub(super) fn peek(&self, quota: MonthlyQuota, cost: u32, now: Timestamp) -> QuotaLeft {
        answer(self.state_at(now).used, quota, cost, now)
    }

    /// Takes a portion of `quota` for this node, for a request that costs `cost`.
    pub(super) async fn take_portion(
        &self,
        db: &Db,
        owner: Owner,
        quota: MonthlyQuota,
        cost: u32,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let Some(portions) = self.portions.clone() else { return Ok(()) };
        let _asking = self.asking.lock().await;
        let (is_own_kept, own) = {
            let state = self.state_at(now);
            if !state.needs_portion(answer(state.used, quota, cost, now).is_exceeded, cost, now) {
                return Ok(());
            }
            (state.own_until > now, state.own)
        };
        let missing = u64::from(cost).saturating_sub(if is_own_kept { own } else { 0 });
        let portion = db.write(move |tx| portions.take(tx, &owner, quota, missing, is_own_kept, now)).await?;
        self.state_at(now).receive(portion, is_own_kept, now);
        Ok(())
    }

    /// Before what was used of it is written: what its row is to have less, so that it holds what is spent and not
    /// yet written and twice what was just used. The rest goes back, so that no node sits on what another could use.
    pub(in crate::domain) fn hand_over(&self, written: &Used) -> Option<(&Portions, u64, Timestamp)> {
        let (portions, last_used_at) = (self.portions.as_ref()?, written.last_used_at?);
        let mut state = self.state_at(last_used_at);
        let used = written.units;
        state.returning = state.own.saturating_sub(used.saturating_mul(2));
        state.own -= state.returning;
        Some((portions, used.saturating_add(state.returning), last_used_at))
    }

    /// After that: whether it was written.
    pub(in crate::domain) fn handed_over(&self, written: &Used, is_written: bool) {
        let Some(last_used_at) = written.last_used_at.filter(|_| self.portions.is_some()) else { return };
        let mut state = self.state_at(last_used_at);
        let returning = std::mem::take(&mut state.returning);
        if is_written {
            state.own_until = state.own_until.max(last_used_at + SPENT_WITHIN);
        } else {
            state.own = state.own.saturating_add(returning);
        }
    }

    /// A share of `quota`, in percent, that is reached and of which nobody was told this month; 100 where a request
    /// was refused. It counts as told from now on.
    pub(in crate::domain) fn reached(
        &self,
        quota: MonthlyQuota,
        is_refused: bool,
        now: Timestamp,
    ) -> Option<u8> {
        let mut state = self.state_at(now);
        let used = u128::from(state.used) * 100;
        let is_reached = |percent: &u8| is_refused || used >= u128::from(quota.get()) * u128::from(*percent);
        let reached = SHARES_TOLD.into_iter().find(is_reached)?;
        if reached <= state.told {
            return None;
        }
        state.told = reached;
        Some(reached)
    }

    /// It was not so, or could not be told.
    pub(in crate::domain) fn not_told(&self, now: Timestamp) {
        self.state_at(now).told = 0;
    }

    /// The state in the month of `now`, or in a later one that has begun.
    fn state_at(&self, now: Timestamp) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.month < month(now) {
            *state = State::begin(0, now);
        }
        state
    }
}

impl State {
    /// `used` in the month of `now`, and no portion.
    fn begin(used: u64, now: Timestamp) -> Self {
        Self { month: month(now), used, own: 0, own_until: now, returning: 0, empty_since: None, told: 0 }
    }

    fn needs_portion(&self, is_exceeded: bool, cost: u32, now: Timestamp) -> bool {
        if is_exceeded {
            return self.empty_since.is_none_or(|since| (now - since).abs() >= EMPTY_FOR);
        }
        self.own < u64::from(cost) || self.own_until <= now
    }

    fn receive(&mut self, portion: Portion, is_own_kept: bool, now: Timestamp) {
        let Portion { more, used_and_held } = portion;
        let kept = if is_own_kept { self.own } else { 0 };
        self.own = kept + more;
        self.used = used_and_held.saturating_sub(self.own);
        self.own_until = now + SPENT_WITHIN;
        self.empty_since = (more == 0).then_some(now);
    }
}

fn answer(before: u64, quota: MonthlyQuota, cost: u32, now: Timestamp) -> QuotaLeft {
    let later = before.saturating_add(u64::from(cost));
    let is_exceeded = later > quota.get();
    QuotaLeft {
        quota,
        remaining: quota.get().saturating_sub(if is_exceeded { before } else { later }),
        reset_seconds: seconds_left_in_month(now),
        is_exceeded,
    }
}

/// Months since the year 0.
fn month(at: Timestamp) -> u64 {
    u64::try_from(at.year()).unwrap_or_default() * 12 + u64::from(u8::from(at.month())) - 1
}

fn seconds_left_in_month(now: Timestamp) -> u64 {
    u64::try_from((next_month(now) - now).as_seconds_f64().ceil() as i64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const NOW: Timestamp = datetime!(2026-12-31 23:59:30);

    #[test]
    fn each_share_is_told_once_a_month() {
        let quota = MonthlyQuota::new(10).unwrap();
        let month = MonthlyUse::new(7, None, NOW);
        assert_eq!(month.reached(quota, false, NOW), None);
        month.spend(quota, 1, NOW).unwrap();
        assert_eq!([month.reached(quota, false, NOW), month.reached(quota, false, NOW)], [Some(80), None]);
        assert_eq!([month.reached(quota, true, NOW), month.reached(quota, false, NOW)], [Some(100), None]);
        month.not_told(NOW);
        assert_eq!(month.reached(quota, false, NOW), Some(80));
        assert_eq!(month.reached(quota, false, NOW + Duration::minutes(1)), None);
    }

    #[test]
    fn a_quota_is_spent_to_its_end_and_is_whole_again_next_month() {
        let quota = MonthlyQuota::new(10).unwrap();
        let month = MonthlyUse::new(7, None, NOW);
        let left = month.spend(quota, 2, NOW).unwrap();
        assert_eq!((left.remaining, left.reset_seconds, left.is_exceeded), (1, 30, false));
        let left = month.spend(quota, 2, NOW).unwrap();
        assert_eq!((left.remaining, left.is_exceeded), (1, true));
        assert_eq!(month.spend(quota, 1, NOW).unwrap().remaining, 0);
        let left = month.spend(quota, 1, NOW + Duration::seconds(30)).unwrap();
        assert_eq!((left.remaining, left.reset_seconds), (9, 31 * 24 * 3600));
    }

    proptest! {
        #[test]
        fn a_peek_changes_nothing_and_predicts_what_comes_next(
            quota in 1u64..100,
            used in 0u64..120,
            steps in prop::collection::vec((0i64..2_000_000, 0u32..40), 1..60),
        ) {
            let (quota, month) = (MonthlyQuota::new(quota).unwrap(), MonthlyUse::new(used, None, NOW));
            let mut now = NOW;
            for (seconds, cost) in steps {
                now += Duration::seconds(seconds);
                let told = month.peek(quota, cost, now);
                prop_assert_eq!(month.peek(quota, cost, now), told);
                prop_assert_eq!(month.spend(quota, cost, now), Ok(told));
            }
        }
    }
}
