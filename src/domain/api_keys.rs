//! API keys: named, with an end if wanted, switched off and on, removed for good.

mod list;
mod look_up;
mod pause;
mod rotate;

pub use list::{EXPIRES_SOON, KeyFilter, Sort, daily_requests, list_after, page, scopes_in_use};
pub(super) use look_up::{StoredKey, by_digest, by_secret, digest};
pub use pause::{PauseLength, is_any_pause_over, pause, resume_paused};
pub use rotate::{
    ActiveRotation, ExpirationError, NewExpiration, RotateError, purge_expired, revoke_previous, rotate,
    rotations,
};
pub(super) use rotate::{revoke_previous_secret, write_use};

use diesel::prelude::*;
use time::Duration;

use super::{
    access::{Actor, Admin},
    audit::{self, Action, Event},
    forms::{self, FormError, FormId},
    id::new_id,
    key_settings::KeySettings,
    names::Name,
    organizations::Organization,
    schema::api_keys,
    secret::{NoRandomness, Secret, SecretKind},
};
use crate::{
    clock::Timestamp,
    db::{Change, Connection, DbError, Tx},
};

/// Keys that one organization may have.
pub const MAX_KEYS: i64 = 1000;

/// The longest duration that can be chosen, apart from "no end".
pub const MAX_DURATION: Duration = Duration::days(3650);

/// An API key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = api_keys)]
pub struct ApiKey {
    /// The key's id.
    pub id: String,
    /// Its name, unique in the organization.
    pub name: String,
    /// Prefix, first four … last four.
    pub masked: String,
    /// Who created it, by name at that time.
    pub created_by: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    /// When a rotation gave it that end; `None` for the end that it was created with.
    pub expiry_set_at: Option<Timestamp>,
    /// Since when it is switched off, if it is.
    pub deactivated_at: Option<Timestamp>,
    /// Until when it is paused: it is switched off, and comes back by itself.
    pub paused_until: Option<Timestamp>,
    /// When it was last accepted.
    pub last_used_at: Option<Timestamp>,
    /// What it may do and how much.
    #[diesel(embed)]
    pub settings: KeySettings,
}

/// Whether a key is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is.
    Active,
    /// Its end has passed.
    Expired,
    /// It is switched off.
    Deactivated,
}

impl ApiKey {
    /// The state at `now`. An end that has passed outweighs the switch: activating would not help.
    pub fn status(&self, now: Timestamp) -> Status {
        match (self.expires_at, self.deactivated_at) {
            (Some(end), _) if end <= now => Status::Expired,
            (_, Some(_)) => Status::Deactivated,
            _ => Status::Active,
        }
    }

    /// For how long it was to work when its present end was chosen.
    pub fn duration(&self) -> Option<Duration> {
        self.expires_at.map(|end| end - self.expiry_set_at.unwrap_or(self.created_at))
    }
}

/// A key to create.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// Its name.
    pub name: Name,
    /// Its end, if any.
    pub expires_at: Option<Timestamp>,
    /// What it may do and how much.
    pub settings: KeySettings,
}

/// Why a key is not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The organization has a key of that name.
    #[error("A key with this name exists already. Choose another name.")]
    NameTaken,
    /// The organization has [`MAX_KEYS`].
    #[error("There are {MAX_KEYS} keys already. Remove one that is no longer used.")]
    TooMany,
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

/// Why a key is not changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No such key in this organization.
    #[error("not found")]
    NotFound,
    /// The key is off or expired already.
    #[error("Only an active key can be paused.")]
    NotActive,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Creates a key. The secret is returned this once; its digest is kept.
///
/// # Errors
/// [`CreateError`].
pub fn create(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    new: &NewApiKey,
    form: &FormId,
    now: Timestamp,
) -> Result<(ApiKey, Secret), CreateError> {
    forms::spend(tx, form, now)?;
    let count: i64 = api_keys::table
        .filter(api_keys::organization_id.eq(&admin.id))
        .count()
        .get_result(tx.connection())
        .map_err(DbError::from)?;
    if count >= MAX_KEYS {
        return Err(CreateError::TooMany);
    }
    let secret = Secret::generate(SecretKind::ApiKey)?;
    let inserted = diesel::insert_into(api_keys::table)
        .values((
            api_keys::id.eq(new_id(now)),
            api_keys::organization_id.eq(&admin.id),
            api_keys::name.eq(new.name.as_str()),
            api_keys::name_key.eq(new.name.key()),
            api_keys::masked.eq(secret.masked()),
            api_keys::secret_digest.eq(secret.digest().as_bytes()),
            api_keys::created_by.eq(admin.actor().name()),
            api_keys::created_at.eq(now),
            api_keys::expires_at.eq(new.expires_at),
            &new.settings,
        ))
        .returning(ApiKey::as_returning())
        .get_result::<ApiKey>(tx.connection())
        .map_err(DbError::from);
    let key = match inserted {
        Ok(key) => key,
        Err(error) if error.is_unique_violation() => return Err(CreateError::NameTaken),
        Err(error) => return Err(error.into()),
    };
    record(tx, admin, Action::KeyCreated, &key, now)?;
    Ok((key, secret))
}

