//! What the pages say of keys and tokens whose secret was found in public.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::{
    clock::Timestamp,
    db::{Connection, DbError, one_of},
    domain::{
        access::{Grant, SeeKeys},
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

/// What a report's secret belongs to: a key, a key that had it before, or a token.
type Row = (Option<String>, Option<String>, Option<String>, String, Timestamp);

/// Those of `keys` and `tokens` with a secret that was found in public, by the key's or token's id.
/// `rotations` are the rotations under way.
pub fn notices(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    (keys, rotations): (&[ApiKey], &HashMap<String, ActiveRotation>),
    tokens: &[MasterToken],
) -> Result<HashMap<String, Notice>, DbError> {
    let digest = leak_reports::secret_digest;
    let rows: Vec<Row> = leak_reports::table
        .left_join(api_keys::table.on(digest.eq(api_keys::secret_digest)))
        .left_join(key_rotations::table.on(digest.eq(key_rotations::previous_digest)))
        .left_join(master_tokens::table.on(digest.eq(master_tokens::secret_digest)))
        .filter(leak_reports::organization_id.eq(&grant.id))
        .filter(
            one_of(api_keys::id, keys.iter().map(|key| key.id.as_str()))
                .or(one_of(key_rotations::api_key_id, rotations.keys().map(String::as_str)))
                .or(one_of(master_tokens::id, tokens.iter().map(|token| token.id.as_str()))),
        )
        .order((leak_reports::reported_at.desc(), leak_reports::id.desc()))
        .select((
            api_keys::id.nullable(),
            key_rotations::api_key_id.nullable(),
            master_tokens::id.nullable(),
            leak_reports::url,
            leak_reports::reported_at,
        ))
        .load(connection)?;
    let mut current = HashMap::new();
    let mut previous = HashMap::new();
    for (key, rotated, token, url, reported_at) in rows {
        match (key.or(token), rotated) {
            (Some(id), _) => add(&mut current, id, url, reported_at, false),
            (None, Some(id)) => add(&mut previous, id, url, reported_at, true),
            (None, None) => {}
        }
    }
    previous.extend(current);
    Ok(previous)
}

/// The first report of a secret, the others counted.
fn add(
    notices: &mut HashMap<String, Notice>,
    id: String,
    url: String,
    reported_at: Timestamp,
    is_previous_secret: bool,
) {
    notices.entry(id).and_modify(|notice| notice.more_places += 1).or_insert(Notice {
        url,
        reported_at,
        more_places: 0,
        is_previous_secret,
    });
}
