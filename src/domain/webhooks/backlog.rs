//! How much has not arrived, for whoever watches the server.

use diesel::{
    prelude::*,
    sql_types::{Nullable, Timestamp as SqlTimestamp},
};

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

#[derive(QueryableByName)]
struct Oldest {
    #[diesel(sql_type = Nullable<SqlTimestamp>)]
    created_at: Option<Timestamp>,
}

/// What has not arrived, counted up to `most`.
pub fn backlog(connection: &mut Connection, most: i64) -> Result<Backlog, DbError> {
    // Of each webhook the first row of an index, and not all that wait.
    let Oldest { created_at: oldest } = diesel::sql_query(
        "SELECT min((
            SELECT min(created_at) FROM webhook_deliveries WHERE webhook_id = webhooks.id AND state = 'pending'
        )) AS created_at
        FROM webhooks WHERE disabled_at IS NULL",
    )
    .get_result(connection)?;
    let active = webhooks::table.filter(webhooks::disabled_at.is_null());
    let waiting = active
        .inner_join(webhook_deliveries::table)
        .filter(webhook_deliveries::state.eq(DeliveryState::Pending))
        .select(webhook_deliveries::id);
    let failing = active.filter(webhooks::failing_since.is_not_null()).select(webhooks::id);
    Ok(Backlog {
        waiting: count_of(connection, waiting.limit(most))?,
        oldest,
        failing: count_of(connection, failing.limit(most))?,
    })
}
