//! How often master tokens were accepted, and from where last.

use diesel::prelude::*;
use time::Date;

use super::{DAYS_SHOWN, DailyRequests, Span, Written, first_day};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
    domain::{
        schema::{master_tokens, token_usage},
        verification::KnownToken,
    },
};

pub(super) fn write(tx: &mut Tx<'_>, row: &Written<KnownToken>, now: Timestamp) -> Result<(), DbError> {
    let token_id = &row.known.token.id;
    let last_ip = row.callers.front().and_then(|seen| seen.ip).map(|ip| ip.to_string());
    let updated = diesel::update(master_tokens::table.find(token_id))
        .set((
            master_tokens::last_used_at.eq(row.known.tally.last_used_at()),
            master_tokens::last_used_ip.eq(last_ip),
        ))
        .execute(tx.connection())?;
    if updated == 0 {
        return Ok(()); // removed meanwhile
    }
    add(tx, token_id, Span::Day.begin(now), row.sums.iter().map(|sum| sum.requests).sum())
}

fn add(tx: &mut Tx<'_>, token_id: &str, day: Timestamp, requests: i64) -> Result<(), DbError> {
    let updated = diesel::update(token_usage::table.find((token_id, day)))
        .set(token_usage::requests.eq(token_usage::requests + requests))
        .execute(tx.connection())?;
    if updated == 0 {
        diesel::insert_into(token_usage::table)
            .values((
                token_usage::master_token_id.eq(token_id),
                token_usage::begins_at.eq(day),
                token_usage::requests.eq(requests),
            ))
            .execute(tx.connection())?;
    }
    Ok(())
}

/// How often a token was accepted on each of the last days.
pub(in crate::domain) fn daily(
    connection: &mut Connection,
    token_id: &str,
    today: Date,
) -> Result<DailyRequests, DbError> {
    let first = first_day(today);
    let rows: Vec<(Timestamp, i64)> = token_usage::table
        .filter(token_usage::master_token_id.eq(token_id).and(token_usage::begins_at.ge(first)))
        .select((token_usage::begins_at, token_usage::requests))
        .load(connection)?;
    let mut days = [0; DAYS_SHOWN];
    for (begins_at, requests) in rows {
        let day = usize::try_from((begins_at - first).whole_days()).unwrap_or_default();
        if let Some(sum) = days.get_mut(day) {
            *sum += requests;
        }
    }
    Ok(DailyRequests(days))
}
