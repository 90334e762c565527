//! A new secret for the same key, while the old one goes on for a while.

use std::collections::HashMap;

use diesel::prelude::*;

use super::{ApiKey, KeyError, find, forget_copies, record_with};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
    domain::{
        access::Admin,
        audit::Action,
        forms::{self, FormError, FormId},
        organizations::Organization,
        rotation::{Begin, Overlap, Plan, Rotation, Side},
        schema::{api_keys, key_rotations},
        secret::{NoRandomness, Secret, SecretKind},
    },
};

/// Why a key gets no new secret.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// The key cannot be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The form was sent before or is stale.
    #[error(transparent)]
    Form(#[from] FormError),
    /// The system gave no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Gives a key a new secret, returned this once. Name, settings and end stay; an overlap that is
/// under way ends.
///
/// # Errors
/// [`RotateError`].
pub fn rotate(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    key_id: &str,
    plan: Plan,
    form: &FormId,
    now: Timestamp,
) -> Result<(ApiKey, Secret), RotateError> {
    let before = find(tx.connection(), admin, key_id)?;
    forms::spend(tx, form, now)?;
    forget_copies(tx, key_id)?;
    remove_overlap(tx, key_id)?;
    if plan.has_overlap() {
        let old_digest: Vec<u8> = api_keys::table
            .find(key_id)
            .select(api_keys::secret_digest)
            .first(tx.connection())
            .map_err(DbError::from)?;
        diesel::insert_into(key_rotations::table)
            .values((
                key_rotations::api_key_id.eq(key_id),
                key_rotations::old_digest.eq(old_digest),
                key_rotations::overlap.eq(plan.overlap.as_str()),
                key_rotations::begins.eq(plan.begin.as_str()),
                key_rotations::rotated_at.eq(now),
                key_rotations::old_last_used_at.eq(before.last_used_at),
            ))
            .execute(tx.connection())
            .map_err(DbError::from)?;
    }
    let secret = Secret::generate(SecretKind::ApiKey)?;
    let key: ApiKey = diesel::update(api_keys::table.find(key_id))
        .set((api_keys::masked.eq(secret.masked()), api_keys::secret_digest.eq(secret.digest().as_bytes())))
        .returning(ApiKey::as_returning())
        .get_result(tx.connection())
        .map_err(DbError::from)?;
    record_with(tx, admin, Action::KeyRotated, &key, plan.words(), now)?;
    Ok((key, secret))
}

/// Ends the overlap: from the next request on only the new secret works.
///
/// # Errors
/// [`KeyError`].
pub fn end_overlap(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    key_id: &str,
    now: Timestamp,
) -> Result<ApiKey, KeyError> {
    let key = find(tx.connection(), admin, key_id)?;
    if stop_old_secret(tx, key_id)? {
        record_with(tx, admin, Action::OverlapEnded, &key, key.masked.clone(), now)?;
    }
    Ok(key)
}

/// Ends the overlap, whoever decided so; tells whether there was one.
pub(in crate::domain) fn stop_old_secret(tx: &mut Tx<'_>, key_id: &str) -> Result<bool, DbError> {
    forget_copies(tx, key_id)?;
    Ok(remove_overlap(tx, key_id)? > 0)
}

fn remove_overlap(tx: &mut Tx<'_>, key_id: &str) -> Result<usize, DbError> {
    Ok(diesel::delete(key_rotations::table.find(key_id)).execute(tx.connection())?)
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = key_rotations)]
struct StoredRotation {
    api_key_id: String,
    overlap: String,
    begins: String,
    rotated_at: Timestamp,
    first_used_at: Option<Timestamp>,
    old_last_used_at: Option<Timestamp>,
}

impl StoredRotation {
    /// What cannot be read has no overlap.
    fn rotation(&self) -> Rotation {
        let plan = Plan {
            overlap: Overlap::parse(&self.overlap).unwrap_or(Overlap::None),
            begin: Begin::parse(&self.begins).unwrap_or(Begin::AtOnce),
        };
        Rotation { plan, rotated_at: self.rotated_at, first_used_at: self.first_used_at }
    }
}

/// A rotation under way, as the list of keys shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlapping {
    /// The rotation.
    pub rotation: Rotation,
    /// When the old secret was last accepted.
    pub old_last_used_at: Option<Timestamp>,
}

/// The rotations under way of `keys`, by the key's id.
///
/// # Errors
/// [`DbError`].
pub fn overlaps(
    connection: &mut Connection,
    _: &Admin<Organization>,
    keys: &[ApiKey],
    now: Timestamp,
) -> Result<HashMap<String, Overlapping>, DbError> {
    let rows: Vec<StoredRotation> = key_rotations::table
        .filter(key_rotations::api_key_id.eq_any(keys.iter().map(|key| &key.id)))
        .select(StoredRotation::as_select())
        .load(connection)?;
    let overlapping = |row: StoredRotation| {
        let rotation = row.rotation();
        (row.api_key_id, Overlapping { rotation, old_last_used_at: row.old_last_used_at })
    };
    Ok(rows
        .into_iter()
        .map(overlapping)
        .filter(|(_, overlapping)| overlapping.rotation.is_under_way(now))
        .collect())
}

/// Forgets rotations whose overlap has ended.
///
/// # Errors
/// [`DbError`].
pub fn forget_ended(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), DbError> {
    let rows: Vec<StoredRotation> =
        key_rotations::table.select(StoredRotation::as_select()).load(tx.connection())?;
    for row in rows.iter().filter(|row| !row.rotation().is_under_way(now)) {
        remove_overlap(tx, &row.api_key_id)?;
    }
    Ok(())
}

/// The rotation of a key, over or not.
pub(super) fn of_key(connection: &mut Connection, key_id: &str) -> Result<Option<Rotation>, DbError> {
    let row: Option<StoredRotation> =
        key_rotations::table.find(key_id).select(StoredRotation::as_select()).first(connection).optional()?;
    Ok(row.map(|row| row.rotation()))
}

/// The digest of the secret that the key had before.
pub(super) fn old_digest(connection: &mut Connection, key_id: &str) -> Result<Option<Vec<u8>>, DbError> {
    Ok(key_rotations::table.find(key_id).select(key_rotations::old_digest).first(connection).optional()?)
}

/// Writes what verification saw of a rotation.
pub(in crate::domain) fn write_use(
    tx: &mut Tx<'_>,
    key_id: &str,
    side: Side,
    rotation: Rotation,
    last_used_at: Option<Timestamp>,
) -> Result<(), DbError> {
    let row = key_rotations::table.find(key_id).filter(key_rotations::rotated_at.eq(rotation.rotated_at));
    match (side, rotation.first_used_at, last_used_at) {
        (Side::New, Some(at), _) => {
            diesel::update(row.filter(key_rotations::first_used_at.is_null()))
                .set(key_rotations::first_used_at.eq(at))
                .execute(tx.connection())?;
        }
        (Side::Old, _, Some(at)) => {
            diesel::update(row).set(key_rotations::old_last_used_at.eq(at)).execute(tx.connection())?;
        }
        _ => {}
    }
    Ok(())
}
