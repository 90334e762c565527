//! What happened to a key since it was last written, beside the key in memory.

use std::{
    mem,
    sync::{Mutex, PoisonError},
};

use super::{Client, Outcome, Span, clients::Clients};
use crate::clock::Timestamp;

/// Requests with one outcome, and what they cost.
#[derive(Clone, Copy, Debug)]
pub(in crate::domain) struct Sum {
    pub(in crate::domain) outcome: Outcome,
    pub(in crate::domain) requests: i64,
    pub(in crate::domain) units: i64,
}

/// What happened to one key or token since it was last written. Mostly that is nothing, and then
/// it takes 16 bytes: of a million keys in memory few are used between two writings.
#[derive(Debug, Default)]
pub(in crate::domain) struct Tally(Mutex<Option<Box<Pending>>>);

/// What is to be written of one key or token.
#[derive(Debug)]
pub(in crate::domain) struct Pending {
    pub(in crate::domain) last_used_at: Option<Timestamp>,
    pub(in crate::domain) clients: Clients,
    hour: HourCounts,
    /// Hours before it that could not be written in time.
    earlier: Vec<HourCounts>,
}

/// The requests of one hour.
#[derive(Debug)]
struct HourCounts {
    begins_at: Timestamp,
    requests: [u32; Outcome::ALL.len()],
    /// What the accepted ones cost.
    units: u64,
}

/// What is waiting to be written after a count.
#[derive(Clone, Copy, Debug)]
pub(in crate::domain) struct Counted {
    /// Whether this was the first count since the last writing.
    pub(in crate::domain) is_first: bool,
    /// What the accepted requests since then cost.
    pub(in crate::domain) unwritten_units: u64,
}

impl Tally {
    /// Counts.
    pub(in crate::domain) fn count(
        &self,
        outcome: Outcome,
        cost: u32,
        client: Option<Client<'_>>,
        now: Timestamp,
    ) -> Counted {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = slot.is_none();
        let pending = slot.get_or_insert_with(|| Box::new(Pending::new(Span::Hour.begin(now))));
        pending.count(outcome, cost, now);
        if let Some(client) = client {
            pending.clients.note(client, now);
        }
        Counted { is_first, unwritten_units: pending.units() }
    }

    /// Everything counted, to be written.
    pub(in crate::domain) fn take(&self) -> Option<Box<Pending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Adds what could not be written; tells whether nothing was counted meanwhile.
    pub(in crate::domain) fn put_back(&self, taken: Box<Pending>) -> bool {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let meanwhile = slot.take();
        let is_first = meanwhile.is_none();
        let mut pending = taken;
        if let Some(meanwhile) = meanwhile {
            pending.add(*meanwhile);
        }
        *slot = Some(pending);
        is_first
    }
}

impl Pending {
    fn new(hour_begins_at: Timestamp) -> Self {
        Self {
            last_used_at: None,
            clients: Clients::default(),
            hour: HourCounts::new(hour_begins_at),
            earlier: Vec::new(),
        }
    }

    fn count(&mut self, outcome: Outcome, cost: u32, now: Timestamp) {
        let begins_at = Span::Hour.begin(now);
        if begins_at != self.hour.begins_at {
            self.earlier.push(mem::replace(&mut self.hour, HourCounts::new(begins_at)));
        }
        if let Some(requests) = self.hour.requests.get_mut(outcome as usize) {
            *requests = requests.saturating_add(1);
        }
        if outcome == Outcome::Valid {
            self.hour.units += u64::from(cost);
            self.last_used_at = self.last_used_at.max(Some(now));
        }
    }

    fn units(&self) -> u64 {
        self.counts().map(|counts| counts.units).sum()
    }

    /// What the accepted requests from `begin` on cost, which is the beginning of an hour.
    pub(in crate::domain) fn units_since(&self, begin: Timestamp) -> u64 {
        self.counts().filter(|counts| counts.begins_at >= begin).map(|counts| counts.units).sum()
    }

