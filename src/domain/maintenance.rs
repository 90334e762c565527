//! Maintenance: for a while nothing is changed but by verification. Whoever runs the instance switches it on and off at
//! the database, and each server looks there every second.

use diesel::prelude::*;
use time::Duration;

use super::schema::maintenance;
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
};

/// The row's id: it is the whole instance's.
const INSTANCE: &str = "instance";

/// After how long it is worth asking again where nobody has said when it ends.
const RETRY: Duration = Duration::minutes(1);
/// Nobody is told to wait longer: it may end before it was said to.
const MAX_RETRY: Duration = Duration::minutes(15);

/// What holds while maintenance is on.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = maintenance)]
pub struct Maintenance {
    /// What people and machines are told beside that it is on.
    pub message: Option<String>,
    /// When it was switched on.
    pub began_at: Timestamp,
    /// When it ends by itself.
    pub ends_at: Option<Timestamp>,
}

impl Maintenance {
    /// Whether it has ended by itself.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.ends_at.is_some_and(|ends_at| ends_at <= now)
    }

    /// After how many seconds it is worth asking again.
    pub fn retry_after_seconds(&self, now: Timestamp) -> u64 {
        let wait = self.ends_at.map_or(RETRY, |ends_at| (ends_at - now).min(MAX_RETRY));
        // Not before it ends, where that is within a second.
        u64::try_from(wait.whole_seconds()).unwrap_or_default() + 1
    }
}

/// Switches it on, or changes what holds.
pub fn switch_on(tx: &mut Tx<'_>, what_holds: &Maintenance) -> Result<(), DbError> {
    diesel::delete(maintenance::table).execute(tx.connection())?;
    diesel::insert_into(maintenance::table)
        .values((maintenance::id.eq(INSTANCE), what_holds))
        .execute(tx.connection())?;
    Ok(())
}

/// Switches it off.
pub fn switch_off(tx: &mut Tx<'_>) -> Result<(), DbError> {
    diesel::delete(maintenance::table).execute(tx.connection())?;
    Ok(())
}

/// What was switched on last; it may be over by now.
pub fn current(connection: &mut Connection) -> Result<Option<Maintenance>, DbError> {
    Ok(maintenance::table.find(INSTANCE).select(Maintenance::as_select()).first(connection).optional()?)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn whoever_is_turned_away_is_told_when_to_come_back() {
        let now = datetime!(2026-11-27 18:00:00);
        let with_end = |ends_at| Maintenance { message: None, began_at: now, ends_at };
        for (ends_at, seconds) in [
            (None, 61),
            (Some(datetime!(2026-11-27 18:00:20)), 21),
            (Some(datetime!(2026-11-27 18:00:00.5)), 1),
            (Some(datetime!(2026-11-28 18:00:00)), 901),
        ] {
            let maintenance = with_end(ends_at);
            assert!(!maintenance.is_over(now));
            assert_eq!(maintenance.retry_after_seconds(now), seconds, "{ends_at:?}");
        }
        assert!(with_end(Some(now)).is_over(now));
    }
}
