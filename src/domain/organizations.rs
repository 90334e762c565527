//! Organizations: what members and keys belong to.

use diesel::prelude::*;

use super::{
    access::{Actor, Govern, Grant, Role, See},
    events::{self, Action, Detail, Event},
    id::new_id,
    managed::ManageError,
    members,
    names::Name,
    organization::{Figures, Organization},
    schema::{memberships, organizations},
    user::User,
};
use crate::{
    clock::Timestamp,
    db::{Change, Connection, DbError, Tx},
    folding,
    vocabulary::LeakPolicy,
};

/// An organization as one of its members sees it in a list.
#[derive(Clone, Debug)]
pub struct Membership {
    /// The organization.
    pub organization: Organization,
    /// What the member is there.
    pub role: Role,
    /// Members in all.
    pub members: i64,
    /// API keys in all.
    pub api_keys: i64,
}

/// Organizations that one person may administer (ASVS 2.4.1: limit what one account can create).
pub const MAX_ORGANIZATIONS: i64 = 100;

/// Why one more is not created.
const TOO_MANY: &str = "You already administer 100 organizations. Remove one first.";
const _: () = assert!(MAX_ORGANIZATIONS == 100, "the sentence names the number");

/// Creates an organization; `user` becomes its first administrator.
///
/// # Errors
/// [`ManageError::State`] when the person administers too many.
pub fn create(
    tx: &mut Tx<'_>,
    user: &User,
    actor: &Actor,
    name: &Name,
    now: Timestamp,
) -> Result<Organization, ManageError> {
    let administered: i64 = memberships::table
        .filter(memberships::user_id.eq(&user.id).and(memberships::role.eq(Role::Administrator)))
        .count()
        .get_result(tx.connection())
        .map_err(DbError::from)?;
    if administered >= MAX_ORGANIZATIONS {
        return Err(ManageError::State(TOO_MANY));
    }
    let organization = insert(tx, name, now)?;
    members::insert(tx, &organization.id, &user.id, Role::Administrator, now)?;
    record(tx, &organization, actor, Action::OrganizationCreated, None, now)?;
    Ok(organization)
}

pub(super) fn insert(tx: &mut Tx<'_>, name: &Name, now: Timestamp) -> Result<Organization, DbError> {
    Ok(diesel::insert_into(organizations::table)
        .values((
            organizations::id.eq(new_id(now)),
            organizations::name.eq(name.as_str()),
            organizations::search_key.eq(name.search_key()),
            organizations::created_at.eq(now),
        ))
        .returning(Organization::as_returning())
        .get_result(tx.connection())?)
}

/// The organizations that `user` belongs to, by name.
pub fn of_user(connection: &mut Connection, user: &User) -> Result<Vec<Membership>, DbError> {
    let rows: Vec<(Organization, Role, i64, i64)> = memberships::table
        .inner_join(organizations::table)
        .filter(memberships::user_id.eq(&user.id))
        .order((organizations::search_key, organizations::id))
        .select((
            Organization::as_select(),
            memberships::role,
            organizations::member_count,
            organizations::api_key_count,
        ))
        .load(connection)?;
    let membership =
        |(organization, role, members, api_keys)| Membership { organization, role, members, api_keys };
    Ok(rows.into_iter().map(membership).collect())
}

/// Counts what the tabs show.
pub fn figures(connection: &mut Connection, grant: &Grant<See>) -> Result<Figures, DbError> {
    let counts = organizations::table
        .find(&grant.id)
        .select((organizations::member_count, organizations::api_key_count));
    let (members, api_keys) = counts.first(connection)?;
    Ok(Figures { members, api_keys })
}

/// Gives the organization another name.
pub fn rename(
    tx: &mut Tx<'_>,
    grant: &Grant<Govern>,
    name: &Name,
    now: Timestamp,
) -> Result<Organization, DbError> {
    if grant.name == name.as_str() {
        return Ok(Organization::clone(grant));
    }
    tx.changed(Change::Organization(grant.id.clone()));
    let renamed = diesel::update(organizations::table.find(&grant.id))
        .set((organizations::name.eq(name.as_str()), organizations::search_key.eq(name.search_key())))
        .returning(Organization::as_returning())
        .get_result(tx.connection())?;
    let detail = Detail::NameChange { from: grant.name.clone(), to: renamed.name.clone() };
    record(tx, grant, grant.actor(), Action::OrganizationRenamed, Some(detail), now)?;
    Ok(renamed)
}

/// What happens to the organization's keys that are found in public.
pub fn leak_policy(connection: &mut Connection, grant: &Grant<See>) -> Result<LeakPolicy, DbError> {
    Ok(organizations::table.find(&grant.id).select(organizations::leak_policy).first(connection)?)
}

/// Chooses what happens to keys that are found in public from now on.
pub fn change_leak_policy(
    tx: &mut Tx<'_>,
    grant: &Grant<Govern>,
    policy: LeakPolicy,
    now: Timestamp,
) -> Result<(), DbError> {
    let before = leak_policy(tx.connection(), grant)?;
    if before == policy {
        return Ok(());
    }
    diesel::update(organizations::table.find(&grant.id))
        .set(organizations::leak_policy.eq(policy))
        .execute(tx.connection())?;
    let detail = Detail::LeakPolicyChange { from: before, to: policy };
    record(tx, grant, grant.actor(), Action::LeakPolicyChanged, Some(detail), now)
}

/// Why an organization is not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// What was typed is not the organization's name.
    #[error("Type the name exactly as shown.")]
    NameDiffers,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Removes the organization with its members, invitations, keys and tokens. The audit log stays.
pub fn remove(
    tx: &mut Tx<'_>,
    grant: &Grant<Govern>,
    typed_name: &str,
    now: Timestamp,
) -> Result<(), RemoveError> {
    // What nobody sees, nobody can type.
    if folding::visible(typed_name) != folding::visible(&grant.name) {
        return Err(RemoveError::NameDiffers);
    }
    record(tx, grant, grant.actor(), Action::OrganizationRemoved, None, now)?;
    tx.changed(Change::Organization(grant.id.clone()));
    diesel::delete(organizations::table.find(&grant.id)).execute(tx.connection()).map_err(DbError::from)?;
    Ok(())
}

fn record(
    tx: &mut Tx<'_>,
    organization: &Organization,
    actor: &Actor,
    action: Action,
    detail: Option<Detail>,
    now: Timestamp,
) -> Result<(), DbError> {
    let event = Event {
        organization_id: Some(&organization.id),
        actor,
        action,
        subject_id: Some(&organization.id),
        subject_name: &organization.name,
        detail,
    };
    events::record(tx, &event, now)
}
