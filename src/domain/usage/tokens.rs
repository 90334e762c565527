//! How often master tokens were accepted, and from where last.

use diesel::prelude::*;

use super::{Outcome, Series, Span, Written};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
    domain::{
        access::Admin,
        master_tokens::MasterToken,
        organizations::Organization,
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

/// Adds to a day of a token.
pub(in crate::domain) fn add(
    tx: &mut Tx<'_>,
    token_id: &str,
    day: Timestamp,
    requests: i64,
) -> Result<(), DbError> {
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

/// How often `token` was accepted on each of the last `days` days, today among them.
///
/// # Errors
/// [`DbError`].
pub fn token_series(
    connection: &mut Connection,
    _: &Admin<Organization>,
    token: &MasterToken,
    days: i32,
    now: Timestamp,
) -> Result<Series, DbError> {
    let mut series = Series::empty(Span::Day, days, now);
    let rows: Vec<(Timestamp, i64)> = token_usage::table
        .filter(token_usage::master_token_id.eq(&token.id))
        .filter(token_usage::begins_at.ge(series.begins_at()))
        .select((token_usage::begins_at, token_usage::requests))
        .load(connection)?;
    for (begins_at, requests) in rows {
        series.add(begins_at, Outcome::Valid, requests);
    }
    Ok(series)
}
