//! Master tokens: credentials with which machines run an organization, or a part of it.
//!
//! Only people change them. What a token may do is chosen when it is generated and stays.

mod look_up;
mod notes;

pub use look_up::standing;
pub(super) use look_up::{by_digest, invalidate, note_last_use};

use std::net::IpAddr;

use diesel::prelude::*;

use super::{
    access::{Grant, ManageTokens, Standing},
    events::{Action, Detail},
    invitations,
    managed::{self, Done, ManageError, Managed, NewRow},
    names::Name,
    organization::Organization,
    schema::{audit_events, master_tokens},
    secret::{NoRandomness, Secret, SecretKind},
    token_access::TokenAccess,
};
use crate::{
    clock::Timestamp,
    config::InstanceRules,
    db::{Connection, DbError, Tx, columns_of},
    vocabulary::KeyStatus,
};

/// A master token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = master_tokens)]
pub struct MasterToken {
    /// The token's id.
    pub id: String,
    /// Its name, unique in the organization.
    pub name: String,
    /// Prefix, first four … last four.
    pub masked: String,
    /// Whether it is switched on. [`status`](Self::status) tells whether it is accepted.
    pub active: bool,
    /// Who generated it, by name at that time.
    pub created_by: String,
    /// When it was generated.
    pub created_at: Timestamp,
    /// When it got its present value, if not at first.
    pub replaced_at: Option<Timestamp>,
    /// When it was last accepted.
    pub last_used_at: Option<Timestamp>,
    /// What it may do.
    pub access: TokenAccess,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    /// The address that it was last accepted from.
    pub last_used_ip: Option<String>,
}

impl MasterToken {
    /// What the token proves in its `organization`, when it is accepted from `ip`.
    pub(super) fn standing(&self, organization: Organization, ip: Option<IpAddr>) -> Standing {
        Standing::of_token(organization, (&self.id, &self.name, self.access), ip)
    }

    /// What it is, for the audit log.
    pub(super) fn fact(&self) -> Detail {
        Detail::Token { masked: self.masked.clone(), access: self.access, expires_at: self.expires_at }
    }

    /// The state at `now`. An end that has passed outweighs the switch: activating would not help.
    pub fn status(&self, now: Timestamp) -> KeyStatus {
        match (self.expires_at, self.active) {
            (Some(end), _) if end <= now => KeyStatus::Expired,
            (_, true) => KeyStatus::Active,
            (_, false) => KeyStatus::Deactivated,
        }
    }
}

/// A token to generate.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Its name.
    pub name: Name,
    /// What it may do.
    pub access: TokenAccess,
    /// Its end, if any.
    pub expires_at: Option<Timestamp>,
}

impl Managed for MasterToken {
    type New = NewToken;
    type Manage = ManageTokens;

    const A_KIND: &'static str = "A master token";
    const KINDS: (&'static str, &'static str) = ("master token", "master tokens");

    fn max(rules: &InstanceRules) -> i64 {
        rules.master_tokens
    }

    fn generate_secret(rules: &InstanceRules, _: Option<&NewToken>) -> Result<Secret, NoRandomness> {
        Secret::generate(rules.key_prefix, SecretKind::MasterToken)
    }

    fn count(connection: &mut Connection, organization_id: &str) -> QueryResult<i64> {
        master_tokens::table
            .filter(master_tokens::organization_id.eq(organization_id))
            .count()
            .get_result(connection)
    }

    /// A new token is off: it works from the moment that somebody activates it.
    fn insert(connection: &mut Connection, new: &NewToken, row: &NewRow<'_>) -> QueryResult<Self> {
        diesel::insert_into(master_tokens::table)
            .values((
                master_tokens::id.eq(&row.id),
                master_tokens::organization_id.eq(row.organization_id),
                master_tokens::name.eq(new.name.as_str()),
                master_tokens::name_key.eq(new.name.key()),
                master_tokens::masked.eq(row.secret.masked()),
                master_tokens::secret_digest.eq(row.secret.digest().as_bytes()),
                master_tokens::active.eq(false),
                master_tokens::created_by.eq(row.created_by),
                master_tokens::created_at.eq(row.created_at),
                master_tokens::access.eq(new.access),
                master_tokens::expires_at.eq(new.expires_at),
            ))
            .returning(columns_of::<Self>())
            .get_result(connection)
    }

    fn select(connection: &mut Connection, organization_id: &str, id: &str) -> QueryResult<Option<Self>> {
        master_tokens::table
            .filter(master_tokens::id.eq(id).and(master_tokens::organization_id.eq(organization_id)))
            .select(Self::as_select())
            .first(connection)
            .optional()
    }

    fn update_switch(
        connection: &mut Connection,
        id: &str,
        off_since: Option<Timestamp>,
    ) -> QueryResult<Self> {
        diesel::update(master_tokens::table.find(id))
            .set(master_tokens::active.eq(off_since.is_none()))
            .returning(columns_of::<Self>())
            .get_result(connection)
    }

    fn update_secret(
        connection: &mut Connection,
        id: &str,
        secret: &Secret,
        now: Timestamp,
    ) -> QueryResult<Self> {
        diesel::update(master_tokens::table.find(id))
            .set((
                master_tokens::masked.eq(secret.masked()),
                master_tokens::secret_digest.eq(secret.digest().as_bytes()),
                master_tokens::replaced_at.eq(now),
            ))
            .returning(columns_of::<Self>())
            .get_result(connection)
    }

