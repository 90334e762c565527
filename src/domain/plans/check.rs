//! Whether what somebody wants is within the plan of their organization.

use diesel::prelude::*;
use time::Duration;

use super::{Ceilings, PlanLimit, bounds_of};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, count_of},
    domain::{
        key_settings::KeySettings,
        organization::Organization,
        schema::{api_keys, organizations},
    },
};

/// What a key is to have; `None` for what stays as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct WantedKey<'a> {
    /// Its settings.
    pub settings: Option<&'a KeySettings>,
    /// How long it works from now on; the inner `None` is without end.
    pub expires_at: Option<Option<Timestamp>>,
}

/// Checks what a key is to have.
///
/// # Errors
/// Each ceiling that it would be above, but for the number of keys.
pub fn check_key(
    connection: &mut Connection,
    organization: &Organization,
    wanted: WantedKey<'_>,
    now: Timestamp,
) -> Result<(), PlanLimit> {
    check_within(&bounds_of(connection, organization, now)?.ceilings, wanted, now)
}

/// [`check_key`] for an organization whose ceilings are known.
///
/// # Errors
/// As [`check_key`].
pub fn check_within(ceilings: &Ceilings, wanted: WantedKey<'_>, now: Timestamp) -> Result<(), PlanLimit> {
    let Ceilings { rate_limit, monthly_quota, max_lifetime_days, scopes, .. } = ceilings;
    if let (Some(end), Some(days)) = (wanted.expires_at, *max_lifetime_days) {
        let latest = now.checked_add(Duration::days(days.into()));
        // One that ends at midnight of the last day is within it, too.
        let is_longer = latest.is_some_and(|latest| end.is_none_or(|end| end.date() > latest.date()));
        if is_longer {
            return Err(PlanLimit::Lifetime(days));
        }
    }
    let Some(settings) = wanted.settings else { return Ok(()) };
    if !scopes.is_empty()
        && let Some(beyond) =
            settings.scopes.as_slice().iter().find(|scope| !scopes.as_slice().contains(scope))
    {
        return Err(PlanLimit::Scope(beyond.clone()));
    }
    if let (Some(wanted), Some(most)) = (settings.rate_limit, *rate_limit)
        && wanted.is_above(most)
    {
        return Err(PlanLimit::RateLimit(most));
    }
    if let (Some(wanted), Some(most)) = (settings.monthly_quota, *monthly_quota)
        && wanted.get() > most.get()
    {
        return Err(PlanLimit::MonthlyQuota(most));
    }
    Ok(())
}

/// Whether another key may be active.
///
/// # Errors
/// [`PlanLimit::ActiveKeys`].
pub fn check_active_keys(
    connection: &mut Connection,
    organization: &Organization,
    now: Timestamp,
) -> Result<(), PlanLimit> {
    let Some(most) = bounds_of(connection, organization, now)?.ceilings.max_active_keys else {
        return Ok(());
    };
    let active = active_keys(connection, &organization.id, most, now)?;
    if active < most { Ok(()) } else { Err(PlanLimit::ActiveKeys(most)) }
}

/// How many keys of an organization are active; of more than `most`, so many.
pub fn active_keys(
    connection: &mut Connection,
    organization_id: &str,
    most: i64,
    now: Timestamp,
) -> Result<i64, DbError> {
    let active = api_keys::table
        .filter(api_keys::organization_id.eq(organization_id))
        .filter(api_keys::expires_order.gt(now))
        // One that is paused comes back by itself.
        .filter(api_keys::deactivated_at.is_null().or(api_keys::paused_until.is_not_null()))
        .select(api_keys::id);
    count_of(connection, active.limit(most))
}

/// Whether there may be another member.
///
/// # Errors
/// [`PlanLimit::Members`].
pub fn check_members(
    connection: &mut Connection,
    organization: &Organization,
    now: Timestamp,
) -> Result<(), PlanLimit> {
    let Some(most) = bounds_of(connection, organization, now)?.ceilings.max_members else { return Ok(()) };
    let members: i64 = organizations::table
        .find(&organization.id)
        .select(organizations::member_count)
        .first(connection)
        .map_err(DbError::from)?;
    if members < most { Ok(()) } else { Err(PlanLimit::Members(most)) }
}
