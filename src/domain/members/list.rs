//! The members of an organization, a page or a part at a time.

use diesel::prelude::*;

use super::{COLUMNS, Person};
use crate::{
    db::{Connection, DbError},
    domain::{
        access::{Grant, Role, See},
        organization::Figures,
        page::{Cursor, CursorError, ListRequest, Page, PageRequest, Reach, Total, in_order},
        schema::{memberships, users},
        search::{self, Matches, has_term, matching},
    },
    folding::{
        self,
        terms::{List, Sought},
    },
    vocabulary::MemberSort,
};

macro_rules! members_of {
    ($grant:expr, $matches:expr) => {
        matching!(
            memberships::table.inner_join(users::table).into_boxed(),
            $matches,
            (memberships::organization_id, $grant.id.as_str()),
            (memberships::organization_id, memberships::user_id),
            |sought: &Sought| has_term!(sought, List::Members, $grant.id.clone(), memberships::user_id)
        )
    };
}

/// One page of the members; with `search`, those with a word in name or email that begins so. `figures` are those of the
/// organization.
pub fn page(
    connection: &mut Connection,
    grant: &Grant<See>,
    figures: &Figures,
    (search, sort): (&str, MemberSort),
    request: &PageRequest,
) -> Result<Page<Person>, DbError> {
    let matches = search::find(connection, List::Members, &grant.id, search)?;
    let total = matches.total(|| Ok(Total::Exactly(figures.members)))?;
    let read = |reach: &Reach| read(connection, grant, (&matches, None, sort), reach);
    request.load(total, |person| sort.cursor(person), read)
}

impl MemberSort {
    /// The place behind `person` in a list that is sorted so.
    pub fn cursor(self, person: &Person) -> Cursor {
        let cursor = match self {
            Self::Name | Self::NameDescending => {
                Cursor::by(&person.user_id, folding::search_key(&person.name))
            }
            Self::Newest | Self::Oldest => Cursor::at(&person.user_id, person.joined_at),
        };
        cursor.in_order(self)
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
    let matches = search::find(connection, List::Members, &grant.id, search)?;
    read(connection, grant, (&matches, role, sort), &slice.reach())
}

/// The members in an order, as far as `reach` says.
fn read(
    connection: &mut Connection,
    grant: &Grant<See>,
    (matches, role, sort): (&Matches, Option<Role>, MemberSort),
    reach: &Reach,
) -> Result<Vec<Person>, CursorError> {
    let mut members = members_of!(grant, matches);
    if let Some(role) = role {
        members = members.filter(memberships::role.eq(role));
    }
    let descending = reach.descends_in(sort)?;
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
