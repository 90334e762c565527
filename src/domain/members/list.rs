//! The members of an organization, a page or a part at a time.

use diesel::prelude::*;

use super::{COLUMNS, Person};
use crate::{
    db::{Connection, DbError},
    domain::{
        access::{Grant, Role, See},
        email,
        page::{Cursor, CursorError, ListRequest, Page, PageRequest, contains_pattern, search_pattern},
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

/// One page of the members, by name; with `search`, those with the text in name or address.
pub fn page(
    connection: &mut Connection,
    grant: &Grant<See>,
    search: &str,
    request: PageRequest,
) -> Result<Page<Person>, DbError> {
    let total: i64 = members_of!(grant, search).count().get_result(connection)?;
    let request = request.within(total);
    let rows = members_of!(grant, search)
        .order((users::search_key, users::id))
        .select(COLUMNS)
        .limit(request.limit())
        .offset(request.offset())
        .load(connection)?;
    Ok(Page::new(rows, request, total))
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
    let mut query = members_of!(grant, search);
    if let Some(role) = role {
        query = query.filter(memberships::role.eq(role));
    }
    query = match sort {
        MemberSort::Name => query.order((users::search_key.asc(), users::id.asc())),
        MemberSort::NameDescending => query.order((users::search_key.desc(), users::id.desc())),
        MemberSort::Newest => query.order((memberships::joined_at.desc(), users::id.desc())),
        MemberSort::Oldest => query.order((memberships::joined_at.asc(), users::id.asc())),
    };
    if let Some(cursor) = &slice.after {
        let (id, name) = (cursor.id.clone(), cursor.sorted_by.clone());
        let has_that_name = users::search_key.eq(name.clone());
        query = match sort {
            MemberSort::Name => {
                query.filter(users::search_key.gt(name).or(has_that_name.and(users::id.gt(id))))
            }
            MemberSort::NameDescending => {
                query.filter(users::search_key.lt(name).or(has_that_name.and(users::id.lt(id))))
            }
            MemberSort::Newest => {
                let at = cursor.instant()?;
                let then = memberships::joined_at.eq(at).and(users::id.lt(id));
                query.filter(memberships::joined_at.lt(at).or(then))
            }
            MemberSort::Oldest => {
                let at = cursor.instant()?;
                let then = memberships::joined_at.eq(at).and(users::id.gt(id));
                query.filter(memberships::joined_at.gt(at).or(then))
            }
        };
    }
    Ok(query.select(COLUMNS).limit(slice.rows()).load(connection).map_err(DbError::from)?)
}
