//! Silence tests: a key is switched off for some hours, to see whether anybody misses it, and
//! comes back by itself unless somebody decides otherwise.

use std::collections::HashMap;

use diesel::prelude::*;
use time::{Duration, format_description::StaticFormatDescription, macros::format_description};

use super::{
    access::{Actor, Admin},
    api_keys::{self, ApiKey, KeyError, Status},
    audit::{self, Action, Event},
    organizations::Organization,
    schema::{api_keys as keys, key_silences},
};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
};

const END: StaticFormatDescription =
    format_description!("until [day padding:none] [month repr:short] [year], [hour]:[minute] UTC");

/// How long a key is silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SilenceLength {
    /// An hour.
    OneHour,
    /// Four hours.
    FourHours,
    /// A whole day.
    OneDay,
}

impl SilenceLength {
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

/// Why a silence does not begin.
#[derive(Debug, thiserror::Error)]
pub enum SilenceError {
    /// No such key, or the database failed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key is off or over already.
    #[error("Only an active key can be silenced.")]
    NotActive,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Switches an active key off for a while; from the next request on it is refused.
///
/// # Errors
/// [`SilenceError`].
pub fn begin(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    key_id: &str,
    length: SilenceLength,
    now: Timestamp,
) -> Result<(ApiKey, Timestamp), SilenceError> {
    let mut key = api_keys::find(tx.connection(), admin, key_id)?;
    if key.status(now) != Status::Active {
        return Err(SilenceError::NotActive);
    }
    let reactivate_at = now + Duration::hours(length.hours());
    key = api_keys::set_deactivated_at(tx, &key.id, Some(now))?;
    diesel::insert_into(key_silences::table)
        .values((key_silences::api_key_id.eq(key_id), key_silences::reactivate_at.eq(reactivate_at)))
        .execute(tx.connection())
        .map_err(DbError::from)?;
    let detail = reactivate_at.format(END).ok();
    record(tx, &admin.id, admin.actor(), Action::KeySilenced, &key, detail, now)?;
    Ok((key, reactivate_at))
}

/// Until when the silent ones of `keys` are so, by the key's id.
///
/// # Errors
/// [`DbError`].
pub fn of_keys(
    connection: &mut Connection,
    _: &Admin<Organization>,
    keys: &[ApiKey],
) -> Result<HashMap<String, Timestamp>, DbError> {
    let ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
    let rows: Vec<(String, Timestamp)> =
        key_silences::table.filter(key_silences::api_key_id.eq_any(ids)).load(connection)?;
    Ok(rows.into_iter().collect())
}

/// Whether a silence is over at `now`.
///
/// # Errors
/// [`DbError`].
pub fn is_any_over(connection: &mut Connection, now: Timestamp) -> Result<bool, DbError> {
    let over = key_silences::table.filter(key_silences::reactivate_at.le(now));
    Ok(diesel::select(diesel::dsl::exists(over)).get_result(connection)?)
}

/// Switches the keys on again whose silence is over at `now`; tells how many.
///
/// # Errors
/// [`DbError`].
pub fn end_those_over(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, DbError> {
    let over: Vec<(ApiKey, String)> = key_silences::table
        .inner_join(keys::table)
        .filter(key_silences::reactivate_at.le(now))
        .select((ApiKey::as_select(), keys::organization_id))
        .load(tx.connection())?;
    for (key, organization_id) in &over {
        forget(tx, &key.id)?;
        api_keys::set_deactivated_at(tx, &key.id, None)?;
        let system = Actor::System { ip: None };
        record(tx, organization_id, &system, Action::KeySilenceEnded, key, Some(key.masked.clone()), now)?;
    }
    Ok(over.len())
}

/// Forgets a silence, since somebody decided about the key; tells whether there was one.
pub(super) fn forget(tx: &mut Tx<'_>, key_id: &str) -> Result<bool, DbError> {
    Ok(diesel::delete(key_silences::table.find(key_id)).execute(tx.connection())? > 0)
}

fn record(
    tx: &mut Tx<'_>,
    organization_id: &str,
    actor: &Actor,
    action: Action,
    key: &ApiKey,
    detail: Option<String>,
    now: Timestamp,
) -> Result<(), DbError> {
    let event = Event {
        organization_id: Some(organization_id),
        actor,
        action,
        subject_id: Some(&key.id),
        subject_name: &key.name,
        detail,
    };
    audit::record(tx, &event, now)
}
