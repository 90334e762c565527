//! Ids of forms that must not be carried out twice: the transaction of the change spends one, so a
//! reload or a double click finds it spent. Nothing is stored for forms that are never sent.

use diesel::prelude::*;
use time::Duration;

use super::schema::spent_forms;
use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
};

/// How long a form can be sent, and how long a spent one is remembered.
pub const FORM_LIFETIME: Duration = Duration::hours(24);

/// Spends `form_id` for this transaction's change; `false` when it was spent before.
pub fn spend(tx: &mut Tx<'_>, form_id: &str, now: Timestamp) -> Result<bool, DbError> {
    let spent = spent_forms::table.find(form_id);
    if diesel::select(diesel::dsl::exists(spent)).get_result(tx.connection())? {
        return Ok(false);
    }
    diesel::insert_into(spent_forms::table)
        .values((spent_forms::id.eq(form_id), spent_forms::spent_at.eq(now)))
        .execute(tx.connection())?;
    Ok(true)
}

/// Deletes ids of forms that are too old to be accepted again anyway.
pub fn purge_expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, DbError> {
    let limit = now - FORM_LIFETIME - Duration::HOUR;
    Ok(diesel::delete(spent_forms::table.filter(spent_forms::spent_at.lt(limit))).execute(tx.connection())?)
}
