//! How much has not arrived, for whoever watches the server.

use diesel::{dsl::min, prelude::*};

use super::DeliveryState;
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, count_of},
    domain::schema::{webhook_deliveries, webhooks},
};

/// What has not arrived at webhooks that are active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Deliveries that wait for an attempt.
    pub waiting: i64,
    /// When the one was queued that has waited for the longest.
    pub oldest: Option<Timestamp>,
    /// Webhooks whose last attempts failed.
    pub failing: i64,
}

/// What has not arrived. Webhooks that fail are counted up to `most`.
pub fn backlog(connection: &mut Connection, most: i64) -> Result<Backlog, DbError> {
    let active = webhooks::table.filter(webhooks::disabled_at.is_null());
    // Of each webhook from an index that has those that wait beside each other: there are many more that arrived.
    let pending = webhook_deliveries::table
        .filter(webhook_deliveries::webhook_id.eq(webhooks::id))
        .filter(webhook_deliveries::state.eq(DeliveryState::Pending));
    let of_each: Vec<(Option<i64>, Option<Timestamp>)> = active
        .select((
            pending.count().single_value(),
            pending.select(min(webhook_deliveries::created_at)).single_value(),
        ))
        .load(connection)?;
    let failing = active.filter(webhooks::failing_since.is_not_null()).select(webhooks::id);
    Ok(Backlog {
        waiting: of_each.iter().filter_map(|(waiting, _)| *waiting).sum(),
        oldest: of_each.iter().filter_map(|(_, oldest)| *oldest).min(),
        failing: count_of(connection, failing.limit(most))?,
    })
}
