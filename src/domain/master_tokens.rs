//! Master tokens: credentials with which machines run an organization.

use diesel::prelude::*;

use super::{
    access::Admin,
    audit::{self, Action, Event},
    forms::{self, FormError, FormId},
    id::new_id,
    members,
    names::Name,
    organizations::Organization,
    outbox::{self, Message},
    permission::Permission,
    schema::{master_tokens, organizations},
    secret::{NoRandomness, Secret, SecretDigest, SecretKind},
    usage::Tally,
    verification::KnownToken,
};
use crate::{
    clock::Timestamp,
    db::{Change, Connection, DbError, Tx},
};

/// Tokens that one organization may have. A token opens everything, so few are enough.
pub const MOST_TOKENS: i64 = 25;

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
    /// Whether it is accepted.
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
    pub permission: Permission,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    /// The address that it was last accepted from.
    pub last_used_ip: Option<String>,
}

/// Why a token is not generated.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The organization has a token of that name.
    #[error("A master token with this name exists already. Choose another name.")]
    NameTaken,
    /// The organization has [`MOST_TOKENS`].
    #[error("There are {MOST_TOKENS} master tokens already. Remove one that is no longer used.")]
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

/// Why a token is not changed.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// No such token in this organization.
    #[error("not found")]
    NotFound,
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

/// Generates a token that is not active yet, and tells the administrators. The secret is
/// returned this once.
///
/// # Errors
/// [`GenerateError`].
pub fn generate(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    name: &Name,
    form: &FormId,
    now: Timestamp,
) -> Result<(MasterToken, Secret), GenerateError> {
    forms::spend(tx, form, now)?;
    let count: i64 = master_tokens::table
        .filter(master_tokens::organization_id.eq(&admin.id))
        .count()
        .get_result(tx.connection())
        .map_err(DbError::from)?;
    if count >= MOST_TOKENS {
        return Err(GenerateError::TooMany);
    }
    let secret = Secret::generate(SecretKind::MasterToken)?;
    let inserted = diesel::insert_into(master_tokens::table)
        .values((
            master_tokens::id.eq(new_id(now)),
            master_tokens::organization_id.eq(&admin.id),
            master_tokens::name.eq(name.as_str()),
            master_tokens::name_key.eq(name.key()),
            master_tokens::masked.eq(secret.masked()),
            master_tokens::secret_digest.eq(secret.digest().as_bytes()),
            master_tokens::active.eq(false),
            master_tokens::created_by.eq(admin.actor().name()),
            master_tokens::created_at.eq(now),
        ))
        .returning(MasterToken::as_returning())
        .get_result::<MasterToken>(tx.connection())
        .map_err(DbError::from);
    let token = match inserted {
        Ok(token) => token,
        Err(error) if error.is_unique_violation() => return Err(GenerateError::NameTaken),
        Err(error) => return Err(error.into()),
    };
    record(tx, admin, Action::TokenGenerated, &token, now)?;
    tell_administrators(tx, admin, "generated", &token, now)?;
    Ok((token, secret))
}

/// The organization's tokens, the newest first.
///
/// # Errors
/// [`DbError`].
pub fn list(connection: &mut Connection, admin: &Admin<Organization>) -> Result<Vec<MasterToken>, DbError> {
    Ok(master_tokens::table
        .filter(master_tokens::organization_id.eq(&admin.id))
        .order((master_tokens::created_at.desc(), master_tokens::id.desc()))
        .select(MasterToken::as_select())
        .load(connection)?)
}

/// One token.
///
/// # Errors
/// [`TokenError::NotFound`], [`TokenError::Db`].
pub fn find(
    connection: &mut Connection,
    admin: &Admin<Organization>,
    token_id: &str,
) -> Result<MasterToken, TokenError> {
    master_tokens::table
        .filter(master_tokens::id.eq(token_id).and(master_tokens::organization_id.eq(&admin.id)))
        .select(MasterToken::as_select())
        .first(connection)
        .optional()
        .map_err(DbError::from)?
        .ok_or(TokenError::NotFound)
}

/// Makes the token work, and tells the administrators.
///
/// # Errors
/// [`TokenError`].
pub fn activate(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    token_id: &str,
    now: Timestamp,
) -> Result<MasterToken, TokenError> {
    switch(tx, admin, token_id, true, now)
}

/// Stops the token; from the next request on it is refused.
///
/// # Errors
/// [`TokenError`].
pub fn deactivate(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    token_id: &str,
    now: Timestamp,
) -> Result<MasterToken, TokenError> {
    switch(tx, admin, token_id, false, now)
}

