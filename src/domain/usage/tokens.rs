//! How often master tokens were accepted, and from where last.

use diesel::prelude::*;

use super::Series;
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
    domain::{
        access::{Grant, ManageTokens},
        master_tokens::{self, MasterToken},
        schema::token_usage,
        verification::{KnownToken, Outcome, Pending, Span},
    },
};

pub(super) fn write(tx: &mut Tx<'_>, known: &KnownToken, pending: &Pending) -> Result<(), DbError> {
    let token_id = &known.token.id;
    let Some(at) = pending.last_used_at else { return Ok(()) };
    if !master_tokens::note_last_use(tx, token_id, at, pending.clients.last_ip())? {
        return Ok(()); // removed meanwhile
    }
    pending.sums().try_for_each(|(hour, sum)| add(tx, token_id, Span::Day.begin(hour), sum.requests))
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
pub fn token_series(
    connection: &mut Connection,
    _: &Grant<ManageTokens>,
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