    /// When the last hour began that is in it.
    pub(in crate::domain) fn begins_at(&self) -> Timestamp {
        self.hour.begins_at
    }

    /// Whether a request had this outcome.
    pub(in crate::domain) fn has(&self, outcome: Outcome) -> bool {
        self.counts()
            .any(|counts| counts.requests.get(outcome as usize).is_some_and(|requests| *requests > 0))
    }

    fn counts(&self) -> impl Iterator<Item = &HourCounts> {
        self.earlier.iter().chain([&self.hour])
    }

    fn add(&mut self, later: Self) {
        let Self { last_used_at, clients, hour, earlier } = later;
        self.last_used_at = self.last_used_at.max(last_used_at);
        self.clients.add(clients);
        for counts in earlier.into_iter().chain([hour]) {
            if counts.begins_at == self.hour.begins_at {
                self.hour.add(&counts);
            } else {
                self.earlier.push(mem::replace(&mut self.hour, counts));
            }
        }
    }

    /// What is to be added to the hours, each by the instant at which it begins.
    pub(in crate::domain) fn sums(&self) -> impl Iterator<Item = (Timestamp, Sum)> {
        self.counts().flat_map(|counts| counts.sums().map(|sum| (counts.begins_at, sum)))
    }
}

impl HourCounts {
    fn new(begins_at: Timestamp) -> Self {
        Self { begins_at, requests: Default::default(), units: 0 }
    }

    fn add(&mut self, other: &Self) {
        for (requests, more) in self.requests.iter_mut().zip(other.requests) {
            *requests = requests.saturating_add(more);
        }
        self.units += other.units;
    }

    fn sums(&self) -> impl Iterator<Item = Sum> {
        Outcome::ALL.into_iter().zip(self.requests).filter(|(_, requests)| *requests > 0).map(
            |(outcome, requests)| Sum {
                outcome,
                requests: requests.into(),
                units: if outcome == Outcome::Valid {
                    i64::try_from(self.units).unwrap_or(i64::MAX)
                } else {
                    0
                },
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::*;

    const NOW: Timestamp = datetime!(2026-11-30 23:59:58);

    fn taken(tally: &Tally) -> Vec<(u8, &'static str, i64, i64)> {
        let pending = tally.take().unwrap();
        pending
            .sums()
            .map(|(hour, sum)| (hour.hour(), sum.outcome.as_str(), sum.requests, sum.units))
            .collect()
    }

    #[test]
    fn requests_belong_to_the_hour_in_which_they_came() {
        let tally = Tally::default();
        assert!(tally.count(Outcome::Valid, 3, None, NOW).is_first);
        assert!(!tally.count(Outcome::RateLimited, 3, None, NOW).is_first);
        assert!(!tally.count(Outcome::Valid, 1, None, NOW + Duration::seconds(5)).is_first);
        assert_eq!(taken(&tally), [(23, "valid", 1, 3), (23, "rate_limited", 1, 0), (0, "valid", 1, 1)]);
        assert!(tally.take().is_none());
    }

    #[test]
    fn what_is_put_back_joins_what_was_counted_meanwhile() {
        let tally = Tally::default();
        tally.count(Outcome::Valid, 2, None, NOW);
        let pending = tally.take().unwrap();
        assert!(tally.put_back(pending));
        assert!(!tally.count(Outcome::Valid, 5, None, NOW).is_first);
        let pending = tally.take().unwrap();
        assert!(tally.count(Outcome::Expired, 1, None, NOW + Duration::HOUR).is_first);
        assert!(!tally.put_back(pending));
        assert_eq!(taken(&tally), [(23, "valid", 2, 7), (0, "expired", 1, 0)]);
    }

    #[test]
    fn last_use_is_the_last_that_was_accepted() {
        let tally = Tally::default();
        tally.count(Outcome::Valid, 1, None, NOW);
        tally.count(Outcome::Deactivated, 1, None, NOW + Duration::SECOND);
        assert_eq!(tally.take().unwrap().last_used_at, Some(NOW));
    }
}
