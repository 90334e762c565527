//! What verification keeps in memory of keys and tokens, and how it evaluates a key.

use std::{net::IpAddr, sync::Arc};

use uuid::Uuid;

use super::{
    KnownOrganization, MonthlyUse, NeedsPortion, Outcome, QuotaLeft, Tally, meters::Meters,
    monthly_use::PARTS_OF_A_QUOTA, portions::Owner,
};
use crate::{
    clock::Timestamp,
    db::{Db, DbError},
    domain::{
        access::Standing,
        gcra::{Gcra, RateLeft},
        key_settings::{KeySettings, Metadata, MonthlyQuota, Networks, Scopes},
        master_tokens::MasterToken,
        organization::Organization,
        plans::Ceilings,
        rotation::{LiveRotation, Side},
    },
    vocabulary::Environment,
};

/// What may be kept in memory for as long as it is as it was read.
pub(super) trait Known: Send + Sync + 'static {
    /// Whether its organization has not changed since, and nothing that bounds it has ended. Its own changes take it
    /// out of memory.
    fn is_current(&self, now: Timestamp) -> bool;
}

impl Known for KnownKey {
    fn is_current(&self, now: Timestamp) -> bool {
        self.organization.is_current(now)
    }
}

impl Known for KnownToken {
    fn is_current(&self, now: Timestamp) -> bool {
        self.organization.is_current(now)
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
    /// What it is for.
    pub environment: Environment,
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
    /// The rules in `settings`, unless there are none; of the scopes those that the plan has.
    pub(super) fn of(settings: KeySettings, meters: Meters, plan: &Ceilings) -> Option<Box<Self>> {
        let KeySettings { scopes, networks, rate_limit: _, monthly_quota, metadata, description: _ } =
            settings;
        let quota = monthly_quota.zip(meters.month);
        let scopes = scopes.within(&plan.scopes);
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
    /// The environment that it must be for.
    pub environment: Option<Environment>,
    /// The scopes that it needs, all of them.
    pub scopes: &'a [String],
    /// Where the request comes from, if that is known.
    pub client_ip: Option<IpAddr>,
    /// What the request takes of the limits.
    pub cost: u32,
}

impl Default for KeyRequest<'_> {
    fn default() -> Self {
        Self { organization: None, name: None, environment: None, scopes: &[], client_ip: None, cost: 1 }
    }
}

/// What a key's limits leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Of its rate limit.
    pub rate: Option<RateLeft>,
    /// Of its monthly quota.
    pub quota: Option<QuotaLeft>,
    /// Of the rate limit of all keys of its organization together.
    pub plan_rate: Option<RateLeft>,
    /// Of the monthly quota of all keys of its organization together.
    pub plan_quota: Option<QuotaLeft>,
}

