//! Rate limits by the generic cell rate algorithm: one number in memory for each key, and for each organization.
//!
//! The number is the theoretical arrival time: the instant at which everything admitted so far
//! would have arrived, had it come evenly. A request is admitted while that instant is no more
//! than one period ahead, so a full burst is the limit itself.

use std::sync::atomic::{AtomicU64, Ordering};

use super::key_settings::RateLimit;
use crate::{clock::Timestamp, db::NodeCount};

const NANOSECONDS_IN_SECOND: u64 = 1_000_000_000;

/// The state of one key's rate limit.
#[derive(Debug)]
pub struct Gcra {
    limit: RateLimit,
    /// Each of them admits its part.
    nodes: NodeCount,
    /// Nanoseconds since 1970.
    arrival: AtomicU64,
}

/// What is left of a rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLeft {
    /// The limit.
    pub limit: RateLimit,
    /// What could be admitted at once.
    pub remaining: u32,
    /// Seconds until all of it could, rounded up.
    pub reset_seconds: u64,
    /// For a rejection: seconds until it would be admitted, rounded up.
    pub retry_after_seconds: Option<u64>,
}

impl Gcra {
    /// A limit of which nothing is used, which so many nodes share.
    pub fn new(limit: RateLimit, nodes: NodeCount) -> Self {
        Self { limit, nodes, arrival: AtomicU64::new(0) }
    }

    /// The limit.
    pub fn limit(&self) -> RateLimit {
        self.limit
    }

    /// Admits `cost` at the instant `now`, or takes nothing.
    pub fn admit(&self, cost: u32, now: Timestamp) -> RateLeft {
        let admitted = self.arrival.fetch_update(Ordering::AcqRel, Ordering::Acquire, |arrival| {
            let ahead = self.ahead(arrival, cost, now);
            (ahead <= self.burst()).then(|| nanoseconds(now).saturating_add(ahead))
        });
        self.answer(admitted.unwrap_or_else(|refused| refused), cost, now)
    }

    /// Gives back what was admitted to a request that was refused after all.
    pub fn give_back(&self, cost: u32) {
        let price = self.price(cost);
        let _ = self
            .arrival
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |arrival| Some(arrival.saturating_sub(price)));
    }

    /// What [`admit`](Self::admit) would answer. Takes nothing.
    pub fn peek(&self, cost: u32, now: Timestamp) -> RateLeft {
        self.answer(self.arrival.load(Ordering::Acquire), cost, now)
    }

    fn answer(&self, arrival: u64, cost: u32, now: Timestamp) -> RateLeft {
        let ahead = self.ahead(arrival, cost, now);
        match ahead.checked_sub(self.burst()) {
            None | Some(0) => self.left(ahead, None),
            Some(wait) => self.left(ahead - self.price(cost), Some(seconds(wait))),
        }
    }

    /// How far ahead of `now` the arrival would be once `cost` were admitted. An arrival further
    /// ahead than a burst means that the clock was set back.
    fn ahead(&self, arrival: u64, cost: u32, now: Timestamp) -> u64 {
        let now = nanoseconds(now);
        let arrival = arrival.clamp(now, now.saturating_add(self.burst()));
        (arrival - now).saturating_add(self.price(cost))
    }

    fn price(&self, cost: u32) -> u64 {
        self.gap().saturating_mul(u64::from(cost))
    }

    fn left(&self, ahead: u64, retry_after_seconds: Option<u64>) -> RateLeft {
        let remaining = self.burst().saturating_sub(ahead) / self.gap();
        RateLeft {
            limit: self.limit,
            remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
            reset_seconds: seconds(ahead),
            retry_after_seconds,
        }
    }

    /// Between two requests that come evenly to all nodes; rounded up, so that never too many are admitted.
    fn gap_of_all(&self) -> u64 {
        let period = u64::from(self.limit.period.seconds()) * NANOSECONDS_IN_SECOND;
        period.div_ceil(u64::from(self.limit.count.get())).max(1)
    }

    /// Between two that come evenly to this one.
    fn gap(&self) -> u64 {
        self.gap_of_all() * u64::from(self.nodes.get())
    }

    /// One request at least, though the nodes may be more than the requests of a period.
    fn burst(&self) -> u64 {
        (self.gap_of_all() * u64::from(self.limit.count.get())).max(self.gap())
    }
}

fn seconds(nanoseconds: u64) -> u64 {
    nanoseconds.div_ceil(NANOSECONDS_IN_SECOND)
}

