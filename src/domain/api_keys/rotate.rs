//! A new secret for the same key, while the previous one keeps working for a while.

use std::collections::HashMap;

use diesel::prelude::*;

use super::{
    ApiKey,
    expiration::{ExpirationError, KeyChangeError, ahead},
    find, invalidate, record_event, record_with,
    removed::leak_of_restored,
    write_terms,
};
use crate::{
    clock::Timestamp,
    config::InstanceRules,
    db::{Change, Connection, DbError, Tx, one_of},
    domain::{
        access::{Actor, Grant, ManageKeys, SeeKeys},
        events::{Action, Detail},
        managed::{ManageError, Managed},
        plans::{self, WantedKey},
        rotation::{GracePeriod, Plan, Rotation, Side, Starts},
        schema::{api_keys, key_rotations},
        secret::{Secret, SecretDigest},
    },
    vocabulary::KeyStatus,
};

/// What becomes of the end of a key that is rotated. No value of it takes an end away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewExpiration {
    /// It stays, or there stays none.
    Keep,
    /// The key works until then.
    At(Timestamp),
}

/// Gives a key a new secret, returned this once. Name and settings stay, and so does the end unless
/// a new one is chosen; a grace period that is under way ends.
pub fn rotate(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageKeys>,
    key_id: &str,
    plan: Plan,
    end: NewExpiration,
    rules: &InstanceRules,
    now: Timestamp,
) -> Result<(ApiKey, Secret), KeyChangeError> {
    let before = find(tx.connection(), grant, key_id)?;
    let expires_at = expiration_after(&before, end, now)?;
    if end != NewExpiration::Keep {
        let wanted = WantedKey { settings: None, expires_at: Some(expires_at) };
        plans::check_key(tx.connection(), grant, wanted, now).map_err(ManageError::from)?;
    }
    let has_expired = before.status(now) == KeyStatus::Expired;
    let older = stored_rotation(tx.connection(), key_id)?.filter(|older| !has_expired && older.works(now));
    invalidate(tx, key_id)?;
    remove_rotation(tx, key_id)?;
    if let Some(older) = older {
        // Whatever becomes of the secret that the key has now.
        let detail = Detail::Key { masked: older.previous_masked.unwrap_or_default() };
        record_with(tx, grant, Action::PreviousSecretRevoked, &before, detail, now)?;
    }
    let is_open_to_all = leak_of_restored(tx.connection(), key_id)?;
    if plan.has_grace_period() && !has_expired && !is_open_to_all {
        begin_grace_period(tx, &before, plan, expires_at, now)?;
    }
    let secret = Secret::generate_key(rules.key_prefix, rules.has_environments.then_some(before.environment))
        .map_err(ManageError::from)?;
    if end != NewExpiration::Keep {
        diesel::update(api_keys::table.find(key_id))
            .set((api_keys::expires_at.eq(expires_at), api_keys::expiry_set_at.eq(now)))
            .execute(tx.connection())
            .map_err(DbError::from)?;
    }
    let key = ApiKey::update_secret(tx.connection(), key_id, &secret, now).map_err(DbError::from)?;
    let is_moved = before.expires_at != key.expires_at;
    let detail = Detail::Rotation {
        masked: key.masked.clone(),
        grace_period: (!has_expired && !is_open_to_all).then_some(plan.grace_period),
        starts: (!has_expired && !is_open_to_all).then_some(plan.starts),
        expires_from: before.expires_at.filter(|_| is_moved),
        expires_to: key.expires_at.filter(|_| is_moved),
    };
    record_with(tx, grant, Action::KeyRotated, &key, detail, now)?;
    Ok((key, secret))
}

/// The key's end once it is rotated. A key with an end keeps one whatever is asked, and one
/// without gets none: a rotation is about the secret.
fn expiration_after(
    key: &ApiKey,
    end: NewExpiration,
    now: Timestamp,
) -> Result<Option<Timestamp>, ExpirationError> {
    match (end, key.expires_at) {
        (NewExpiration::Keep, Some(old)) if old <= now => Err(ExpirationError::Expired),
        (NewExpiration::Keep, old) => Ok(old),
        (NewExpiration::At(_), None) => Err(ExpirationError::NoExpiration),
        (NewExpiration::At(new), _) => ahead(new, now).map(Some),
    }
}

