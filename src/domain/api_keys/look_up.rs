//! The look-up of a key by its secret, for verification.

use diesel::{dsl::case_when, prelude::*};

use super::{ApiKey, rotate::StoredRotation};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
    domain::{
        access::{Grant, SeeKeys},
        key_settings::KeySettings,
        organization::Organization,
        rotation::{Rotation, Side},
        schema::{api_keys, key_rotations, organizations},
        secret::SecretDigest,
    },
    vocabulary::Environment,
};

/// What verification needs of a key.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = api_keys)]
struct VerifiedColumns {
    id: String,
    name: String,
    expires_at: Option<Timestamp>,
    deactivated_at: Option<Timestamp>,
    secret_digest: SecretDigest,
    environment: Environment,
    #[diesel(embed)]
    settings: KeySettings,
}

/// A key as verification finds it.
#[derive(Debug)]
pub(in crate::domain) struct StoredKey {
    pub(in crate::domain) id: String,
    pub(in crate::domain) name: String,
    pub(in crate::domain) organization: Organization,
    pub(in crate::domain) expires_at: Option<Timestamp>,
    pub(in crate::domain) deactivated_at: Option<Timestamp>,
    pub(in crate::domain) environment: Environment,
    pub(in crate::domain) settings: KeySettings,
    /// The rotation under way, and which of its secrets was asked for.
    pub(in crate::domain) rotation: Option<(Side, Rotation)>,
}

/// The key with a digest, in whatever state. A look-up across organizations.
pub(in crate::domain) fn by_digest(
    connection: &mut Connection,
    digest: SecretDigest,
) -> Result<Option<StoredKey>, DbError> {
    // An alias, since the table stands in the statement itself, too.
    let rotated = diesel::alias!(key_rotations as rotated);
    let previous_secret = rotated
        .filter(rotated.field(key_rotations::previous_digest).eq(digest.as_bytes()))
        .select(rotated.field(key_rotations::api_key_id))
        .single_value();
    // As a single value, which it is: for a list PostgreSQL would look at every key. One statement, so that the key and
    // its rotation are of the same moment.
    let found: Option<(VerifiedColumns, Organization, Option<StoredRotation>)> = api_keys::table
        .inner_join(organizations::table)
        .left_join(key_rotations::table)
        .filter(api_keys::secret_digest.eq(digest.as_bytes()).or(api_keys::id.nullable().eq(previous_secret)))
        .filter(organizations::removed_at.is_null())
        .select((
            VerifiedColumns::as_select(),
            Organization::as_select(),
            Option::<StoredRotation>::as_select(),
        ))
        .first(connection)
        .optional()?;
    let Some((key, organization, stored)) = found else { return Ok(None) };
    let side = if key.secret_digest == digest { Side::Current } else { Side::Previous };
    Ok(Some(StoredKey {
        rotation: stored.map(|stored| (side, stored.rotation())),
        id: key.id,
        name: key.name,
        organization,
        expires_at: key.expires_at,
        deactivated_at: key.deactivated_at,
        environment: key.environment,
        settings: key.settings,
    }))
}

/// The organization's key with a secret; a previous one counts while its grace period lasts.
pub(in crate::domain) fn by_secret(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    digest: SecretDigest,
    now: Timestamp,
) -> Result<Option<ApiKey>, DbError> {
    let Some(found) = by_digest(connection, digest)? else { return Ok(None) };
    let is_over =
        found.rotation.is_some_and(|(side, rotation)| side == Side::Previous && !rotation.is_under_way(now));
    if is_over || found.organization.id != grant.id {
        return Ok(None);
    }
    let key = api_keys::table.find(found.id).select(ApiKey::as_select()).first(connection).optional()?;
    Ok(key)
}

/// The digest of the secret of one of the organization's keys.
pub(in crate::domain) fn digest(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    key_id: &str,
) -> Result<Option<SecretDigest>, DbError> {
    Ok(api_keys::table
        .find(key_id)
        .filter(api_keys::organization_id.eq(&grant.id))
        .select(api_keys::secret_digest)
        .first(connection)
        .optional()?)
}

/// Notes when a key was last accepted, if it was; `false` for one that was removed meanwhile.
pub(in crate::domain) fn note_last_use(
    tx: &mut Tx<'_>,
    key_id: &str,
    at: Option<Timestamp>,
) -> Result<bool, DbError> {
    let row = api_keys::table.find(key_id);
    let Some(at) = at else {
        return Ok(diesel::select(diesel::dsl::exists(row)).get_result(tx.connection())?);
    };
    // The later one stays: a key that changed, and one with two secrets, is written from several
    // copies in any order.
    let is_older = api_keys::last_used_at.gt(at);
    let updated = diesel::update(row)
        .set(api_keys::last_used_at.eq(case_when(is_older, api_keys::last_used_at).otherwise(at)))
        .execute(tx.connection())?;
    Ok(updated > 0)
}
