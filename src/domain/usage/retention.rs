//! How long usage is kept.

use diesel::prelude::*;
use time::Duration;

use super::Span;
use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
    domain::schema::key_usage,
};

/// How long the sums of hours are kept.
pub const HOURS_KEPT: Duration = Duration::days(90);

/// How long the sums of days are kept: a year and a month, to compare with the year before.
pub const DAYS_KEPT: Duration = Duration::days(400);

/// Rows that one transaction removes: some milliseconds, so that the writer is free again soon.
const ROWS_AT_ONCE: i64 = 500;

/// Removes some of what is older than [`HOURS_KEPT`] and [`DAYS_KEPT`]; tells whether more is left.
///
/// # Errors
/// [`DbError`].
pub fn forget_old(tx: &mut Tx<'_>, now: Timestamp) -> Result<bool, DbError> {
    let mut is_more_left = false;
    for (span, kept) in [(Span::Hour, HOURS_KEPT), (Span::Day, DAYS_KEPT)] {
        let old: Vec<(String, Timestamp, String)> = key_usage::table
            .filter(key_usage::span.eq(span.as_str()).and(key_usage::begins_at.lt(span.begin(now) - kept)))
            .select((key_usage::api_key_id, key_usage::begins_at, key_usage::outcome))
            .limit(ROWS_AT_ONCE)
            .load(tx.connection())?;
        is_more_left |= i64::try_from(old.len()).is_ok_and(|found| found == ROWS_AT_ONCE);
        for (key_id, begins_at, outcome) in old {
            diesel::delete(key_usage::table.find((key_id, span.as_str(), begins_at, outcome)))
                .execute(tx.connection())?;
        }
    }
    Ok(is_more_left)
}
