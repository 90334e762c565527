//! What keys and organizations with limits have used: shared by every copy of them in memory, so that a change of
//! something else resets nothing. A rate limit starts anew only when it is itself changed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use super::{MonthlyUse, Portions};
use crate::{
    clock::Timestamp,
    db::{Db, NodeCount},
    domain::{
        gcra::Gcra,
        key_settings::{MonthlyQuota, RateLimit},
        rotation::{LiveRotation, Rotation},
    },
};

/// What one key, or one organization, may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Metered {
    /// How often.
    pub(super) rate: Option<RateLimit>,
    /// How much in a month.
    pub(super) quota: Option<MonthlyQuota>,
}

/// The meters of one key, or of one organization.
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

/// The meters of all that is limited in memory, by its id.
#[derive(Debug, Default)]
pub(super) struct MeterRegistry {
    meters: Mutex<HashMap<String, Meters>>,
    nodes: NodeCount,
    /// `None` for a process that is the only one.
    portions: Option<Portions>,
}

/// Idle meters are looked for whenever there are so many times two.
const FEW_METERS: usize = 4096;

impl MeterRegistry {
    /// The meters of this process among those that use `db`.
    pub(super) fn of_one_on(db: &Db) -> Self {
        Self { meters: Mutex::default(), nodes: db.nodes(), portions: Portions::of_one_on(db) }
    }

    /// The meters for what was just read; `used` is its use of the month of `now`.
    pub(super) fn of(&self, id: &str, metered: Metered, used: u64, now: Timestamp) -> Meters {
        let mut registry = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
        if metered == Metered::default() {
            registry.remove(id);
            return Meters::default();
        }
        if registry.len() >= FEW_METERS && registry.len().is_power_of_two() {
            // What is counted and not yet written is held by the recorder and so not idle.
            registry.retain(|_, meters| !meters.is_idle());
        }
        let known = registry.remove(id).unwrap_or_default();
        let rate = metered.rate.map(|limit| {
            known
                .rate
                .filter(|rate| rate.limit() == limit)
                .unwrap_or_else(|| Arc::new(Gcra::new(limit, self.nodes.clone())))
        });
        let month = metered.quota.map(|_| {
            known.month.unwrap_or_else(|| Arc::new(MonthlyUse::new(used, self.portions.clone(), now)))
        });
        let meters = Meters { rate, month };
        registry.insert(id.to_owned(), meters.clone());
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
    use time::macros::datetime;

    use super::*;

    const NOW: Timestamp = datetime!(2026-12-31 23:59:30);

    #[test]
    fn a_meter_goes_on_until_its_own_limit_changes() {
        let registry = MeterRegistry::default();
        let metered = |rate: &str| Metered { rate: rate.parse().ok(), quota: None };
        let before = registry.of("a", metered("5/hour"), 0, NOW).rate.unwrap();
        before.admit(5, NOW);
        let after = registry.of("a", metered("5/hour"), 0, NOW).rate.unwrap();
        assert!(after.admit(1, NOW).retry_after_seconds.is_some());
        let changed = registry.of("a", metered("6/hour"), 0, NOW).rate.unwrap();
        assert_eq!(changed.admit(1, NOW).remaining, 5);
        assert!(registry.of("a", Metered::default(), 0, NOW).rate.is_none());
    }
}
