//! Rejected verifications, to be explained afterwards by the id of their request.
//!
//! A rejection is only noted in memory, in a buffer that cannot grow; it is written with the usage
//! of keys. An accepted request leaves nothing here.

mod buffer;

use std::{collections::HashMap, num::TryFromIntError, str::FromStr};

use diesel::prelude::*;
use strum::IntoStaticStr;
use time::Duration;

use buffer::Noted;
pub use buffer::{Buffer, Endpoint, Rejected};

use super::{
    access::{Grant, SeeKeys},
    id::new_id,
    schema::{organizations, rejections},
    secret,
    stored_text::stored_as_text,
    verification::Outcome,
};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
};

/// How long a rejection can be explained.
const KEEP: Duration = Duration::days(7);
/// Rejections of an organization's keys that are kept; the newest stay.
pub const MAX_OF_KEYS: i64 = 5000;
/// Rejections without a key that are kept of an organization, and of none. Anybody can send those,
/// so they push out no others.
const MAX_WITHOUT_KEY: i64 = 1000;
/// Rows in one statement of a removal.
const ROWS_IN_A_REMOVAL: usize = 500;

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Code {
    /// It carried no key, or none that could be read.
    NoKey,
    /// What it carried has not the form of a key.
    Malformed,
    /// No such key in the organization, if one was asked for, or anywhere.
    NotFound,
    /// The master token with which a backend asked is none, or none that is active.
    TokenRejected,
    /// A key of the organization was refused.
    #[strum(transparent)]
    Key(Outcome),
}

impl FromStr for Code {
    type Err = strum::ParseError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        [Self::NoKey, Self::Malformed, Self::NotFound, Self::TokenRejected]
            .into_iter()
            .find(|code| <&'static str>::from(code) == word)
            .map_or_else(|| word.parse().map(Self::Key), Ok)
    }
}

stored_as_text!(word Code, Endpoint);

/// A rejection as it was written.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// Where the request asked.
    pub endpoint: Endpoint,
    /// Whether it is the organization's own; anybody who knows the id may hear of the others.
    pub is_own: bool,
    /// The key, where it was one of the organization.
    pub api_key_id: Option<String>,
    /// Why it was refused.
    pub code: Code,
    /// The masked form of a key that was not found.
    pub presented: Option<String>,
    /// The scopes that it needed.
    pub needed_scopes: Vec<String>,
    /// Where it came from, if that was known.
    pub client_address: Option<String>,
    /// What it would have taken of the limits.
    pub cost: u32,
    /// What the key allowed then of that which was refused, in the words of its settings.
    pub allowed: String,
    /// For a limit: after how many seconds it was worth trying again.
    pub retry_after_seconds: Option<u64>,
    /// When.
    pub created_at: Timestamp,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = rejections)]
struct Row {
    id: String,
    request_id: String,
    place: i32,
    endpoint: Endpoint,
    organization_id: Option<String>,
    api_key_id: Option<String>,
    code: Code,
    presented: Option<String>,
    needed_scopes: String,
    client_address: Option<String>,
    cost: i32,
    allowed: String,
    retry_after_seconds: Option<i64>,
    created_at: Timestamp,
}

/// What is known of a refused request: rejections of the organization and those that belong to
/// nobody. What another organization refused looks like what nobody did.
pub fn find(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    request_id: &str,
) -> Result<Vec<Rejection>, DbError> {
    let rows: Vec<Row> = rejections::table
        .filter(rejections::request_id.eq(request_id))
        .filter(rejections::organization_id.eq(&grant.id).or(rejections::organization_id.is_null()))
        .order((rejections::place, rejections::id))
        .select(Row::as_select())
        .load(connection)?;
    rows.into_iter().map(|row| rejection(row).map_err(DbError::unreadable)).collect()
}

fn rejection(row: Row) -> Result<Rejection, TryFromIntError> {
    Ok(Rejection {
        endpoint: row.endpoint,
        is_own: row.organization_id.is_some(),
        api_key_id: row.api_key_id,
        code: row.code,
        presented: row.presented,
        needed_scopes: row.needed_scopes.split_whitespace().map(str::to_owned).collect(),
        client_address: row.client_address,
        cost: row.cost.try_into()?,
        allowed: row.allowed,
        retry_after_seconds: row.retry_after_seconds.map(u64::try_from).transpose()?,
        created_at: row.created_at,
    })
}

