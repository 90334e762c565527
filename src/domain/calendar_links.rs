//! The calendar of an organization's expiries: a secret address that calendar programs ask, since
//! they cannot log in.

use std::collections::HashMap;

use diesel::{
    dsl::{count_star, max},
    prelude::*,
};
use time::Duration;

use super::{
    access::{Grant, ManageCalendar, SeeKeys},
    api_keys::ApiKey,
    events::{self, Action, Event},
    organization::Organization,
    schema::{api_keys, audit_events, calendar_links, organizations},
    secret::{NoRandomness, Secret, SecretDigest},
};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx, one_of},
};

/// How long an end that has passed stays in the calendar.
const KEEP_PASSED: Duration = Duration::days(90);

/// Ends in one calendar. Programs fetch it whole every few hours, so it stays at some hundred kilobytes.
const MAX_EXPIRIES: i64 = 1000;

/// Who made the address, and when.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct CalendarLink {
    /// By name at that time.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// Why there is no address.
#[derive(Debug, thiserror::Error)]
pub enum CalendarError {
    /// The system gave no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The organization's address, if somebody made one. The secret itself is not kept.
pub fn find(connection: &mut Connection, grant: &Grant<SeeKeys>) -> Result<Option<CalendarLink>, DbError> {
    Ok(calendar_links::table
        .find(&grant.id)
        .select((calendar_links::created_by, calendar_links::created_at))
        .first(connection)
        .optional()?)
}

/// Makes a new address; the one before stops working.
pub fn replace(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageCalendar>,
    now: Timestamp,
) -> Result<Secret, CalendarError> {
    let secret = Secret::generate_link()?;
    diesel::delete(calendar_links::table.find(&grant.id)).execute(tx.connection()).map_err(DbError::from)?;
    diesel::insert_into(calendar_links::table)
        .values((
            calendar_links::organization_id.eq(&grant.id),
            calendar_links::token_digest.eq(secret.digest().as_bytes()),
            calendar_links::created_by.eq(grant.actor().name()),
            calendar_links::created_at.eq(now),
        ))
        .execute(tx.connection())
        .map_err(DbError::from)?;
    record(tx, grant, Action::CalendarLinkMade, now)?;
    Ok(secret)
}

/// Lets the address stop working. Gives whether there was one.
pub fn revoke(tx: &mut Tx<'_>, grant: &Grant<ManageCalendar>, now: Timestamp) -> Result<bool, DbError> {
    let revoked = diesel::delete(calendar_links::table.find(&grant.id)).execute(tx.connection())? > 0;
    if revoked {
        record(tx, grant, Action::CalendarLinkRevoked, now)?;
    }
    Ok(revoked)
}

fn record(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageCalendar>,
    action: Action,
    now: Timestamp,
) -> Result<(), DbError> {
    let event = Event {
        organization_id: Some(&grant.id),
        actor: grant.actor(),
        action,
        subject_id: None,
        subject_name: "",
        detail: None,
    };
    events::record(tx, &event, now)
}

/// What a calendar shows.
#[derive(Clone, Debug)]
pub struct Expiries {
    /// The organization.
    pub organization: Organization,
    /// Those of its keys that are not switched off.
    pub expiries: Vec<Expiry>,
}

/// The end of a key.
#[derive(Clone, Debug)]
pub struct Expiry {
    /// The key.
    pub key: ApiKey,
    /// When it ends.
    pub at: Timestamp,
    /// When the key was last changed.
    pub changed: Timestamp,
    /// How often it was changed since it was created.
    pub changes: i64,
}

/// The expiries of the organization whose secret is `presented`; a look-up by that secret.
pub fn expiries(
    connection: &mut Connection,
    organization_id: &str,
    presented: &str,
    now: Timestamp,
) -> Result<Option<Expiries>, DbError> {
    let digest = SecretDigest::of(presented);
    let organization: Option<Organization> = calendar_links::table
        .inner_join(organizations::table)
        .filter(calendar_links::organization_id.eq(organization_id))
        .filter(calendar_links::token_digest.eq(digest.as_bytes()))
        .filter(organizations::removed_at.is_null())
        .select(Organization::as_select())
        .first(connection)
        .optional()?;
    let Some(organization) = organization else { return Ok(None) };
    let keys: Vec<ApiKey> = api_keys::table
        .filter(api_keys::organization_id.eq(organization_id))
        .filter(api_keys::deactivated_at.is_null().and(api_keys::expires_at.gt(now - KEEP_PASSED)))
        // What is next comes first, and stays where there is too much.
        .order((api_keys::expires_at.le(now), api_keys::expires_at, api_keys::id))
        .limit(MAX_EXPIRIES)
        .select(ApiKey::as_select())
        .load(connection)?;
    let changes = changes(connection, &keys)?;
    let expiry = |key: ApiKey| {
        let (events, last) = changes.get(&key.id).copied().unwrap_or((1, key.created_at));
        Some(Expiry { at: key.expires_at?, changed: last, changes: events - 1, key })
    };
    Ok(Some(Expiries { organization, expiries: keys.into_iter().filter_map(expiry).collect() }))
}

/// What the audit log has of each key: how many events, and when the last one was. Not each
/// of them shows in the calendar; a number that is higher than it need be does no harm.
fn changes(
    connection: &mut Connection,
    keys: &[ApiKey],
) -> Result<HashMap<String, (i64, Timestamp)>, DbError> {
    let rows: Vec<(Option<String>, i64, Option<Timestamp>)> = audit_events::table
        .filter(one_of(audit_events::subject_id.assume_not_null(), keys.iter().map(|key| key.id.as_str())))
        .group_by(audit_events::subject_id)
        .select((audit_events::subject_id, count_star(), max(audit_events::created_at)))
        .load(connection)?;
    Ok(rows.into_iter().filter_map(|(id, events, last)| Some((id?, (events, last?)))).collect())
}
