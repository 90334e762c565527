//! Notices about monthly quotas: administrators and webhooks are told once a month when most of a quota is used, and
//! once when all of it is. Of several nodes each sees it; the rows say what was told already.

use diesel::{dsl::exists, prelude::*};
use time::Duration;

use super::{
    api_keys::ApiKey,
    events::{self, Detail, EventType, KeyFacts},
    key_settings::MonthlyQuota,
    members, organization,
    organization::Organization,
    outbox::{self, Message, QuotaOfKey},
    plans,
    schema::{api_keys, quota_notices},
    usage::Reached,
    verification::{self, Owner, first_of_month},
};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
};

/// How long it is kept what was told: two months, so that a clock that is set back tells nothing twice.
const KEEP: Duration = Duration::days(62);

/// Tells of a quota of which so much is used, unless that was told this month. Tells whether it is settled: with
/// several nodes there may be less used than the one that saw it believes.
pub fn tell(tx: &mut Tx<'_>, reached: &Reached, now: Timestamp) -> Result<bool, DbError> {
    let (owner, percent) = (&reached.owner, reached.percent);
    let Some((organization, key, quota)) = whose(tx.connection(), owner, now)? else { return Ok(true) };
    let used = verification::used_this_month(tx.connection(), owner, now)?;
    let is_so = u128::from(used) * 100 >= u128::from(quota.get()) * u128::from(percent);
    let is_used_up = reached.is_refused && percent == 100;
    if !(is_so || is_used_up) {
        return Ok(false);
    }
    let month = first_of_month(now);
    let told = quota_notices::table
        .filter(quota_notices::owner_id.eq(owner.id()).and(quota_notices::month.eq(month)))
        .filter(quota_notices::percent.ge(i32::from(percent)));
    if diesel::select(exists(told)).get_result(tx.connection())? {
        return Ok(true);
    }
    diesel::insert_into(quota_notices::table)
        .values((
            quota_notices::owner_id.eq(owner.id()),
            quota_notices::month.eq(month),
            quota_notices::percent.eq(i32::from(percent)),
            quota_notices::told_at.eq(now),
        ))
        .execute(tx.connection())?;
    let resets_at = verification::next_month(now);
    let message = Message::QuotaReached {
        organization: organization.name.clone(),
        organization_id: organization.id.clone(),
        key: key.as_ref().map(|key| QuotaOfKey { name: key.name.clone(), id: key.id.clone() }),
        percent,
        used,
        quota: quota.get(),
        resets_at,
    };
    for administrator in members::administrators(tx.connection(), &organization.id)? {
        outbox::queue(tx, &administrator, &message, now)?;
    }
    let detail = Detail::Quota { percent, used, quota: quota.get(), resets_at };
    match key {
        Some(key) => {
            let facts =
                KeyFacts { id: &key.id, name: &key.name, masked: &key.masked, expires_at: key.expires_at };
            events::queue_for_key(tx, &organization, EventType::KeyQuotaReached, &facts, &detail, now)?;
        }
        None => {
            events::queue_for_organization(tx, &organization, EventType::QuotaReached, &detail, now)?;
        }
    }
    Ok(true)
}

/// Whose quota it is, and how large it is now; `None` where there is none any more.
fn whose(
    connection: &mut Connection,
    owner: &Owner,
    now: Timestamp,
) -> Result<Option<(Organization, Option<ApiKey>, MonthlyQuota)>, DbError> {
    let (organization_id, key) = match owner {
        Owner::Organization(id) => (id.clone(), None),
        Owner::Key(id) => {
            let found: Option<(String, ApiKey)> = api_keys::table
                .find(id)
                .select((api_keys::organization_id, ApiKey::as_select()))
                .first(connection)
                .optional()?;
            let Some((organization_id, key)) = found else { return Ok(None) };
            (organization_id, Some(key))
        }
    };
    let Some(organization) = organization::by_id(connection, &organization_id)? else { return Ok(None) };
    let quota = match &key {
        Some(key) => key.settings.monthly_quota,
        None => plans::bounds_of(connection, &organization, now)?.ceilings.monthly_quota,
    };
    Ok(quota.map(|quota| (organization, key, quota)))
}

/// Forgets what was told long ago.
pub fn purge(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), DbError> {
    let old = quota_notices::table.filter(quota_notices::month.lt(first_of_month(now) - KEEP));
    diesel::delete(old).execute(tx.connection())?;
    Ok(())
}
