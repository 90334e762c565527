//! The set-up link: by it the first instance administrator is made, and never by a password that somebody could know.
//!
//! Each server that starts without an instance administrator has one of its own. It ends when the server starts
//! anew, when the server is gone, or when somebody has become an instance administrator.

use diesel::{dsl::exists, prelude::*};
use time::Duration;

use super::{InstanceError, administrators};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
    domain::{
        access::Actor,
        nodes,
        schema::setup_links,
        secret::{Secret, SecretDigest},
        user::User,
    },
};

/// A server that has just started may not have said yet that it is there.
const UNTIL_KNOWN: Duration = Duration::minutes(1);

/// Makes the link of the server `node`, where there is no instance administrator yet.
///
/// # Errors
/// [`InstanceError::NoRandomness`], [`InstanceError::Db`].
pub fn begin_setup(tx: &mut Tx<'_>, node: &str, now: Timestamp) -> Result<Option<Secret>, InstanceError> {
    if administrators::has_administrator(tx.connection())? {
        return Ok(None);
    }
    let live: Vec<String> = nodes::list(tx.connection())?.live.into_iter().map(|node| node.name).collect();
    let known: Vec<(String, Timestamp)> =
        setup_links::table.select((setup_links::node, setup_links::created_at)).load(tx.connection())?;
    for (other, created_at) in known {
        let is_gone = !live.contains(&other) && created_at < now - UNTIL_KNOWN;
        if other == node || is_gone {
            diesel::delete(setup_links::table.find(&other)).execute(tx.connection())?;
        }
    }
    let secret = Secret::generate_link()?;
    diesel::insert_into(setup_links::table)
        .values((
            setup_links::node.eq(node),
            setup_links::token_digest.eq(secret.digest().as_bytes()),
            setup_links::created_at.eq(now),
        ))
        .execute(tx.connection())?;
    Ok(Some(secret))
}

/// Whether `presented` is a set-up link that works.
pub fn is_setup_link(connection: &mut Connection, presented: &str) -> Result<bool, DbError> {
    let digest = SecretDigest::of(presented);
    let link = setup_links::table.filter(setup_links::token_digest.eq(digest.as_bytes()));
    Ok(diesel::select(exists(link)).get_result(connection)?)
}

/// Makes `user` the first instance administrator, by the set-up link `presented`. Of two who do so at once, one is.
///
/// # Errors
/// [`InstanceError::LinkOver`].
pub fn become_first(
    tx: &mut Tx<'_>,
    (user, actor): (&User, &Actor),
    presented: &str,
    now: Timestamp,
) -> Result<(), InstanceError> {
    if !is_setup_link(tx.connection(), presented)? {
        return Err(InstanceError::LinkOver);
    }
    administrators::insert(tx, actor, user, now)
}
