//! Messages on their way, and the log of what became of them.

use std::collections::HashMap;

use diesel::prelude::*;
use time::Duration;

use super::{
    Subject, Webhook, WebhookError,
    manage::{find, record, set_disabled},
    queue::{payload, queue},
};
use crate::{
    clock::Timestamp,
    db::{Change, Connection, DbError, Tx},
    domain::{
        access::{Actor, Admin},
        audit::Action,
        members,
        organizations::{self, Organization},
        outbox::{self, Message},
        page::{Page, PageRequest},
        schema::{webhook_deliveries, webhooks},
        secret::Secret,
    },
};

/// The `type` of a message that somebody sends to try the receiver.
const TEST_EVENT: &str = "webhook.test";

/// The pauses after each attempt that failed; after the last of them one more follows, and then
/// the message is given up. Standard Webhooks 1.0, "Deliverability and reliability".
const PAUSES: [Duration; 9] = [
    Duration::seconds(5),
    Duration::minutes(5),
    Duration::minutes(30),
    Duration::hours(2),
    Duration::hours(5),
    Duration::hours(10),
    Duration::hours(14),
    Duration::hours(20),
    Duration::hours(24),
];

/// How long nothing may arrive before a webhook is switched off.
const LONGEST_FAILURE: Duration = Duration::days(5);

/// How long a message stays in the log, or waits for a webhook that is switched off.
const KEEP: Duration = Duration::days(30);

/// Where a message is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It waits for its first or next attempt.
    Queued,
    /// The receiver took it.
    Delivered,
    /// It was given up.
    Failed,
}

impl DeliveryState {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Queued, Self::Delivered, Self::Failed];

    /// The word in the database, in addresses and in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// The words on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Queued => "Waiting",
            Self::Delivered => "Delivered",
            Self::Failed => "Failed",
        }
    }
}

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
    state: String,
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
    /// Where it is on its way.
    pub fn state(&self) -> DeliveryState {
        let found = DeliveryState::ALL.into_iter().find(|state| state.as_str() == self.state);
        found.unwrap_or(DeliveryState::Queued)
    }
}

macro_rules! of_webhook {
    ($webhook:expr, $state:expr) => {{
        let mut query = webhook_deliveries::table
            .filter(webhook_deliveries::webhook_id.eq($webhook.id.clone()))
            .into_boxed();
        if let Some(state) = $state {
            query = query.filter(webhook_deliveries::state.eq(state.as_str()));
        }
        query
    }};
}

/// One page of a webhook's log, newest first; with `state`, what is in that state.
///
/// # Errors
/// [`WebhookError::NotFound`], [`WebhookError::Db`].
pub fn deliveries(
    connection: &mut Connection,
    admin: &Admin<Organization>,
    webhook_id: &str,
    state: Option<DeliveryState>,
    request: PageRequest,
) -> Result<Page<Delivery>, WebhookError> {
    let webhook = find(connection, admin, webhook_id)?;
    let total: i64 = of_webhook!(webhook, state).count().get_result(connection).map_err(DbError::from)?;
    let request = request.within(total);
    let rows = of_webhook!(webhook, state)
        .order((webhook_deliveries::created_at.desc(), webhook_deliveries::id.desc()))
        .select(Delivery::as_select())
        .limit(request.limit())
        .offset(request.offset())
        .load(connection)
        .map_err(DbError::from)?;
    Ok(Page::new(rows, request, total))
}

