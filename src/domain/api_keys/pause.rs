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

/// Whether a pause is over at `now`.
pub fn is_any_pause_over(connection: &mut Connection, now: Timestamp) -> Result<bool, DbError> {
    let over = api_keys::table.filter(api_keys::paused_until.le(now));
    Ok(diesel::select(diesel::dsl::exists(over)).get_result(connection)?)
}

/// Switches the keys on again whose pause is over at `now`; tells how many.
pub fn resume_paused(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, DbError> {
    let over: Vec<(String, String)> = api_keys::table
        .filter(api_keys::paused_until.le(now))
        .select((api_keys::id, api_keys::organization_id))
        .load(tx.connection())?;
    for (key_id, organization_id) in &over {
        let key = set_switch(tx, key_id, None, None)?;
        record_by(tx, organization_id, &Actor::System { ip: None }, Action::KeyResumed, &key, now)?;
    }
    Ok(over.len())
}