impl Limits {
    /// For a rejection: when it is worth trying again.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let wait = |rate: Option<RateLeft>| rate.and_then(|rate| rate.retry_after_seconds);
        let reset = |quota: Option<QuotaLeft>| {
            quota.filter(|quota| quota.is_exceeded).map(|quota| quota.reset_seconds)
        };
        let waits = [wait(self.rate), wait(self.plan_rate), reset(self.quota), reset(self.plan_quota)];
        waits.into_iter().find_map(|wait| wait)
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
        let (cost, plan) = (wanted.cost, &*self.organization);
        // Before the rate limits, of which nothing may be taken when this has to be tried again.
        let quota = self.quota().map(|(quota, month)| month.spend(quota, cost, now)).transpose()?;
        let spent = quota.filter(|left| !left.is_exceeded).and(self.quota());
        let plan_quota = plan.quota().map(|(quota, month)| month.spend(quota, cost, now)).transpose();
        let plan_quota = plan_quota.inspect_err(|_| give_back(spent, cost, now))?;
        let plan_spent = plan_quota.filter(|left| !left.is_exceeded).and(plan.quota());
        let rate = self.rate().map(|rate| rate.admit(cost, now));
        let plan_rate = match rate {
            rate if is_limited(rate) => None,
            _ => plan.rate().map(|rate| rate.admit(cost, now)),
        };
        let limits = Limits { rate, quota, plan_rate, plan_quota };
        let outcome = limits.rejections().next().unwrap_or(Outcome::Valid);
        if outcome != Outcome::Valid {
            give_back(spent, cost, now);
            give_back(plan_spent, cost, now);
        }
        Ok(match outcome {
            Outcome::RateLimited => (outcome, Limits { rate, ..Limits::default() }),
            Outcome::PlanRateLimited => {
                self.rate().into_iter().for_each(|rate| rate.give_back(cost));
                (outcome, Limits { plan_rate, ..Limits::default() })
            }
            _ => (outcome, limits),
        })
    }

    fn rate(&self) -> Option<&Gcra> {
        self.rules.as_ref()?.rate.as_deref()
    }

    /// Its monthly quota, and what is used of it.
    pub(in crate::domain) fn quota(&self) -> Option<(MonthlyQuota, &MonthlyUse)> {
        self.rules.as_ref()?.quota.as_ref().map(|(quota, month)| (*quota, &**month))
    }

    /// Takes portions of its quota and of its organization's for this node, for a request that costs `cost`.
    pub(super) async fn take_portion(&self, db: &Db, cost: u32, now: Timestamp) -> Result<(), DbError> {
        if let Some((quota, month)) = self.quota() {
            month.take_portion(db, self.owner(), quota, cost, now).await?;
        }
        if let Some((quota, month)) = self.organization.quota() {
            month.take_portion(db, self.organization.owner(), quota, cost, now).await?;
        }
        Ok(())
    }

    /// Whose quota its own is.
    pub(in crate::domain) fn owner(&self) -> Owner {
        Owner::Key(self.id.to_string())
    }

    /// What it has used of a monthly quota, if it has one.
    pub(in crate::domain) fn monthly_use(&self) -> Option<&MonthlyUse> {
        self.quota().map(|(_, month)| month)
    }

    /// Every reason why [`evaluate`](Self::evaluate) would refuse, the one that it would give first, and
    /// what the limits would leave. Takes nothing.
    pub(super) fn dry_run(&self, wanted: &KeyRequest<'_>, now: Timestamp) -> (Vec<Outcome>, Limits) {
        let mut reasons: Vec<Outcome> = self.rejections(wanted, now).collect();
        let limits = self.peek(wanted.cost, now);
        reasons.extend(limits.rejections());
        (reasons, limits)
    }

    /// What the limits would leave of a request that costs `cost`. Takes nothing.
    pub(super) fn peek(&self, cost: u32, now: Timestamp) -> Limits {
        let rate = |rate: Option<&Gcra>| rate.map(|rate| rate.peek(cost, now));
        let quota = |quota: Option<(MonthlyQuota, &MonthlyUse)>| {
            quota.map(|(quota, month)| month.peek(quota, cost, now))
        };
        Limits {
            rate: rate(self.rate()),
            quota: quota(self.quota()),
            plan_rate: rate(self.organization.rate()),
            plan_quota: quota(self.organization.quota()),
        }
    }

    /// The reasons to refuse a request before its limits are looked at, in the order that counts.
    fn rejections(&self, wanted: &KeyRequest<'_>, now: Timestamp) -> impl Iterator<Item = Outcome> {
        OBJECTIONS.into_iter().filter(move |rejection| match rejection {
            Outcome::OrganizationSuspended => self.organization.is_suspended(),
            Outcome::Expired => self.expires_at.is_some_and(|end| end <= now),
            Outcome::Deactivated => self.is_deactivated,
            Outcome::WrongEnvironment => wanted.environment.is_some_and(|wanted| wanted != self.environment),
            Outcome::ForbiddenIp => self.rules.as_ref().is_some_and(|rules| !rules.let_in(wanted.client_ip)),
            _ => !self.covers(wanted.scopes),
        })
    }

    fn covers(&self, scopes: &[String]) -> bool {
        self.rules.as_ref().map_or(scopes.is_empty(), |rules| rules.scopes.cover(scopes))
    }

    /// What the key allows of that which `outcome` refuses, in the words of its settings.
    pub fn allowance(&self, outcome: Outcome) -> String {
        let rules = self.rules.as_ref();
        let plan = &self.organization.bounds().ceilings;
        match outcome {
            Outcome::ForbiddenIp => text_of(rules.map(|rules| &rules.networks)),
            Outcome::InsufficientScope => text_of(rules.map(|rules| &rules.scopes)),
            Outcome::RateLimited => text_of(self.rate().map(Gcra::limit)),
            Outcome::QuotaExceeded => text_of(self.quota().map(|(quota, _)| quota.get())),
            Outcome::PlanRateLimited => text_of(plan.rate_limit),
            Outcome::PlanQuotaExceeded => text_of(plan.monthly_quota.map(MonthlyQuota::get)),
            Outcome::WrongEnvironment => self.environment.to_string(),
            Outcome::Valid | Outcome::Expired | Outcome::Deactivated | Outcome::OrganizationSuspended => {
                String::new()
            }
        }
    }
}

