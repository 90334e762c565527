//! Messages on their way: what is due, and what follows an attempt.

use diesel::prelude::*;
use time::Duration;

use super::{
    Delivery, DeliveryState, Webhook,
    manage::{record, set_disabled},
};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx, columns_of},
    domain::{
        access::Actor,
        events::{self, Action, Detail, Settled, WebhookFailure},
        members, organization,
        outbox::{self, Message},
        schema::{webhook_deliveries, webhooks},
        secret::Secret,
    },
};

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

/// The longest that a receiver is left alone because it asked for that: as long as the longest of our
/// own pauses. With that a message is given up well before the log forgets it.
const MAX_RETRY_AFTER: Duration = Duration::hours(24);

/// How long nothing may arrive before a webhook is switched off.
const MAX_FAILURE: Duration = Duration::days(5);

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

/// A message that cannot be read, or whose webhook cannot be.
#[derive(Clone, Debug)]
pub struct UnreadableDelivery {
    /// The message's id.
    pub id: String,
    /// What is wrong.
    pub reason: String,
}

/// A webhook that has messages to send.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct Waiting {
    /// Its id.
    pub webhook_id: String,
    /// Whose it is.
    pub organization_id: String,
}

/// The webhooks for which messages are due, apart from those whose receiver asked to be left alone.
pub fn waiting(connection: &mut Connection, now: Timestamp) -> Result<Vec<Waiting>, DbError> {
    let due = webhook_deliveries::table
        .filter(webhook_deliveries::webhook_id.eq(webhooks::id))
        .filter(webhook_deliveries::state.eq(DeliveryState::Pending))
        .filter(webhook_deliveries::next_attempt_at.le(now));
    Ok(webhooks::table
        .filter(webhooks::disabled_at.is_null())
        .filter(webhooks::not_before.is_null().or(webhooks::not_before.assume_not_null().le(now)))
        .filter(diesel::dsl::exists(due))
        .order(webhooks::id)
        .select((webhooks::id, webhooks::organization_id))
        .load(connection)?)
}

/// The message of a webhook that has waited for the longest.
pub fn next_of(
    connection: &mut Connection,
    webhook_id: &str,
    now: Timestamp,
) -> Result<Option<Result<Outgoing, UnreadableDelivery>>, DbError> {
    let id: Option<String> = webhook_deliveries::table
        .filter(webhook_deliveries::webhook_id.eq(webhook_id))
        .filter(webhook_deliveries::state.eq(DeliveryState::Pending))
        .filter(webhook_deliveries::next_attempt_at.le(now))
        .order((webhook_deliveries::next_attempt_at, webhook_deliveries::id))
        .select(webhook_deliveries::id)
        .first(connection)
        .optional()?;
    let Some(id) = id else { return Ok(None) };
    Ok(Some(match outgoing(connection, &id, now) {
        Err(DbError::Unreadable(reason)) => Err(UnreadableDelivery { id, reason }),
        found => Ok(found?),
    }))
}

/// Reads all that [`record_attempt`] reads: what can be sent can be noted, too.
fn outgoing(connection: &mut Connection, id: &str, now: Timestamp) -> Result<Outgoing, DbError> {
    let (delivery, webhook, secret, previous): (Delivery, Webhook, String, Option<String>) =
        webhook_deliveries::table
            .inner_join(webhooks::table)
            .filter(webhook_deliveries::id.eq(id))
            .select((
                Delivery::as_select(),
                Webhook::as_select(),
                webhooks::secret,
                webhooks::previous_secret,
            ))
            .first(connection)?;
    let previous = previous.filter(|_| webhook.previous_secret_until.is_some_and(|until| until > now));
    Ok(Outgoing {
        id: delivery.id,
        webhook_id: webhook.id,
        url: webhook.url,
        payload: delivery.payload,
        secrets: [Some(secret), previous].into_iter().flatten().map(Secret::from_stored).collect(),
    })
}

/// Gives up a message that cannot be read, so that it makes room for others.
pub fn give_up(tx: &mut Tx<'_>, delivery: &UnreadableDelivery, now: Timestamp) -> Result<(), DbError> {
    events::give_up(tx, &delivery.id, &format!("It can’t be read: {}.", delivery.reason), now)
}

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// The status that the receiver answered.
    pub status: Option<u16>,
    /// The beginning of what it answered.
    pub response: Option<String>,
    /// For how long the receiver asked to be left alone (RFC 9110, section 10.2.3).
    pub retry_after: Option<Duration>,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The receiver took the message.
    Delivered,
    /// It did not, for this reason; another attempt may help.
    Failed(String),
    /// It said that it will take none any more.
    Gone,
}

/// Notes an attempt: a failure is followed by another attempt after a pause, until there were
/// enough of them. A receiver that asked to be left alone for longer is, by every message.
pub fn record_attempt(
    tx: &mut Tx<'_>,
    delivery_id: &str,
    attempt: &Attempt,
    now: Timestamp,
) -> Result<(), DbError> {
    let Some((webhook, state)) = note(tx, delivery_id, attempt, now)? else { return Ok(()) };
    let is_given_up = state == DeliveryState::Failed;
    if attempt.outcome == AttemptOutcome::Gone {
        switch_off(tx, &webhook, WebhookFailure::Gone, now)?;
    } else if is_given_up && webhook.failing_since.is_some_and(|since| now - since >= MAX_FAILURE) {
        switch_off(tx, &webhook, WebhookFailure::Unreachable, now)?;
    }
    Ok(())
}

