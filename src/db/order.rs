//! Ids in the order of commits, though several nodes make them, each by its own clock.
//!
//! A transaction that writes takes, under the lock that it has, a millisecond later than that of the one before, by
//! the clock of the database. Whoever reads a list on from an id that it has seen thus misses nothing.

use std::cell::Cell;

use diesel::{QueryableByName, RunQueryDsl, result::QueryResult, sql_types::BigInt};

use super::Connection;

thread_local! {
    static MILLISECOND: Cell<Option<u64>> = const { Cell::new(None) };
}

/// The millisecond since 1970 of which ids are made in the transaction under way on this thread; `None` where this
/// process alone makes them.
pub fn millisecond_of_ids() -> Option<u64> {
    MILLISECOND.get()
}

/// Holds as long as the transaction.
pub(super) struct InOrder(());

impl Drop for InOrder {
    fn drop(&mut self) {
        MILLISECOND.set(None);
    }
}

/// At the beginning of a transaction that has the lock of those that write.
pub(super) fn begin(connection: &mut Connection) -> QueryResult<Option<InOrder>> {
    let Connection::Postgres(connection) = connection else { return Ok(None) };
    #[derive(QueryableByName)]
    struct Taken {
        #[diesel(sql_type = BigInt)]
        millisecond: i64,
    }
    let Taken { millisecond } = diesel::sql_query(
        "SELECT setval('id_milliseconds', greatest(
             last_value + 1, CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)
         )) AS millisecond FROM id_milliseconds",
    )
    .get_result(connection)?;
    MILLISECOND.set(u64::try_from(millisecond).ok());
    Ok(Some(InOrder(())))
}
