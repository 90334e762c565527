//! Instance tokens: credentials with which machines verify keys of every organization, or see and operate the instance.
//!
//! Only instance administrators change them. What a token may do is chosen when it is generated and stays.

mod leak;
mod look_up;
mod notes;

pub(super) use leak::{is_known, stop_leaked};
pub use look_up::standing;
pub(super) use look_up::{by_digest, note_last_use};

use std::net::IpAddr;

use diesel::prelude::*;

use look_up::invalidate;

use super::{
    access::{Actor, InstanceAdministrator, InstanceStanding},
    events::{self, Action, Detail, Event},
    id::new_id,
    instance_access::InstanceAccess,
    managed::ManageError,
    names::Name,
    schema::instance_tokens,
    secret::{Secret, SecretKind},
};
use crate::{
    clock::Timestamp,
    config::InstanceRules,
    db::{Connection, DbError, Tx, columns_of, count_of},
    vocabulary::KeyStatus,
};

/// Instance tokens that there may be.
pub const MAX_INSTANCE_TOKENS: i64 = 100;

/// An instance token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = instance_tokens)]
pub struct InstanceToken {
    /// The token's id.
    pub id: String,
    /// Its name, unique among all instance tokens.
    pub name: String,
    /// Prefix, first four … last four.
    pub masked: String,
    /// What it may do.
    pub access: InstanceAccess,
    /// Whether it is switched on. [`status`](Self::status) tells whether it is accepted.
    pub active: bool,
    /// Who generated it, by name at that time.
    pub created_by: String,
    /// When it was generated.
    pub created_at: Timestamp,
    /// When it got its present value, if not at first.
    pub replaced_at: Option<Timestamp>,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    /// When it was last accepted.
    pub last_used_at: Option<Timestamp>,
    /// The address that it was last accepted from.
    pub last_used_ip: Option<String>,
}

impl InstanceToken {
    /// What the token proves when it is accepted from `ip`.
    pub(super) fn standing(&self, ip: Option<IpAddr>) -> InstanceStanding {
        InstanceStanding::of_token((&self.id, &self.name, self.access), ip)
    }

    /// The state at `now`. An end that has passed outweighs the switch: activating would not help.
    pub fn status(&self, now: Timestamp) -> KeyStatus {
        match (self.expires_at, self.active) {
            (Some(end), _) if end <= now => KeyStatus::Expired,
            (_, true) => KeyStatus::Active,
            (_, false) => KeyStatus::Deactivated,
        }
    }

    /// What it is, for the audit log.
    fn fact(&self) -> Detail {
        let (masked, access, expires_at) = (self.masked.clone(), self.access, self.expires_at);
        Detail::InstanceToken { masked, access, expires_at }
    }

    /// Refuses what does not help a token that has expired.
    fn check_not_expired(&self, now: Timestamp) -> Result<(), ManageError> {
        let expired = "This instance token has expired. Generate a new one and remove this one.";
        if self.status(now) == KeyStatus::Expired { Err(ManageError::State(expired)) } else { Ok(()) }
    }
}

/// A token to generate.
#[derive(Clone, Debug)]
pub struct NewInstanceToken {
    /// Its name.
    pub name: Name,
    /// What it may do.
    pub access: InstanceAccess,
    /// Its end, if any.
    pub expires_at: Option<Timestamp>,
}

/// Whether there may be another one, to say so before anything is typed.
///
/// # Errors
/// [`ManageError::TooMany`].
pub fn check_room(connection: &mut Connection, _: &InstanceAdministrator) -> Result<(), ManageError> {
    let all = instance_tokens::table.select(instance_tokens::id).limit(MAX_INSTANCE_TOKENS);
    if count_of(connection, all)? >= MAX_INSTANCE_TOKENS {
        let kinds = ("instance token", "instance tokens");
        return Err(ManageError::TooMany { kinds, max: MAX_INSTANCE_TOKENS });
    }
    Ok(())
}

/// Generates a token, and tells the instance administrators. It is off: it works from the moment that somebody activates
/// it. The secret is returned this once.
///
/// # Errors
/// [`ManageError::NameTaken`], [`ManageError::TooMany`].
pub fn generate(
    tx: &mut Tx<'_>,
    administrator: &InstanceAdministrator,
    new: &NewInstanceToken,
    rules: &InstanceRules,
    now: Timestamp,
) -> Result<(InstanceToken, Secret), ManageError> {
    check_room(tx.connection(), administrator)?;
    let secret = Secret::generate(rules.key_prefix, SecretKind::InstanceToken)?;
    let inserted = diesel::insert_into(instance_tokens::table)
        .values((
            instance_tokens::id.eq(new_id(now)),
            instance_tokens::name.eq(new.name.as_str()),
            instance_tokens::name_key.eq(new.name.key()),
            instance_tokens::masked.eq(secret.masked()),
            instance_tokens::secret_digest.eq(secret.digest().as_bytes()),
            instance_tokens::access.eq(new.access),
            instance_tokens::active.eq(false),
            instance_tokens::created_by.eq(administrator.actor().name()),
            instance_tokens::created_at.eq(now),
            instance_tokens::expires_at.eq(new.expires_at),
        ))
        .returning(columns_of::<InstanceToken>())
        .get_result(tx.connection());
    let token = inserted.map_err(DbError::from).map_err(|error| match error {
        error if error.is_unique_violation() => ManageError::NameTaken { kind: "An instance token" },
        error => error.into(),
    })?;
    record(tx, administrator, Action::InstanceTokenGenerated, &token, now)?;
    notes::tell_administrators(tx, administrator, "generated", &token, now)?;
    Ok((token, secret))
}

