//! What verification keeps in memory of keys and tokens, and how it evaluates a key.

use std::{net::IpAddr, sync::Arc};

use uuid::Uuid;

use super::{KnownOrganization, MonthlyUse, NeedsPortion, Outcome, QuotaLeft, Tally, meters::Meters};
use crate::{
    clock::Timestamp,
    db::{Db, DbError},
    domain::{
        access::Standing,
        gcra::{Gcra, RateLeft},
        key_settings::{KeySettings, Metadata, MonthlyQuota, Networks, Scopes},
        master_tokens::MasterToken,
        organization::Organization,
        rotation::{LiveRotation, Side},
    },
};

/// A quota is written down in this many parts at least, so that a process that is killed forgets two
/// of them at most: one that was being written and one that was counted meanwhile.
pub const PARTS_OF_A_QUOTA: u64 = 40;

/// What may be kept in memory for as long as it is as it was read.
pub(super) trait Known: Send + Sync + 'static {
    /// Whether its organization has not changed since. Its own changes take it out of memory.
    fn is_current(&self) -> bool;
}

impl Known for KnownKey {
    fn is_current(&self) -> bool {
        self.organization.is_current()
    }
}

impl Known for KnownToken {
    fn is_current(&self) -> bool {
        self.organization.is_current()
    }
}

/// What verification knows of a key. There may be a million of these, so what few keys have, and
/// what is counted between two writings, is boxed.
#[derive(Debug)]
pub struct KnownKey {
    /// The key's id.
    pub id: Uuid,
    /// Its name.
    pub name: Box<str>,
    /// The organization that it belongs to; keys of one organization share it.
    pub organization: Arc<KnownOrganization>,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    pub(super) is_deactivated: bool,
    /// `None` for a key without settings, which then costs nothing.
    pub(super) rules: Option<Box<Rules>>,
    /// While a rotation is under way: which of its secrets this is.
    pub(in crate::domain) rotation: Option<Box<(Side, Arc<LiveRotation>)>>,
    pub(in crate::domain) tally: Tally,
}

/// The settings that a key is evaluated by.
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
pub struct KeyRequest<'a> {
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

