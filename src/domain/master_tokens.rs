//! Master tokens: credentials with which machines run an organization, or a part of it.
//!
//! Only people change them. What a token may do is chosen when it is generated and stays.

mod change;
mod look_up;
mod notes;

pub use change::{activate, deactivate, remove, replace};
pub(super) use look_up::{by_digest, invalidate};

use diesel::prelude::*;

use super::{
    access::{Actor, Admin},
    audit::Action,
    forms::{self, FormError, FormId},
    id::new_id,
    names::Name,
    organizations::Organization,
    schema::master_tokens,
    secret::{NoRandomness, Secret, SecretKind},
    token_access::TokenAccess,
};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
};

/// Tokens that one organization may have. One can open everything, so few are enough.
pub const MAX_TOKENS: i64 = 25;

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

/// Whether a token is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is.
    Active,
    /// It is switched off, or was never switched on.
    Deactivated,
    /// Its end has passed.
    Expired,
}

impl MasterToken {
    /// The state at `now`. An end that has passed outweighs the switch: activating would not help.
    pub fn status(&self, now: Timestamp) -> Status {
        match (self.expires_at, self.active) {
            (Some(end), _) if end <= now => Status::Expired,
            (_, true) => Status::Active,
            (_, false) => Status::Deactivated,
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

/// A master token asked to change master tokens, itself among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("A master token cannot generate, change or remove master tokens. Log in and do it in the browser.")]
pub struct OnlyPeople;

/// Why a token is not generated.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The organization has a token of that name.
    #[error("A master token with this name exists already. Choose another name.")]
    NameTaken,
    /// The organization has [`MAX_TOKENS`].
    #[error("There are {MAX_TOKENS} master tokens already. Remove one that is no longer used.")]
    TooMany,
    /// A token asks.
    #[error(transparent)]
    OnlyPeople(#[from] OnlyPeople),
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
    /// Its end has passed.
    #[error("This master token has expired. Generate another one and remove this one.")]
    Expired,
    /// A token asks.
    #[error(transparent)]
    OnlyPeople(#[from] OnlyPeople),
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
    new: &NewToken,
    form: &FormId,
    now: Timestamp,
) -> Result<(MasterToken, Secret), GenerateError> {
    refuse_tokens(admin)?;
    forms::spend(tx, form, now)?;
    let count: i64 = master_tokens::table
        .filter(master_tokens::organization_id.eq(&admin.id))
        .count()
        .get_result(tx.connection())
        .map_err(DbError::from)?;
    if count >= MAX_TOKENS {
        return Err(GenerateError::TooMany);
    }
    let secret = Secret::generate(SecretKind::MasterToken)?;
    let inserted = diesel::insert_into(master_tokens::table)
        .values((
            master_tokens::id.eq(new_id(now)),
            master_tokens::organization_id.eq(&admin.id),
            master_tokens::name.eq(new.name.as_str()),
            master_tokens::name_key.eq(new.name.key()),
            master_tokens::masked.eq(secret.masked()),
            master_tokens::secret_digest.eq(secret.digest().as_bytes()),
            master_tokens::active.eq(false),
            master_tokens::created_by.eq(admin.actor().name()),
            master_tokens::created_at.eq(now),
            master_tokens::access.eq(new.access),
            master_tokens::expires_at.eq(new.expires_at),
        ))
        .returning(MasterToken::as_returning())
        .get_result::<MasterToken>(tx.connection())
        .map_err(DbError::from);
    let token = match inserted {
        Ok(token) => token,
        Err(error) if error.is_unique_violation() => return Err(GenerateError::NameTaken),
        Err(error) => return Err(error.into()),
    };
    notes::record(tx, admin, Action::TokenGenerated, &token, now)?;
    notes::tell_administrators(tx, admin, "generated", &token, now)?;
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

/// No token mints, widens or activates one: what is stolen with a token ends with it.
fn refuse_tokens(admin: &Admin<Organization>) -> Result<(), OnlyPeople> {
    match admin.actor() {
        Actor::MasterToken { .. } => Err(OnlyPeople),
        Actor::User { .. } | Actor::System { .. } => Ok(()),
    }
}