/// The newest message of each of `webhooks`, by the webhook's id.
///
/// # Errors
/// [`DbError`].
pub fn last_deliveries(
    connection: &mut Connection,
    _: &Admin<Organization>,
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
/// [`WebhookError::NotFound`], [`WebhookError::Db`].
pub fn delivery(
    connection: &mut Connection,
    admin: &Admin<Organization>,
    webhook_id: &str,
    delivery_id: &str,
) -> Result<(Webhook, Delivery), WebhookError> {
    let webhook = find(connection, admin, webhook_id)?;
    let delivery: Option<Delivery> = webhook_deliveries::table
        .filter(webhook_deliveries::id.eq(delivery_id).and(webhook_deliveries::webhook_id.eq(webhook_id)))
        .select(Delivery::as_select())
        .first(connection)
        .optional()
        .map_err(DbError::from)?;
    Ok((webhook, delivery.ok_or(WebhookError::NotFound)?))
}

/// Has a message sent once more, under the same id, or at once if it waits.
///
/// # Errors
/// [`WebhookError::NotFound`], [`WebhookError::NotActive`], [`WebhookError::Db`].
pub fn resend(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    webhook_id: &str,
    delivery_id: &str,
    now: Timestamp,
) -> Result<Delivery, WebhookError> {
    let (webhook, _) = delivery(tx.connection(), admin, webhook_id, delivery_id)?;
    if !webhook.is_active() {
        return Err(WebhookError::NotActive);
    }
    let delivery = diesel::update(webhook_deliveries::table.find(delivery_id))
        .set((
            webhook_deliveries::state.eq(DeliveryState::Queued.as_str()),
            webhook_deliveries::attempts.eq(0),
            webhook_deliveries::next_attempt_at.eq(now),
            webhook_deliveries::finished_at.eq(None::<Timestamp>),
        ))
        .returning(Delivery::as_returning())
        .get_result(tx.connection())
        .map_err(DbError::from)?;
    tx.changed(Change::WebhookQueued);
    Ok(delivery)
}

/// Queues a message that tells of nothing, to see whether the receiver takes it.
///
/// # Errors
/// [`WebhookError::NotFound`], [`WebhookError::NotActive`], [`WebhookError::Db`].
pub fn send_test(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    webhook_id: &str,
    now: Timestamp,
) -> Result<Webhook, WebhookError> {
    let webhook = find(tx.connection(), admin, webhook_id)?;
    if !webhook.is_active() {
        return Err(WebhookError::NotActive);
    }
    let subject = Subject {
        kind: "webhook",
        id: Some(&webhook.id),
        name: webhook.address(),
        masked: None,
        expires_at: None,
    };
    let text = payload(
        TEST_EVENT,
        admin,
        subject,
        admin.actor(),
        Some("Nothing has happened: this is a test."),
        now,
    )?;
    queue(tx, std::slice::from_ref(&webhook.id), TEST_EVENT, &text, now)?;
    Ok(webhook)
}

/// A message whose next attempt is due.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The message's id.
    pub id: String,
    /// The webhook that it goes to.
    pub webhook_id: String,
    /// The address.
    pub url: String,
    /// The message.
    pub payload: String,
    /// What signs it: the secret and, for a day after a rotation, the one before.
    pub secrets: Vec<Secret>,
}

/// One due message of each webhook that has some and is not `busy`, those first that wait longest.
/// What waits for a slow receiver does not hold up the others.
///
/// # Errors
/// [`DbError`].
pub fn due(
    connection: &mut Connection,
    busy: &[String],
    limit: i64,
    now: Timestamp,
) -> Result<Vec<Outgoing>, DbError> {
    let is_due = webhook_deliveries::state
        .eq(DeliveryState::Queued.as_str())
        .and(webhook_deliveries::next_attempt_at.le(now));
    let waiting: Vec<String> = webhook_deliveries::table
        .inner_join(webhooks::table)
        .filter(is_due)
        .filter(webhooks::disabled_at.is_null().and(webhooks::id.ne_all(busy)))
        .group_by(webhook_deliveries::webhook_id)
        .order(diesel::dsl::min(webhook_deliveries::next_attempt_at))
        .select(webhook_deliveries::webhook_id)
        .limit(limit)
        .load(connection)?;
    let mut due = Vec::new();
    for webhook_id in waiting {
        let (url, secret, previous, until): (String, String, Option<String>, Option<Timestamp>) =
            webhooks::table
                .find(&webhook_id)
                .select((
                    webhooks::url,
                    webhooks::secret,
                    webhooks::previous_secret,
                    webhooks::previous_secret_until,
                ))
                .first(connection)?;
        let (id, payload): (String, String) = webhook_deliveries::table
            .filter(webhook_deliveries::webhook_id.eq(&webhook_id).and(is_due))
            .order((webhook_deliveries::next_attempt_at, webhook_deliveries::id))
            .select((webhook_deliveries::id, webhook_deliveries::payload))
            .first(connection)?;
        let previous = previous.filter(|_| until.is_some_and(|until| until > now));
        let secrets = [Some(secret), previous].into_iter().flatten().map(Secret::from_stored).collect();
        due.push(Outgoing { id, webhook_id, url, payload, secrets });
    }
    Ok(due)
}

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// How it ended.
    pub outcome: Outcome,
    /// The status that the receiver answered.
    pub status: Option<u16>,
    /// The beginning of what it answered.
    pub response: Option<String>,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver took the message.
    Delivered,
    /// It did not, for this reason; another attempt may help.
    Failed(String),
    /// It said that it will take none any more.
    Gone,
}

