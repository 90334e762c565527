//! The look-up of a token by its secret, for verification.

use std::net::IpAddr;

use diesel::{dsl::case_when, prelude::*};

use super::InstanceToken;
use crate::{
    clock::Timestamp,
    db::{Change, Connection, DbError, Tx},
    domain::{access::InstanceStanding, schema::instance_tokens, secret::SecretDigest},
    vocabulary::KeyStatus,
};

/// The token with a digest that is switched on; its end is for the caller to look at.
pub(in crate::domain) fn by_digest(
    connection: &mut Connection,
    digest: SecretDigest,
) -> Result<Option<InstanceToken>, DbError> {
    Ok(instance_tokens::table
        .filter(instance_tokens::secret_digest.eq(digest.as_bytes()))
        .filter(instance_tokens::active.eq(true))
        .select(InstanceToken::as_select())
        .first(connection)
        .optional()?)
}

/// What the token with this digest proves now, if it is accepted from `ip`.
pub fn standing(
    connection: &mut Connection,
    digest: SecretDigest,
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<Option<InstanceStanding>, DbError> {
    let accepted = by_digest(connection, digest)?.filter(|token| token.status(now) == KeyStatus::Active);
    Ok(accepted.map(|token| token.standing(ip)))
}

/// Notes when a token was last accepted and where it came from.
pub(in crate::domain) fn note_last_use(
    tx: &mut Tx<'_>,
    token_id: &str,
    at: Timestamp,
    ip: Option<IpAddr>,
) -> Result<(), DbError> {
    let ip = ip.map(|ip| ip.to_string());
    // The later one stays: what several copies in memory saw of a token is written in any order.
    let is_older = || instance_tokens::last_used_at.gt(at);
    diesel::update(instance_tokens::table.find(token_id))
        .set((
            instance_tokens::last_used_at
                .eq(case_when(is_older(), instance_tokens::last_used_at).otherwise(at)),
            instance_tokens::last_used_ip
                .eq(case_when(is_older(), instance_tokens::last_used_ip).otherwise(ip)),
        ))
        .execute(tx.connection())?;
    Ok(())
}

/// Has copies of the token in memory dropped once the transaction is committed.
pub(super) fn invalidate(tx: &mut Tx<'_>, token_id: &str) -> Result<(), DbError> {
    let digest = instance_tokens::table
        .find(token_id)
        .select(instance_tokens::secret_digest)
        .first(tx.connection())?;
    tx.changed(Change::Secret(digest));
    Ok(())
}
