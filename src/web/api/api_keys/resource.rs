//! A key as the API shows it.

use std::{collections::HashMap, slice};

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    clock::Timestamp,
    db::{Connection, DbError},
    domain::{
        access::{Grant, SeeKeys},
        api_keys::{self, ActiveRotation, ApiKey as StoredKey},
        managed::ManageError,
    },
    vocabulary::KeyStatus,
    web::{
        api::{key_rotation::Rotation, key_settings::SettingsFields},
        display,
    },
};

/// An API key without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKey {
    /// The id.
    pub id: String,
    /// The name, unique in the organization.
    #[schema(example = "Billing worker")]
    pub name: String,
    /// The key with its middle left out.
    #[schema(example = "tess_9fQ2…xA7c")]
    pub masked: String,
    /// Whether it is accepted.
    pub status: KeyStatus,
    /// Who created it, by name at that time.
    pub created_by: String,
    /// When it was created.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it ends; null for never.
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
    /// Since when it is switched off; null while it is on.
    #[schema(format = DateTime)]
    pub deactivated_at: Option<String>,
    /// Until when a pause keeps it switched off; null without one.
    #[schema(format = DateTime)]
    pub paused_until: Option<String>,
    /// The rotation under way, during which the previous secret is accepted, too; null without one.
    pub rotation: Option<Rotation>,
    /// When it was last accepted, up to a few seconds ago; null for never.
    #[schema(format = DateTime)]
    pub last_used_at: Option<String>,
    /// What it may do and how much.
    #[serde(flatten)]
    pub settings: SettingsFields,
}

impl ApiKey {
    /// The key with this id.
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn find(
        connection: &mut Connection,
        grant: &Grant<SeeKeys>,
        key_id: &str,
        now: Timestamp,
    ) -> Result<Self, ManageError> {
        let key = api_keys::find(connection, grant, key_id)?;
        Ok(Self::of(connection, grant, key, now)?)
    }

    /// A stored key as it is at `now`.
    ///
    /// # Errors
    /// [`DbError`].
    pub fn of(
        connection: &mut Connection,
        grant: &Grant<SeeKeys>,
        key: StoredKey,
        now: Timestamp,
    ) -> Result<Self, DbError> {
        let mut beside = Beside::read(connection, grant, slice::from_ref(&key), now)?;
        Ok(beside.with(key, now))
    }

    /// Stored keys as they are at `now`.
    ///
    /// # Errors
    /// [`DbError`].
    pub fn of_all(
        connection: &mut Connection,
        grant: &Grant<SeeKeys>,
        keys: Vec<StoredKey>,
        now: Timestamp,
    ) -> Result<Vec<Self>, DbError> {
        let mut beside = Beside::read(connection, grant, &keys, now)?;
        Ok(keys.into_iter().map(|key| beside.with(key, now)).collect())
    }
}

/// What is known of keys besides themselves, by their ids.
struct Beside {
    rotations: HashMap<String, ActiveRotation>,
}

impl Beside {
    fn read(
        connection: &mut Connection,
        grant: &Grant<SeeKeys>,
        keys: &[StoredKey],
        now: Timestamp,
    ) -> Result<Self, DbError> {
        Ok(Self { rotations: api_keys::rotations(connection, grant, keys, now)? })
    }

    fn with(&mut self, key: StoredKey, now: Timestamp) -> ApiKey {
        let instant = |at: Option<Timestamp>| at.map(|at| display::iso(&at));
        ApiKey {
            status: key.status(now),
            rotation: self.rotations.remove(&key.id).map(|active| Rotation::of(&active)),
            paused_until: instant(key.paused_until),
            id: key.id,
            name: key.name,
            masked: key.masked,
            created_by: key.created_by,
            created_at: display::iso(&key.created_at),
            expires_at: instant(key.expires_at),
            deactivated_at: instant(key.deactivated_at),
            last_used_at: instant(key.last_used_at),
            settings: SettingsFields::of(&key.settings),
        }
    }
}

/// A key with its secret, which is told this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyWithSecret {
    /// The key.
    #[serde(flatten)]
    pub key: ApiKey,
    /// The secret. It is not kept and cannot be told again.
    #[schema(example = "tess_9fQ2…")]
    pub secret: String,
}
