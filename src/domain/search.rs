//! What the rows of the lists are found by, written with them; and what a search finds in a list.
//!
//! Each row of a list that is searched has terms ([`folding::terms`](crate::folding::terms)), which whoever
//! writes the row writes in the same transaction. The old ones are gone by then: triggers delete them when
//! what they are made of is changed, and when the row goes.

use diesel::{prelude::*, sql_types::Text};

use super::{
    page::{MAX_COUNTED, Total},
    schema::{memberships, organizations, search_terms, users},
};
use crate::{
    db::{Connection, DbError, Tx, insert_terms},
    folding::terms::{INSTANCE, List, Searched, Sought},
    vocabulary::Role,
};

/// Writes the terms of a row that has none (yet or any more). `scope` is the organization or, for an
/// organization in somebody's list, the person.
pub(super) fn write(
    connection: &mut Connection,
    scope: &str,
    row_id: &str,
    row: &Searched<'_>,
) -> QueryResult<()> {
    insert_terms((scope, row.list().as_str(), row_id), row.terms()).execute(connection)?;
    Ok(())
}

/// Writes the terms of a row anew, of which something changed that no trigger watches.
pub(super) fn rewrite(
    connection: &mut Connection,
    scope: &str,
    row_id: &str,
    row: &Searched<'_>,
) -> QueryResult<()> {
    let stale = search_terms::table
        .filter(search_terms::row_id.eq(row_id))
        .filter(search_terms::scope.eq(scope).and(search_terms::list.eq(row.list().as_str())))
        // As the index has it that this is for.
        .filter(diesel::dsl::sql::<diesel::sql_types::Bool>("search_terms.list <> 'event'"));
    diesel::delete(stale).execute(connection)?;
    write(connection, scope, row_id, row)
}

/// Writes the terms of a member who got another role.
pub(super) fn rewrite_member(
    tx: &mut Tx<'_>,
    organization_id: &str,
    user_id: &str,
    role: Role,
) -> Result<(), DbError> {
    let (name, email): (String, String) =
        users::table.find(user_id).select((users::name, users::email)).first(tx.connection())?;
    let member = Searched::Member { name: &name, email: &email, role: role.as_str() };
    Ok(rewrite(tx.connection(), organization_id, user_id, &member)?)
}

/// Writes the terms of a new membership: those of the member, and those of the organization in the
/// member's list.
pub(super) fn write_membership(
    tx: &mut Tx<'_>,
    organization_id: &str,
    user_id: &str,
    role: Role,
) -> Result<(), DbError> {
    rewrite_member(tx, organization_id, user_id, role)?;
    let organization: String =
        organizations::table.find(organization_id).select(organizations::name).first(tx.connection())?;
    let organization = Searched::Organization { name: &organization };
    Ok(write(tx.connection(), user_id, organization_id, &organization)?)
}

/// Writes the terms of a new account.
pub(super) fn write_person(
    tx: &mut Tx<'_>,
    user_id: &str,
    (name, email): (&str, &str),
) -> Result<(), DbError> {
    Ok(write(tx.connection(), INSTANCE, user_id, &Searched::Person { name, email })?)
}

/// Writes the terms of a new organization, which has no members yet.
pub(super) fn write_new_organization(
    tx: &mut Tx<'_>,
    organization_id: &str,
    name: &str,
) -> Result<(), DbError> {
    Ok(write(tx.connection(), INSTANCE, organization_id, &Searched::AnyOrganization { name })?)
}

/// Writes the terms of a person, wherever they are a member, too, after they got another name.
pub(super) fn write_members(
    tx: &mut Tx<'_>,
    user_id: &str,
    (name, email): (&str, &str),
) -> Result<(), DbError> {
    write_person(tx, user_id, (name, email))?;
    for role in Role::ALL {
        for term in (Searched::Member { name, email, role: role.as_str() }).terms() {
            let of_user = memberships::user_id.eq(user_id).and(memberships::role.eq(role));
            let rows = memberships::table.filter(of_user).select((
                memberships::organization_id,
                List::Members.as_str().into_sql::<Text>(),
                term.into_sql::<Text>(),
                memberships::user_id,
            ));
            diesel::insert_into(search_terms::table)
                .values(rows)
                .into_columns(COLUMNS)
                .execute(tx.connection())?;
        }
    }
    Ok(())
}

