//! A token that was found in public. Nobody decides what follows: whoever has it may act on every organization, so it is
//! stopped.

use std::net::IpAddr;

use diesel::{dsl::exists, prelude::*};

use super::{InstanceToken, look_up::invalidate, record_by};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx, columns_of},
    domain::{
        access::Actor,
        events::{Action, Detail},
        schema::instance_tokens,
        secret::SecretDigest,
    },
};

/// Whether a secret is that of a token, active or not.
pub(in crate::domain) fn is_known(
    connection: &mut Connection,
    digest: SecretDigest,
) -> Result<bool, DbError> {
    let same = instance_tokens::table.filter(instance_tokens::secret_digest.eq(digest.as_bytes()));
    Ok(diesel::select(exists(same)).get_result(connection)?)
}

/// Stops the token with this secret, found where `found` says, reported from `ip`. One that is off already stays as it
/// is.
pub(in crate::domain) fn stop_leaked(
    tx: &mut Tx<'_>,
    digest: SecretDigest,
    found: Detail,
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<(), DbError> {
    let Some(token) = super::by_digest(tx.connection(), digest)? else { return Ok(()) };
    let system = Actor::System { ip };
    record_by(tx, &system, (Action::InstanceTokenLeakReported, found), &token, now)?;
    invalidate(tx, &token.id)?;
    let stopped: InstanceToken = diesel::update(instance_tokens::table.find(&token.id))
        .set(instance_tokens::active.eq(false))
        .returning(columns_of::<InstanceToken>())
        .get_result(tx.connection())?;
    record_by(tx, &system, (Action::InstanceTokenDeactivated, stopped.fact()), &stopped, now)
}
