//! What is counted for whoever watches the server: numbers that cost a few atomic operations each, so that also
//! what happens a hundred thousand times in a second can be counted.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// The upper bounds of what a [`Histogram`] tells apart: from what memory answers to what somebody gives up on.
pub const BOUNDS: [Duration; 17] = [
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

/// A number that only goes up.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many there were.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How long something took, each time.
#[derive(Debug, Default)]
pub struct Histogram {
    /// Those up to each of the [`BOUNDS`] and above the one before.
    within: [Counter; BOUNDS.len()],
    beyond: Counter,
    nanoseconds: AtomicU64,
}

/// What a [`Histogram`] has counted so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// For each of the [`BOUNDS`], how many took no longer.
    pub within: Vec<(Duration, u64)>,
    /// How many there were.
    pub count: u64,
    /// How long all of them took together.
    pub sum: Duration,
}

impl Histogram {
    /// Something took so long.
    pub fn observe(&self, took: Duration) {
        let place = BOUNDS.iter().zip(&self.within).find(|(bound, _)| took <= **bound);
        place.map_or(&self.beyond, |(_, counter)| counter).increment();
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// What was counted. What is counted meanwhile may be in one of the numbers and not in another.
    pub fn observed(&self) -> Observed {
        let mut count = 0;
        let within = BOUNDS
            .into_iter()
            .zip(&self.within)
            .map(|(bound, counter)| {
                count += counter.get();
                (bound, count)
            })
            .collect();
        count += self.beyond.get();
        Observed { within, count, sum: Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)) }
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.within.iter().chain([&self.beyond]).map(Counter::get).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_counts_what_took_no_longer() {
        let histogram = Histogram::default();
        for took in [0, 50_000, 50_001, 1_000_000, 10_000_000_001] {
            histogram.observe(Duration::from_nanos(took));
        }
        let Observed { within, count, sum } = histogram.observed();
        let up_to = |bound| within.iter().find(|(other, _)| *other == bound).map(|(_, count)| *count);
        assert_eq!(up_to(Duration::from_micros(50)), Some(2));
        assert_eq!(up_to(Duration::from_micros(100)), Some(3));
        assert_eq!(up_to(Duration::from_micros(500)), Some(3));
        assert_eq!(up_to(Duration::from_millis(1)), Some(4));
        assert_eq!(up_to(Duration::from_secs(10)), Some(4));
        assert_eq!((count, histogram.count()), (5, 5));
        assert_eq!(sum, Duration::from_nanos(10_001_100_002));
    }

    #[test]
    fn bounds_rise() {
        assert!(BOUNDS.is_sorted());
    }
}
