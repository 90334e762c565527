//! Ends that have passed.

use diesel::{
    prelude::*,
    sql_types::{Integer, Timestamp as SqlTimestamp},
};
use time::Duration;

use super::note;
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
    domain::{
        access::Actor,
        api_keys::ApiKey,
        events::{self, Action, Detail, Event},
        schema::{api_keys, expiry_notices},
    },
};

/// In the place of the days before the end: the end itself was noted.
pub(super) const NOTED_DAYS: i32 = 0;

/// An end that passed longer ago is no news: the server was down, or older than this notice.
const NEWS_AGE: Duration = Duration::days(7);

/// The keys whose end has passed and was not noted yet, by id, the first ends first.
pub fn over(connection: &mut Connection, limit: i64, now: Timestamp) -> Result<Vec<String>, DbError> {
    let noted = expiry_notices::table
        .filter(expiry_notices::api_key_id.eq(api_keys::id))
        .filter(expiry_notices::expires_at.nullable().eq(api_keys::expires_at))
        .filter(expiry_notices::days_before.eq(NOTED_DAYS));
    Ok(api_keys::table
        .filter(api_keys::expires_at.le(now).and(api_keys::expires_at.gt(now - NEWS_AGE)))
        .filter(diesel::dsl::not(diesel::dsl::exists(noted)))
        .order((api_keys::expires_at, api_keys::id))
        .select(api_keys::id)
        .limit(limit)
        .load(connection)?)
}

/// Notes in the audit log that the end of a key has passed.
pub fn note_over(tx: &mut Tx<'_>, key_id: &str, now: Timestamp) -> Result<(), DbError> {
    let found: Option<(ApiKey, String)> = api_keys::table
        .find(key_id)
        .select((ApiKey::as_select(), api_keys::organization_id))
        .first(tx.connection())
        .optional()?;
    let Some((key, organization_id)) = found else { return Ok(()) };
    let Some(expires_at) = key.expires_at else { return Ok(()) };
    note(tx, &key.id, expires_at, NOTED_DAYS, now)?;
    let event = Event {
        organization_id: Some(&organization_id),
        actor: &Actor::System { ip: None },
        action: Action::KeyExpired,
        subject_id: Some(&key.id),
        subject_name: &key.name,
        detail: Some(Detail::Key { masked: key.masked }),
    };
    events::record(tx, &event, now)
}

/// Passes over a key that cannot be read, so that it holds up no other. Its end stays as it is
/// written, whatever that is.
pub fn note_unreadable(tx: &mut Tx<'_>, key_id: &str, now: Timestamp) -> Result<(), DbError> {
    let noted = api_keys::table.find(key_id).select((
        api_keys::id,
        api_keys::expires_at.assume_not_null(),
        NOTED_DAYS.into_sql::<Integer>(),
        now.into_sql::<SqlTimestamp>(),
    ));
    diesel::insert_into(expiry_notices::table)
        .values(noted)
        .into_columns((
            expiry_notices::api_key_id,
            expiry_notices::expires_at,
            expiry_notices::days_before,
            expiry_notices::sent_at,
        ))
        .execute(tx.connection())?;
    Ok(())
}
