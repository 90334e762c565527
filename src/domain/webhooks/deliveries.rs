//! The log of a webhook: its messages, and what became of them.

use std::collections::HashMap;

use diesel::prelude::*;

use super::{
    Webhook,
    manage::{end_rest, find},
};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx, count_of},
    domain::{
        access::{Govern, Grant},
        events,
        managed::ManageError,
        page::{Cursor, CursorError, ListRequest, Page, PageRequest, Reach, Total, in_order},
        schema::webhook_deliveries,
    },
    vocabulary::DeliveryState,
};

/// Why nothing is sent to a webhook.
const NOT_ACTIVE: &str = "This webhook is deactivated. Activate it first.";

/// A message as the log shows it.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = webhook_deliveries)]
pub struct Delivery {
    /// The message's id, the same at every attempt.
    pub id: String,
    /// The webhook that it goes to.
    pub webhook_id: String,
    /// The `type` of the message.
    pub event: String,
    /// The message itself, as it is sent.
    pub payload: String,
    /// Where it is on its way.
    pub state: DeliveryState,
    /// Attempts made so far; counted anew when it is sent again.
    pub attempts: i32,
    /// When the next attempt is due, while it waits.
    pub next_attempt_at: Timestamp,
    /// When it was last tried.
    pub last_attempt_at: Option<Timestamp>,
    /// The status that the receiver answered last.
    pub last_status: Option<i32>,
    /// Why the last attempt failed, if it did.
    pub last_error: Option<String>,
    /// The beginning of what the receiver answered last.
    pub response: Option<String>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it was delivered or given up.
    pub finished_at: Option<Timestamp>,
}

impl Delivery {
    /// The place behind it in the log.
    pub fn cursor(&self) -> Cursor {
        Cursor::at(&self.id, self.created_at)
    }
}

macro_rules! of_webhook {
    ($webhook:expr, $state:expr) => {{
        let mut query = webhook_deliveries::table
            .filter(webhook_deliveries::webhook_id.eq($webhook.id.clone()))
            .into_boxed();
        if let Some(state) = $state {
            query = query.filter(webhook_deliveries::state.eq(state));
        }
        query
    }};
}

/// One page of a webhook's log, newest first; with `state`, what is in that state.
///
/// # Errors
/// [`ManageError::NotFound`], [`ManageError::Db`].
pub fn deliveries(
    connection: &mut Connection,
    grant: &Grant<Govern>,
    webhook_id: &str,
    state: Option<DeliveryState>,
    request: &PageRequest,
) -> Result<Page<Delivery>, ManageError> {
    let webhook = find(connection, grant, webhook_id)?;
    let total = Total::count(|most| {
        count_of(connection, of_webhook!(webhook, state).select(webhook_deliveries::id).limit(most))
    })?;
    let read = |reach: &Reach| read(connection, &webhook, state, reach);
    Ok(request.load(total, Delivery::cursor, read)?)
}

/// A part of a webhook's log behind a cursor, and one more where there is more, newest first; with
/// `state`, of what is in that state.
pub fn list_after(
    connection: &mut Connection,
    _: &Grant<Govern>,
    webhook: &Webhook,
    state: Option<DeliveryState>,
    slice: &ListRequest,
) -> Result<Vec<Delivery>, CursorError> {
    read(connection, webhook, state, &slice.reach())
}

/// A webhook's log, newest first, as far as `reach` says.
fn read(
    connection: &mut Connection,
    webhook: &Webhook,
    state: Option<DeliveryState>,
    reach: &Reach,
) -> Result<Vec<Delivery>, CursorError> {
    let (log, at) = (of_webhook!(webhook, state), reach.instant()?);
    let query = in_order!(log, reach, true, (webhook_deliveries::created_at, webhook_deliveries::id), |_| at);
    Ok(query.select(Delivery::as_select()).load(connection).map_err(DbError::from)?)
}

/// The newest message of each of `webhooks`, by the webhook's id.
pub fn last_deliveries(
    connection: &mut Connection,
    _: &Grant<Govern>,
    webhooks: &[Webhook],
) -> Result<HashMap<String, Delivery>, DbError> {
    let mut newest = HashMap::new();
    for webhook in webhooks {
        let delivery: Option<Delivery> = webhook_deliveries::table
            .filter(webhook_deliveries::webhook_id.eq(&webhook.id))
            .order((webhook_deliveries::created_at.desc(), webhook_deliveries::id.desc()))
            .select(Delivery::as_select())
            .first(connection)
            .optional()?;
        newest.extend(delivery.map(|delivery| (webhook.id.clone(), delivery)));
    }
    Ok(newest)
}

/// One message of a webhook.
///
/// # Errors
/// [`ManageError::NotFound`], [`ManageError::Db`].
pub fn delivery(
    connection: &mut Connection,
    grant: &Grant<Govern>,
    webhook_id: &str,
    delivery_id: &str,
) -> Result<(Webhook, Delivery), ManageError> {
    let webhook = find(connection, grant, webhook_id)?;
    let delivery: Option<Delivery> = webhook_deliveries::table
        .filter(webhook_deliveries::id.eq(delivery_id).and(webhook_deliveries::webhook_id.eq(webhook_id)))
        .select(Delivery::as_select())
        .first(connection)
        .optional()
        .map_err(DbError::from)?;
    Ok((webhook, delivery.ok_or(ManageError::NotFound)?))
}

/// Has a message sent once more, under the same id, or at once if it waits.
///
/// # Errors
/// [`ManageError::NotFound`], [`ManageError::State`], [`ManageError::Db`].
pub fn resend(
    tx: &mut Tx<'_>,
    grant: &Grant<Govern>,
    webhook_id: &str,
    delivery_id: &str,
    now: Timestamp,
) -> Result<Delivery, ManageError> {
    let (webhook, _) = delivery(tx.connection(), grant, webhook_id, delivery_id)?;
    if !webhook.is_active() {
        return Err(ManageError::State(NOT_ACTIVE));
    }
    end_rest(tx, webhook_id)?;
    events::requeue(tx, delivery_id, now)?;
    let (_, delivery) = delivery(tx.connection(), grant, webhook_id, delivery_id)?;
    Ok(delivery)
}

/// Queues a message that tells of nothing, to see whether the receiver takes it.
///
/// # Errors
/// [`ManageError::NotFound`], [`ManageError::State`], [`ManageError::Db`].
pub fn send_test(
    tx: &mut Tx<'_>,
    grant: &Grant<Govern>,
    webhook_id: &str,
    now: Timestamp,
) -> Result<Delivery, ManageError> {
    let webhook = find(tx.connection(), grant, webhook_id)?;
    if !webhook.is_active() {
        return Err(ManageError::State(NOT_ACTIVE));
    }
    end_rest(tx, webhook_id)?;
    events::queue_test(tx, grant, (&webhook.id, webhook.url_without_query()), grant.actor(), now)?;
    // Ids sort by age.
    let delivery = webhook_deliveries::table
        .filter(webhook_deliveries::webhook_id.eq(&webhook.id))
        .order(webhook_deliveries::id.desc())
        .select(Delivery::as_select())
        .first(tx.connection())
        .map_err(DbError::from)?;
    Ok(delivery)
}

/// Forgets messages from long ago.
pub fn purge_expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, DbError> {
    events::purge_deliveries(tx, now)
}