/// What a key can be refused for before its limits are looked at, in the order that counts.
const OBJECTIONS: [Outcome; 6] = [
    Outcome::OrganizationSuspended,
    Outcome::Expired,
    Outcome::Deactivated,
    Outcome::WrongEnvironment,
    Outcome::ForbiddenIp,
    Outcome::InsufficientScope,
];

fn text_of(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// Gives back what was spent of a quota.
fn give_back(spent: Option<(MonthlyQuota, &MonthlyUse)>, cost: u32, now: Timestamp) {
    spent.into_iter().for_each(|(_, month)| month.give_back(cost, now));
}

impl Limits {
    /// What they refuse a request for, in the order that counts.
    fn rejections(&self) -> impl Iterator<Item = Outcome> {
        let refused = [
            (is_limited(self.rate), Outcome::RateLimited),
            (is_limited(self.plan_rate), Outcome::PlanRateLimited),
            (is_exceeded(self.quota), Outcome::QuotaExceeded),
            (is_exceeded(self.plan_quota), Outcome::PlanQuotaExceeded),
        ];
        refused.into_iter().filter(|(is_refused, _)| *is_refused).map(|(_, outcome)| outcome)
    }
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
        key_settings::RateLimit,
        plans::Bounds,
        rotation::{GracePeriod, Plan, Rotation, Starts},
        secret::SecretDigest,
        verification::meters::{MeterRegistry, Metered},
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

    fn ceilings() -> impl Strategy<Value = Ceilings> {
        let rate = prop::option::of(prop::sample::select(vec!["2/second", "9/minute"]));
        let scopes = prop::sample::select(vec!["", "read"]);
        (scopes, rate, prop::option::of(1u64..60)).prop_map(|(scopes, rate, quota)| Ceilings {
            scopes: scopes.parse().unwrap(),
            rate_limit: rate.map(|rate| rate.parse().unwrap()),
            monthly_quota: quota.map(|quota| MonthlyQuota::new(quota).unwrap()),
            ..Ceilings::default()
        })
    }

    fn metered(rate: Option<RateLimit>, quota: Option<MonthlyQuota>) -> Meters {
        MeterRegistry::default().of("key", Metered { rate, quota }, 0, START)
    }

    fn key(
        settings: KeySettings,
        ceilings: Ceilings,
        ends_after: Option<i64>,
        is_deactivated: bool,
    ) -> KnownKey {
        let meters = metered(settings.rate_limit, settings.monthly_quota);
        let of_plan = metered(ceilings.rate_limit, ceilings.monthly_quota);
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
            rules: Rules::of(settings, meters, &ceilings),
            organization: Arc::new(KnownOrganization::new(
                Organization {
                    id: "lumen".into(),
                    name: "Lumen".into(),
                    created_at: START,
                    suspended_at: None,
                    suspension_reason: None,
                    plan_id: None,
                    removed_at: None,
                },
                Bounds { ceilings, until: None },
                of_plan,
            )),
            expires_at: ends_after.map(|seconds| START + Duration::seconds(seconds)),
            is_deactivated,
            environment: Environment::Live,
            rotation: Some(Box::new((Side::Current, Arc::new(rotation)))),
            tally: Tally::default(),
        }
    }

    proptest! {
        #[test]
        fn what_is_foreseen_comes_and_looking_ahead_changes_nothing(
            settings in settings(),
            ceilings in ceilings(),
            ends_after in prop::option::of(1i64..60),
            is_deactivated in prop::bool::weighted(0.1),
            requests in prop::collection::vec((0i64..3, any::<bool>(), any::<bool>(), 1u32..4), 1..60),
        ) {
            let key = key(settings, ceilings, ends_after, is_deactivated);
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
                for (got, foreseen) in [(limits.rate, left.rate), (limits.plan_rate, left.plan_rate)] {
                    prop_assert!(got.is_none() || got == foreseen);
                }
                for (got, foreseen) in [(limits.quota, left.quota), (limits.plan_quota, left.plan_quota)] {
                    prop_assert!(got.is_none() || got == foreseen);
                }
            }
            let (_, rotation) = *key.rotation.unwrap();
            prop_assert_eq!(rotation.get().first_used_at, None);
        }
    }
}
