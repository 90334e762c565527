//! How long usage is kept.

use diesel::prelude::*;
use time::Duration;

use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
    domain::{
        schema::{key_usage, organization_usage, token_usage},
        verification::Span,
    },
};

/// How long the sums of hours are kept.
pub const HOURS_KEPT: Duration = Duration::days(90);

/// How long the sums of days are kept, those of tokens and organizations too: a year and a month, to compare with the year before.
pub const DAYS_KEPT: Duration = Duration::days(400);

/// Rows that one transaction removes: some milliseconds, so that the writer is free again soon.
const ROWS_AT_ONCE: i64 = 500;

/// Removes some of what is older than [`HOURS_KEPT`] and [`DAYS_KEPT`]; tells whether more is left.
pub fn purge_expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<bool, DbError> {
    let mut is_more_left = false;
    for (span, kept) in [(Span::Hour, HOURS_KEPT), (Span::Day, DAYS_KEPT)] {
        let old: Vec<(String, Timestamp, String)> = key_usage::table
            .filter(key_usage::span.eq(span).and(key_usage::begins_at.lt(span.begin(now) - kept)))
            .select((key_usage::api_key_id, key_usage::begins_at, key_usage::outcome))
            .limit(ROWS_AT_ONCE)
            .load(tx.connection())?;
        is_more_left |= is_whole_portion(old.len());
        for (key_id, begins_at, outcome) in old {
            diesel::delete(key_usage::table.find((key_id, span, begins_at, outcome)))
                .execute(tx.connection())?;
        }
    }
    let old: Vec<(String, Timestamp)> = token_usage::table
        .filter(token_usage::begins_at.lt(Span::Day.begin(now) - DAYS_KEPT))
        .select((token_usage::master_token_id, token_usage::begins_at))
        .limit(ROWS_AT_ONCE)
        .load(tx.connection())?;
    is_more_left |= is_whole_portion(old.len());
    for day in old {
        diesel::delete(token_usage::table.find(day)).execute(tx.connection())?;
    }
    let old: Vec<(String, Timestamp, String)> = organization_usage::table
        .filter(organization_usage::begins_at.lt(Span::Day.begin(now) - DAYS_KEPT))
        .select((
            organization_usage::organization_id,
            organization_usage::begins_at,
            organization_usage::outcome,
        ))
        .limit(ROWS_AT_ONCE)
        .load(tx.connection())?;
    is_more_left |= is_whole_portion(old.len());
    for (organization_id, begins_at, outcome) in old {
        diesel::delete(organization_usage::table.find((organization_id, begins_at, outcome)))
            .execute(tx.connection())?;
    }
    Ok(is_more_left)
}

fn is_whole_portion(found: usize) -> bool {
    i64::try_from(found).is_ok_and(|found| found == ROWS_AT_ONCE)
}