/// Notes an attempt: a failure is followed by another attempt after a pause, until there were
/// enough of them.
///
/// # Errors
/// [`DbError`].
pub fn record_attempt(
    tx: &mut Tx<'_>,
    delivery_id: &str,
    attempt: &Attempt,
    now: Timestamp,
) -> Result<(), DbError> {
    let found: Option<(Delivery, Webhook)> = webhook_deliveries::table
        .inner_join(webhooks::table)
        .filter(webhook_deliveries::id.eq(delivery_id))
        .select((Delivery::as_select(), Webhook::as_select()))
        .first(tx.connection())
        .optional()?;
    // Removed meanwhile, with its webhook.
    let Some((delivery, webhook)) = found else { return Ok(()) };
    let attempts = delivery.attempts + 1;
    let pause = pause_after(attempts, delivery_id);
    let (state, error, next) = match &attempt.outcome {
        Outcome::Delivered => (DeliveryState::Delivered, None, None),
        Outcome::Gone => (DeliveryState::Failed, Some("The receiver takes no messages any more."), None),
        Outcome::Failed(reason) => match pause {
            Some(pause) => (DeliveryState::Queued, Some(reason.as_str()), Some(now + pause)),
            None => (DeliveryState::Failed, Some(reason.as_str()), None),
        },
    };
    diesel::update(webhook_deliveries::table.find(delivery_id))
        .set((
            webhook_deliveries::state.eq(state.as_str()),
            webhook_deliveries::attempts.eq(attempts),
            webhook_deliveries::next_attempt_at.eq(next.unwrap_or(delivery.next_attempt_at)),
            webhook_deliveries::last_attempt_at.eq(Some(now)),
            webhook_deliveries::last_status.eq(attempt.status.map(i32::from)),
            webhook_deliveries::last_error.eq(error),
            webhook_deliveries::response.eq(&attempt.response),
            webhook_deliveries::finished_at.eq(Some(now).filter(|_| state != DeliveryState::Queued)),
        ))
        .execute(tx.connection())?;
    let failing_since = match attempt.outcome {
        Outcome::Delivered => None,
        Outcome::Failed(_) | Outcome::Gone => webhook.failing_since.or(Some(now)),
    };
    if failing_since != webhook.failing_since {
        diesel::update(webhooks::table.find(&webhook.id))
            .set(webhooks::failing_since.eq(failing_since))
            .execute(tx.connection())?;
    }
    let is_given_up = state == DeliveryState::Failed;
    if attempt.outcome == Outcome::Gone {
        switch_off(tx, &webhook, "The receiver answered 410: it takes no messages any more.", now)?;
    } else if is_given_up && failing_since.is_some_and(|since| now - since >= LONGEST_FAILURE) {
        switch_off(tx, &webhook, "No message has arrived for five days.", now)?;
    }
    Ok(())
}

/// Switches a webhook off that reaches nobody, and tells the administrators.
fn switch_off(tx: &mut Tx<'_>, webhook: &Webhook, reason: &str, now: Timestamp) -> Result<(), DbError> {
    if !webhook.is_active() {
        return Ok(());
    }
    let organization_id: String =
        webhooks::table.find(&webhook.id).select(webhooks::organization_id).first(tx.connection())?;
    let Some(organization) = organizations::by_id(tx.connection(), &organization_id)? else { return Ok(()) };
    set_disabled(tx, &webhook.id, Some(now), Some(reason))?;
    let system = Actor::System { ip: None };
    record(tx, &organization_id, &system, Action::WebhookDeactivated, webhook, Some(reason.to_owned()), now)?;
    let message = Message::WebhookDeactivated {
        organization: organization.name,
        organization_id: organization.id,
        webhook_id: webhook.id.clone(),
        address: webhook.address().to_owned(),
        reason: reason.to_owned(),
        at: now,
    };
    for administrator in members::administrators(tx.connection(), &organization_id)? {
        outbox::queue(tx, &administrator, &message, now)?;
    }
    Ok(())
}

/// The pause after attempt number `attempts` failed, longer by up to a tenth so that what failed
/// together is not tried again together; `None` when there were enough.
fn pause_after(attempts: i32, delivery_id: &str) -> Option<Duration> {
    let pause = PAUSES.get(usize::try_from(attempts - 1).ok()?)?;
    let tenths_of_percent = i32::try_from(crc32fast::hash(delivery_id.as_bytes()) % 100).unwrap_or_default();
    Some(*pause + *pause * tenths_of_percent / 1000)
}

/// Forgets messages from long ago.
///
/// # Errors
/// [`DbError`].
pub fn forget_old(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, DbError> {
    let old = webhook_deliveries::table.filter(webhook_deliveries::created_at.lt(now - KEEP));
    Ok(diesel::delete(old).execute(tx.connection())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_attempts_are_spread_over_three_days() {
        let mut total = Duration::ZERO;
        for attempts in 1..10 {
            let pause = pause_after(attempts, "msg_1").unwrap();
            let least = PAUSES[usize::try_from(attempts).unwrap() - 1];
            assert!(pause >= least && pause < least * 1.1, "{attempts}: {pause}");
            total += pause;
        }
        assert!((Duration::days(3)..Duration::days(4)).contains(&total), "{total}");
        assert_eq!(pause_after(10, "msg_1"), None);
        assert_ne!(pause_after(9, "msg_1"), pause_after(9, "msg_2"));
    }
}