/// One key.
///
/// # Errors
/// [`KeyError`].
pub fn find(
    connection: &mut Connection,
    admin: &Admin<Organization>,
    key_id: &str,
) -> Result<ApiKey, KeyError> {
    api_keys::table
        .filter(api_keys::id.eq(key_id).and(api_keys::organization_id.eq(&admin.id)))
        .select(ApiKey::as_select())
        .first(connection)
        .optional()
        .map_err(DbError::from)?
        .ok_or(KeyError::NotFound)
}

/// Switches a key off; from the next request on it is refused.
///
/// # Errors
/// [`KeyError`].
pub fn deactivate(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    key_id: &str,
    now: Timestamp,
) -> Result<ApiKey, KeyError> {
    switch(tx, admin, key_id, Some(now), Action::KeyDeactivated, now)
}

/// Switches a key on again.
///
/// # Errors
/// [`KeyError`].
pub fn activate(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    key_id: &str,
    now: Timestamp,
) -> Result<ApiKey, KeyError> {
    switch(tx, admin, key_id, None, Action::KeyActivated, now)
}

fn switch(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    key_id: &str,
    deactivated_at: Option<Timestamp>,
    action: Action,
    now: Timestamp,
) -> Result<ApiKey, KeyError> {
    let key = find(tx.connection(), admin, key_id)?;
    if key.deactivated_at.is_some() == deactivated_at.is_some() && key.paused_until.is_none() {
        return Ok(key);
    }
    let key = set_switch(tx, key_id, deactivated_at, None)?;
    record(tx, admin, action, &key, now)?;
    Ok(key)
}

/// Switches the key off since an instant, until another one where it is paused, or on; applies from
/// the next request.
pub(super) fn set_switch(
    tx: &mut Tx<'_>,
    key_id: &str,
    deactivated_at: Option<Timestamp>,
    paused_until: Option<Timestamp>,
) -> Result<ApiKey, DbError> {
    invalidate(tx, key_id)?;
    Ok(diesel::update(api_keys::table.find(key_id))
        .set((api_keys::deactivated_at.eq(deactivated_at), api_keys::paused_until.eq(paused_until)))
        .returning(ApiKey::as_returning())
        .get_result(tx.connection())?)
}

/// Gives a key other settings, which hold from the next request on.
///
/// # Errors
/// [`KeyError`].
pub fn change_settings(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    key_id: &str,
    settings: &KeySettings,
    now: Timestamp,
) -> Result<ApiKey, KeyError> {
    let key = find(tx.connection(), admin, key_id)?;
    let changes = settings.changes_since(&key.settings);
    if changes.is_empty() {
        return Ok(key);
    }
    invalidate(tx, key_id)?;
    let key = diesel::update(api_keys::table.find(key_id))
        .set(settings)
        .returning(ApiKey::as_returning())
        .get_result(tx.connection())
        .map_err(DbError::from)?;
    record_with(tx, admin, Action::KeySettingsChanged, &key, changes, now)?;
    Ok(key)
}

/// Removes a key for good.
///
/// # Errors
/// [`KeyError`].
pub fn remove(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    key_id: &str,
    now: Timestamp,
) -> Result<ApiKey, KeyError> {
    let key = find(tx.connection(), admin, key_id)?;
    invalidate(tx, key_id)?;
    diesel::delete(api_keys::table.find(key_id)).execute(tx.connection()).map_err(DbError::from)?;
    record(tx, admin, Action::KeyRemoved, &key, now)?;
    Ok(key)
}

fn record(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    action: Action,
    key: &ApiKey,
    now: Timestamp,
) -> Result<(), DbError> {
    record_with(tx, admin, action, key, key.masked.clone(), now)
}

fn record_with(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    action: Action,
    key: &ApiKey,
    detail: String,
    now: Timestamp,
) -> Result<(), DbError> {
    record_event(tx, &admin.id, admin.actor(), action, key, detail, now)
}

fn record_by(
    tx: &mut Tx<'_>,
    organization_id: &str,
    actor: &Actor,
    action: Action,
    key: &ApiKey,
    now: Timestamp,
) -> Result<(), DbError> {
    record_event(tx, organization_id, actor, action, key, key.masked.clone(), now)
}

fn record_event(
    tx: &mut Tx<'_>,
    organization_id: &str,
    actor: &Actor,
    action: Action,
    key: &ApiKey,
    detail: String,
    now: Timestamp,
) -> Result<(), DbError> {
    let event = Event {
        organization_id: Some(organization_id),
        actor,
        action,
        subject_id: Some(&key.id),
        subject_name: &key.name,
        detail: Some(detail),
    };
    audit::record(tx, &event, now)
}

/// Has copies of the key in memory dropped once the transaction is committed.
pub(super) fn invalidate(tx: &mut Tx<'_>, key_id: &str) -> Result<(), DbError> {
    let digest = api_keys::table.find(key_id).select(api_keys::secret_digest).first(tx.connection())?;
    tx.changed(Change::Secret(digest));
    if let Some(digest) = rotate::previous_digest(tx.connection(), key_id)? {
        tx.changed(Change::Secret(digest));
    }
    Ok(())
}
