//! Keys that were removed, and how they come back.
//!
//! Their rows stand in a table of their own: whatever reads keys finds none of them, without saying so.

use diesel::prelude::*;

use super::{ApiKey, record_with, write_terms};
use crate::{
    clock::Timestamp,
    config::InstanceRules,
    db::{Connection, DbError, Tx, columns_of, count_of},
    domain::{
        access::{Grant, ManageKeys, SeeKeys},
        events::Action,
        managed::{self, ManageError, RESTORABLE_FOR},
        names::{MAX_KEY_NAME_LENGTH, Name},
        page::{Cursor, CursorError, ListRequest, Page, PageRequest, Reach, Total, in_order},
        schema::{api_keys, leak_reports, removed_keys},
        secret::SecretDigest,
    },
    vocabulary::Environment,
};

/// Keys that one transaction forgets, with all that is known of them.
const FORGOTTEN_AT_ONCE: i64 = 50;

/// A key that was removed, and can be restored.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = removed_keys)]
pub struct RemovedKey {
    /// The key's id, which it keeps.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Prefix, first four … last four.
    pub masked: String,
    /// What it was for.
    pub environment: Environment,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last accepted.
    pub last_used_at: Option<Timestamp>,
    /// When it was removed.
    pub removed_at: Timestamp,
    /// Who removed it, by name at that time.
    pub removed_by: String,
}

impl RemovedKey {
    /// Until when it can be restored.
    pub fn restorable_until(&self) -> Timestamp {
        self.removed_at + RESTORABLE_FOR
    }

    /// Its place in the list.
    pub fn cursor(&self) -> Cursor {
        Cursor::at(&self.id, self.removed_at)
    }
}

/// The columns that both tables have, apart from those that a restored key has anew.
macro_rules! columns {
    ($table:ident, $name:expr, $deactivated_at:expr $(, $more:expr)+) => {
        (
            $table::id,
            $table::organization_id,
            $table::masked,
            $table::secret_digest,
            $table::created_by,
            $table::created_at,
            $table::expires_at,
            $table::expiry_set_at,
            $table::last_used_at,
            $table::description,
            $table::scopes,
            $table::networks,
            $table::rate_limit,
            $table::monthly_quota,
            $table::metadata,
            $table::environment,
            $name,
            $deactivated_at,
            $($more,)+
        )
    };
}

/// Puts a key aside.
pub(super) fn put_aside(
    connection: &mut Connection,
    key_id: &str,
    by: &str,
    at: Timestamp,
) -> QueryResult<usize> {
    use diesel::sql_types::{Text, Timestamp as Instant};
    let names = (api_keys::name, api_keys::name_key, api_keys::search_key);
    let row = api_keys::table.find(key_id).select(columns!(
        api_keys,
        names,
        api_keys::deactivated_at,
        at.into_sql::<Instant>(),
        by.into_sql::<Text>()
    ));
    let names = (removed_keys::name, removed_keys::name_key, removed_keys::search_key);
    diesel::insert_into(removed_keys::table)
        .values(row)
        .into_columns(columns!(
            removed_keys,
            names,
            removed_keys::deactivated_at,
            removed_keys::removed_at,
            removed_keys::removed_by
        ))
        .execute(connection)?;
    diesel::delete(api_keys::table.find(key_id)).execute(connection)
}

/// The keys of the organization that can be restored.
macro_rules! restorable {
    ($grant:expr, $now:expr) => {
        removed_keys::table
            .filter(removed_keys::organization_id.eq($grant.id.clone()))
            .filter(removed_keys::removed_at.gt($now - RESTORABLE_FOR))
    };
}

/// One page of the keys that can be restored, those removed last first.
pub fn page_of_removed(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    request: &PageRequest,
    now: Timestamp,
) -> Result<Page<RemovedKey>, DbError> {
    let all = || restorable!(grant, now).select(removed_keys::id);
    let total = Total::count(|most| count_of(connection, all().limit(most)))?;
    request.load(total, RemovedKey::cursor, |reach| read(connection, grant, reach, now))
}

/// A part of the keys that can be restored behind a cursor, and one more where there is more.
///
/// # Errors
/// [`CursorError`] for a cursor of another list.
pub fn list_removed_after(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    slice: &ListRequest,
    now: Timestamp,
) -> Result<Vec<RemovedKey>, CursorError> {
    read(connection, grant, &slice.reach(), now)
}

fn read(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    reach: &Reach,
    now: Timestamp,
) -> Result<Vec<RemovedKey>, CursorError> {
    let at = reach.instant()?;
    let keys = restorable!(grant, now).into_boxed();
    let order = (removed_keys::removed_at, removed_keys::id);
    let rows = in_order!(keys, reach, true, (order.0, order.1), |_| at).select(RemovedKey::as_select());
    Ok(rows.load(connection).map_err(DbError::from)?)
}

/// One key that can be restored.
fn find_removed(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    key_id: &str,
    now: Timestamp,
) -> Result<RemovedKey, ManageError> {
    restorable!(grant, now)
        .filter(removed_keys::id.eq(key_id))
        .select(RemovedKey::as_select())
        .first(connection)
        .optional()?
        .ok_or(ManageError::NotFound)
}

