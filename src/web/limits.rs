//! What must not happen too often, counted in memory.
//!
//! Mails are limited by what the database knows of earlier ones (`domain::email_links`), so a
//! restart does not lift those limits.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    middleware::StateInformationMiddleware,
};

/// As PyPI does: ten log-ins in five minutes, by account and by address of origin.
const LOG_INS: (NonZeroU32, Duration) = (nonzero(10), Duration::from_secs(300));
/// Requests without a log-in that cost mail or a password hash, by address of origin.
const SIGN_UPS: (NonZeroU32, Duration) = (nonzero(20), Duration::from_secs(3600));
/// In what requests to the management API are counted.
pub const REQUESTS_PERIOD: Duration = Duration::from_secs(60);
/// Guesses at keys and links, by address of origin.
const GUESSES: (NonZeroU32, Duration) = (nonzero(100), Duration::from_secs(60));

const fn nonzero(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

type Keyed = DefaultKeyedRateLimiter<String>;
type Informing = DefaultKeyedRateLimiter<String, StateInformationMiddleware>;

/// The limits and their counts.
pub struct Limits {
    log_ins_by_account: Keyed,
    log_ins_by_origin: Keyed,
    sign_ups: Keyed,
    guesses: Keyed,
    requests_a_minute: NonZeroU32,
    requests: Informing,
    clock: DefaultClock,
}

/// Too often: try again after this many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooOften {
    /// Whole seconds, rounded up.
    pub retry_after_seconds: u64,
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

impl TooOften {
    /// When to try again: "in 40 seconds".
    pub fn when(self) -> String {
        match self.retry_after_seconds {
            seconds @ 0..=90 => format!("in {seconds} seconds"),
            seconds => format!("in {} minutes", seconds.div_ceil(60)),
        }
    }
}

impl Limits {
    /// Limits of which nothing is used; a master token has `requests_a_minute`.
    pub fn new(requests_a_minute: NonZeroU32) -> Self {
        Self {
            requests_a_minute,
            requests: limiter((requests_a_minute, REQUESTS_PERIOD)).with_middleware(),
            log_ins_by_account: limiter(LOG_INS),
            log_ins_by_origin: limiter(LOG_INS),
            sign_ups: limiter(SIGN_UPS),
            guesses: limiter(GUESSES),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a log-in. A browser that logged in to this account before (`known_device`) has a
    /// count of its own, so that a stranger's failures do not lock the owner out (OWASP, device
    /// cookies; ASVS 6.1.1).
    pub fn log_in(&self, email: &str, known_device: bool, ip: Option<IpAddr>) -> Result<(), TooOften> {
        let account = if known_device { format!("{email} known") } else { email.to_owned() };
        self.count(&self.log_ins_by_account, account)?;
        self.count(&self.log_ins_by_origin, origin(ip))
    }

    /// Counts a sign-up, or another request that costs mail or a hash.
    pub fn sign_up(&self, ip: Option<IpAddr>) -> Result<(), TooOften> {
        self.count(&self.sign_ups, origin(ip))
    }

    /// Counts a link or credential that was not found.
    pub fn guess(&self, ip: Option<IpAddr>) -> Result<(), TooOften> {
        self.count(&self.guesses, origin(ip))
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

    /// Forgets counts that are full again, so that memory stays bounded.
    pub fn purge_expired(&self) {
        for limiter in [&self.log_ins_by_account, &self.log_ins_by_origin, &self.sign_ups, &self.guesses] {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        self.requests.retain_recent();
        self.requests.shrink_to_fit();
    }

    fn count(&self, limiter: &Keyed, key: String) -> Result<(), TooOften> {
        limiter.check_key(&key).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            TooOften { retry_after_seconds: wait.as_secs() + 1 }
        })
    }
}

fn limiter((most, period): (NonZeroU32, Duration)) -> Keyed {
    let quota = Quota::with_period(period / most.get()).map(|quota| quota.allow_burst(most));
    RateLimiter::keyed(quota.unwrap_or(Quota::per_hour(most)))
}

/// One count for an IPv4 address, one for an IPv6 /64: that is what one customer gets.
fn origin(ip: Option<IpAddr>) -> String {
    match ip {
        Some(IpAddr::V6(ip)) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Some(IpAddr::V4(ip)) => ip.to_string(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_log_in_waits_and_a_known_device_does_not() {
        let limits = Limits::new(nonzero(600));
        for number in 0..10u8 {
            let from = Some(IpAddr::from([192, 0, 2, number]));
            assert_eq!(limits.log_in("dana@lumen.example", false, from), Ok(()));
        }
        let elsewhere = Some(IpAddr::from([192, 0, 2, 99]));
        assert!(limits.log_in("dana@lumen.example", false, elsewhere).is_err());
        assert_eq!(limits.log_in("dana@lumen.example", true, elsewhere), Ok(()));
        assert_eq!(limits.log_in("ines@lumen.example", false, elsewhere), Ok(()));
    }

    #[test]
    fn one_origin_cannot_try_many_accounts() {
        let limits = Limits::new(nonzero(600));
        let results: Vec<_> = (0..12u16)
            .map(|n| {
                limits.log_in(
                    &format!("{n}@x.example"),
                    false,
                    Some(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, n])),
                )
            })
            .collect();
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 10);
    }
}