fn nanoseconds(at: Timestamp) -> u64 {
    u64::try_from(at.assume_utc().unix_timestamp_nanos()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::prelude::*;
    use time::{Duration, macros::datetime};

    use super::*;
    use crate::domain::key_settings::Period;

    const START: Timestamp = datetime!(2026-11-23 10:00);

    fn limit(count: u32, period: Period) -> RateLimit {
        RateLimit { count: NonZeroU32::new(count).unwrap(), period }
    }

    #[test]
    fn a_burst_is_the_limit_and_then_one_at_a_time() {
        let gcra = Gcra::new(limit(60, Period::Minute), NodeCount::default());
        for left in (0..60).rev() {
            assert_eq!(gcra.admit(1, START).remaining, left);
        }
        let refused = gcra.admit(1, START);
        assert_eq!((refused.retry_after_seconds, refused.remaining, refused.reset_seconds), (Some(1), 0, 60));
        let later = gcra.admit(1, START + Duration::SECOND);
        assert_eq!((later.retry_after_seconds, later.remaining), (None, 0));
    }

    #[test]
    fn nodes_together_admit_what_one_would() {
        for (count, nodes) in [(60, 3), (60, 7), (1, 3), (2, 5)] {
            let nodes_there = NodeCount::default();
            nodes_there.set(nodes);
            let all: Vec<Gcra> =
                (0..nodes).map(|_| Gcra::new(limit(count, Period::Minute), nodes_there.clone())).collect();
            let mut admitted = 0;
            for second in 0..600 {
                let now = START + Duration::seconds(second);
                for node in &all {
                    admitted += u32::from(node.admit(1, now).retry_after_seconds.is_none());
                }
            }
            // What comes in ten minutes, and the burst at the start.
            let most = 11 * count + nodes;
            assert!(admitted <= most && admitted >= 9 * count, "{admitted} of {count} a minute on {nodes}");
        }
    }

    #[test]
    fn what_is_given_back_can_be_admitted_again() {
        let gcra = Gcra::new(limit(5, Period::Minute), NodeCount::default());
        for _ in 0..20 {
            assert_eq!(gcra.admit(3, START).remaining, 2);
            gcra.give_back(3);
        }
        assert_eq!(gcra.admit(5, START).retry_after_seconds, None);
    }

    #[test]
    fn a_cost_above_the_limit_is_never_admitted_and_takes_nothing() {
        let gcra = Gcra::new(limit(5, Period::Second), NodeCount::default());
        assert!(gcra.admit(6, START).retry_after_seconds.is_some());
        assert_eq!(gcra.admit(5, START).retry_after_seconds, None);
    }

    #[test]
    fn a_clock_that_is_set_back_shuts_nobody_out_for_longer_than_a_period() {
        let gcra = Gcra::new(limit(2, Period::Minute), NodeCount::default());
        gcra.admit(2, START + Duration::days(300));
        assert_eq!(gcra.admit(1, START).retry_after_seconds, Some(30));
    }

    fn period() -> impl Strategy<Value = Period> {
        prop_oneof![Just(Period::Second), Just(Period::Minute), Just(Period::Hour)]
    }

    proptest! {
        /// In a window of length w: what flows in during w, and one burst.
        #[test]
        fn no_window_admits_more_than_the_limit_and_a_burst(
            count in 1u32..2000,
            period in period(),
            steps in prop::collection::vec((0i64..3_000_000, 1u32..50), 1..200),
        ) {
            let gcra = Gcra::new(limit(count, period), NodeCount::default());
            let (mut now, mut admitted) = (START, Vec::new());
            for (microseconds, cost) in steps {
                now += Duration::microseconds(microseconds);
                if gcra.admit(cost, now).retry_after_seconds.is_none() {
                    admitted.push((now, u128::from(cost)));
                }
            }
            for (place, (first, _)) in admitted.iter().enumerate() {
                let mut sum = 0;
                for (last, cost) in &admitted[place..] {
                    sum += cost;
                    let window = (*last - *first).whole_nanoseconds().unsigned_abs();
                    let flow = window * u128::from(count) / (u128::from(period.seconds()) * 1_000_000_000);
                    prop_assert!(sum <= flow + u128::from(count), "{sum} in {window} ns");
                }
            }
        }

        #[test]
        fn what_is_told_to_wait_is_admitted_after_that(count in 1u32..500, period in period(), cost in 1u32..500) {
            prop_assume!(cost <= count);
            let gcra = Gcra::new(limit(count, period), NodeCount::default());
            while gcra.admit(cost, START).retry_after_seconds.is_none() {}
            let wait = gcra.admit(cost, START).retry_after_seconds.unwrap();
            let later = START + Duration::seconds(i64::try_from(wait).unwrap());
            prop_assert_eq!(gcra.admit(cost, later).retry_after_seconds, None);
        }

        #[test]
        fn a_peek_changes_nothing_and_predicts_what_comes_next(
            count in 1u32..500,
            period in period(),
            steps in prop::collection::vec((-2_000_000i64..3_000_000, 0u32..600), 1..100),
        ) {
            let gcra = Gcra::new(limit(count, period), NodeCount::default());
            let mut now = START;
            for (microseconds, cost) in steps {
                now += Duration::microseconds(microseconds);
                let before = gcra.arrival.load(Ordering::Acquire);
                let told = gcra.peek(cost, now);
                prop_assert_eq!(gcra.peek(cost, now), told);
                prop_assert_eq!(gcra.arrival.load(Ordering::Acquire), before);
                prop_assert_eq!(gcra.admit(cost, now), told);
            }
        }
    }
}
