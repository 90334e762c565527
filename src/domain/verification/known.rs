//! What verification keeps in memory of keys and tokens, and how it judges a key.

use std::{net::IpAddr, sync::Arc};

use uuid::Uuid;

use super::meters::{Meters, MonthlyUse, QuotaLeft};
use crate::{
    clock::Timestamp,
    domain::{
        gcra::{Gcra, RateLeft},
        key_settings::{KeySettings, Metadata, MonthlyQuota, Networks, Scopes},
        master_tokens::MasterToken,
        organizations::Organization,
        rotation::{LiveRotation, Side},
        usage::{Outcome, Tally},
    },
};

/// What verification knows of a key. There may be a million of these, so what few keys have, and
/// what is counted between two writings, is boxed.
#[derive(Debug)]
pub struct KnownKey {
    /// The key's id.
    pub id: Uuid,
    /// Its name.
    pub name: Box<str>,
    /// The organization that it belongs to; keys of one organization share it.
    pub organization: Arc<Organization>,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    pub(super) is_deactivated: bool,
    /// `None` for a key without settings, which then costs nothing.
    pub(super) rules: Option<Box<Rules>>,
    /// While a rotation is under way: which of its secrets this is.
    pub(in crate::domain) rotation: Option<Box<(Side, Arc<LiveRotation>)>>,
    pub(in crate::domain) tally: Tally,
}

/// The settings that a key is judged by.
#[derive(Debug)]
pub(super) struct Rules {
    scopes: Scopes,
    networks: Networks,
    metadata: Option<Metadata>,
    rate: Option<Arc<Gcra>>,
    quota: Option<(MonthlyQuota, Arc<MonthlyUse>)>,
}

impl Rules {
    /// The rules in `settings`, unless there are none.
    pub(super) fn of(settings: KeySettings, meters: Meters) -> Option<Box<Self>> {
        let KeySettings { scopes, networks, rate_limit: _, monthly_quota, metadata, description: _ } =
            settings;
        let quota = monthly_quota.zip(meters.month);
        let is_empty = scopes.is_empty()
            && networks.is_empty()
            && metadata.is_none()
            && meters.rate.is_none()
            && quota.is_none();
        (!is_empty).then(|| Box::new(Self { scopes, networks, metadata, rate: meters.rate, quota }))
    }
}

/// What is asked of a key.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'a> {
    /// The only organization whose keys count.
    pub organization: Option<&'a str>,
    /// The name that the key must bear.
    pub name: Option<&'a str>,
    /// The scopes that it needs, all of them.
    pub scopes: &'a [String],
    /// Where the request comes from, if that is known.
    pub client_ip: Option<IpAddr>,
    /// What the request takes of the limits.
    pub cost: u32,
}

impl Default for Demand<'_> {
    fn default() -> Self {
        Self { organization: None, name: None, scopes: &[], client_ip: None, cost: 1 }
    }
}

/// What a key's limits leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Of its rate limit.
    pub rate: Option<RateLeft>,
    /// Of its monthly quota.
    pub quota: Option<QuotaLeft>,
}

impl Limits {
    /// For a refusal: when it is worth trying again.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let by_quota = self.quota.filter(|quota| quota.is_exceeded).map(|quota| quota.reset_seconds);
        self.rate.and_then(|rate| rate.retry_after_seconds).or(by_quota)
    }
}

impl KnownKey {
    /// Its scopes.
    pub fn scopes(&self) -> &[String] {
        self.rules.as_ref().map(|rules| rules.scopes.as_slice()).unwrap_or_default()
    }

    /// Its metadata.
    pub fn metadata(&self) -> Option<&Metadata> {
        self.rules.as_ref().and_then(|rules| rules.metadata.as_ref())
    }

    /// Whether this is an old secret that has ended.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        matches!(self.rotation.as_deref(), Some((Side::Old, live)) if !live.get().is_under_way(now))
    }

    /// Notes that a new secret was accepted.
    pub(super) fn note_use(&self, now: Timestamp) {
        if let Some((Side::New, live)) = self.rotation.as_deref() {
            live.note_use(now);
        }
    }

    /// Judges a request. Limits are taken from last, and only by what passed everything else.
    pub(super) fn judge(&self, demand: &Demand<'_>, now: Timestamp) -> (Outcome, Limits) {
        let refused = |outcome| (outcome, Limits::default());
        if self.expires_at.is_some_and(|end| end <= now) {
            return refused(Outcome::Expired);
        }
        if self.is_deactivated {
            return refused(Outcome::Deactivated);
        }
        match &self.rules {
            Some(rules) => rules.judge(demand, now),
            None if demand.scopes.is_empty() => (Outcome::Valid, Limits::default()),
            None => refused(Outcome::InsufficientScope),
        }
    }
}

impl Rules {
    fn judge(&self, demand: &Demand<'_>, now: Timestamp) -> (Outcome, Limits) {
        let is_inside = demand.client_ip.is_some_and(|ip| self.networks.contain(ip));
        if !self.networks.is_empty() && !is_inside {
            return (Outcome::ForbiddenIp, Limits::default());
        }
        if !self.scopes.cover(demand.scopes) {
            return (Outcome::InsufficientScope, Limits::default());
        }
        let rate = self.rate.as_ref().map(|rate| rate.admit(demand.cost, now));
        if rate.is_some_and(|left| left.retry_after_seconds.is_some()) {
            return (Outcome::RateLimited, Limits { rate, quota: None });
        }
        let quota = self.quota.as_ref().map(|(quota, month)| month.spend(*quota, demand.cost, now));
        let is_exceeded = quota.is_some_and(|left| left.is_exceeded);
        let outcome = if is_exceeded { Outcome::QuotaExceeded } else { Outcome::Valid };
        (outcome, Limits { rate, quota })
    }
}

/// What verification knows of a master token that is switched on.
#[derive(Debug)]
pub struct KnownToken {
    /// The token.
    pub token: MasterToken,
    /// The organization that it belongs to.
    pub organization: Organization,
    pub(in crate::domain) tally: Tally,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_keys_take_their_bounded_place() {
        assert!(size_of::<KnownKey>() <= 88, "{} bytes", size_of::<KnownKey>());
    }
}
