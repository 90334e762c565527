//! Work that one node does for all of them: who has it, and until when.
//!
//! A lease is taken for a while and renewed while its holder lives. One that has run out is anybody's, so
//! that what a dead node left undone is taken up by another.

use diesel::{dsl::exists, prelude::*};
use time::Duration;

use super::schema::leases;
use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
};

/// For how long a lease is taken. The clocks of the nodes may differ by a few seconds.
pub const TERM: Duration = Duration::seconds(60);

/// Takes the lease called `name` for `holder`, or renews it; `false` while somebody else has it. Whoever may have it
/// is looked at by the statements that give it, so that two who ask at once need no lock.
pub fn take(tx: &mut Tx<'_>, name: &str, holder: &str, now: Timestamp) -> Result<bool, DbError> {
    let values = (leases::holder.eq(holder), leases::ends_at.eq(now + TERM));
    let is_free = leases::holder.eq(holder).or(leases::ends_at.le(now));
    let taken =
        diesel::update(leases::table.find(name).filter(is_free)).set(values).execute(tx.connection())?;
    if taken > 0 {
        return Ok(true);
    }
    if diesel::select(exists(leases::table.find(name))).get_result(tx.connection())? {
        return Ok(false);
    }
    // The first of all; of two who find none, one is refused and asks again later.
    diesel::insert_into(leases::table).values((leases::name.eq(name), values)).execute(tx.connection())?;
    Ok(true)
}

/// Gives back what `holder` has, so that nobody waits for its end.
pub fn give_back(tx: &mut Tx<'_>, name: &str, holder: &str) -> Result<(), DbError> {
    diesel::delete(leases::table.find(name).filter(leases::holder.eq(holder))).execute(tx.connection())?;
    Ok(())
}
