//! Work that one node does for all of them: who has it, and until when.
//!
//! A lease is taken for a while and renewed while its holder lives. One that has run out is anybody's, so
//! that what a dead node left undone is taken up by another.

use diesel::prelude::*;
use time::Duration;

use super::schema::leases;
use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
};

/// For how long a lease is taken. The clocks of the nodes may differ by a few seconds.
pub const TERM: Duration = Duration::seconds(60);

/// Takes the lease called `name` for `holder`, or renews it; `false` while somebody else has it.
pub fn take(tx: &mut Tx<'_>, name: &str, holder: &str, now: Timestamp) -> Result<bool, DbError> {
    let found: Option<(String, Timestamp)> = leases::table
        .find(name)
        .select((leases::holder, leases::ends_at))
        .first(tx.connection())
        .optional()?;
    let values = (leases::holder.eq(holder), leases::ends_at.eq(now + TERM));
    match found {
        Some((other, ends_at)) if other != holder && ends_at > now => return Ok(false),
        Some(_) => diesel::update(leases::table.find(name)).set(values).execute(tx.connection())?,
        None => diesel::insert_into(leases::table)
            .values((leases::name.eq(name), values))
            .execute(tx.connection())?,
    };
    Ok(true)
}

/// Gives back what `holder` has, so that nobody waits for its end.
pub fn give_back(tx: &mut Tx<'_>, name: &str, holder: &str) -> Result<(), DbError> {
    diesel::delete(leases::table.find(name).filter(leases::holder.eq(holder))).execute(tx.connection())?;
    Ok(())
}