/// Writes what was noted, and forgets what is too much of one organization. The ids are in no order among nodes; whoever
/// reads rejections knows the request that they are about.
fn write(tx: &mut Tx<'_>, noted: &[Noted]) -> Result<(), DbError> {
    let mut existing: HashMap<&str, bool> = HashMap::new();
    let mut touched: Vec<(Option<&str>, bool)> = Vec::new();
    for rejection in noted {
        let organization_id = match rejection.organization_id() {
            Some(id) if is_existing(tx, &mut existing, id)? => Some(id),
            // An address may name an organization that never was.
            _ if rejection.key.is_none() => None,
            _ => continue, // removed meanwhile
        };
        diesel::insert_into(rejections::table)
            .values(row(rejection, organization_id))
            .execute(tx.connection())?;
        let kind = (organization_id, rejection.key.is_some());
        if !touched.contains(&kind) {
            touched.push(kind);
        }
    }
    touched.into_iter().try_for_each(|(organization_id, has_key)| purge_surplus(tx, organization_id, has_key))
}

fn is_existing<'a>(
    tx: &mut Tx<'_>,
    known: &mut HashMap<&'a str, bool>,
    organization_id: &'a str,
) -> Result<bool, DbError> {
    if let Some(exists) = known.get(organization_id) {
        return Ok(*exists);
    }
    let count: i64 = organizations::table.find(organization_id).count().get_result(tx.connection())?;
    known.insert(organization_id, count > 0);
    Ok(count > 0)
}

/// A rejection that belongs to nobody is told in general words only, so no more of it is kept.
fn row(rejection: &Noted, organization_id: Option<&str>) -> Row {
    let is_own = organization_id.is_some();
    Row {
        id: new_id(rejection.at),
        request_id: rejection.request_id.clone(),
        place: rejection.place,
        endpoint: rejection.endpoint,
        organization_id: organization_id.map(str::to_owned),
        api_key_id: rejection.key.as_ref().map(|key| key.id.to_string()),
        code: rejection.code,
        presented: rejection.presented.clone().filter(|_| is_own),
        needed_scopes: if is_own { rejection.needed_scopes.clone() } else { String::new() },
        client_address: rejection.client_ip.filter(|_| is_own).map(|ip| ip.to_string()),
        cost: i32::try_from(rejection.cost).unwrap_or(i32::MAX),
        allowed: rejection.allowed(),
        retry_after_seconds: rejection.retry_after_seconds.and_then(|seconds| i64::try_from(seconds).ok()),
        created_at: rejection.at,
    }
}

fn purge_surplus(tx: &mut Tx<'_>, organization_id: Option<&str>, has_key: bool) -> Result<(), DbError> {
    let of_one = match organization_id {
        Some(id) => rejections::table.filter(rejections::organization_id.eq(id)).into_boxed(),
        None => rejections::table.filter(rejections::organization_id.is_null()).into_boxed(),
    };
    let (of_kind, most) = if has_key {
        (of_one.filter(rejections::api_key_id.is_not_null()), MAX_OF_KEYS)
    } else {
        (of_one.filter(rejections::api_key_id.is_null()), MAX_WITHOUT_KEY)
    };
    let surplus: Vec<String> = of_kind
        .order((rejections::created_at.desc(), rejections::id.desc()))
        .offset(most)
        .limit(i64::from(i32::MAX))
        .select(rejections::id)
        .load(tx.connection())?;
    for ids in surplus.chunks(ROWS_IN_A_REMOVAL) {
        diesel::delete(rejections::table.filter(rejections::id.eq_any(ids))).execute(tx.connection())?;
    }
    Ok(())
}

/// Forgets rejections that are too old to be explained.
pub fn purge_expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), DbError> {
    diesel::delete(rejections::table.filter(rejections::created_at.lt(now - KEEP)))
        .execute(tx.connection())?;
    Ok(())
}

/// The masked form of what was presented, for a whole key; of anything else nothing is kept.
fn masked(presented: &str) -> Option<String> {
    let is_key = secret::is_well_formed(secret::SecretKind::ApiKey, presented);
    is_key.then(|| secret::masked(presented))
}
