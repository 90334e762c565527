//! Members of an organization and what they may do there.

mod list;

pub use list::{list_after, page};

use diesel::prelude::*;

use super::{
    access::{self, Actor, Grant, ManageMembers, Role, See},
    email::EmailAddress,
    events::{self, Action, Detail, Event},
    organization::Organization,
    schema::{memberships, removed_memberships, users},
    search,
};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
};

/// A person in an organization.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct Person {
    /// The account's id.
    pub user_id: String,
    /// The person's name.
    pub name: String,
    /// The person's address.
    pub email: String,
    /// What the person is there.
    pub role: Role,
    /// When the person joined.
    pub joined_at: Timestamp,
    /// When the person was last seen in any organization, exact to some minutes.
    pub last_active_at: Option<Timestamp>,
}

/// Why a member is neither changed nor removed.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    /// No such member.
    #[error("not found")]
    NotFound,
    /// Nobody would be left to administer the organization.
    #[error("You’re the last administrator. Make someone else an administrator first.")]
    LastAdministrator,
    /// A master token would make an administrator.
    #[error("Only a person can make someone an administrator.")]
    OnlyPeople,
    /// The actor does not reach that role.
    #[error("Only an administrator can do this.")]
    AboveYou,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The columns of a [`Person`].
const COLUMNS: (
    users::id,
    users::name,
    users::email,
    memberships::role,
    memberships::joined_at,
    users::last_active_at,
) = (users::id, users::name, users::email, memberships::role, memberships::joined_at, users::last_active_at);

/// One member.
///
/// # Errors
/// [`MemberError::NotFound`], [`MemberError::Db`].
pub fn find(connection: &mut Connection, grant: &Grant<See>, user_id: &str) -> Result<Person, MemberError> {
    let person: Option<Person> = memberships::table
        .inner_join(users::table)
        .filter(memberships::organization_id.eq(&grant.id).and(memberships::user_id.eq(user_id)))
        .select(COLUMNS)
        .first(connection)
        .optional()
        .map_err(DbError::from)?;
    person.ok_or(MemberError::NotFound)
}

/// Makes an account a member.
pub(super) fn insert(
    tx: &mut Tx<'_>,
    organization_id: &str,
    user_id: &str,
    role: Role,
    now: Timestamp,
) -> Result<(), DbError> {
    diesel::insert_into(memberships::table)
        .values((
            memberships::organization_id.eq(organization_id),
            memberships::user_id.eq(user_id),
            memberships::role.eq(role),
            memberships::joined_at.eq(now),
        ))
        .execute(tx.connection())?;
    search::write_membership(tx, organization_id, user_id, role)
}

/// Has nobody belong to the organization, until it is restored.
pub(super) fn put_aside(tx: &mut Tx<'_>, organization_id: &str) -> Result<(), DbError> {
    let theirs = memberships::table.filter(memberships::organization_id.eq(organization_id));
    diesel::insert_into(removed_memberships::table)
        .values(theirs.select((
            memberships::organization_id,
            memberships::user_id,
            memberships::role,
            memberships::joined_at,
        )))
        .into_columns((
            removed_memberships::organization_id,
            removed_memberships::user_id,
            removed_memberships::role,
            removed_memberships::joined_at,
        ))
        .execute(tx.connection())?;
    diesel::delete(theirs).execute(tx.connection())?;
    Ok(())
}

/// Has those belong to the organization again who did before it was removed, and still have an account.
pub(super) fn take_back(tx: &mut Tx<'_>, organization_id: &str) -> Result<(), DbError> {
    let theirs = removed_memberships::table.filter(removed_memberships::organization_id.eq(organization_id));
    let members: Vec<(String, Role, Timestamp)> = theirs
        .select((removed_memberships::user_id, removed_memberships::role, removed_memberships::joined_at))
        .load(tx.connection())?;
    for (user_id, role, joined_at) in members {
        insert(tx, organization_id, &user_id, role, joined_at)?;
    }
    diesel::delete(theirs).execute(tx.connection())?;
    Ok(())
}

/// Whether nobody would be left to administer the organization without `person`.
pub fn is_last_administrator(
    connection: &mut Connection,
    grant: &Grant<See>,
    person: &Person,
) -> Result<bool, DbError> {
    Ok(person.role == Role::Administrator && administrators(connection, &grant.id)?.len() < 2)
}

/// Gives a member another role.
///
/// # Errors
/// [`MemberError`]; a grant may reach neither the member's role nor the new one.
pub(super) fn change_role(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageMembers>,
    user_id: &str,
    role: Role,
    now: Timestamp,
) -> Result<Person, MemberError> {
    let mut person = reachable(tx, grant, user_id)?;
    if !grant.reach().contains(&role) {
        return Err(MemberError::AboveYou);
    }
    if person.role == role {
        return Ok(person);
    }
    if !grant.may_make(role) {
        return Err(MemberError::OnlyPeople);
    }
    if role != Role::Administrator {
        keep_an_administrator(tx, grant, &person)?;
    }
    diesel::update(memberships::table.find((&grant.id, user_id)))
        .set(memberships::role.eq(role))
        .execute(tx.connection())
        .map_err(DbError::from)?;
    search::rewrite_member(tx, &grant.id, user_id, role)?;
    let detail = Detail::RoleChange { from: person.role, to: role };
    record(tx, grant, Action::RoleChanged, &person, Some(detail), now)?;
    person.role = role;
    Ok(person)
}

