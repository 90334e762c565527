//! What a plan allows, and what holds for one organization instead.

use diesel::prelude::*;

use crate::{
    clock::Timestamp,
    db::{Connection, DbError},
    domain::{
        key_settings::{MonthlyQuota, RateLimit, Scopes},
        organization::Organization,
        schema::{plan_overrides, plans},
    },
};

/// The longest lifetime of keys that a plan can demand, in days; as long as the longest duration of a key.
pub const MAX_LIFETIME_DAYS: i32 = 3650;

macro_rules! ceilings {
    ($($(#[$doc:meta])* $name:ident: $table:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
        #[diesel(table_name = $table, treat_none_as_null = true)]
        pub struct $name {
            /// How often all keys together may be used.
            pub rate_limit: Option<RateLimit>,
            /// How much all keys together may be used in a calendar month of UTC.
            pub monthly_quota: Option<MonthlyQuota>,
            /// How many keys may be active at the same time.
            pub max_active_keys: Option<i64>,
            /// How many members there may be.
            pub max_members: Option<i64>,
            /// For how many days a key may work.
            pub max_lifetime_days: Option<i32>,
            /// The scopes that keys may have; empty for any.
            pub scopes: Scopes,
        }
    )+};
}

ceilings! {
    /// The ceilings of a plan.
    Ceilings: plans;
    /// What holds instead, where it says something.
    Replacements: plan_overrides;
}

impl From<Replacements> for Ceilings {
    fn from(replacements: Replacements) -> Self {
        let Replacements {
            rate_limit,
            monthly_quota,
            max_active_keys,
            max_members,
            max_lifetime_days,
            scopes,
        } = replacements;
        Self { rate_limit, monthly_quota, max_active_keys, max_members, max_lifetime_days, scopes }
    }
}

impl From<Ceilings> for Replacements {
    fn from(ceilings: Ceilings) -> Self {
        let Ceilings { rate_limit, monthly_quota, max_active_keys, max_members, max_lifetime_days, scopes } =
            ceilings;
        Self { rate_limit, monthly_quota, max_active_keys, max_members, max_lifetime_days, scopes }
    }
}

impl Ceilings {
    /// Whether nothing is bounded.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These, but for what `replacements` says something about.
    fn replaced_by(self, replacements: Self) -> Self {
        Self {
            rate_limit: replacements.rate_limit.or(self.rate_limit),
            monthly_quota: replacements.monthly_quota.or(self.monthly_quota),
            max_active_keys: replacements.max_active_keys.or(self.max_active_keys),
            max_members: replacements.max_members.or(self.max_members),
            max_lifetime_days: replacements.max_lifetime_days.or(self.max_lifetime_days),
            scopes: if replacements.scopes.is_empty() { self.scopes } else { replacements.scopes },
        }
    }
}

/// What holds for one organization instead of what its plan says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Override {
    /// What it says something about.
    pub ceilings: Ceilings,
    /// When it ends, if it does.
    pub ends_at: Option<Timestamp>,
}

/// What bounds an organization now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The ceilings.
    pub ceilings: Ceilings,
    /// When others will hold, by the clock.
    pub until: Option<Timestamp>,
}

/// What bounds an organization at the instant `now`.
pub fn bounds_of(
    connection: &mut Connection,
    organization: &Organization,
    now: Timestamp,
) -> Result<Bounds, DbError> {
    let Some(plan_id) = &organization.plan_id else { return Ok(Bounds::default()) };
    let plan: Ceilings = plans::table.find(plan_id).select(Ceilings::as_select()).first(connection)?;
    Ok(match stored_override(connection, &organization.id)? {
        Some(Override { ends_at: Some(end), .. }) if end <= now => Bounds { ceilings: plan, until: None },
        Some(Override { ceilings, ends_at }) => {
            Bounds { ceilings: plan.replaced_by(ceilings), until: ends_at }
        }
        None => Bounds { ceilings: plan, until: None },
    })
}

/// What is kept for an organization, ended or not.
pub(super) fn stored_override(
    connection: &mut Connection,
    organization_id: &str,
) -> Result<Option<Override>, DbError> {
    let stored: Option<(Replacements, Option<Timestamp>)> = plan_overrides::table
        .find(organization_id)
        .select((Replacements::as_select(), plan_overrides::ends_at))
        .first(connection)
        .optional()?;
    Ok(stored.map(|(ceilings, ends_at)| Override { ceilings: ceilings.into(), ends_at }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_override_says_nothing_about_stays_as_the_plan_has_it() {
        let plan = Ceilings {
            rate_limit: "60/minute".parse().ok(),
            max_members: Some(5),
            scopes: "read".parse().unwrap(),
            ..Ceilings::default()
        };
        let replacements = Ceilings { max_members: Some(9), max_active_keys: Some(2), ..Ceilings::default() };
        let both = plan.clone().replaced_by(replacements);
        assert_eq!((both.max_members, both.max_active_keys), (Some(9), Some(2)));
        assert_eq!((both.rate_limit, both.scopes), (plan.rate_limit, plan.scopes));
        assert!(Ceilings::default().is_empty());
    }
}