fn switch(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    token_id: &str,
    active: bool,
    now: Timestamp,
) -> Result<MasterToken, TokenError> {
    let token = find(tx.connection(), admin, token_id)?;
    if token.active == active {
        return Ok(token);
    }
    forget_copies(tx, token_id)?;
    let token = diesel::update(master_tokens::table.find(token_id))
        .set(master_tokens::active.eq(active))
        .returning(MasterToken::as_returning())
        .get_result(tx.connection())
        .map_err(DbError::from)?;
    if active {
        record(tx, admin, Action::TokenActivated, &token, now)?;
        tell_administrators(tx, admin, "activated", &token, now)?;
    } else {
        record(tx, admin, Action::TokenDeactivated, &token, now)?;
    }
    Ok(token)
}

/// Gives the token a new value, returned this once; the old one stops at once. The token stays
/// active or not, as it was. Tells the administrators.
///
/// # Errors
/// [`TokenError`].
pub fn replace(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    token_id: &str,
    form: &FormId,
    now: Timestamp,
) -> Result<(MasterToken, Secret), TokenError> {
    find(tx.connection(), admin, token_id)?;
    forms::spend(tx, form, now)?;
    forget_copies(tx, token_id)?;
    let secret = Secret::generate(SecretKind::MasterToken)?;
    let token: MasterToken = diesel::update(master_tokens::table.find(token_id))
        .set((
            master_tokens::masked.eq(secret.masked()),
            master_tokens::secret_digest.eq(secret.digest().as_bytes()),
            master_tokens::replaced_at.eq(now),
        ))
        .returning(MasterToken::as_returning())
        .get_result(tx.connection())
        .map_err(DbError::from)?;
    record(tx, admin, Action::TokenReplaced, &token, now)?;
    tell_administrators(tx, admin, "replaced", &token, now)?;
    Ok((token, secret))
}

/// Removes a token for good.
///
/// # Errors
/// [`TokenError`].
pub fn remove(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    token_id: &str,
    now: Timestamp,
) -> Result<MasterToken, TokenError> {
    let token = find(tx.connection(), admin, token_id)?;
    forget_copies(tx, token_id)?;
    diesel::delete(master_tokens::table.find(token_id)).execute(tx.connection()).map_err(DbError::from)?;
    record(tx, admin, Action::TokenRemoved, &token, now)?;
    Ok(token)
}

fn record(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    action: Action,
    token: &MasterToken,
    now: Timestamp,
) -> Result<(), DbError> {
    let event = Event {
        organization_id: Some(&admin.id),
        actor: admin.actor(),
        action,
        subject_id: Some(&token.id),
        subject_name: &token.name,
        detail: Some(token.masked.clone()),
    };
    audit::record(tx, &event, now)
}

fn tell_administrators(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    event: &str,
    token: &MasterToken,
    now: Timestamp,
) -> Result<(), DbError> {
    let message = Message::MasterTokenNotice {
        organization: admin.name.clone(),
        organization_id: admin.id.clone(),
        token_name: token.name.clone(),
        event: event.to_owned(),
        actor: admin.actor().name().to_owned(),
        at: now,
        ip: admin.actor().ip().map(|ip| ip.to_string()),
    };
    for administrator in members::administrators(tx.connection(), &admin.id)? {
        outbox::queue(tx, &administrator, &message, now)?;
    }
    Ok(())
}

/// The active token with a digest. A look-up across organizations.
pub(super) fn by_digest(
    connection: &mut Connection,
    digest: SecretDigest,
) -> Result<Option<KnownToken>, DbError> {
    let found: Option<(MasterToken, Organization)> = master_tokens::table
        .inner_join(organizations::table)
        .filter(master_tokens::secret_digest.eq(digest.as_bytes()))
        .filter(master_tokens::active.eq(true))
        .select((MasterToken::as_select(), Organization::as_select()))
        .first(connection)
        .optional()?;
    Ok(found.map(|(token, organization)| KnownToken { token, organization, tally: Tally::default() }))
}

/// Has copies of the token in memory dropped once the transaction is committed.
pub(super) fn forget_copies(tx: &mut Tx<'_>, token_id: &str) -> Result<(), DbError> {
    let digest =
        master_tokens::table.find(token_id).select(master_tokens::secret_digest).first(tx.connection())?;
    tx.changed(Change::Secret(digest));
    Ok(())
}
