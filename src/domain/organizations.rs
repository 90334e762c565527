//! Organizations: what members and keys belong to.

mod removed;

pub use removed::{RemovedOrganization, purge_removed, removed_of, restore};
pub(super) use removed::{put_aside, take_back};

use std::collections::HashMap;

use diesel::prelude::*;

use super::{
    access::{Actor, Govern, Grant, Role, See},
    events::{self, Action, Detail, Event},
    id::new_id,
    managed::ManageError,
    members,
    names::Name,
    organization::{Figures, Organization},
    page::{Cursor, Page, PageRequest, Reach, Total, in_order},
    plans,
    schema::{memberships, organizations},
    search::{self, Matches, has_term, matching},
    user::User,
};
use crate::{
    clock::Timestamp,
    config::InstanceRules,
    db::{Change, Connection, DbError, Tx, columns_of, count_of, one_of},
    folding::{
        self,
        terms::{List, Sought},
    },
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

/// Whether `user` may administer another organization.
///
/// # Errors
/// [`ManageError::TooMany`].
pub fn check_room(
    connection: &mut Connection,
    user: &User,
    rules: &InstanceRules,
) -> Result<(), ManageError> {
    let administered: i64 = memberships::table
        .filter(memberships::user_id.eq(&user.id).and(memberships::role.eq(Role::Administrator)))
        .count()
        .get_result(connection)
        .map_err(DbError::from)?;
    if administered >= rules.organizations {
        let kinds = ("organization that you administer", "organizations that you administer");
        return Err(ManageError::TooMany { kinds, max: rules.organizations });
    }
    Ok(())
}

/// Creates an organization; `user` becomes its first administrator.
///
/// # Errors
/// [`ManageError::TooMany`] when the person administers too many.
pub fn create(
    tx: &mut Tx<'_>,
    user: &User,
    actor: &Actor,
    name: &Name,
    rules: &InstanceRules,
    now: Timestamp,
) -> Result<Organization, ManageError> {
    check_room(tx.connection(), user, rules)?;
    let organization = insert(tx, name, now)?;
    members::insert(tx, &organization.id, &user.id, Role::Administrator, now)?;
    record(tx, &organization, actor, Action::OrganizationCreated, None, now)?;
    Ok(organization)
}

pub(super) fn insert(tx: &mut Tx<'_>, name: &Name, now: Timestamp) -> Result<Organization, DbError> {
    let plan_id = plans::default_plan(tx.connection())?;
    let organization: Organization = diesel::insert_into(organizations::table)
        .values((
            organizations::id.eq(new_id(now)),
            organizations::name.eq(name.as_str()),
            organizations::search_key.eq(name.search_key()),
            organizations::created_at.eq(now),
            organizations::plan_id.eq(plan_id),
        ))
        .returning(columns_of::<Organization>())
        .get_result(tx.connection())?;
    search::write_new_organization(tx, &organization.id, &organization.name)?;
    Ok(organization)
}

macro_rules! organizations_of {
    ($user:expr, $matches:expr) => {
        matching!(
            memberships::table.into_boxed(),
            $matches,
            (memberships::user_id, $user.id.as_str()),
            (memberships::user_id, memberships::organization_id),
            |sought: &Sought| has_term!(
                sought,
                List::Organizations,
                $user.id.clone(),
                memberships::organization_id
            )
        )
    };
}

/// One page of the organizations that `user` belongs to, by name; `search` is the beginning of a word
/// in the name, empty for all.
pub fn page_of_user(
    connection: &mut Connection,
    user: &User,
    search: &str,
    request: &PageRequest,
) -> Result<Page<Membership>, DbError> {
    let matches = search::find(connection, List::Organizations, &user.id, search)?;
    let total = matches.total(|| number_of_user(connection, user))?;
    let cursor = |membership: &Membership| {
        Cursor::by(&membership.organization.id, folding::search_key(&membership.organization.name))
    };
    request.load(total, cursor, |reach| Ok(read_of_user(connection, user, &matches, reach)?))
}

/// How many organizations `user` belongs to.
pub fn number_of_user(connection: &mut Connection, user: &User) -> Result<Total, DbError> {
    let all = || organizations_of!(user, &Matches::All).select(memberships::organization_id);
    Total::count(|most| count_of(connection, all().limit(most)))
}

/// The organization that `user` belongs to, where it is the only one.
pub fn only_one(connection: &mut Connection, user: &User) -> Result<Option<Membership>, DbError> {
    let two = read_of_user(connection, user, &Matches::All, &Reach { limit: 2, ..Reach::default() })?;
    Ok(<[Membership; 1]>::try_from(two).ok().map(|[only]| only))
}

fn read_of_user(
    connection: &mut Connection,
    user: &User,
    matches: &Matches,
    reach: &Reach,
) -> Result<Vec<Membership>, DbError> {
    let name = |cursor: &Cursor| cursor.sorted_by.clone();
    let organizations = organizations_of!(user, matches);
    let page = in_order!(
        organizations,
        reach,
        false,
        (memberships::organization_key, memberships::organization_id),
        name
    )
    .select((memberships::organization_id, memberships::role));
    let roles: Vec<(String, Role)> = page.load(connection)?;
    let ids = roles.iter().map(|(id, _)| id.as_str());
    let rows: Vec<(Organization, i64, i64)> = organizations::table
        .filter(one_of(organizations::id, ids))
        .select((Organization::as_select(), organizations::member_count, organizations::api_key_count))
        .load(connection)?;
    let mut rows: HashMap<String, _> = rows.into_iter().map(|row| (row.0.id.clone(), row)).collect();
    let membership = |(id, role)| {
        let (organization, members, api_keys) = rows.remove(&id)?;
        Some(Membership { organization, role, members, api_keys })
    };
    Ok(roles.into_iter().filter_map(membership).collect())
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
    let renamed = set_name(tx, &grant.id, name)?;
    let detail = Detail::NameChange { from: grant.name.clone(), to: renamed.name.clone() };
    record(tx, grant, grant.actor(), Action::OrganizationRenamed, Some(detail), now)?;
    Ok(renamed)
}

/// Writes another name of the organization, wherever it stands.
pub(super) fn set_name(tx: &mut Tx<'_>, organization_id: &str, name: &Name) -> Result<Organization, DbError> {
    tx.changed(Change::Organization(organization_id.to_owned()));
    let renamed = diesel::update(organizations::table.find(organization_id))
        .set((organizations::name.eq(name.as_str()), organizations::search_key.eq(name.search_key())))
        .returning(columns_of::<Organization>())
        .get_result(tx.connection())?;
    search::write_organizations(tx, organization_id, name.as_str())?;
    Ok(renamed)
}

/// Writes what those who operate the instance note about the organization; whether it is something else than before.
pub(super) fn set_notes(
    tx: &mut Tx<'_>,
    organization_id: &str,
    notes: Option<&str>,
) -> Result<bool, DbError> {
    let organization = organizations::table.find(organization_id);
    let before: Option<String> = organization.select(organizations::notes).first(tx.connection())?;
    if before.as_deref() == notes {
        return Ok(false);
    }
    diesel::update(organization).set(organizations::notes.eq(notes)).execute(tx.connection())?;
    Ok(true)
}

/// Suspends the organization since an instant for a reason, or ends that.
pub(super) fn set_suspension(
    tx: &mut Tx<'_>,
    organization_id: &str,
    suspension: Option<(Timestamp, &str)>,
) -> Result<Organization, DbError> {
    // First: whoever has heard that it is followed where its keys have stopped has heard of this.
    tx.changed(Change::Organization(organization_id.to_owned()));
    let (since, reason) = suspension.unzip();
    Ok(diesel::update(organizations::table.find(organization_id))
        .set((organizations::suspended_at.eq(since), organizations::suspension_reason.eq(reason)))
        .returning(columns_of::<Organization>())
        .get_result(tx.connection())?)
}

/// Puts the organization on a plan, or on none.
pub(super) fn set_plan(tx: &mut Tx<'_>, organization_id: &str, plan_id: Option<&str>) -> Result<(), DbError> {
    tx.changed(Change::Organization(organization_id.to_owned()));
    diesel::update(organizations::table.find(organization_id))
        .set(organizations::plan_id.eq(plan_id))
        .execute(tx.connection())?;
    Ok(())
}

/// Puts all organizations that have no plan on one; how many they were.
pub(super) fn set_plan_of_those_without(tx: &mut Tx<'_>, plan_id: &str) -> Result<usize, DbError> {
    tx.changed(Change::Anything);
    let without = organizations::plan_id.is_null().and(organizations::removed_at.is_null());
    Ok(diesel::update(organizations::table.filter(without))
        .set(organizations::plan_id.eq(plan_id))
        .execute(tx.connection())?)
}

/// Puts all removed organizations that were on a plan on another, or on none.
pub(super) fn set_plan_of_removed(
    tx: &mut Tx<'_>,
    plan_id: &str,
    other: Option<&str>,
) -> Result<(), DbError> {
    let theirs = organizations::plan_id.eq(plan_id).and(organizations::removed_at.is_not_null());
    diesel::update(organizations::table.filter(theirs))
        .set(organizations::plan_id.eq(other))
        .execute(tx.connection())?;
    Ok(())
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

/// Removes the organization: from now on nobody belongs to it, and neither its keys nor its tokens are known. For
/// [`RESTORABLE_FOR`](super::managed::RESTORABLE_FOR) it can be restored; then it is forgotten, and the audit log stays.
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
    Ok(removed::put_aside(tx, &grant.id, Some(grant.actor().name()), now)?)
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
