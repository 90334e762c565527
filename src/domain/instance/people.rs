//! All people with an account.

use std::collections::HashMap;

use diesel::{dsl::count_star, prelude::*};

use super::{InstanceError, administrators, user};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx, count_of, one_of},
    domain::{
        access::{self, Operator, See},
        accounts,
        email::EmailAddress,
        events::Action,
        member_changes, members,
        organization::Organization,
        page::{Cursor, CursorError, Page, PageRequest, Reach, Total, by_age, in_order},
        schema::{instance_administrators, memberships, organizations, users},
        search::{self, Matches, has_term, matching_anywhere},
        sessions,
        user::User,
    },
    folding::{
        self,
        terms::{INSTANCE, List, Sought},
    },
    vocabulary::PersonSort,
};

/// Somebody with an account, as those see them who operate the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The account.
    pub user: User,
    /// How many organizations they belong to.
    pub organizations: i64,
    /// Since when they are an instance administrator, if they are.
    pub administrator_since: Option<Timestamp>,
}

/// One page of all people; with `search`, those with a word in name or email that begins so.
pub fn page_of_people(
    connection: &mut Connection,
    _: &Operator,
    (search, sort): (&str, PersonSort),
    request: &PageRequest,
) -> Result<Page<Person>, DbError> {
    let matches = search::find(connection, List::People, INSTANCE, search)?;
    let total = matches.total(|| total(connection))?;
    request.load(total, |person| sort.cursor(person), |reach| read(connection, (&matches, sort), reach))
}

/// How many people have an account.
pub fn total_of_people(connection: &mut Connection, _: &Operator) -> Result<Total, DbError> {
    total(connection)
}

fn total(connection: &mut Connection) -> Result<Total, DbError> {
    Total::count(|most| count_of(connection, users::table.select(users::id).limit(most)))
}

impl PersonSort {
    /// The place behind `person` in a list that is sorted so.
    fn cursor(self, person: &Person) -> Cursor {
        let sorted_by = match self {
            Self::Name | Self::NameDescending => folding::search_key(&person.user.name),
            Self::Newest | Self::Oldest => String::new(),
        };
        Cursor::by(&person.user.id, sorted_by).in_order(self)
    }
}

fn read(
    connection: &mut Connection,
    (matches, sort): (&Matches, PersonSort),
    reach: &Reach,
) -> Result<Vec<Person>, CursorError> {
    let people = matching_anywhere!(users::table.into_boxed(), matches, users::id, |sought: &Sought| {
        has_term!(sought, List::People, INSTANCE, users::id)
    });
    let descending = reach.descends_in(sort)?;
    let query = match sort {
        PersonSort::Name | PersonSort::NameDescending => {
            let name = |cursor: &Cursor| cursor.sorted_by.clone();
            in_order!(people, reach, descending, (users::search_key, users::id), name)
        }
        PersonSort::Newest | PersonSort::Oldest => by_age!(people, reach, descending, users::id),
    };
    let users: Vec<User> = query.select(User::as_select()).load(connection).map_err(DbError::from)?;
    Ok(with_what_they_are(connection, users)?)
}

fn with_what_they_are(connection: &mut Connection, users: Vec<User>) -> Result<Vec<Person>, DbError> {
    let ids = || users.iter().map(|user| user.id.as_str());
    let counts: HashMap<String, i64> = memberships::table
        .filter(one_of(memberships::user_id, ids()))
        .group_by(memberships::user_id)
        .select((memberships::user_id, count_star()))
        .load(connection)?
        .into_iter()
        .collect();
    let administrators: HashMap<String, Timestamp> = instance_administrators::table
        .filter(one_of(instance_administrators::user_id, ids()))
        .select((instance_administrators::user_id, instance_administrators::since))
        .load(connection)?
        .into_iter()
        .collect();
    let person = |user: User| Person {
        organizations: counts.get(&user.id).copied().unwrap_or_default(),
        administrator_since: administrators.get(&user.id).copied(),
        user,
    };
    Ok(users.into_iter().map(person).collect())
}

