//! API keys: named, with an end if wanted, switched off and on, removed and for some days restored.

mod edit;
mod expiration;
mod import;
mod imported;
mod list;
mod look_up;
mod pause;
mod removed;
mod rotate;
mod several;

pub use edit::{KeyEdit, edit};
pub use expiration::{ChosenExpiration, ExpirationError, KeyChangeError};
pub(super) use import::KeyImport;
pub use import::{Here, ImportPlan, Taken};
pub use imported::{Origin, origin};
pub(super) use imported::{Presence, Waiting, presence, settle, waiting};
pub use list::{EXPIRES_SOON, Filter, list_after, page, scopes_in_use};
pub(super) use look_up::{StoredKey, by_digest, by_secret, digest, note_last_use};
pub use pause::{PauseLength, give_up_pause, pause, pauses_over, resume};
pub use removed::{RemovedKey, list_removed_after, page_of_removed, purge_removed, restore};
pub(super) use removed::{forget_some, removed_by_digest};
pub use rotate::{ActiveRotation, NewExpiration, purge_expired, revoke_previous, rotate, rotations};
pub(super) use rotate::{revoke_previous_secret, write_first_use, write_use};
pub use several::{BulkChange, change_several, find_several};

use diesel::prelude::*;
use time::Duration;

use super::{
    access::{Actor, Grant, ManageKeys, SeeKeys},
    events::{self, Action, Detail, Event},
    key_settings::KeySettings,
    managed::{self, Done, ManageError, Managed, NewRow},
    names::Name,
    plans::{self, WantedKey},
    schema::{api_keys, organizations},
    search,
    secret::{NoRandomness, Secret},
};
use crate::{
    clock::Timestamp,
    config::InstanceRules,
    db::{Change, Connection, DbError, Tx, columns_of},
    folding::terms::Searched,
    vocabulary::{Environment, KeyStatus},
};

/// The longest duration that can be chosen, apart from "no end".
pub const MAX_DURATION: Duration = Duration::days(3650);

/// Why a restored key stays off whose secret was found in public.
const LEAKED: &str = "This key’s secret was found in public. Rotate the key to get a new one.";

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
    /// When its end was last changed; `None` for the end that it was created with.
    pub expiry_set_at: Option<Timestamp>,
    /// Since when it is switched off, if it is.
    pub deactivated_at: Option<Timestamp>,
    /// Until when it is paused: it is switched off, and comes back by itself.
    pub paused_until: Option<Timestamp>,
    /// When it was last accepted.
    pub last_used_at: Option<Timestamp>,
    /// What it is for.
    pub environment: Environment,
    /// What it may do and how much.
    #[diesel(embed)]
    pub settings: KeySettings,
}

impl ApiKey {
    /// The state at `now`. An end that has passed outweighs the switch: activating would not help.
    pub fn status(&self, now: Timestamp) -> KeyStatus {
        match (self.expires_at, self.deactivated_at) {
            (Some(end), _) if end <= now => KeyStatus::Expired,
            (_, Some(_)) => KeyStatus::Deactivated,
            _ => KeyStatus::Active,
        }
    }

    /// Which secret it has, for the audit log.
    fn fact(&self) -> Detail {
        Detail::Key { masked: self.masked.clone() }
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
    /// What it is for.
    pub environment: Environment,
    /// What it may do and how much.
    pub settings: KeySettings,
}

impl Managed for ApiKey {
    type New = NewApiKey;
    type Manage = ManageKeys;

    const A_KIND: &'static str = "A key";
    const KINDS: (&'static str, &'static str) = ("key", "keys");

    fn max(rules: &InstanceRules) -> i64 {
        rules.keys
    }

    fn generate_secret(rules: &InstanceRules, new: Option<&NewApiKey>) -> Result<Secret, NoRandomness> {
        let environment = new.map(|new| new.environment).filter(|_| rules.has_environments);
        Secret::generate_key(rules.key_prefix, environment)
    }

    fn count(connection: &mut Connection, organization_id: &str) -> QueryResult<i64> {
        organizations::table.find(organization_id).select(organizations::api_key_count).first(connection)
    }

    fn insert(connection: &mut Connection, new: &NewApiKey, row: &NewRow<'_>) -> QueryResult<Self> {
        let key = diesel::insert_into(api_keys::table)
            .values((
                api_keys::id.eq(&row.id),
                api_keys::organization_id.eq(row.organization_id),
                api_keys::name.eq(new.name.as_str()),
                api_keys::name_key.eq(new.name.key()),
                api_keys::search_key.eq(new.name.search_key()),
                api_keys::masked.eq(row.secret.masked()),
                api_keys::secret_digest.eq(row.secret.digest().as_bytes()),
                api_keys::created_by.eq(row.created_by),
                api_keys::created_at.eq(row.created_at),
                api_keys::expires_at.eq(new.expires_at),
                api_keys::environment.eq(new.environment),
                &new.settings,
            ))
            .returning(columns_of::<Self>())
            .get_result(connection)?;
        write_terms(connection, row.organization_id, &key)?;
        Ok(key)
    }

    fn select(connection: &mut Connection, organization_id: &str, id: &str) -> QueryResult<Option<Self>> {
        api_keys::table
            .filter(api_keys::id.eq(id).and(api_keys::organization_id.eq(organization_id)))
            .select(Self::as_select())
            .first(connection)
            .optional()
    }

    fn update_switch(
        connection: &mut Connection,
        id: &str,
        off_since: Option<Timestamp>,
    ) -> QueryResult<Self> {
        store_switch(connection, id, off_since, None)
    }

