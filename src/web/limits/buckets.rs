//! Counts of subjects that strangers choose, in memory of a fixed size.

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use crate::domain::throttles::TooOften;

/// Counts: half a mebibyte. Two subjects share one once in 65,536 times, and nobody can choose which,
/// since the hash has a key of this process.
const BUCKETS: usize = 1 << 16;

/// Rate limits of many subjects, each a theoretical arrival time as in `domain::gcra`.
pub(super) struct Buckets {
    arrivals: Box<[AtomicU64]>,
    hasher: RandomState,
    started: Instant,
    step: u64,
    burst: u64,
}

impl Buckets {
    /// Counts that are empty; each takes so many in a period.
    pub(super) fn new((most, period): (u32, Duration)) -> Self {
        let step = microseconds(period) / u64::from(most.max(1));
        Self {
            arrivals: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
            started: Instant::now(),
            step,
            burst: step * u64::from(most),
        }
    }

    /// Counts one for a subject, or tells how long to wait.
    pub(super) fn count(&self, subject: &str) -> Result<(), TooOften> {
        self.count_at(subject, microseconds(self.started.elapsed()))
    }

    fn count_at(&self, subject: &str, now: u64) -> Result<(), TooOften> {
        let place = self.hasher.hash_one(subject) as usize % BUCKETS;
        let Some(arrival) = self.arrivals.get(place) else { return Ok(()) };
        let after_one_more = |arrival: u64| arrival.max(now) + self.step;
        let counted = arrival.fetch_update(Ordering::AcqRel, Ordering::Acquire, |arrival| {
            Some(after_one_more(arrival)).filter(|after| after - now <= self.burst)
        });
        counted.map(drop).map_err(|arrival| {
            let wait = Duration::from_micros(after_one_more(arrival) - now - self.burst);
            TooOften { retry_after_seconds: wait.as_secs() + 1 }
        })
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn a_burst_is_taken_and_then_one_at_a_time() {
        let buckets = Buckets::new((4, Duration::from_secs(60)));
        for _ in 0..4 {
            assert_eq!(buckets.count_at("dana", 0), Ok(()));
        }
        assert_eq!(buckets.count_at("dana", 0), Err(TooOften { retry_after_seconds: 16 }));
        assert_eq!(buckets.count_at("dana", 15 * SECOND), Ok(()));
        assert!(buckets.count_at("dana", 15 * SECOND).is_err());
        assert_eq!(buckets.count_at("dana", 1000 * SECOND), Ok(()));
    }

    #[test]
    fn a_flood_of_subjects_takes_no_memory_and_leaves_most_others_alone() {
        let buckets = Buckets::new((1, Duration::from_secs(60)));
        for number in 0..10_000 {
            let _ = buckets.count_at(&format!("{number}@flood.example"), 0);
        }
        assert_eq!(buckets.arrivals.len(), BUCKETS);
        let alone =
            (0..1000).filter(|number| buckets.count_at(&format!("person {number}"), 0).is_ok()).count();
        assert!(alone > 700, "{alone}");
    }
}