/// Keeps the secret that `before` has, besides the new one that it is about to get.
fn begin_grace_period(
    tx: &mut Tx<'_>,
    before: &ApiKey,
    plan: Plan,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), DbError> {
    let previous_digest: Vec<u8> =
        api_keys::table.find(&before.id).select(api_keys::secret_digest).first(tx.connection())?;
    diesel::insert_into(key_rotations::table)
        .values((
            key_rotations::api_key_id.eq(&before.id),
            key_rotations::previous_digest.eq(previous_digest),
            key_rotations::previous_masked.eq(&before.masked),
            key_rotations::grace_period.eq(plan.grace_period),
            key_rotations::starts.eq(plan.starts),
            key_rotations::rotated_at.eq(now),
            key_rotations::previous_last_used_at.eq(before.last_used_at),
            key_rotations::previous_expires_at.eq(before.expires_at.filter(|old| Some(*old) < expires_at)),
        ))
        .execute(tx.connection())?;
    Ok(())
}

/// Has the previous secret end at `end` at the latest: what is chosen for the key from now on is
/// its present secret's alone.
pub(super) fn cap_previous_secret(tx: &mut Tx<'_>, key_id: &str, end: Timestamp) -> Result<(), DbError> {
    let is_later =
        key_rotations::previous_expires_at.is_null().or(key_rotations::previous_expires_at.gt(end));
    diesel::update(key_rotations::table.find(key_id))
        .filter(is_later)
        .set(key_rotations::previous_expires_at.eq(end))
        .execute(tx.connection())?;
    Ok(())
}

/// Ends the grace period: from the next request on only the new secret works.
pub fn revoke_previous(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageKeys>,
    key_id: &str,
    now: Timestamp,
) -> Result<ApiKey, ManageError> {
    let key = find(tx.connection(), grant, key_id)?;
    if revoke_previous_secret(tx, key_id)? {
        record_with(tx, grant, Action::PreviousSecretRevoked, &key, key.fact(), now)?;
    }
    Ok(key)
}

/// Ends the grace period, whoever decided so; tells whether there was one.
pub(in crate::domain) fn revoke_previous_secret(tx: &mut Tx<'_>, key_id: &str) -> Result<bool, DbError> {
    invalidate(tx, key_id)?;
    Ok(remove_rotation(tx, key_id)? > 0)
}

fn stored_rotation(connection: &mut Connection, key_id: &str) -> Result<Option<StoredRotation>, DbError> {
    Ok(key_rotations::table.find(key_id).select(StoredRotation::as_select()).first(connection).optional()?)
}

/// With the rotation goes what the previous secret is found by.
fn remove_rotation(tx: &mut Tx<'_>, key_id: &str) -> Result<usize, DbError> {
    let removed = diesel::delete(key_rotations::table.find(key_id)).execute(tx.connection())?;
    if removed > 0 {
        let (key, organization_id): (ApiKey, String) = api_keys::table
            .find(key_id)
            .select((ApiKey::as_select(), api_keys::organization_id))
            .first(tx.connection())?;
        write_terms(tx.connection(), &organization_id, &key)?;
    }
    Ok(removed)
}

/// A rotation as it is stored, over or not.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = key_rotations)]
pub(super) struct StoredRotation {
    api_key_id: String,
    previous_digest: SecretDigest,
    previous_masked: Option<String>,
    grace_period: GracePeriod,
    starts: Starts,
    rotated_at: Timestamp,
    first_used_at: Option<Timestamp>,
    previous_last_used_at: Option<Timestamp>,
    previous_expires_at: Option<Timestamp>,
}

impl StoredRotation {
    pub(super) fn rotation(&self) -> Rotation {
        Rotation {
            previous_digest: self.previous_digest,
            plan: Plan { grace_period: self.grace_period, starts: self.starts },
            rotated_at: self.rotated_at,
            first_used_at: self.first_used_at,
            previous_expires_at: self.previous_expires_at,
        }
    }

    /// Whether the previous secret is still accepted where the key is.
    fn works(&self, now: Timestamp) -> bool {
        self.rotation().is_under_way(now)
    }

    /// The rotation, when it is under way.
    pub(super) fn active(&self, now: Timestamp) -> Option<ActiveRotation> {
        let rotation = self.rotation();
        rotation
            .is_under_way(now)
            .then_some(ActiveRotation { rotation, previous_last_used_at: self.previous_last_used_at })
    }
}