    fn update_secret(
        connection: &mut Connection,
        id: &str,
        secret: &Secret,
        _: Timestamp,
    ) -> QueryResult<Self> {
        let (key, organization_id): (Self, String) = diesel::update(api_keys::table.find(id))
            .set((
                api_keys::masked.eq(secret.masked()),
                api_keys::secret_digest.eq(secret.digest().as_bytes()),
            ))
            .returning((columns_of::<Self>(), api_keys::organization_id))
            .get_result(connection)?;
        write_terms(connection, &organization_id, &key)?;
        Ok(key)
    }

    fn delete(connection: &mut Connection, id: &str, by: &str, at: Timestamp) -> QueryResult<usize> {
        removed::put_aside(connection, id, by, at)
    }

    /// A paused key is off, and yet deactivating it is a change: it no longer comes back.
    fn is_switched(&self, on: bool) -> bool {
        self.deactivated_at.is_none() == on && self.paused_until.is_none()
    }

    fn invalidate(tx: &mut Tx<'_>, id: &str) -> Result<(), DbError> {
        invalidate(tx, id)
    }

    fn note(
        &self,
        tx: &mut Tx<'_>,
        grant: &Grant<ManageKeys>,
        done: Done,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let action = match done {
            Done::Created => Action::KeyCreated,
            Done::Activated => Action::KeyActivated,
            Done::Deactivated => Action::KeyDeactivated,
            Done::SecretReplaced => Action::KeyRotated,
            Done::Removed => Action::KeyRemoved,
        };
        record_with(tx, grant, action, self, self.fact(), now)
    }
}

/// What `key` is found by, written whenever something of that is new.
fn write_terms(connection: &mut Connection, organization_id: &str, key: &ApiKey) -> QueryResult<()> {
    let previous = rotate::previous_masked(connection, &key.id)?;
    let searched = Searched::Key {
        name: &key.name,
        created_by: &key.created_by,
        scopes: &key.settings.scopes.to_string(),
        masked: &[Some(key.masked.as_str()), previous.as_deref()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" "),
    };
    search::rewrite(connection, organization_id, &key.id, &searched)
}

/// Whether there may be another one, to say so before anything is typed.
///
/// # Errors
/// [`ManageError::TooMany`].
pub fn check_room(
    connection: &mut Connection,
    grant: &Grant<ManageKeys>,
    rules: &InstanceRules,
) -> Result<(), ManageError> {
    managed::check_room::<ApiKey>(connection, grant, rules)
}

/// Creates a key. The secret is returned this once; its digest is kept.
///
/// # Errors
/// [`ManageError::NameTaken`], [`ManageError::TooMany`], [`ManageError::Plan`].
pub fn create(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageKeys>,
    new: &NewApiKey,
    rules: &InstanceRules,
    now: Timestamp,
) -> Result<(ApiKey, Secret), ManageError> {
    let wanted = WantedKey { settings: Some(&new.settings), expires_at: Some(new.expires_at) };
    plans::check_key(tx.connection(), grant, wanted, now)?;
    plans::check_active_keys(tx.connection(), grant, now)?;
    managed::create(tx, grant, new, rules, now)
}

/// One key.
///
/// # Errors
/// [`ManageError::NotFound`].
pub fn find(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    key_id: &str,
) -> Result<ApiKey, ManageError> {
    managed::find(connection, grant, key_id)
}

/// Switches a key on or off; a pause ends with that.
///
/// # Errors
/// [`ManageError::NotFound`], [`ManageError::Plan`].
pub fn switch(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageKeys>,
    key_id: &str,
    on: bool,
    now: Timestamp,
) -> Result<ApiKey, ManageError> {
    let key = find(tx.connection(), grant, key_id)?;
    if on && removed::leak_of_restored(tx.connection(), key_id)? {
        return Err(ManageError::State(LEAKED));
    }
    // One that is paused comes back by itself, and counts as active.
    if on && key.status(now) == KeyStatus::Deactivated && key.paused_until.is_none() {
        plans::check_active_keys(tx.connection(), grant, now)?;
    }
    managed::switch(tx, grant, key_id, on, now)
}

/// Removes a key. For [`managed::RESTORABLE_FOR`] it can be restored; what was accepted as its secret never is meanwhile.
///
/// # Errors
/// [`ManageError::NotFound`].
pub fn remove(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageKeys>,
    key_id: &str,
    now: Timestamp,
) -> Result<ApiKey, ManageError> {
    managed::remove(tx, grant, key_id, now)
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
    Ok(store_switch(tx.connection(), key_id, deactivated_at, paused_until)?)
}

fn store_switch(
    connection: &mut Connection,
    key_id: &str,
    deactivated_at: Option<Timestamp>,
    paused_until: Option<Timestamp>,
) -> QueryResult<ApiKey> {
    diesel::update(api_keys::table.find(key_id))
        .set((api_keys::deactivated_at.eq(deactivated_at), api_keys::paused_until.eq(paused_until)))
        .returning(columns_of::<ApiKey>())
        .get_result(connection)
}

fn record_with(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageKeys>,
    action: Action,
    key: &ApiKey,
    detail: Detail,
    now: Timestamp,
) -> Result<(), DbError> {
    record_event(tx, &grant.id, grant.actor(), action, key, detail, now)
}

fn record_by(
    tx: &mut Tx<'_>,
    organization_id: &str,
    actor: &Actor,
    action: Action,
    key: &ApiKey,
    now: Timestamp,
) -> Result<(), DbError> {
    record_event(tx, organization_id, actor, action, key, key.fact(), now)
}

fn record_event(
    tx: &mut Tx<'_>,
    organization_id: &str,
    actor: &Actor,
    action: Action,
    key: &ApiKey,
    detail: Detail,
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
    events::record(tx, &event, now)
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
