//! The look-up of a token by its secret, for verification.

use std::net::IpAddr;

use diesel::{dsl::case_when, prelude::*};

use super::MasterToken;
use crate::{
    clock::Timestamp,
    db::{Change, Connection, DbError, Tx},
    domain::{
        access::Standing,
        organization::Organization,
        schema::{master_tokens, organizations},
        secret::SecretDigest,
    },
    vocabulary::KeyStatus,
};

/// The token with a digest that is switched on, and whose it is; its end is for the caller to look
/// at. A look-up across organizations.
pub(in crate::domain) fn by_digest(
    connection: &mut Connection,
    digest: SecretDigest,
) -> Result<Option<(MasterToken, Organization)>, DbError> {
    Ok(master_tokens::table
        .inner_join(organizations::table)
        .filter(master_tokens::secret_digest.eq(digest.as_bytes()))
        .filter(master_tokens::active.eq(true).and(organizations::removed_at.is_null()))
        .select((MasterToken::as_select(), Organization::as_select()))
        .first(connection)
        .optional()?)
}

/// What the token with this digest proves now, if it is accepted from `ip`.
pub fn standing(
    connection: &mut Connection,
    digest: SecretDigest,
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<Option<Standing>, DbError> {
    let accepted = by_digest(connection, digest)?.filter(|(token, _)| token.status(now) == KeyStatus::Active);
    Ok(accepted.map(|(token, organization)| token.standing(organization, ip)))
}

/// Notes when a token was last accepted and where it came from; `false` for one that was removed
/// meanwhile.
pub(in crate::domain) fn note_last_use(
    tx: &mut Tx<'_>,
    token_id: &str,
    at: Timestamp,
    ip: Option<IpAddr>,
) -> Result<bool, DbError> {
    let ip = ip.map(|ip| ip.to_string());
    // The later one stays: what several copies in memory saw of a token is written in any order.
    let is_older = || master_tokens::last_used_at.gt(at);
    let updated = diesel::update(master_tokens::table.find(token_id))
        .set((
            master_tokens::last_used_at.eq(case_when(is_older(), master_tokens::last_used_at).otherwise(at)),
            master_tokens::last_used_ip.eq(case_when(is_older(), master_tokens::last_used_ip).otherwise(ip)),
        ))
        .execute(tx.connection())?;
    Ok(updated > 0)
}

/// Has copies of the token in memory dropped once the transaction is committed.
pub(in crate::domain) fn invalidate(tx: &mut Tx<'_>, token_id: &str) -> Result<(), DbError> {
    let digest =
        master_tokens::table.find(token_id).select(master_tokens::secret_digest).first(tx.connection())?;
    tx.changed(Change::Secret(digest));
    Ok(())
}
