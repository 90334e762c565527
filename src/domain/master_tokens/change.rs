//! What is done to a token once it is there.

use diesel::prelude::*;

use super::{MasterToken, Status, TokenError, find, look_up::invalidate, notes, refuse_tokens};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
    domain::{
        access::Admin,
        audit::Action,
        forms::{self, FormId},
        organizations::Organization,
        schema::master_tokens,
        secret::{Secret, SecretKind},
    },
};

/// Makes the token work until its end, and tells the administrators. One that has ended stays so.
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
    refuse_tokens(admin)?;
    let token = find(tx.connection(), admin, token_id)?;
    if active && token.status(now) == Status::Expired {
        return Err(TokenError::Expired);
    }
    if token.active == active {
        return Ok(token);
    }
    invalidate(tx, token_id)?;
    let token = diesel::update(master_tokens::table.find(token_id))
        .set(master_tokens::active.eq(active))
        .returning(MasterToken::as_returning())
        .get_result(tx.connection())
        .map_err(DbError::from)?;
    if active {
        notes::record(tx, admin, Action::TokenActivated, &token, now)?;
        notes::tell_administrators(tx, admin, "activated", &token, now)?;
    } else {
        notes::record(tx, admin, Action::TokenDeactivated, &token, now)?;
    }
    Ok(token)
}

/// Gives the token a new value, returned this once; the old one stops at once. The token stays
/// active or not, as it was, with its access and its end. Tells the administrators.
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
    refuse_tokens(admin)?;
    if find(tx.connection(), admin, token_id)?.status(now) == Status::Expired {
        return Err(TokenError::Expired);
    }
    forms::spend(tx, form, now)?;
    invalidate(tx, token_id)?;
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
    notes::record(tx, admin, Action::TokenReplaced, &token, now)?;
    notes::tell_administrators(tx, admin, "replaced", &token, now)?;
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
    refuse_tokens(admin)?;
    let token = find(tx.connection(), admin, token_id)?;
    invalidate(tx, token_id)?;
    diesel::delete(master_tokens::table.find(token_id)).execute(tx.connection()).map_err(DbError::from)?;
    notes::record(tx, admin, Action::TokenRemoved, &token, now)?;
    Ok(token)
}
