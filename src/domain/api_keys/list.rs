//! The keys of an organization, a page at a time, and what stands beside each.

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;
use time::{Duration, macros::datetime};

use super::{ActiveRotation, ApiKey, rotate::StoredRotation};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, count_of},
    domain::{
        access::{Grant, SeeKeys},
        key_settings::Scopes,
        organization::Figures,
        page::{Cursor, CursorError, ListRequest, Page, PageRequest, Reach, Total, by_age, in_order},
        schema::{api_keys, key_rotations},
        search::{self, Matches, has_term, matching},
        secret::Form,
    },
    folding::{
        self,
        terms::{List, Sought},
    },
    vocabulary::{Environment, KeyFilter, KeySort},
};

/// When a key is about to end: from the first mail about it on.
pub const EXPIRES_SOON: Duration = Duration::days(14);

/// Which keys of the organization.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The beginning of a word in the name, in a scope or in the name of who created it, or of an end of the masked
    /// key or of that of a previous secret; empty for all.
    pub text: String,
    /// Only this part of them.
    pub part: KeyFilter,
}

impl Filter {
    /// Whether all keys are meant.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.part == KeyFilter::All
    }
}

macro_rules! keys_of {
    ($grant:expr, $matches:expr, $part:expr, $now:expr) => {{
        let query = matching!(
            api_keys::table.into_boxed(),
            $matches,
            (api_keys::organization_id, $grant.id.as_str()),
            // With the bare column SQLite might take another index than that of the ids.
            (api_keys::organization_id.concat(""), api_keys::id),
            |sought: &Sought| has_term!(sought, List::Keys, $grant.id.clone(), api_keys::id)
        );
        match $part {
            KeyFilter::All => query,
            KeyFilter::ExpiresSoon => query.filter(
                api_keys::expires_order.gt($now).and(api_keys::expires_order.le($now + EXPIRES_SOON)),
            ),
            KeyFilter::NeverUsed => query.filter(api_keys::last_used_at.is_null()),
            KeyFilter::Deactivated => query.filter(api_keys::deactivated_at.is_not_null()),
            KeyFilter::Live => query.filter(api_keys::environment.eq(Environment::Live)),
            KeyFilter::Test => query.filter(api_keys::environment.eq(Environment::Test)),
        }
    }};
}

/// `keys` in an order, as far as `reach` says.
macro_rules! rows_of {
    ($keys:expr, $sort:expr, $reach:expr) => {{
        let (keys, reach) = ($keys, $reach);
        let descending = reach.descends_in($sort)?;
        match $sort {
            KeySort::Newest | KeySort::Oldest => by_age!(keys, reach, descending, api_keys::id),
            KeySort::Name | KeySort::NameDescending => {
                let name = |cursor: &Cursor| cursor.sorted_by.clone();
                in_order!(keys, reach, descending, (api_keys::search_key, api_keys::id), name)
            }
            KeySort::ExpiresFirst | KeySort::ExpiresLast => {
                let at = reach.instant()?;
                in_order!(keys, reach, descending, (api_keys::expires_order, api_keys::id), |_| at)
            }
            KeySort::UsedFirst | KeySort::UsedLast => {
                let at = reach.instant()?;
                in_order!(keys, reach, descending, (api_keys::last_used_order, api_keys::id), |_| at)
            }
        }
    }};
}

/// One page of the keys, and their rotations under way by the key's id. `figures` are those of the
/// organization.
pub fn page(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    figures: &Figures,
    (filter, sort): (&Filter, KeySort),
    request: &PageRequest,
    now: Timestamp,
) -> Result<(Page<ApiKey>, HashMap<String, ActiveRotation>), DbError> {
    let matches = find(connection, grant, filter)?;
    let total = if filter.part == KeyFilter::All {
        matches.total(|| Ok(Total::Exactly(figures.api_keys)))?
    } else {
        Total::count(|most| {
            count_of(connection, keys_of!(grant, &matches, filter.part, now).select(api_keys::id).limit(most))
        })?
    };
    let mut rotations = HashMap::new();
    let read = |reach: &Reach| {
        let rows: Vec<(ApiKey, Option<StoredRotation>)> = rows_of!(
            keys_of!(grant, &matches, filter.part, now).left_join(key_rotations::table),
            sort,
            reach
        )
        .select((ApiKey::as_select(), Option::<StoredRotation>::as_select()))
        .load(connection)
        .map_err(DbError::from)?;
        Ok(rows
            .into_iter()
            .map(|(key, rotation)| {
                rotations.extend(
                    rotation.and_then(|stored| stored.active(now)).map(|active| (key.id.clone(), active)),
                );
                key
            })
            .collect())
    };
    let page = request.load(total, |key| sort.cursor(key), read)?;
    Ok((page, rotations))
}

fn find(connection: &mut Connection, grant: &Grant<SeeKeys>, filter: &Filter) -> Result<Matches, DbError> {
    search::find(connection, List::Keys, &grant.id, behind_prefix(&filter.text))
}

/// A masked key without the prefix, which all keys have and which finds none. By itself the prefix is a word
/// like any other.
fn behind_prefix(text: &str) -> &str {
    let lower = text.to_ascii_lowercase();
    match Form::of(&lower).and_then(|form| text.get(form.beginning.len()..)) {
        Some(rest) if !rest.is_empty() => rest,
        _ => text,
    }
}

/// The keys in an order, as far as `reach` says.
fn read(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    (matches, part, sort): (&Matches, KeyFilter, KeySort),
    reach: &Reach,
    now: Timestamp,
) -> Result<Vec<ApiKey>, CursorError> {
    let keys = rows_of!(keys_of!(grant, matches, part, now), sort, reach);
    Ok(keys.select(ApiKey::as_select()).load(connection).map_err(DbError::from)?)
}

impl KeySort {
    /// The place behind `key` in a list that is sorted so.
    pub fn cursor(self, key: &ApiKey) -> Cursor {
        let cursor = match self {
            Self::Newest | Self::Oldest => Cursor::by_id(&key.id),
            Self::Name | Self::NameDescending => Cursor::by(&key.id, folding::search_key(&key.name)),
            Self::ExpiresFirst | Self::ExpiresLast => {
                Cursor::at(&key.id, key.expires_at.unwrap_or(NEVER_EXPIRES))
            }
            Self::UsedFirst | Self::UsedLast => Cursor::at(&key.id, key.last_used_at.unwrap_or(NEVER_USED)),
        };
        cursor.in_order(self)
    }
}

/// What `api_keys.expires_order` has for a key without an expiration.
const NEVER_EXPIRES: Timestamp = datetime!(9999-12-31 23:59:59);
/// What `api_keys.last_used_order` has for a key that was never used.
const NEVER_USED: Timestamp = datetime!(0001-01-01 00:00:00);

/// A part of the keys behind a cursor, and one more where there is more.
///
/// # Errors
/// [`CursorError`]; a cursor of a list in another order does not fit.
pub fn list_after(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    filter: &Filter,
    (sort, slice): (KeySort, &ListRequest),
    now: Timestamp,
) -> Result<Vec<ApiKey>, CursorError> {
    let matches = find(connection, grant, filter)?;
    read(connection, grant, (&matches, filter.part, sort), &slice.reach(), now)
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