/// Writes the terms of an organization, in the list of each member, too, after it got another name.
pub(super) fn write_organizations(tx: &mut Tx<'_>, organization_id: &str, name: &str) -> Result<(), DbError> {
    write_new_organization(tx, organization_id, name)?;
    for term in (Searched::Organization { name }).terms() {
        let rows = memberships::table.filter(memberships::organization_id.eq(organization_id)).select((
            memberships::user_id,
            List::Organizations.as_str().into_sql::<Text>(),
            term.into_sql::<Text>(),
            memberships::organization_id,
        ));
        diesel::insert_into(search_terms::table)
            .values(rows)
            .into_columns(COLUMNS)
            .execute(tx.connection())?;
    }
    Ok(())
}

const COLUMNS: (search_terms::scope, search_terms::list, search_terms::term, search_terms::row_id) =
    (search_terms::scope, search_terms::list, search_terms::term, search_terms::row_id);

/// The rows of a list to show.
pub(super) enum Matches {
    /// All: nothing is looked for.
    All,
    /// Those with these ids.
    Few(Vec<String>),
    /// More than are counted: a page of them is found by walking the list, the sooner the more there are.
    Many(Sought),
}

/// What `text` finds in a list: the rows that have a word that begins with it.
pub(super) fn find(
    connection: &mut Connection,
    list: List,
    scope: &str,
    text: &str,
) -> Result<Matches, DbError> {
    let Some(sought) = Sought::parse(text) else { return Ok(Matches::All) };
    let ids: Vec<String> = search_terms::table
        .filter(search_terms::scope.eq(scope).and(search_terms::list.eq(list.as_str())))
        .filter(search_terms::term.ge(sought.from()).and(search_terms::term.lt(sought.until())))
        .select(search_terms::row_id)
        .distinct()
        .limit(MAX_COUNTED + 1)
        .load(connection)?;
    let is_few = i64::try_from(ids.len()).is_ok_and(|number| number <= MAX_COUNTED);
    Ok(if is_few { Matches::Few(ids) } else { Matches::Many(sought) })
}

impl Matches {
    /// How many there are; `count` tells it of a list in which nothing is looked for. Only where nothing
    /// else chooses among them.
    pub(super) fn total(&self, count: impl FnOnce() -> Result<Total, DbError>) -> Result<Total, DbError> {
        match self {
            Self::All => count(),
            Self::Few(ids) => Ok(Total::Exactly(i64::try_from(ids.len()).unwrap_or(i64::MAX))),
            Self::Many(_) => Ok(Total::MoreThan(MAX_COUNTED)),
        }
    }
}

/// Of `query`, a boxed one, the rows in a scope that [`Matches`] has. `$among` is what a few of them are
/// looked up by, the scope and the id; `$many` chooses among all of the scope.
macro_rules! matching {
    ($query:expr, $matches:expr, ($scope:expr, $id:expr), $among:expr, $many:expr) => {{
        use diesel::prelude::*;
        match $matches {
            $crate::domain::search::Matches::All => $query.filter($scope.eq($id.to_owned())),
            $crate::domain::search::Matches::Few(ids) => $query.filter($crate::db::pair_of($among, $id, ids)),
            $crate::domain::search::Matches::Many(sought) => {
                $query.filter($scope.eq($id.to_owned())).filter($many(sought))
            }
        }
    }};
}
pub(super) use matching;

/// [`matching`] in a list of the whole instance, whose rows have no scope.
macro_rules! matching_anywhere {
    ($query:expr, $matches:expr, $id:expr, $many:expr) => {{
        use diesel::prelude::*;
        match $matches {
            $crate::domain::search::Matches::All => $query,
            $crate::domain::search::Matches::Few(ids) => $query.filter($crate::db::one_of($id, ids)),
            $crate::domain::search::Matches::Many(sought) => $query.filter($many(sought)),
        }
    }};
}
pub(super) use matching_anywhere;

/// Whether a row of a list, other than that of events, has a term that begins with what is looked for.
macro_rules! has_term {
    ($sought:expr, $list:expr, $scope:expr, $row:expr) => {{
        use $crate::domain::schema::search_terms;
        diesel::dsl::exists(
            search_terms::table
                .filter(search_terms::row_id.eq($row))
                .filter(search_terms::scope.eq($scope).and(search_terms::list.eq($list.as_str())))
                // As the index has it that this is for.
                .filter(diesel::dsl::sql::<diesel::sql_types::Bool>("search_terms.list <> 'event'"))
                .filter(search_terms::term.ge($sought.from().to_owned()))
                .filter(search_terms::term.lt($sought.until())),
        )
    }};
}
pub(super) use has_term;