    fn delete(connection: &mut Connection, id: &str, _: &str, _: Timestamp) -> QueryResult<usize> {
        diesel::delete(master_tokens::table.find(id)).execute(connection)
    }

    fn is_switched(&self, on: bool) -> bool {
        self.active == on
    }

    fn obstacle(&self, now: Timestamp) -> Option<&'static str> {
        let expired = "This master token has expired. Generate a new one and remove this one.";
        (self.status(now) == KeyStatus::Expired).then_some(expired)
    }

    fn invalidate(tx: &mut Tx<'_>, id: &str) -> Result<(), DbError> {
        invalidate(tx, id)
    }

    /// The administrators are told of what makes a token work.
    fn note(
        &self,
        tx: &mut Tx<'_>,
        grant: &Grant<ManageTokens>,
        done: Done,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let (action, told) = match done {
            Done::Created => (Action::TokenGenerated, Some("generated")),
            Done::Activated => (Action::TokenActivated, Some("activated")),
            Done::Deactivated => (Action::TokenDeactivated, None),
            Done::SecretReplaced => (Action::TokenReplaced, Some("replaced")),
            Done::Removed => {
                // What is stolen with a token ends with it.
                invitations::cancel_beyond(tx, grant, &self.id, None, now)?;
                (Action::TokenRemoved, None)
            }
        };
        notes::record(tx, grant, action, self, now)?;
        told.map_or(Ok(()), |told| notes::tell_administrators(tx, grant, told, self, now))
    }
}

/// Whether there may be another one, to say so before anything is typed.
///
/// # Errors
/// [`ManageError::TooMany`].
pub fn check_room(
    connection: &mut Connection,
    grant: &Grant<ManageTokens>,
    rules: &InstanceRules,
) -> Result<(), ManageError> {
    managed::check_room::<MasterToken>(connection, grant, rules)
}

/// Generates a token that is not active yet, and tells the administrators. The secret is returned
/// this once.
///
/// # Errors
/// [`ManageError::NameTaken`], [`ManageError::TooMany`].
pub fn generate(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageTokens>,
    new: &NewToken,
    rules: &InstanceRules,
    now: Timestamp,
) -> Result<(MasterToken, Secret), ManageError> {
    managed::create(tx, grant, new, rules, now)
}

/// Makes the token work until it expires, and tells the administrators; or stops it.
///
/// # Errors
/// [`ManageError::NotFound`], [`ManageError::State`] for one that has expired.
pub fn switch(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageTokens>,
    token_id: &str,
    on: bool,
    now: Timestamp,
) -> Result<MasterToken, ManageError> {
    managed::switch(tx, grant, token_id, on, now)
}

/// Gives the token a new value, returned this once; the previous one stops immediately. The token
/// stays active or not, as it was, with its access and its expiration. Tells the administrators.
///
/// # Errors
/// [`ManageError::NotFound`], [`ManageError::State`] for one that has expired.
pub fn replace(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageTokens>,
    token_id: &str,
    rules: &InstanceRules,
    now: Timestamp,
) -> Result<(MasterToken, Secret), ManageError> {
    managed::replace_secret(tx, grant, token_id, rules, now)
}

/// Removes a token permanently.
///
/// # Errors
/// [`ManageError::NotFound`].
pub fn remove(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageTokens>,
    token_id: &str,
    now: Timestamp,
) -> Result<MasterToken, ManageError> {
    managed::remove(tx, grant, token_id, now)
}

/// Stops a token that was found in public, whoever asked for that.
pub(super) fn stop(tx: &mut Tx<'_>, token_id: &str, now: Timestamp) -> Result<(), DbError> {
    invalidate(tx, token_id)?;
    MasterToken::update_switch(tx.connection(), token_id, Some(now))?;
    Ok(())
}

/// The organization's tokens, the newest first.
pub fn list(connection: &mut Connection, grant: &Grant<ManageTokens>) -> Result<Vec<MasterToken>, DbError> {
    Ok(master_tokens::table
        .filter(master_tokens::organization_id.eq(&grant.id))
        .order((master_tokens::created_at.desc(), master_tokens::id.desc()))
        .select(MasterToken::as_select())
        .load(connection)?)
}

/// The tokens whose secrets the person was shown: those that they generated or replaced.
pub fn shown_to(
    connection: &mut Connection,
    grant: &Grant<ManageTokens>,
    user_id: &str,
) -> Result<Vec<MasterToken>, DbError> {
    let shown: [&str; 2] = [Action::TokenGenerated.into(), Action::TokenReplaced.into()];
    let of_user = audit_events::table
        .filter(audit_events::organization_id.eq(&grant.id).and(audit_events::actor_id.eq(user_id)))
        .filter(audit_events::action.eq_any(shown))
        .select(audit_events::subject_id);
    Ok(master_tokens::table
        .filter(master_tokens::organization_id.eq(&grant.id))
        .filter(master_tokens::id.nullable().eq_any(of_user))
        .order((master_tokens::created_at.desc(), master_tokens::id.desc()))
        .select(MasterToken::as_select())
        .load(connection)?)
}

/// One token.
///
/// # Errors
/// [`ManageError::NotFound`].
pub fn find(
    connection: &mut Connection,
    grant: &Grant<ManageTokens>,
    token_id: &str,
) -> Result<MasterToken, ManageError> {
    managed::find(connection, grant, token_id)
}
