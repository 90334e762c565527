//! What is written of a key or token, row by row.

use diesel::{dsl::case_when, prelude::*};

use super::{Span, Sum, clients, recorder::Noted, tally::Pending, tokens};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
    domain::{
        api_keys as keys,
        schema::{api_keys, key_usage},
        verification::KnownKey,
    },
};

/// Writes what happened to a key or token.
pub(super) fn write(tx: &mut Tx<'_>, noted: &Noted, pending: &Pending) -> Result<(), DbError> {
    match noted {
        Noted::Key(known) => write_key(tx, known, pending),
        Noted::Token(known) => tokens::write(tx, known, pending),
    }
}

fn write_key(tx: &mut Tx<'_>, known: &KnownKey, pending: &Pending) -> Result<(), DbError> {
    let key_id = &*known.id.to_string();
    let row = api_keys::table.find(key_id);
    let found = match pending.last_used_at {
        Some(at) => diesel::update(row)
            // The later one stays: a key that changed, and one with two secrets, is written from
            // several copies in any order.
            .set(
                api_keys::last_used_at
                    .eq(case_when(api_keys::last_used_at.gt(at), api_keys::last_used_at).otherwise(at)),
            )
            .execute(tx.connection())?,
        None => row.select(api_keys::id).load::<String>(tx.connection())?.len(),
    };
    if found == 0 {
        return Ok(()); // removed meanwhile
    }
    if let Some((side, live)) = known.rotation.as_deref() {
        keys::write_use(tx, *side, live.get(), pending.last_used_at)?;
    }
    for (hour, sum) in pending.sums() {
        for span in [Span::Hour, Span::Day] {
            add(tx, key_id, span, span.begin(hour), sum)?;
        }
    }
    clients::write(tx, key_id, &pending.clients)
}

/// Adds to a sum. An update that finds nothing is followed by an insert: both engines take that.
pub(in crate::domain) fn add(
    tx: &mut Tx<'_>,
    key_id: &str,
    span: Span,
    begins_at: Timestamp,
    sum: Sum,
) -> Result<(), DbError> {
    let Sum { outcome, requests, units } = sum;
    let row = key_usage::table.find((key_id, span.as_str(), begins_at, outcome.as_str()));
    let updated = diesel::update(row)
        .set((
            key_usage::requests.eq(key_usage::requests + requests),
            key_usage::units.eq(key_usage::units + units),
        ))
        .execute(tx.connection())?;
    if updated == 0 {
        diesel::insert_into(key_usage::table)
            .values((
                key_usage::api_key_id.eq(key_id),
                key_usage::span.eq(span.as_str()),
                key_usage::begins_at.eq(begins_at),
                key_usage::outcome.eq(outcome.as_str()),
                key_usage::requests.eq(requests),
                key_usage::units.eq(units),
            ))
            .execute(tx.connection())?;
    }
    Ok(())
}
