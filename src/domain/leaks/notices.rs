//! What the pages say of keys and tokens whose secret was found in public.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::{
    clock::Timestamp,
    db::{Connection, DbError},
    domain::{
        access::{Grant, ManageTokens, SeeKeys},
        api_keys::{ActiveRotation, ApiKey},
        master_tokens::MasterToken,
        schema::{api_keys, key_rotations, leak_reports, master_tokens},
    },
};

/// The newest report of a secret that its key still has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Where it was found; empty when the report did not say.
    pub url: String,
    /// When that was reported.
    pub reported_at: Timestamp,
    /// Other places where it was found.
    pub more_places: i64,
    /// Whether it is the secret that the key had before its rotation.
    pub is_previous_secret: bool,
}

impl Notice {
    /// The address, where a browser can open it.
    pub fn link(&self) -> Option<&str> {
        let is_web = self.url.starts_with("https://") || self.url.starts_with("http://");
        is_web.then_some(self.url.as_str())
    }
}

type Row = (String, String, Timestamp);

/// Those of `keys` with a secret that was found in public, by the key's id. `rotations` are the
/// rotations under way.
///
/// # Errors
/// [`DbError`].
pub fn of_keys(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    keys: &[ApiKey],
    rotations: &HashMap<String, ActiveRotation>,
) -> Result<HashMap<String, Notice>, DbError> {
    let ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
    let present: Vec<Row> = leak_reports::table
        .inner_join(api_keys::table.on(leak_reports::secret_digest.eq(api_keys::secret_digest)))
        .filter(leak_reports::organization_id.eq(&grant.id).and(api_keys::id.eq_any(ids)))
        .order((leak_reports::reported_at.desc(), leak_reports::id.desc()))
        .select((api_keys::id, leak_reports::url, leak_reports::reported_at))
        .load(connection)?;
    let old: Vec<Row> = leak_reports::table
        .inner_join(key_rotations::table.on(leak_reports::secret_digest.eq(key_rotations::previous_digest)))
        .filter(leak_reports::organization_id.eq(&grant.id))
        .filter(key_rotations::api_key_id.eq_any(rotations.keys()))
        .order((leak_reports::reported_at.desc(), leak_reports::id.desc()))
        .select((key_rotations::api_key_id, leak_reports::url, leak_reports::reported_at))
        .load(connection)?;
    let mut notices = newest(old, true);
    notices.extend(newest(present, false));
    Ok(notices)
}

/// Those of the organization's tokens that were found in public, by the token's id.
///
/// # Errors
/// [`DbError`].
pub fn of_tokens(
    connection: &mut Connection,
    grant: &Grant<ManageTokens>,
    tokens: &[MasterToken],
) -> Result<HashMap<String, Notice>, DbError> {
    let ids: Vec<&str> = tokens.iter().map(|token| token.id.as_str()).collect();
    let rows: Vec<Row> = leak_reports::table
        .inner_join(master_tokens::table.on(leak_reports::secret_digest.eq(master_tokens::secret_digest)))
        .filter(leak_reports::organization_id.eq(&grant.id).and(master_tokens::id.eq_any(ids)))
        .order((leak_reports::reported_at.desc(), leak_reports::id.desc()))
        .select((master_tokens::id, leak_reports::url, leak_reports::reported_at))
        .load(connection)?;
    Ok(newest(rows, false))
}

/// The first of each, the others counted.
fn newest(rows: Vec<Row>, is_previous_secret: bool) -> HashMap<String, Notice> {
    let mut notices: HashMap<String, Notice> = HashMap::new();
    for (id, url, reported_at) in rows {
        notices.entry(id).and_modify(|notice| notice.more_places += 1).or_insert(Notice {
            url,
            reported_at,
            more_places: 0,
            is_previous_secret,
        });
    }
    notices
}
