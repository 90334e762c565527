//! The keys of an organization, a page at a time, and what stands beside each.

use std::collections::{BTreeSet, HashMap};

use diesel::{dsl::count_star, prelude::*};
use time::Duration;

use super::{ActiveRotation, ApiKey, rotate::StoredRotation};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError},
    domain::{
        access::{Grant, SeeKeys},
        key_settings::Scopes,
        page::{Cursor, ListRequest, Page, PageRequest, lower, search_pattern},
        schema::{api_keys, key_rotations},
    },
    folding,
    vocabulary::{KeyFilter, KeySort},
};

/// When a key is about to end: from the first mail about it on.
pub const EXPIRES_SOON: Duration = Duration::days(14);

macro_rules! keys_of {
    ($from:expr, $grant:expr, $search:expr, $part:expr, $now:expr) => {{
        let mut query = $from.filter(api_keys::organization_id.eq($grant.id.clone())).into_boxed();
        if !$search.is_empty() {
            let pattern = search_pattern($search);
            query = query.filter(
                api_keys::search_key
                    .like(pattern.clone())
                    .escape('\\')
                    .or(lower(api_keys::masked).like(pattern).escape('\\')),
            );
        }
        match $part {
            KeyFilter::All => query,
            KeyFilter::ExpiresSoon => {
                query.filter(api_keys::expires_at.gt($now).and(api_keys::expires_at.le($now + EXPIRES_SOON)))
            }
            KeyFilter::NeverUsed => query.filter(api_keys::last_used_at.is_null()),
            KeyFilter::Deactivated => query.filter(api_keys::deactivated_at.is_not_null()),
        }
    }};
}

/// One page of a part of the keys, the newest first, and their rotations under way by the key's id;
/// with `search`, the keys with the text in name or masked form.
pub fn page(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    search: &str,
    part: KeyFilter,
    request: PageRequest,
    now: Timestamp,
) -> Result<(Page<ApiKey>, HashMap<String, ActiveRotation>), DbError> {
    let keys = || keys_of!(api_keys::table.left_join(key_rotations::table), grant, search, part, now);
    let load = |connection: &mut Connection, request: PageRequest| {
        keys()
            .order((api_keys::created_at.desc(), api_keys::id.desc()))
            .select((ApiKey::as_select(), Option::<StoredRotation>::as_select(), count_star().over()))
            .limit(request.limit())
            .offset(request.offset())
            .load::<(ApiKey, Option<StoredRotation>, i64)>(connection)
    };
    let mut request = request;
    let mut rows = load(connection, request)?;
    if rows.is_empty() && request.offset() > 0 {
        // Keys were removed since the page was linked to: the last page that there is comes instead.
        request = request.within(keys().count().get_result(connection)?);
        rows = load(connection, request)?;
    }
    let total = rows.first().map_or(0, |(.., total)| *total);
    let mut rotations = HashMap::new();
    let mut keys = Vec::with_capacity(rows.len());
    for (key, rotation, _) in rows {
        if let Some(active) = rotation.and_then(|stored| stored.active(now)) {
            rotations.insert(key.id.clone(), active);
        }
        keys.push(key);
    }
    Ok((Page::new(keys, request, total), rotations))
}

impl KeySort {
    /// The place behind `key` in a list that is sorted so.
    pub fn cursor(self, key: &ApiKey) -> Cursor {
        let sorted_by = match self {
            Self::Newest | Self::Oldest => String::new(),
            Self::Name | Self::NameDescending => folding::search_key(&key.name),
        };
        Cursor { id: key.id.clone(), sorted_by }
    }
}

/// A part of the keys behind a cursor, and one more where there is more.
pub fn list_after(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    search: &str,
    part: KeyFilter,
    (sort, slice): (KeySort, &ListRequest),
    now: Timestamp,
) -> Result<Vec<ApiKey>, DbError> {
    let mut query = keys_of!(api_keys::table, grant, search, part, now);
    // Ids sort by age.
    query = match sort {
        KeySort::Newest => query.order(api_keys::id.desc()),
        KeySort::Oldest => query.order(api_keys::id.asc()),
        KeySort::Name => query.order((api_keys::search_key.asc(), api_keys::id.asc())),
        KeySort::NameDescending => query.order((api_keys::search_key.desc(), api_keys::id.desc())),
    };
    if let Some(Cursor { id, sorted_by }) = slice.after.clone() {
        let is_alike = api_keys::search_key.eq(sorted_by.clone());
        query = match sort {
            KeySort::Newest => query.filter(api_keys::id.lt(id)),
            KeySort::Oldest => query.filter(api_keys::id.gt(id)),
            KeySort::Name => {
                query.filter(api_keys::search_key.gt(sorted_by).or(is_alike.and(api_keys::id.gt(id))))
            }
            KeySort::NameDescending => {
                query.filter(api_keys::search_key.lt(sorted_by).or(is_alike.and(api_keys::id.lt(id))))
            }
        };
    }
    Ok(query.select(ApiKey::as_select()).limit(slice.rows()).load(connection)?)
}

/// The scopes in use in the organization, each once, in alphabetical order.
pub fn scopes_in_use(connection: &mut Connection, grant: &Grant<SeeKeys>) -> Result<Vec<String>, DbError> {
    let lists: Vec<Scopes> = api_keys::table
        .filter(api_keys::organization_id.eq(&grant.id).and(api_keys::scopes.ne("")))
        .select(api_keys::scopes)
        .distinct()
        .load(connection)?;
    let scopes: BTreeSet<&String> = lists.iter().flat_map(Scopes::as_slice).collect();
    Ok(scopes.into_iter().cloned().collect())
}
