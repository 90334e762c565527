//! Organizations that were removed, and how they come back.
//!
//! Their members stand in a table of their own meanwhile, so that nobody belongs to them; whoever finds an organization
//! otherwise (by a key, a token, a link) looks at `removed_at`.

use diesel::prelude::*;

use super::record;
use crate::{
    clock::Timestamp,
    db::{Change, Connection, DbError, Tx, columns_of, one_of},
    domain::{
        access::{Actor, Role},
        api_keys,
        events::Action,
        managed::{ManageError, RESTORABLE_FOR},
        members,
        organization::Organization,
        schema::{organizations, removed_memberships},
        user::User,
    },
};

/// A removed organization, as somebody sees it who administered it.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct RemovedOrganization {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Who removed it, by name at that time.
    pub removed_by: String,
    /// When it was removed.
    pub removed_at: Timestamp,
}

impl RemovedOrganization {
    /// Until when it can be restored.
    pub fn restorable_until(&self) -> Timestamp {
        self.removed_at + RESTORABLE_FOR
    }
}

/// Takes an organization away from everybody; `by` is the name of the administrator who did so, and `None` says that no
/// administrator can restore it.
pub(in crate::domain) fn put_aside(
    tx: &mut Tx<'_>,
    organization_id: &str,
    by: Option<&str>,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.changed(Change::Organization(organization_id.to_owned()));
    members::put_aside(tx, organization_id)?;
    diesel::update(organizations::table.find(organization_id))
        .set((organizations::removed_at.eq(now), organizations::removed_by.eq(by)))
        .execute(tx.connection())?;
    Ok(())
}

/// Gives an organization back to those who belonged to it and still have an account.
pub(in crate::domain) fn take_back(tx: &mut Tx<'_>, organization_id: &str) -> Result<Organization, DbError> {
    tx.changed(Change::Organization(organization_id.to_owned()));
    members::take_back(tx, organization_id)?;
    Ok(diesel::update(organizations::table.find(organization_id))
        .set((organizations::removed_at.eq(None::<Timestamp>), organizations::removed_by.eq(None::<String>)))
        .returning(columns_of::<Organization>())
        .get_result(tx.connection())?)
}

/// The organizations that `user` administered and can restore, those removed last first.
pub fn removed_of(
    connection: &mut Connection,
    user: &User,
    now: Timestamp,
) -> Result<Vec<RemovedOrganization>, DbError> {
    let ids: Vec<String> = removed_memberships::table
        .filter(removed_memberships::user_id.eq(&user.id))
        .filter(removed_memberships::role.eq(Role::Administrator))
        .select(removed_memberships::organization_id)
        .load(connection)?;
    Ok(organizations::table
        .filter(one_of(organizations::id, ids.iter().map(String::as_str)))
        .filter(organizations::removed_at.gt(now - RESTORABLE_FOR))
        .filter(organizations::removed_by.is_not_null())
        .order((organizations::removed_at.desc(), organizations::id))
        .select((
            organizations::id,
            organizations::name,
            organizations::removed_by.assume_not_null(),
            organizations::removed_at.assume_not_null(),
        ))
        .load(connection)?)
}

/// Restores an organization that `user` administered, with its members, keys and settings as they were.
///
/// # Errors
/// [`ManageError::NotFound`], also for one that was removed too long ago.
pub fn restore(
    tx: &mut Tx<'_>,
    user: &User,
    actor: &Actor,
    organization_id: &str,
    now: Timestamp,
) -> Result<Organization, ManageError> {
    let theirs = removed_of(tx.connection(), user, now)?;
    if !theirs.iter().any(|organization| organization.id == organization_id) {
        return Err(ManageError::NotFound);
    }
    let restored = take_back(tx, organization_id)?;
    record(tx, &restored, actor, Action::OrganizationRestored, None, now)?;
    Ok(restored)
}

/// Forgets some of what belongs to organizations that can't be restored any more, and them when nothing else is left;
/// tells whether there is more to forget.
pub fn purge_removed(tx: &mut Tx<'_>, now: Timestamp) -> Result<bool, DbError> {
    let over: Option<String> = organizations::table
        .filter(organizations::removed_at.le(now - RESTORABLE_FOR))
        .order((organizations::removed_at, organizations::id))
        .select(organizations::id)
        .first(tx.connection())
        .optional()?;
    let Some(id) = over else { return Ok(false) };
    if api_keys::forget_some(tx, &id)? == 0 {
        diesel::delete(organizations::table.find(&id)).execute(tx.connection())?;
    }
    Ok(true)
}
