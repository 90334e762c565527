//! Keys that other systems made: what they are known by until they are first used, and from where they came.
//!
//! A system that kept another digest than ours, or a slow hash, never told it. Such a key has the digest of nobody's
//! secret in its place, its stand-in. Whoever presents the key for the first time proves it by what the other system
//! kept, and from then on it is found by its own digest, like any other.

use diesel::{dsl::exists, prelude::*};

use super::invalidate;
use crate::{
    clock::Timestamp,
    db::{Change, Connection, DbError, Tx},
    domain::{
        access::{Grant, SeeKeys},
        schema::{api_keys, imported_keys, key_rotations},
        secret::SecretDigest,
        stored_text::stored_as_text,
    },
    import::Scheme,
    vocabulary::ImportFormat,
};

stored_as_text!(word Scheme);

/// Whether there are imported keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::domain) struct Presence {
    /// Whether there is one at all.
    pub(in crate::domain) any: bool,
    /// Whether there is one whose own digest is not known yet.
    pub(in crate::domain) waiting: bool,
}

/// Whether there are imported keys, in any organization.
pub(in crate::domain) fn presence(connection: &mut Connection) -> Result<Presence, DbError> {
    let any = exists(imported_keys::table.select(imported_keys::api_key_id));
    let waiting = exists(imported_keys::table.filter(imported_keys::stand_in.is_not_null()));
    let (any, waiting) = diesel::select((any, waiting)).get_result(connection)?;
    Ok(Presence { any, waiting })
}

/// A key whose own digest is not known yet.
#[derive(Clone, Debug)]
pub(in crate::domain) struct Waiting {
    pub(in crate::domain) api_key_id: String,
    pub(in crate::domain) scheme: Scheme,
    pub(in crate::domain) verifier: Option<String>,
    pub(in crate::domain) stand_in: SecretDigest,
}

/// The keys that a presented text may be, by what it reads as. A look-up across organizations.
pub(in crate::domain) fn waiting(
    connection: &mut Connection,
    readings: &[(Scheme, Vec<u8>)],
) -> Result<Vec<Waiting>, DbError> {
    let mut found = Vec::new();
    for (scheme, look_up) in readings {
        // One that was removed has no row among the keys.
        let row: Option<(String, Option<String>, Option<SecretDigest>)> = imported_keys::table
            .inner_join(api_keys::table)
            .filter(imported_keys::scheme.eq(scheme).and(imported_keys::look_up.eq(look_up)))
            .filter(imported_keys::stand_in.is_not_null())
            .select((imported_keys::api_key_id, imported_keys::verifier, imported_keys::stand_in))
            .first(connection)
            .optional()?;
        if let Some((api_key_id, verifier, Some(stand_in))) = row {
            found.push(Waiting { api_key_id, scheme: *scheme, verifier, stand_in });
        }
    }
    Ok(found)
}

/// Gives a key its own digest, since whoever presented it has proven that. A key that was rotated meanwhile has its
/// stand-in as its previous secret. What is settled already stays so.
pub(in crate::domain) fn settle(
    tx: &mut Tx<'_>,
    waiting: &Waiting,
    digest: SecretDigest,
) -> Result<(), DbError> {
    let (key_id, stand_in) = (waiting.api_key_id.as_str(), waiting.stand_in.as_bytes());
    invalidate(tx, key_id)?;
    let current = api_keys::table.find(key_id).filter(api_keys::secret_digest.eq(stand_in));
    let settled = diesel::update(current)
        .set(api_keys::secret_digest.eq(digest.as_bytes()))
        .execute(tx.connection())?;
    if settled == 0 {
        let previous = key_rotations::table.find(key_id).filter(key_rotations::previous_digest.eq(stand_in));
        diesel::update(previous)
            .set(key_rotations::previous_digest.eq(digest.as_bytes()))
            .execute(tx.connection())?;
    }
    diesel::update(imported_keys::table.find(key_id))
        .set((imported_keys::verifier.eq(None::<String>), imported_keys::stand_in.eq(None::<Vec<u8>>)))
        .execute(tx.connection())?;
    tx.changed(Change::Secret(digest.as_bytes().to_vec()));
    Ok(())
}

/// From where a key came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The system, or the kind of file.
    pub source: ImportFormat,
    /// When it was imported.
    pub imported_at: Timestamp,
}

/// From where a key came; `None` for one that was made here.
pub fn origin(
    connection: &mut Connection,
    _: &Grant<SeeKeys>,
    key_id: &str,
) -> Result<Option<Origin>, DbError> {
    let found: Option<(ImportFormat, Timestamp)> = imported_keys::table
        .find(key_id)
        .select((imported_keys::source, imported_keys::imported_at))
        .first(connection)
        .optional()?;
    Ok(found.map(|(source, imported_at)| Origin { source, imported_at }))
}