/// What comes of making somebody an administrator from outside of the organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promotion {
    /// Nobody with this confirmed email belongs to it.
    NotThere,
    /// They belong to it and cannot log in.
    Deactivated,
    /// They are one now, and had this role before.
    Done(Role),
}

/// Makes whoever has this confirmed email an administrator, from outside of the organization, where they belong to it.
pub(super) fn promote(
    tx: &mut Tx<'_>,
    organization: &Organization,
    email: &EmailAddress,
    now: Timestamp,
) -> Result<Promotion, DbError> {
    let found: Option<(String, String, Role, Option<Timestamp>)> = memberships::table
        .inner_join(users::table)
        .filter(memberships::organization_id.eq(&organization.id).and(users::email.eq(email.as_str())))
        .filter(users::email_verified_at.is_not_null())
        .select((users::id, users::name, memberships::role, users::deactivated_at))
        .first(tx.connection())
        .optional()?;
    let Some((user_id, name, before, deactivated_at)) = found else { return Ok(Promotion::NotThere) };
    if deactivated_at.is_some() {
        return Ok(Promotion::Deactivated);
    }
    if before != Role::Administrator {
        diesel::update(memberships::table.find((&organization.id, &user_id)))
            .set(memberships::role.eq(Role::Administrator))
            .execute(tx.connection())?;
        search::rewrite_member(tx, &organization.id, &user_id, Role::Administrator)?;
        let event = Event {
            organization_id: Some(&organization.id),
            actor: &Actor::System { ip: None },
            action: Action::RoleChanged,
            subject_id: Some(&user_id),
            subject_name: &name,
            detail: Some(Detail::RoleChange { from: before, to: Role::Administrator }),
        };
        events::record(tx, &event, now)?;
    }
    Ok(Promotion::Done(before))
}

/// Removes a member; keys that the member created keep working.
pub(super) fn remove(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageMembers>,
    user_id: &str,
    now: Timestamp,
) -> Result<Person, MemberError> {
    let person = reachable(tx, grant, user_id)?;
    keep_an_administrator(tx, grant, &person)?;
    delete(tx, grant, user_id)?;
    record(tx, grant, Action::MemberRemoved, &person, None, now)?;
    Ok(person)
}

/// Ends the actor's own membership.
pub(super) fn leave(tx: &mut Tx<'_>, grant: &Grant<See>, now: Timestamp) -> Result<(), MemberError> {
    let own_id = grant.actor().id().ok_or(MemberError::NotFound)?.to_owned();
    let person = find(tx.connection(), grant, &own_id)?;
    keep_an_administrator(tx, grant, &person)?;
    delete(tx, grant, &own_id)?;
    record(tx, grant, Action::Left, &person, None, now)?;
    Ok(())
}

/// The member, if the actor reaches them. The actor's role is read again inside the transaction:
/// the grant is some milliseconds older, and a demotion may have come between.
fn reachable(tx: &mut Tx<'_>, grant: &Grant<ManageMembers>, user_id: &str) -> Result<Person, MemberError> {
    let person = find(tx.connection(), grant, user_id)?;
    let reach = match grant.actor() {
        Actor::User { id, .. } => {
            access::role_of(tx.connection(), &grant.id, id)?.map_or(&[][..], Role::reach)
        }
        Actor::MasterToken { .. } | Actor::InstanceToken { .. } | Actor::System { .. } => grant.reach(),
    };
    if reach.contains(&person.role) { Ok(person) } else { Err(MemberError::AboveYou) }
}

fn keep_an_administrator(tx: &mut Tx<'_>, grant: &Grant<See>, person: &Person) -> Result<(), MemberError> {
    if is_last_administrator(tx.connection(), grant, person)? {
        return Err(MemberError::LastAdministrator);
    }
    Ok(())
}

fn delete(tx: &mut Tx<'_>, grant: &Grant<See>, user_id: &str) -> Result<(), DbError> {
    diesel::delete(memberships::table.find((&grant.id, user_id))).execute(tx.connection())?;
    Ok(())
}

fn record(
    tx: &mut Tx<'_>,
    grant: &Grant<See>,
    action: Action,
    person: &Person,
    detail: Option<Detail>,
    now: Timestamp,
) -> Result<(), DbError> {
    let event = Event {
        organization_id: Some(&grant.id),
        actor: grant.actor(),
        action,
        subject_id: Some(&person.user_id),
        subject_name: &person.name,
        detail,
    };
    events::record(tx, &event, now)
}

/// The addresses of the organization's administrators.
pub(super) fn administrators(
    connection: &mut Connection,
    organization_id: &str,
) -> Result<Vec<String>, DbError> {
    Ok(memberships::table
        .inner_join(users::table)
        .filter(memberships::organization_id.eq(organization_id))
        .filter(memberships::role.eq(Role::Administrator))
        .order(users::email)
        .select(users::email)
        .load(connection)?)
}
