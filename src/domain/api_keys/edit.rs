//! A key under another name, with another expiration or other settings. Its secret stays.

use diesel::prelude::*;

use super::{
    ApiKey,
    expiration::{ChosenExpiration, ExpirationError, KeyChangeError, ahead},
    find, invalidate, record_with,
    rotate::cap_previous_secret,
    write_terms,
};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx, columns_of},
    domain::{
        access::{Grant, ManageKeys},
        events::{Action, Detail},
        key_settings::KeySettings,
        managed::{ManageError, Managed},
        names::Name,
        plans::{self, WantedKey},
        schema::api_keys,
    },
    vocabulary::KeyStatus,
};

/// What to change of a key.
#[derive(Clone, Debug)]
pub struct KeyEdit {
    /// Its name; `None` for the one that it has.
    pub name: Option<Name>,
    /// Its expiration.
    pub expiration: ChosenExpiration,
    /// What it may do and how much.
    pub settings: KeySettings,
}

/// Changes a key, which holds from the next request on. A secret that has expired, or was the key's
/// before, gains no time.
///
/// # Errors
/// [`ManageError::NameTaken`], [`ManageError::Plan`], [`ExpirationError`].
pub fn edit(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageKeys>,
    key_id: &str,
    edit: &KeyEdit,
    now: Timestamp,
) -> Result<ApiKey, KeyChangeError> {
    let before = find(tx.connection(), grant, key_id)?;
    let name = edit.name.as_ref().filter(|name| name.as_str() != before.name);
    let expires_at = expiration_after(&before, edit.expiration, now)?;
    let is_moved = expires_at != before.expires_at;
    let changed = edit.settings.changes_since(&before.settings);
    if name.is_none() && !is_moved && changed.is_empty() {
        return Ok(before);
    }
    let wanted = WantedKey {
        settings: Some(&edit.settings).filter(|_| !changed.is_empty()),
        expires_at: is_moved.then_some(expires_at),
    };
    plans::check_key(tx.connection(), grant, wanted, now).map_err(ManageError::from)?;
    invalidate(tx, key_id)?;
    if let Some(end) = before.expires_at.filter(|_| is_moved) {
        cap_previous_secret(tx, key_id, end)?;
    }
    let renamed = name.map(|name| {
        let (name_key, search_key) = (name.key(), name.search_key());
        (
            api_keys::name.eq(name.as_str()),
            api_keys::name_key.eq(name_key),
            api_keys::search_key.eq(search_key),
        )
    });
    let moved = is_moved.then_some((api_keys::expires_at.eq(expires_at), api_keys::expiry_set_at.eq(now)));
    let updated = diesel::update(api_keys::table.find(key_id))
        .set((renamed, moved, &edit.settings))
        .returning(columns_of::<ApiKey>())
        .get_result(tx.connection())
        .map_err(DbError::from);
    let key = updated.map_err(|error| match error {
        error if error.is_unique_violation() => ManageError::NameTaken { kind: ApiKey::A_KIND },
        error => error.into(),
    })?;
    write_terms(tx.connection(), &grant.id, &key).map_err(DbError::from)?;
    if name.is_some() {
        let detail = Detail::NameChange { from: before.name, to: key.name.clone() };
        record_with(tx, grant, Action::KeyRenamed, &key, detail, now)?;
    }
    if is_moved {
        let detail = Detail::ExpirationChange { from: before.expires_at, to: key.expires_at };
        record_with(tx, grant, Action::KeyExpirationChanged, &key, detail, now)?;
    }
    if !changed.is_empty() {
        record_with(tx, grant, Action::KeySettingsChanged, &key, Detail::KeySettings { changed }, now)?;
    }
    Ok(key)
}

fn expiration_after(
    key: &ApiKey,
    chosen: ChosenExpiration,
    now: Timestamp,
) -> Result<Option<Timestamp>, ExpirationError> {
    match chosen {
        ChosenExpiration::Keep => Ok(key.expires_at),
        _ if key.status(now) == KeyStatus::Expired => Err(ExpirationError::ExpiredSecret),
        ChosenExpiration::Never => Ok(None),
        ChosenExpiration::At(end) => ahead(end, now).map(Some),
    }
}
