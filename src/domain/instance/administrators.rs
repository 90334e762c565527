//! Who operates the instance.

use diesel::{dsl::exists, prelude::*};

use super::{InstanceError, user};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
    domain::{
        access::{Actor, Operator},
        accounts,
        events::Action,
        schema::{instance_administrators, setup_links, users},
        user::User,
    },
};

/// Whether there is any instance administrator.
pub fn has_administrator(connection: &mut Connection) -> Result<bool, DbError> {
    let any = instance_administrators::table.select(instance_administrators::user_id);
    Ok(diesel::select(exists(any)).get_result(connection)?)
}

/// Makes somebody an instance administrator. Whoever is one stays so.
///
/// # Errors
/// [`InstanceError::NotFound`], [`InstanceError::Deactivated`].
pub fn appoint(
    tx: &mut Tx<'_>,
    operator: &Operator,
    user_id: &str,
    now: Timestamp,
) -> Result<User, InstanceError> {
    let user = user(tx.connection(), user_id)?;
    if user.is_deactivated() {
        return Err(InstanceError::Deactivated);
    }
    if !is_administrator(tx.connection(), user_id)? {
        insert(tx, operator.actor(), &user, now)?;
    }
    Ok(user)
}

pub(super) fn insert(
    tx: &mut Tx<'_>,
    actor: &Actor,
    user: &User,
    now: Timestamp,
) -> Result<(), InstanceError> {
    diesel::insert_into(instance_administrators::table)
        .values((
            instance_administrators::user_id.eq(&user.id),
            instance_administrators::since.eq(now),
            instance_administrators::appointed_by.eq(actor.name()),
        ))
        .execute(tx.connection())?;
    // Whoever comes later is made one by those who are there.
    diesel::delete(setup_links::table).execute(tx.connection())?;
    Ok(accounts::record(tx, user, Action::AdministratorAdded, actor, now)?)
}

/// Takes away that somebody is an instance administrator. Whoever is none stays so.
///
/// # Errors
/// [`InstanceError::NotFound`], [`InstanceError::LastAdministrator`].
pub fn dismiss(
    tx: &mut Tx<'_>,
    operator: &Operator,
    user_id: &str,
    now: Timestamp,
) -> Result<User, InstanceError> {
    let user = user(tx.connection(), user_id)?;
    if is_administrator(tx.connection(), user_id)? {
        keep_an_administrator(tx, user_id)?;
        diesel::delete(instance_administrators::table.find(user_id)).execute(tx.connection())?;
        accounts::record(tx, &user, Action::AdministratorDismissed, operator.actor(), now)?;
    }
    Ok(user)
}

fn is_administrator(connection: &mut Connection, user_id: &str) -> Result<bool, DbError> {
    Ok(diesel::select(exists(instance_administrators::table.find(user_id))).get_result(connection)?)
}

/// Refuses to do without an instance administrator where nobody else could do their work. Transactions that write
/// come one after the other, so of two that each count on the other's administrator one is refused (ASVS 15.4.2).
pub(super) fn keep_an_administrator(tx: &mut Tx<'_>, user_id: &str) -> Result<(), InstanceError> {
    if !is_administrator(tx.connection(), user_id)? {
        return Ok(());
    }
    let others = instance_administrators::table
        .inner_join(users::table)
        .filter(instance_administrators::user_id.ne(user_id))
        .filter(users::deactivated_at.is_null().and(users::email_verified_at.is_not_null()));
    let is_dispensable: bool = diesel::select(exists(others)).get_result(tx.connection())?;
    if is_dispensable { Ok(()) } else { Err(InstanceError::LastAdministrator) }
}