/// Brings a removed key back with all that was known of it, deactivated; under another name where another key has
/// taken its own.
///
/// # Errors
/// [`ManageError::NotFound`], also for one that was removed too long ago; [`ManageError::TooMany`].
pub fn restore(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageKeys>,
    key_id: &str,
    rules: &InstanceRules,
    now: Timestamp,
) -> Result<ApiKey, ManageError> {
    use diesel::sql_types::{Nullable, Text, Timestamp as Instant};
    let removed = find_removed(tx.connection(), grant, key_id, now)?;
    managed::check_room::<ApiKey>(tx.connection(), grant, rules)?;
    let name = free_name(tx.connection(), grant, &removed.name)?;
    let (name_key, search_key) = (name.key(), name.search_key());
    let names = (
        name.as_str().into_sql::<Text>(),
        name_key.as_str().into_sql::<Text>(),
        search_key.as_str().into_sql::<Text>(),
    );
    let (off, since) = (Some(now).into_sql::<Nullable<Instant>>(), Some(now).into_sql::<Nullable<Instant>>());
    let row = removed_keys::table.find(key_id).select(columns!(removed_keys, names, off, since));
    let names = (api_keys::name, api_keys::name_key, api_keys::search_key);
    diesel::insert_into(api_keys::table)
        .values(row)
        .into_columns(columns!(api_keys, names, api_keys::deactivated_at, api_keys::restored_at))
        .execute(tx.connection())?;
    diesel::delete(removed_keys::table.find(key_id)).execute(tx.connection())?;
    let key = api_keys::table.find(key_id).select(columns_of::<ApiKey>()).first(tx.connection())?;
    write_terms(tx.connection(), &grant.id, &key)?;
    record_with(tx, grant, Action::KeyRestored, &key, key.fact(), now)?;
    Ok(key)
}

/// The name, or the first of "Name (restored)", "Name (restored 2)" … that no key has.
fn free_name(connection: &mut Connection, grant: &Grant<SeeKeys>, name: &str) -> Result<Name, ManageError> {
    for number in 0.. {
        let suffix = match number {
            0 => String::new(),
            1 => " (restored)".to_owned(),
            _ => format!(" (restored {number})"),
        };
        let room = MAX_KEY_NAME_LENGTH.saturating_sub(suffix.chars().count());
        let start: String = name.chars().take(room).collect();
        let text = format!("{}{suffix}", start.trim_end());
        let candidate = Name::parse(&text, MAX_KEY_NAME_LENGTH).map_err(DbError::unreadable)?;
        let same = api_keys::table
            .filter(api_keys::organization_id.eq(&grant.id).and(api_keys::name_key.eq(candidate.key())));
        if !diesel::select(diesel::dsl::exists(same)).get_result::<bool>(connection)? {
            return Ok(candidate);
        }
    }
    Err(ManageError::NameTaken { kind: "A key" })
}

/// Why a key that was restored cannot be activated, if it cannot: its secret was found in public.
pub(super) fn leak_of_restored(connection: &mut Connection, key_id: &str) -> Result<bool, DbError> {
    let restored = api_keys::table.find(key_id).filter(api_keys::restored_at.is_not_null());
    let digest = restored.select(api_keys::secret_digest).first::<Vec<u8>>(connection).optional()?;
    let Some(digest) = digest else { return Ok(false) };
    let found = leak_reports::table.filter(leak_reports::secret_digest.eq(digest));
    Ok(diesel::select(diesel::dsl::exists(found)).get_result(connection)?)
}

/// The removed key with a secret, and the organization that it is of. A look-up across organizations.
pub(in crate::domain) fn removed_by_digest(
    connection: &mut Connection,
    digest: SecretDigest,
) -> Result<Option<(RemovedKey, String)>, DbError> {
    Ok(removed_keys::table
        .filter(removed_keys::secret_digest.eq(digest.as_bytes()))
        .select((RemovedKey::as_select(), removed_keys::organization_id))
        .first(connection)
        .optional()?)
}

/// Forgets some of the keys that can't be restored any more; tells whether more are left.
pub fn purge_removed(tx: &mut Tx<'_>, now: Timestamp) -> Result<bool, DbError> {
    let ids: Vec<String> = removed_keys::table
        .filter(removed_keys::removed_at.le(now - RESTORABLE_FOR))
        .order((removed_keys::removed_at, removed_keys::id))
        .select(removed_keys::id)
        .limit(FORGOTTEN_AT_ONCE)
        .load(tx.connection())?;
    for id in &ids {
        diesel::delete(removed_keys::table.find(id)).execute(tx.connection())?;
    }
    Ok(i64::try_from(ids.len()).is_ok_and(|number| number == FORGOTTEN_AT_ONCE))
}

/// Forgets some of the keys of an organization that nobody gets back; tells how many.
pub(in crate::domain) fn forget_some(tx: &mut Tx<'_>, organization_id: &str) -> Result<usize, DbError> {
    let ids: Vec<String> = api_keys::table
        .filter(api_keys::organization_id.eq(organization_id))
        .order(api_keys::id)
        .select(api_keys::id)
        .limit(FORGOTTEN_AT_ONCE)
        .load(tx.connection())?;
    for id in &ids {
        diesel::delete(api_keys::table.find(id)).execute(tx.connection())?;
    }
    Ok(ids.len())
}
