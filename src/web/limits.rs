//! What costs little but must not be endless, counted in memory of a fixed size.
//!
//! What is worth more to an attacker (tries at passwords, sign-ups, mails) is counted in the database,
//! where every node sees it: `domain::throttles`.

mod buckets;

use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    middleware::StateInformationMiddleware,
};
use tokio::sync::{Semaphore, SemaphorePermit};

use self::buckets::Buckets;
pub use crate::domain::throttles::TooOften;
use crate::domain::throttles::origin;

/// In what requests to the management API are counted.
pub const REQUESTS_PERIOD: Duration = Duration::from_secs(60);
/// Guesses at keys and links, by address of origin.
const GUESSES: (u32, Duration) = (100, Duration::from_secs(60));
/// Writes of one person by pages, in a burst and then two a second. Nobody clicks so fast; a program
/// that does could fill a disk with the audit log.
const WRITES: (u32, Duration) = (120, Duration::from_secs(60));
/// Forms sent without a session, by address of origin: a whole office may log in at nine o'clock.
const FORMS_OF_STRANGERS: (u32, Duration) = (300, Duration::from_secs(30));

/// Large bodies that may arrive at once: with a mebibyte each they take 32.
const LARGE_BODIES: usize = 32;

type Informing = DefaultKeyedRateLimiter<String, StateInformationMiddleware>;

/// The limits and their counts.
pub struct Limits {
    guesses: Buckets,
    writes: Buckets,
    forms_of_strangers: Buckets,
    large_bodies: Semaphore,
    requests_a_minute: NonZeroU32,
    /// By master tokens that exist, and so bounded by their number.
    requests: Informing,
    clock: DefaultClock,
    has_met_unknown_proxy: AtomicBool,
}

/// What is left of a token's calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestsLeft {
    /// Calls that a token has in [`REQUESTS_PERIOD`].
    pub most: NonZeroU32,
    /// Calls that could be made at once.
    pub remaining: u32,
    wait: Option<TooOften>,
}

impl RequestsLeft {
    /// Seconds until all of them could be made at once, rounded up.
    pub fn reset_seconds(&self) -> u64 {
        let (most, spent) = (u64::from(self.most.get()), u64::from(self.most.get() - self.remaining));
        (spent * REQUESTS_PERIOD.as_secs()).div_ceil(most)
    }

    /// Whether this call was one too many.
    pub fn check(&self) -> Result<(), TooOften> {
        self.wait.map_or(Ok(()), Err)
    }
}

impl Limits {
    /// Limits of which nothing is used; a master token has `requests_a_minute`.
    pub fn new(requests_a_minute: NonZeroU32) -> Self {
        Self {
            requests_a_minute,
            requests: RateLimiter::keyed(quota(requests_a_minute, REQUESTS_PERIOD)).with_middleware(),
            guesses: Buckets::new(GUESSES),
            writes: Buckets::new(WRITES),
            forms_of_strangers: Buckets::new(FORMS_OF_STRANGERS),
            large_bodies: Semaphore::new(LARGE_BODIES),
            clock: DefaultClock::default(),
            has_met_unknown_proxy: AtomicBool::new(false),
        }
    }

    /// Counts a link or credential that was not found.
    pub fn guess(&self, ip: Option<IpAddr>) -> Result<(), TooOften> {
        self.guesses.count(&origin(ip))
    }

    /// Counts a form that somebody sent, who may be logged in.
    pub fn write(&self, user_id: Option<&str>, ip: Option<IpAddr>) -> Result<(), TooOften> {
        match user_id {
            Some(user_id) => self.writes.count(user_id),
            None => self.forms_of_strangers.count(&origin(ip)),
        }
    }

    /// Room for a large body until it is read; `None` while many others arrive.
    pub fn room_for_large_body(&self) -> Option<SemaphorePermit<'_>> {
        self.large_bodies.try_acquire().ok()
    }

    /// Whether this is the first request that came through a proxy which nobody configured.
    pub fn meets_unknown_proxy(&self) -> bool {
        !self.has_met_unknown_proxy.swap(true, Ordering::Relaxed)
    }

    /// Whether there was such a request.
    pub fn has_met_unknown_proxy(&self) -> bool {
        self.has_met_unknown_proxy.load(Ordering::Relaxed)
    }

    /// Counts a call of a master token, and tells what is left.
    pub fn call(&self, token_id: &str) -> RequestsLeft {
        let most = self.requests_a_minute;
        match self.requests.check_key(&token_id.to_owned()) {
            Ok(left) => RequestsLeft { most, remaining: left.remaining_burst_capacity(), wait: None },
            Err(not_until) => {
                let wait = not_until.wait_time_from(self.clock.now());
                RequestsLeft {
                    most,
                    remaining: 0,
                    wait: Some(TooOften { retry_after_seconds: wait.as_secs() + 1 }),
                }
            }
        }
    }

    /// Forgets counts of tokens that are full again.
    pub fn purge_expired(&self) {
        self.requests.retain_recent();
        self.requests.shrink_to_fit();
    }
}

fn quota(most: NonZeroU32, period: Duration) -> Quota {
    let quota = Quota::with_period(period / most.get()).map(|quota| quota.allow_burst(most));
    quota.unwrap_or(Quota::per_hour(most))
}