/// [`record_attempt`] for a transaction beside others. Answers `false` and notes nothing where the webhook may be
/// switched off for it: that is told in the audit log and by mail, which have an order.
pub fn record_attempt_beside(
    tx: &mut Tx<'_>,
    delivery_id: &str,
    attempt: &Attempt,
    now: Timestamp,
) -> Result<bool, DbError> {
    let attempts: Option<i32> = webhook_deliveries::table
        .find(delivery_id)
        .select(webhook_deliveries::attempts)
        .first(tx.connection())
        .optional()?;
    let is_last = || attempts.is_some_and(|before| pause_after(before + 1, delivery_id).is_none());
    let may_switch_off = match attempt.outcome {
        AttemptOutcome::Delivered => false,
        AttemptOutcome::Failed(_) => is_last(),
        AttemptOutcome::Gone => true,
    };
    if !may_switch_off {
        note(tx, delivery_id, attempt, now)?;
    }
    Ok(!may_switch_off)
}

/// Writes what became of an attempt. Answers with the webhook and the state of the message, unless they are gone.
///
/// Each statement finds what it changes by itself, since others may change it as well. The webhook comes first, as
/// when it is removed: who waits for it has nothing that a removal waits for.
fn note(
    tx: &mut Tx<'_>,
    delivery_id: &str,
    attempt: &Attempt,
    now: Timestamp,
) -> Result<Option<(Webhook, DeliveryState)>, DbError> {
    let webhook_id: Option<String> = webhook_deliveries::table
        .find(delivery_id)
        .select(webhook_deliveries::webhook_id)
        .first(tx.connection())
        .optional()?;
    let Some(webhook_id) = webhook_id else { return Ok(None) };
    let not_before = match attempt.outcome {
        AttemptOutcome::Failed(_) => attempt.retry_after.map(|wait| now + wait.min(MAX_RETRY_AFTER)),
        AttemptOutcome::Delivered | AttemptOutcome::Gone => None,
    };
    let of_webhook = webhooks::table.find(&webhook_id);
    if attempt.outcome == AttemptOutcome::Delivered {
        diesel::update(of_webhook)
            .set(webhooks::failing_since.eq(None::<Timestamp>))
            .execute(tx.connection())?;
    } else {
        diesel::update(of_webhook.filter(webhooks::failing_since.is_null()))
            .set(webhooks::failing_since.eq(Some(now)))
            .execute(tx.connection())?;
    }
    let webhook: Option<Webhook> = diesel::update(of_webhook)
        .set(webhooks::not_before.eq(not_before))
        .returning(columns_of::<Webhook>())
        .get_result(tx.connection())
        .optional()?;
    // Removed meanwhile, with its messages.
    let Some(webhook) = webhook else { return Ok(None) };
    let Some(attempts) = events::count_attempt(tx, delivery_id)? else { return Ok(None) };
    let (state, error, next) = match &attempt.outcome {
        AttemptOutcome::Delivered => (DeliveryState::Delivered, None, None),
        AttemptOutcome::Gone => (DeliveryState::Failed, Some("The receiver accepts no more events."), None),
        AttemptOutcome::Failed(reason) => match pause_after(attempts, delivery_id) {
            Some(pause) => {
                let next = (now + pause).max(not_before.unwrap_or(now));
                (DeliveryState::Pending, Some(reason.as_str()), Some(next))
            }
            None => (DeliveryState::Failed, Some(reason.as_str()), None),
        },
    };
    let settled = Settled {
        state,
        next_attempt_at: next,
        status: attempt.status,
        error,
        response: attempt.response.as_deref(),
    };
    events::settle(tx, delivery_id, &settled, now)?;
    Ok(Some((webhook, state)))
}

/// Switches a webhook off that reaches nobody, and tells the administrators.
fn switch_off(
    tx: &mut Tx<'_>,
    webhook: &Webhook,
    failure: WebhookFailure,
    now: Timestamp,
) -> Result<(), DbError> {
    if !webhook.is_active() {
        return Ok(());
    }
    let organization_id: String =
        webhooks::table.find(&webhook.id).select(webhooks::organization_id).first(tx.connection())?;
    let Some(organization) = organization::by_id(tx.connection(), &organization_id)? else { return Ok(()) };
    set_disabled(tx.connection(), &webhook.id, Some(now), Some(failure))?;
    let (system, detail) = (Actor::System { ip: None }, Detail::WebhookFailure { reason: failure });
    record(tx, &organization_id, &system, Action::WebhookDeactivated, webhook, Some(detail), now)?;
    let message = Message::WebhookDeactivated {
        organization: organization.name,
        organization_id: organization.id,
        webhook_id: webhook.id.clone(),
        address: webhook.url_without_query().to_owned(),
        reason: failure.sentence().to_owned(),
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
