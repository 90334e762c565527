//! The members of an organization, a page or a part at a time.

use diesel::prelude::*;

use super::{COLUMNS, Person};
use crate::{
    db::{Connection, DbError, count_of},
    domain::{
        access::{Grant, Role, See},
        email,
        organization::Figures,
        page::{
            Cursor, CursorError, ListRequest, Page, PageRequest, Reach, Total, contains_pattern, in_order,
            is_descending, search_pattern,
        },
        schema::{memberships, users},
    },
    folding,
    vocabulary::MemberSort,
};

macro_rules! members_of {
    ($grant:expr, $search:expr) => {{
        let mut query = memberships::table
            .inner_join(users::table)
            .filter(memberships::organization_id.eq($grant.id.clone()))
            .into_boxed();
        if !$search.is_empty() {
            let address = contains_pattern(&email::lower($search));
            query = query.filter(
                users::search_key
                    .like(search_pattern($search))
                    .escape('\\')
                    .or(users::email.like(address).escape('\\')),
            );
        }
        query
    }};
}

/// One page of the members; with `search`, those with the text in name or email. `figures` are those of the
/// organization.
pub fn page(
    connection: &mut Connection,
    grant: &Grant<See>,
    figures: &Figures,
    (search, sort): (&str, MemberSort),
    request: &PageRequest,
) -> Result<Page<Person>, DbError> {
    let total = if search.is_empty() {
        Total::Exactly(figures.members)
    } else {
        Total::count(true, |most| {
            count_of(connection, members_of!(grant, search).select(memberships::user_id).limit(most))
        })?
    };
    let read = |reach: &Reach| read(connection, grant, (search, None, sort), reach);
    request.load(total, |person| sort.cursor(person), read)
}

impl MemberSort {
    /// The place behind `person` in a list that is sorted so.
    pub fn cursor(self, person: &Person) -> Cursor {
        match self {
            Self::Name | Self::NameDescending => {
                Cursor { id: person.user_id.clone(), sorted_by: folding::search_key(&person.name) }
            }
            Self::Newest | Self::Oldest => Cursor::at(&person.user_id, person.joined_at),
        }
    }
}

/// A part of the members behind a cursor, and one more where there is more; with `role`, those who
/// have it.
///
/// # Errors
/// [`CursorError`]; a cursor of a list by name does not fit one by time.
pub fn list_after(
    connection: &mut Connection,
    grant: &Grant<See>,
    search: &str,
    role: Option<Role>,
    (sort, slice): (MemberSort, &ListRequest),
) -> Result<Vec<Person>, CursorError> {
    read(connection, grant, (search, role, sort), &slice.reach())
}

/// The members in an order, as far as `reach` says.
fn read(
    connection: &mut Connection,
    grant: &Grant<See>,
    (search, role, sort): (&str, Option<Role>, MemberSort),
    reach: &Reach,
) -> Result<Vec<Person>, CursorError> {
    let mut members = members_of!(grant, search);
    if let Some(role) = role {
        members = members.filter(memberships::role.eq(role));
    }
    let descending = is_descending(sort);
    let query = match sort {
        MemberSort::Name | MemberSort::NameDescending => {
            let name = |cursor: &Cursor| cursor.sorted_by.clone();
            in_order!(members, reach, descending, (memberships::member_key, memberships::user_id), name)
        }
        MemberSort::Newest | MemberSort::Oldest => {
            let at = reach.instant()?;
            in_order!(members, reach, descending, (memberships::joined_at, memberships::user_id), |_| at)
        }
    };
    Ok(query.select(COLUMNS).load(connection).map_err(DbError::from)?)
}
