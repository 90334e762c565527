//! A pause: a key is switched off for some hours, to see whether anybody misses it, and comes back
//! by itself unless somebody decides otherwise.

use diesel::prelude::*;
use time::Duration;

use super::{ApiKey, find, record_by, record_with, set_switch};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
    domain::{
        access::{Actor, Grant, ManageKeys},
        events::{Action, Detail},
        managed::ManageError,
        schema::api_keys,
    },
    vocabulary::KeyStatus,
};

/// Why a key is not paused.
const NOT_ACTIVE: &str = "Only an active key can be paused.";

/// How long a key is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseLength {
    /// An hour.
    OneHour,
    /// Four hours.
    FourHours,
    /// A whole day.
    OneDay,
}

impl PauseLength {
    /// Every length on offer.
    pub const ALL: [Self; 3] = [Self::OneHour, Self::FourHours, Self::OneDay];

    /// The length in hours.
    pub fn hours(self) -> i64 {
        match self {
            Self::OneHour => 1,
            Self::FourHours => 4,
            Self::OneDay => 24,
        }
    }
}

/// Switches an active key off for a while; from the next request on it is refused.
///
/// # Errors
/// [`ManageError::State`] for a key that is off or expired already.
pub fn pause(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageKeys>,
    key_id: &str,
    length: PauseLength,
    now: Timestamp,
) -> Result<ApiKey, ManageError> {
    let key = find(tx.connection(), grant, key_id)?;
    if key.status(now) != KeyStatus::Active {
        return Err(ManageError::State(NOT_ACTIVE));
    }
    let until = now + Duration::hours(length.hours());
    let key = set_switch(tx, &key.id, Some(now), Some(until))?;
    record_with(tx, grant, Action::KeyPaused, &key, Detail::Pause { until }, now)?;
    Ok(key)
}

/// The keys whose pause is over at `now`, by id, the first ends first.
pub fn pauses_over(connection: &mut Connection, limit: i64, now: Timestamp) -> Result<Vec<String>, DbError> {
    Ok(api_keys::table
        .filter(api_keys::paused_until.le(now))
        .order((api_keys::paused_until, api_keys::id))
        .select(api_keys::id)
        .limit(limit)
        .load(connection)?)
}

/// Switches a key on again whose pause is over.
pub fn resume(tx: &mut Tx<'_>, key_id: &str, now: Timestamp) -> Result<(), DbError> {
    let organization_id: Option<String> =
        api_keys::table.find(key_id).select(api_keys::organization_id).first(tx.connection()).optional()?;
    let Some(organization_id) = organization_id else { return Ok(()) };
    let key = set_switch(tx, key_id, None, None)?;
    record_by(tx, &organization_id, &Actor::System { ip: None }, Action::KeyResumed, &key, now)
}

/// Ends the pause of a key that cannot be read without switching it on, so that it holds up no other:
/// what it would be allowed to do, nobody knows.
pub fn give_up_pause(tx: &mut Tx<'_>, key_id: &str, _: Timestamp) -> Result<(), DbError> {
    diesel::update(api_keys::table.find(key_id))
        .set(api_keys::paused_until.eq(None::<Timestamp>))
        .execute(tx.connection())?;
    Ok(())
}