/// A rotation under way, as the list of keys shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActiveRotation {
    /// The rotation.
    pub rotation: Rotation,
    /// When the previous secret was last accepted.
    pub previous_last_used_at: Option<Timestamp>,
}

/// The rotations under way of `keys`, by the key's id.
pub fn rotations(
    connection: &mut Connection,
    _: &Grant<SeeKeys>,
    keys: &[ApiKey],
    now: Timestamp,
) -> Result<HashMap<String, ActiveRotation>, DbError> {
    let rows: Vec<StoredRotation> = key_rotations::table
        .filter(one_of(key_rotations::api_key_id, keys.iter().map(|key| key.id.as_str())))
        .select(StoredRotation::as_select())
        .load(connection)?;
    Ok(rows.into_iter().filter_map(|row| Some((row.api_key_id.clone(), row.active(now)?))).collect())
}

/// Forgets rotations whose grace period has ended.
pub fn purge_expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), DbError> {
    let rows: Vec<StoredRotation> =
        key_rotations::table.select(StoredRotation::as_select()).load(tx.connection())?;
    for row in rows.iter().filter(|row| !row.rotation().is_under_way(now)) {
        remove_rotation(tx, &row.api_key_id)?;
    }
    Ok(())
}

/// The digest of the secret that the key had before.
pub(super) fn previous_digest(connection: &mut Connection, key_id: &str) -> Result<Option<Vec<u8>>, DbError> {
    Ok(key_rotations::table
        .find(key_id)
        .select(key_rotations::previous_digest)
        .first(connection)
        .optional()?)
}

/// The masked form of that secret, while it is kept.
pub(super) fn previous_masked(connection: &mut Connection, key_id: &str) -> QueryResult<Option<String>> {
    let masked: Option<Option<String>> = key_rotations::table
        .find(key_id)
        .select(key_rotations::previous_masked)
        .first(connection)
        .optional()?;
    Ok(masked.flatten())
}

/// Writes when the new secret was first accepted, unless that is known. With it the previous one begins to end,
/// whichever node is asked; one that ends at once is noted as any other that somebody ends.
pub(in crate::domain) fn write_first_use(
    tx: &mut Tx<'_>,
    previous_digest: SecretDigest,
    at: Timestamp,
) -> Result<(), DbError> {
    let unused = key_rotations::table
        .filter(key_rotations::previous_digest.eq(previous_digest.as_bytes()))
        .filter(key_rotations::first_used_at.is_null());
    let stored: Option<StoredRotation> =
        unused.select(StoredRotation::as_select()).first(tx.connection()).optional()?;
    let Some(mut stored) = stored else { return Ok(()) };
    diesel::update(key_rotations::table.find(&stored.api_key_id))
        .set(key_rotations::first_used_at.eq(at))
        .execute(tx.connection())?;
    tx.changed(Change::Secret(previous_digest.as_bytes().to_vec()));
    let worked_before = stored.works(at);
    stored.first_used_at = Some(at);
    if !worked_before || stored.works(at) {
        return Ok(());
    }
    let (key, organization_id): (ApiKey, String) = api_keys::table
        .find(&stored.api_key_id)
        .select((ApiKey::as_select(), api_keys::organization_id))
        .first(tx.connection())?;
    let detail = Detail::Key { masked: stored.previous_masked.unwrap_or_default() };
    let system = Actor::System { ip: None };
    record_event(tx, &organization_id, &system, Action::PreviousSecretRevoked, &key, detail, at)
}

/// Writes what verification saw of a rotation. Where the previous secret ends by the first use of the new one, that
/// was written before it was answered; otherwise nothing depends on it, and nobody has to hear of it.
pub(in crate::domain) fn write_use(
    tx: &mut Tx<'_>,
    side: Side,
    rotation: Rotation,
    last_used_at: Option<Timestamp>,
) -> Result<(), DbError> {
    let row =
        key_rotations::table.filter(key_rotations::previous_digest.eq(rotation.previous_digest.as_bytes()));
    match (side, rotation.first_used_at, last_used_at) {
        (Side::Current, Some(at), _) => {
            diesel::update(row.filter(key_rotations::first_used_at.is_null()))
                .set(key_rotations::first_used_at.eq(at))
                .execute(tx.connection())?;
        }
        (Side::Previous, _, Some(at)) => {
            diesel::update(row).set(key_rotations::previous_last_used_at.eq(at)).execute(tx.connection())?;
        }
        _ => {}
    }
    Ok(())
}
