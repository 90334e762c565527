//! Organizations: what members and keys belong to.

use diesel::{dsl::count_star, prelude::*};

use super::{
    access::{AccessError, Actor, Admin, Member, Role},
    accounts::User,
    audit::{self, Action, Event},
    forms::{self, FormError, FormId},
    id::new_id,
    names::Name,
    schema::{api_keys, memberships, organizations},
};
use crate::{
    clock::Timestamp,
    db::{Change, Connection, DbError, Tx},
};

/// A company, a team, a project.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = organizations)]
pub struct Organization {
    /// The id in URLs and answers.
    pub id: String,
    /// The name; several organizations may bear the same one.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
}

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

/// Why an organization is not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The person administers too many already.
    #[error("You administer {MAX_ORGANIZATIONS} organizations already. Remove one first.")]
    TooMany,
    /// The form was sent before or is stale.
    #[error(transparent)]
    Form(#[from] FormError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Creates an organization; `user` becomes its first administrator.
///
/// # Errors
/// [`CreateError`].
pub fn create(
    tx: &mut Tx<'_>,
    user: &User,
    actor: &Actor,
    name: &Name,
    form: &FormId,
    now: Timestamp,
) -> Result<Organization, CreateError> {
    forms::spend(tx, form, now)?;
    let administered: i64 = memberships::table
        .filter(memberships::user_id.eq(&user.id).and(memberships::role.eq(Role::Administrator.as_str())))
        .count()
        .get_result(tx.connection())
        .map_err(DbError::from)?;
    if administered >= MAX_ORGANIZATIONS {
        return Err(CreateError::TooMany);
    }
    let organization = insert(tx, name, now)?;
    insert_member(tx, &organization.id, &user.id, Role::Administrator, now)?;
    record(tx, &organization, actor, Action::OrganizationCreated, None, now)?;
    Ok(organization)
}

pub(super) fn insert(tx: &mut Tx<'_>, name: &Name, now: Timestamp) -> Result<Organization, DbError> {
    Ok(diesel::insert_into(organizations::table)
        .values((
            organizations::id.eq(new_id(now)),
            organizations::name.eq(name.as_str()),
            organizations::created_at.eq(now),
        ))
        .returning(Organization::as_returning())
        .get_result(tx.connection())?)
}

pub(super) fn insert_member(
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
            memberships::role.eq(role.as_str()),
            memberships::joined_at.eq(now),
        ))
        .execute(tx.connection())?;
    Ok(())
}

/// The organizations that `user` belongs to, by name.
///
/// # Errors
/// [`DbError`].
pub fn of_user(connection: &mut Connection, user: &User) -> Result<Vec<Membership>, DbError> {
    let rows: Vec<(Organization, String)> = memberships::table
        .inner_join(organizations::table)
        .filter(memberships::user_id.eq(&user.id))
        .order((organizations::name, organizations::id))
        .select((Organization::as_select(), memberships::role))
        .load(connection)?;
    let ids: Vec<&str> = rows.iter().map(|(organization, _)| organization.id.as_str()).collect();
    let members = counts(
        memberships::table
            .filter(memberships::organization_id.eq_any(&ids))
            .group_by(memberships::organization_id)
            .select((memberships::organization_id, count_star()))
            .load(connection)?,
    );
    let keys = counts(
        api_keys::table
            .filter(api_keys::organization_id.eq_any(&ids))
            .group_by(api_keys::organization_id)
            .select((api_keys::organization_id, count_star()))
            .load(connection)?,
    );
    Ok(rows
        .into_iter()
        .map(|(organization, role)| Membership {
            role: role.parse().unwrap_or(Role::User),
            members: members.get(&organization.id).copied().unwrap_or_default(),
            api_keys: keys.get(&organization.id).copied().unwrap_or_default(),
            organization,
        })
        .collect())
}

fn counts(rows: Vec<(String, i64)>) -> std::collections::HashMap<String, i64> {
    rows.into_iter().collect()
}

/// Figures beside the tabs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Members.
    pub members: i64,
    /// API keys.
    pub api_keys: i64,
}

/// Counts what the tabs show.
///
/// # Errors
/// [`DbError`].
pub fn figures(connection: &mut Connection, proof: &Member<Organization>) -> Result<Figures, DbError> {
    let members = memberships::table.filter(memberships::organization_id.eq(&proof.id)).count();
    let api_keys = api_keys::table.filter(api_keys::organization_id.eq(&proof.id)).count();
    Ok(Figures { members: members.get_result(connection)?, api_keys: api_keys.get_result(connection)? })
}

/// Gives the organization another name.
///
/// # Errors
/// [`DbError`].
pub fn rename(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    name: &Name,
    now: Timestamp,
) -> Result<(), DbError> {
    if admin.name == name.as_str() {
        return Ok(());
    }
    tx.changed(Change::Everything);
    diesel::update(organizations::table.find(&admin.id))
        .set(organizations::name.eq(name.as_str()))
        .execute(tx.connection())?;
    let detail = format!("from “{}” to “{name}”", admin.name);
    record(tx, admin, admin.actor(), Action::OrganizationRenamed, Some(detail), now)
}

/// Why an organization is not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// What was typed is not the organization's name.
    #[error("Type the name exactly as it is shown.")]
    NameDiffers,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Removes the organization with its members, invitations, keys and tokens. The audit log stays.
///
/// # Errors
/// [`RemoveError`].
pub fn remove(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    typed_name: &str,
    now: Timestamp,
) -> Result<(), RemoveError> {
    if typed_name.trim() != admin.name {
        return Err(RemoveError::NameDiffers);
    }
    record(tx, admin, admin.actor(), Action::OrganizationRemoved, None, now)?;
    tx.changed(Change::Everything);
    diesel::delete(organizations::table.find(&admin.id)).execute(tx.connection()).map_err(DbError::from)?;
    Ok(())
}

fn record(
    tx: &mut Tx<'_>,
    organization: &Organization,
    actor: &Actor,
    action: Action,
    detail: Option<String>,
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
    audit::record(tx, &event, now)
}

/// The organization of a proof as it is now; the proof is some milliseconds older.
///
/// # Errors
/// [`AccessError`] when it was removed meanwhile.
pub fn of_proof(
    connection: &mut Connection,
    proof: &Member<Organization>,
) -> Result<Organization, AccessError> {
    by_id(connection, &proof.id)?.ok_or(AccessError::NotFound)
}

pub(super) fn by_id(connection: &mut Connection, id: &str) -> Result<Option<Organization>, DbError> {
    Ok(organizations::table.find(id).select(Organization::as_select()).first(connection).optional()?)
}