/// Makes the token work until it expires, and tells the instance administrators; or stops it.
///
/// # Errors
/// [`ManageError::NotFound`], [`ManageError::State`] for one that has expired.
pub fn switch(
    tx: &mut Tx<'_>,
    administrator: &InstanceAdministrator,
    token_id: &str,
    on: bool,
    now: Timestamp,
) -> Result<InstanceToken, ManageError> {
    let token = find(tx.connection(), administrator, token_id)?;
    if on {
        token.check_not_expired(now)?;
    }
    if token.active == on {
        return Ok(token);
    }
    invalidate(tx, token_id)?;
    let token = diesel::update(instance_tokens::table.find(token_id))
        .set(instance_tokens::active.eq(on))
        .returning(columns_of::<InstanceToken>())
        .get_result(tx.connection())?;
    let action = if on { Action::InstanceTokenActivated } else { Action::InstanceTokenDeactivated };
    record(tx, administrator, action, &token, now)?;
    if on {
        notes::tell_administrators(tx, administrator, "activated", &token, now)?;
    }
    Ok(token)
}

/// Gives the token a new value, returned this once; the previous one stops immediately. The token stays active or not,
/// as it was, with its access and its expiration. Tells the instance administrators.
///
/// # Errors
/// [`ManageError::NotFound`], [`ManageError::State`] for one that has expired.
pub fn replace(
    tx: &mut Tx<'_>,
    administrator: &InstanceAdministrator,
    token_id: &str,
    rules: &InstanceRules,
    now: Timestamp,
) -> Result<(InstanceToken, Secret), ManageError> {
    find(tx.connection(), administrator, token_id)?.check_not_expired(now)?;
    invalidate(tx, token_id)?;
    let secret = Secret::generate(rules.key_prefix, SecretKind::InstanceToken)?;
    let token = diesel::update(instance_tokens::table.find(token_id))
        .set((
            instance_tokens::masked.eq(secret.masked()),
            instance_tokens::secret_digest.eq(secret.digest().as_bytes()),
            instance_tokens::replaced_at.eq(now),
        ))
        .returning(columns_of::<InstanceToken>())
        .get_result(tx.connection())?;
    record(tx, administrator, Action::InstanceTokenReplaced, &token, now)?;
    notes::tell_administrators(tx, administrator, "replaced", &token, now)?;
    Ok((token, secret))
}

/// Removes a token permanently.
///
/// # Errors
/// [`ManageError::NotFound`].
pub fn remove(
    tx: &mut Tx<'_>,
    administrator: &InstanceAdministrator,
    token_id: &str,
    now: Timestamp,
) -> Result<InstanceToken, ManageError> {
    let token = find(tx.connection(), administrator, token_id)?;
    invalidate(tx, token_id)?;
    diesel::delete(instance_tokens::table.find(token_id)).execute(tx.connection())?;
    record(tx, administrator, Action::InstanceTokenRemoved, &token, now)?;
    Ok(token)
}

/// All tokens, the newest first.
pub fn list(connection: &mut Connection, _: &InstanceAdministrator) -> Result<Vec<InstanceToken>, DbError> {
    Ok(instance_tokens::table
        .order((instance_tokens::created_at.desc(), instance_tokens::id.desc()))
        .select(InstanceToken::as_select())
        .load(connection)?)
}

/// One token.
///
/// # Errors
/// [`ManageError::NotFound`].
pub fn find(
    connection: &mut Connection,
    _: &InstanceAdministrator,
    token_id: &str,
) -> Result<InstanceToken, ManageError> {
    let found = instance_tokens::table
        .find(token_id)
        .select(InstanceToken::as_select())
        .first(connection)
        .optional()?;
    found.ok_or(ManageError::NotFound)
}

fn record(
    tx: &mut Tx<'_>,
    administrator: &InstanceAdministrator,
    action: Action,
    token: &InstanceToken,
    now: Timestamp,
) -> Result<(), DbError> {
    record_by(tx, administrator.actor(), (action, token.fact()), token, now)
}

fn record_by(
    tx: &mut Tx<'_>,
    actor: &Actor,
    (action, fact): (Action, Detail),
    token: &InstanceToken,
    now: Timestamp,
) -> Result<(), DbError> {
    let event = Event {
        organization_id: None,
        actor,
        action,
        subject_id: Some(&token.id),
        subject_name: &token.name,
        detail: Some(fact),
    };
    events::record(tx, &event, now)
}
