//! The look-up of a token by its secret, for verification.

use std::net::IpAddr;

use diesel::prelude::*;

use super::{MasterToken, Status};
use crate::{
    clock::Timestamp,
    db::{Change, Connection, DbError, Tx},
    domain::{
        access::Standing,
        organization::Organization,
        schema::{master_tokens, organizations},
        secret::SecretDigest,
        usage::Tally,
        verification::KnownToken,
    },
};

/// The token with a digest that is switched on; its end is for the caller to look at. A look-up across organizations.
pub(in crate::domain) fn by_digest(
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

/// What the token `token_id` proves now, if it is accepted from `ip`.
///
/// # Errors
/// [`DbError`].
pub fn standing(
    connection: &mut Connection,
    token_id: &str,
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<Option<Standing>, DbError> {
    let found: Option<(MasterToken, Organization)> = master_tokens::table
        .inner_join(organizations::table)
        .filter(master_tokens::id.eq(token_id))
        .select((MasterToken::as_select(), Organization::as_select()))
        .first(connection)
        .optional()?;
    let accepted = found.filter(|(token, _)| token.status(now) == Status::Active);
    Ok(accepted.map(|(token, organization)| token.standing(organization, ip)))
}

/// Has copies of the token in memory dropped once the transaction is committed.
pub(in crate::domain) fn invalidate(tx: &mut Tx<'_>, token_id: &str) -> Result<(), DbError> {
    let digest =
        master_tokens::table.find(token_id).select(master_tokens::secret_digest).first(tx.connection())?;
    tx.changed(Change::Secret(digest));
    Ok(())
}