impl Default for KeyRequest<'_> {
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
    /// For a rejection: when it is worth trying again.
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

    /// What accepted requests may cost before that is written, where a quota stands over them.
    pub(in crate::domain) fn max_unwritten_units(&self) -> Option<u64> {
        let (quota, _) = self.rules.as_ref()?.quota.as_ref()?;
        Some((quota.get() / PARTS_OF_A_QUOTA).max(1))
    }

    /// Whether this is a previous secret that has ended.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        matches!(self.rotation.as_deref(), Some((Side::Previous, live)) if !live.get().is_under_way(now))
    }

    /// Evaluates a request. Limits are taken from last, and only by what passed everything else.
    pub(super) fn evaluate(
        &self,
        wanted: &KeyRequest<'_>,
        now: Timestamp,
    ) -> Result<(Outcome, Limits), NeedsPortion> {
        if let Some(rejection) = self.rejections(wanted, now).next() {
            return Ok((rejection, Limits::default()));
        }
        let Some(rules) = &self.rules else { return Ok((Outcome::Valid, Limits::default())) };
        let cost = wanted.cost;
        // Before the rate limit, of which nothing may be taken when this has to be tried again.
        let quota = rules.quota.as_ref().map(|(quota, month)| month.spend(*quota, cost, now)).transpose()?;
        let rate = rules.rate.as_ref().map(|rate| rate.admit(cost, now));
        if is_limited(rate) {
            if let Some((_, month)) = rules.quota.as_ref().filter(|_| !is_exceeded(quota)) {
                month.give_back(cost, now);
            }
            return Ok((Outcome::RateLimited, Limits { rate, quota: None }));
        }
        let outcome = if is_exceeded(quota) { Outcome::QuotaExceeded } else { Outcome::Valid };
        Ok((outcome, Limits { rate, quota }))
    }

    /// Takes a portion of its quota for this node, for a request that costs `cost`.
    pub(super) async fn take_portion(&self, db: &Db, cost: u32, now: Timestamp) -> Result<(), DbError> {
        match self.rules.as_ref().and_then(|rules| rules.quota.as_ref()) {
            Some((quota, month)) => month.take_portion(db, self.id.to_string(), *quota, cost, now).await,
            None => Ok(()),
        }
    }

    /// What it has used of a monthly quota, if it has one.
    pub(in crate::domain) fn monthly_use(&self) -> Option<&MonthlyUse> {
        self.rules.as_ref()?.quota.as_ref().map(|(_, month)| &**month)
    }

    /// Every reason why [`evaluate`](Self::evaluate) would refuse, the one that it would give first, and
    /// what the limits would leave. Takes nothing.
    pub(super) fn dry_run(&self, wanted: &KeyRequest<'_>, now: Timestamp) -> (Vec<Outcome>, Limits) {
        let mut reasons: Vec<Outcome> = self.rejections(wanted, now).collect();
        let limits = self.peek(wanted.cost, now);
        reasons.extend(is_limited(limits.rate).then_some(Outcome::RateLimited));
        reasons.extend(is_exceeded(limits.quota).then_some(Outcome::QuotaExceeded));
        (reasons, limits)
    }

    /// What the limits would leave of a request that costs `cost`. Takes nothing.
    pub(super) fn peek(&self, cost: u32, now: Timestamp) -> Limits {
        let Some(rules) = &self.rules else { return Limits::default() };
        Limits {
            rate: rules.rate.as_ref().map(|rate| rate.peek(cost, now)),
            quota: rules.quota.as_ref().map(|(quota, month)| month.peek(*quota, cost, now)),
        }
    }

    /// The reasons to refuse a request before its limits are looked at, in the order that counts.
    fn rejections(&self, wanted: &KeyRequest<'_>, now: Timestamp) -> impl Iterator<Item = Outcome> {
        OBJECTIONS.into_iter().filter(move |rejection| match rejection {
            Outcome::OrganizationSuspended => self.organization.is_suspended(),
            Outcome::Expired => self.expires_at.is_some_and(|end| end <= now),
            Outcome::Deactivated => self.is_deactivated,
            Outcome::ForbiddenIp => self.rules.as_ref().is_some_and(|rules| !rules.let_in(wanted.client_ip)),
            _ => !self.covers(wanted.scopes),
        })
    }

    fn covers(&self, scopes: &[String]) -> bool {
        self.rules.as_ref().map_or(scopes.is_empty(), |rules| rules.scopes.cover(scopes))
    }

    /// What the key allows of that which `outcome` refuses, in the words of its settings.
    pub fn allowance(&self, outcome: Outcome) -> String {
        let Some(rules) = &self.rules else { return String::new() };
        match outcome {
            Outcome::ForbiddenIp => rules.networks.to_string(),
            Outcome::InsufficientScope => rules.scopes.to_string(),
            Outcome::RateLimited => text_of(rules.rate.as_ref().map(|rate| rate.limit())),
            Outcome::QuotaExceeded => text_of(rules.quota.as_ref().map(|(quota, _)| quota.get())),
            Outcome::Valid | Outcome::Expired | Outcome::Deactivated | Outcome::OrganizationSuspended => {
                String::new()
            }
        }
    }
}

/// What a key can be refused for before its limits are looked at, in the order that counts.
const OBJECTIONS: [Outcome; 5] = [
    Outcome::OrganizationSuspended,
    Outcome::Expired,
    Outcome::Deactivated,
    Outcome::ForbiddenIp,
    Outcome::InsufficientScope,
];