/// One person.
///
/// # Errors
/// [`InstanceError::NotFound`].
pub fn find_person(
    connection: &mut Connection,
    _: &Operator,
    user_id: &str,
) -> Result<Person, InstanceError> {
    let user = user(connection, user_id)?;
    with_what_they_are(connection, vec![user])?.pop().ok_or(InstanceError::NotFound)
}

/// The person with this email.
///
/// # Errors
/// [`InstanceError::NotFound`].
pub fn person_at(
    connection: &mut Connection,
    _: &Operator,
    email: &EmailAddress,
) -> Result<User, InstanceError> {
    accounts::by_email(connection, email)?.ok_or(InstanceError::NotFound)
}

/// Ends all sessions of a person.
///
/// # Errors
/// [`InstanceError::NotFound`].
pub fn log_out(
    tx: &mut Tx<'_>,
    operator: &Operator,
    user_id: &str,
    now: Timestamp,
) -> Result<User, InstanceError> {
    let user = user(tx.connection(), user_id)?;
    sessions::end_all(tx, user_id, None)?;
    accounts::record(tx, &user, Action::AccountLoggedOut, operator.actor(), now)?;
    Ok(user)
}

/// Lets a person log in no longer, and ends their sessions. Keys and master tokens that they made keep working, since
/// they are the organization's.
///
/// # Errors
/// [`InstanceError::NotFound`], [`InstanceError::LastAdministrator`].
pub fn deactivate(
    tx: &mut Tx<'_>,
    operator: &Operator,
    user_id: &str,
    now: Timestamp,
) -> Result<User, InstanceError> {
    let user = user(tx.connection(), user_id)?;
    if user.is_deactivated() {
        return Ok(user);
    }
    administrators::keep_an_administrator(tx, user_id)?;
    accounts::set_deactivated(tx, user_id, Some(now))?;
    sessions::end_all(tx, user_id, None)?;
    accounts::record(tx, &user, Action::AccountDeactivated, operator.actor(), now)?;
    Ok(user)
}

/// Lets a person log in again.
///
/// # Errors
/// [`InstanceError::NotFound`].
pub fn activate(
    tx: &mut Tx<'_>,
    operator: &Operator,
    user_id: &str,
    now: Timestamp,
) -> Result<User, InstanceError> {
    let user = user(tx.connection(), user_id)?;
    if user.is_deactivated() {
        accounts::set_deactivated(tx, user_id, None)?;
        accounts::record(tx, &user, Action::AccountActivated, operator.actor(), now)?;
    }
    Ok(user)
}

/// Deletes an account. The person leaves each organization, as if they had done so themselves; what they made
/// there stays.
///
/// # Errors
/// [`InstanceError::NotFound`], [`InstanceError::LastAdministrator`], [`InstanceError::LastAdministratorOf`].
pub fn delete(
    tx: &mut Tx<'_>,
    operator: &Operator,
    user_id: &str,
    now: Timestamp,
) -> Result<User, InstanceError> {
    let user = user(tx.connection(), user_id)?;
    administrators::keep_an_administrator(tx, user_id)?;
    let theirs: Vec<Organization> = memberships::table
        .inner_join(organizations::table)
        .filter(memberships::user_id.eq(user_id))
        .order((memberships::organization_key, memberships::organization_id))
        .select(Organization::as_select())
        .load(tx.connection())?;
    let mut in_the_way = Vec::new();
    for organization in &theirs {
        let grant = access::member(tx.connection(), &user, None, &organization.id)?.grant::<See>()?;
        let member = members::find(tx.connection(), &grant, user_id)?;
        if members::is_last_administrator(tx.connection(), &grant, &member)? {
            in_the_way.push(organization.name.clone());
        }
    }
    if !in_the_way.is_empty() {
        return Err(InstanceError::LastAdministratorOf(in_the_way));
    }
    for organization in &theirs {
        let grant = access::member(tx.connection(), &user, None, &organization.id)?.grant::<See>()?;
        member_changes::leave(tx, &grant, now)?;
    }
    accounts::record(tx, &user, Action::AccountDeleted, operator.actor(), now)?;
    accounts::delete(tx, user_id)?;
    Ok(user)
}
