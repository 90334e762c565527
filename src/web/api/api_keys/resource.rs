//! A key as the API shows it.

use std::{collections::HashMap, slice};

use crate::{
    api_types::{ApiKey, Rotation, SettingsFields},
    clock::Timestamp,
    db::{Connection, DbError},
    domain::{
        access::{Grant, SeeKeys},
        api_keys::{self, ActiveRotation, ApiKey as StoredKey},
        managed::ManageError,
    },
    web::display,
};

impl ApiKey {
    /// The key with this id.
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
            environment: key.environment,
            settings: SettingsFields::of(&key.settings),
            receipts: None,
        }
    }
}