fn text_of(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn is_limited(rate: Option<RateLeft>) -> bool {
    rate.is_some_and(|left| left.retry_after_seconds.is_some())
}

fn is_exceeded(quota: Option<QuotaLeft>) -> bool {
    quota.is_some_and(|left| left.is_exceeded)
}

impl Rules {
    fn let_in(&self, client_ip: Option<IpAddr>) -> bool {
        self.networks.is_empty() || client_ip.is_some_and(|ip| self.networks.contain(ip))
    }
}

/// What verification knows of a master token that is switched on.
#[derive(Debug)]
pub struct KnownToken {
    /// The token.
    pub token: MasterToken,
    /// The organization that it belongs to.
    pub organization: Arc<KnownOrganization>,
    pub(in crate::domain) tally: Tally,
}

impl KnownToken {
    pub(super) fn new(token: MasterToken, organization: Arc<KnownOrganization>) -> Self {
        Self { token, organization, tally: Tally::default() }
    }

    /// What the token proves in its organization, when it is accepted from `ip`.
    pub fn standing(&self, ip: Option<IpAddr>) -> Standing {
        self.token.standing(Organization::clone(&self.organization), ip)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::{Duration, macros::datetime};

    use super::*;
    use crate::domain::{
        rotation::{GracePeriod, Plan, Rotation, Starts},
        secret::SecretDigest,
        verification::meters::MeterRegistry,
    };

    #[test]
    fn a_million_keys_take_their_bounded_place() {
        assert!(size_of::<KnownKey>() <= 88, "{} bytes", size_of::<KnownKey>());
    }

    const START: Timestamp = datetime!(2026-11-23 10:00);

    fn settings() -> impl Strategy<Value = KeySettings> {
        let scopes = prop::sample::select(vec!["", "read", "read write"]);
        let networks = prop::sample::select(vec!["", "10.0.0.0/8"]);
        let rate = prop::option::of(prop::sample::select(vec!["3/second", "5/minute"]));
        (scopes, networks, rate, prop::option::of(1u64..40)).prop_map(|(scopes, networks, rate, quota)| {
            KeySettings {
                scopes: scopes.parse().unwrap(),
                networks: networks.parse().unwrap(),
                rate_limit: rate.map(|rate| rate.parse().unwrap()),
                monthly_quota: quota.map(|quota| MonthlyQuota::new(quota).unwrap()),
                ..KeySettings::default()
            }
        })
    }

    fn key(settings: KeySettings, ends_after: Option<i64>, is_deactivated: bool) -> KnownKey {
        let meters = MeterRegistry::default().of("key", &settings, 0, START);
        let plan = Plan { grace_period: GracePeriod::Day, starts: Starts::OnFirstUse };
        let rotation = LiveRotation::new(Rotation {
            previous_digest: SecretDigest::of("old"),
            plan,
            rotated_at: START,
            first_used_at: None,
            previous_expires_at: None,
        });
        KnownKey {
            id: Uuid::nil(),
            name: "Billing worker".into(),
            organization: Arc::new(KnownOrganization::new(Organization {
                id: "lumen".into(),
                name: "Lumen".into(),
                created_at: START,
                suspended_at: None,
                suspension_reason: None,
            })),
            expires_at: ends_after.map(|seconds| START + Duration::seconds(seconds)),
            is_deactivated,
            rules: Rules::of(settings, meters),
            rotation: Some(Box::new((Side::Current, Arc::new(rotation)))),
            tally: Tally::default(),
        }
    }

    proptest! {
        #[test]
        fn what_is_foreseen_comes_and_looking_ahead_changes_nothing(
            settings in settings(),
            ends_after in prop::option::of(1i64..60),
            is_deactivated in prop::bool::weighted(0.1),
            requests in prop::collection::vec((0i64..3, any::<bool>(), any::<bool>(), 1u32..4), 1..60),
        ) {
            let key = key(settings, ends_after, is_deactivated);
            let write = ["write".to_owned()];
            let mut now = START;
            for (seconds, needs_scope, is_inside, cost) in requests {
                now += Duration::seconds(seconds);
                let wanted = KeyRequest {
                    scopes: if needs_scope { &write } else { &[] },
                    client_ip: Some(IpAddr::from([if is_inside { 10 } else { 11 }, 0, 0, 1])),
                    cost,
                    ..KeyRequest::default()
                };
                let dry = key.dry_run(&wanted, now);
                prop_assert_eq!(&key.dry_run(&wanted, now), &dry);
                let (reasons, left) = dry;
                let (outcome, limits) = key.evaluate(&wanted, now).unwrap();
                prop_assert_eq!(reasons.first().copied().unwrap_or(Outcome::Valid), outcome);
                prop_assert!(limits.rate.is_none() || limits.rate == left.rate);
                prop_assert!(limits.quota.is_none() || limits.quota == left.quota);
            }
            let (_, rotation) = *key.rotation.unwrap();
            prop_assert_eq!(rotation.get().first_used_at, None);
        }
    }
}
