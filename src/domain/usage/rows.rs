//! What is written of a key, row by row.

use diesel::prelude::*;

use super::clients;
use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
    domain::{
        api_keys,
        schema::key_usage,
        verification::{KnownKey, Pending, Span, Sum, Used},
    },
};

/// Writes what happened to a key.
pub(super) fn write(tx: &mut Tx<'_>, known: &KnownKey, pending: &Pending) -> Result<(), DbError> {
    let key_id = &*known.id.to_string();
    if !api_keys::note_last_use(tx, key_id, pending.last_used_at)? {
        return Ok(()); // removed meanwhile
    }
    if let Some((side, live)) = known.rotation.as_deref() {
        api_keys::write_use(tx, *side, live.get(), pending.last_used_at)?;
    }
    let used = Used::of(pending);
    let handed_over = known.monthly_use().and_then(|month| month.hand_over(&used));
    if let Some((portions, units, last_used_at)) = handed_over {
        portions.lessen(tx, &known.owner(), units, last_used_at)?;
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
    let row = key_usage::table.find((key_id, span, begins_at, outcome));
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
                key_usage::span.eq(span),
                key_usage::begins_at.eq(begins_at),
                key_usage::outcome.eq(outcome),
                key_usage::requests.eq(requests),
                key_usage::units.eq(units),
            ))
            .execute(tx.connection())?;
    }
    Ok(())
}
