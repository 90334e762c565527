//! Messages to webhooks: written in the transaction of the change that they speak of, and kept until
//! they are delivered or given up. All that is written of them is written here.

use diesel::prelude::*;
use serde::Serialize;
use time::Duration;

use super::{Action, Detail, Event, EventType, Events};
use crate::{
    clock::Timestamp,
    db::{Change, DbError, Tx},
    domain::{
        access::Actor,
        id::new_id,
        instants::{self, rfc3339},
        organization::{self, Organization},
        schema::{api_keys, organizations, webhook_deliveries, webhooks},
    },
    vocabulary::DeliveryState,
};

/// The `type` of a message that somebody sends to try the receiver.
const TEST_EVENT: &str = "webhook.test";

/// How long a message stays in the log, or waits for a webhook that is switched off.
const KEEP: Duration = Duration::days(30);

/// What a message says; the shape that Standard Webhooks recommends. Receivers rely on it: fields
/// are added, never renamed or removed.
#[derive(Serialize)]
struct Payload<'a> {
    r#type: &'a str,
    /// When it happened.
    #[serde(with = "instants")]
    timestamp: Timestamp,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    organization: Named<'a>,
    subject: Subject<'a>,
    actor: Who<'a>,
    /// What the API's audit log tells under the same name.
    details: Option<&'a Detail>,
}

#[derive(Serialize)]
struct Named<'a> {
    id: &'a str,
    name: &'a str,
}

/// What a message is about.
#[derive(Serialize)]
struct Subject<'a> {
    /// `api_key`, `member`, `invitation`, `organization` or `webhook`.
    kind: &'a str,
    id: Option<&'a str>,
    /// Its name at that time; the address of an invitation.
    name: &'a str,
    /// Prefix, first four … last four of a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    masked: Option<&'a str>,
    /// The end of a key that has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

#[derive(Clone, Copy, Serialize)]
pub(super) struct Who<'a> {
    /// `user`, `master_token` or `system`.
    pub kind: &'a str,
    pub id: Option<&'a str>,
    pub name: &'a str,
}

fn who(actor: &Actor) -> Who<'_> {
    Who { kind: actor.kind(), id: actor.id(), name: actor.name() }
}

/// What messages tell of a key.
pub(in crate::domain) struct KeyFacts<'a> {
    /// The key's id.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Prefix, first four … last four.
    pub masked: &'a str,
    /// When it expires, if it does.
    pub expires_at: Option<Timestamp>,
}

/// Queues messages about what the audit log notes, where somebody wants them.
pub(super) fn queue_for_event(tx: &mut Tx<'_>, event: &Event<'_>, now: Timestamp) -> Result<(), DbError> {
    let (Some(organization_id), Some(event_type)) =
        (event.organization_id, EventType::of_action(event.action))
    else {
        return Ok(());
    };
    // The audit log names the invitation; whoever follows members wants the new one.
    let (subject_id, subject_name) = match event.action {
        Action::Joined => (event.actor.id(), event.actor.name()),
        _ => (event.subject_id, event.subject_name),
    };
    let told = Told {
        organization_id,
        actor: who(event.actor),
        subject_id,
        subject_name,
        // Of a removed key, the details are what is left.
        masked_before: event.detail.as_ref().and_then(Detail::masked),
        details: event.detail.as_ref(),
    };
    queue_about(tx, event_type, &told, now)
}

/// What messages about an event tell.
pub(super) struct Told<'a> {
    pub organization_id: &'a str,
    pub actor: Who<'a>,
    pub subject_id: Option<&'a str>,
    pub subject_name: &'a str,
    /// The masked form of a key's secret, should the key be gone.
    pub masked_before: Option<&'a str>,
    pub details: Option<&'a Detail>,
}

/// Queues messages of one type, where somebody wants them.
pub(super) fn queue_about(
    tx: &mut Tx<'_>,
    event_type: EventType,
    told: &Told<'_>,
    now: Timestamp,
) -> Result<(), DbError> {
    let organization_id = told.organization_id;
    let receivers = receivers(tx, organization_id, event_type)?;
    if receivers.is_empty() {
        return Ok(());
    }
    let Some(organization) = organization::by_id(tx.connection(), organization_id)? else { return Ok(()) };
    let kind = event_type.group().subject_kind();
    let key = match (kind, told.subject_id) {
        ("api_key", Some(id)) => key_columns(tx, id)?,
        _ => None,
    };
    let masked_before = told.masked_before.filter(|_| kind == "api_key");
    let masked = key.as_ref().map(|(masked, _)| masked.as_str()).or(masked_before);
    let expires_at = key.as_ref().and_then(|(_, end)| *end).map(rfc3339);
    let subject = Subject { kind, id: told.subject_id, name: told.subject_name, masked, expires_at };
    let payload = payload(event_type.as_str(), &organization, subject, told.actor, told.details, now)?;
    queue(tx, &receivers, event_type.as_str(), &payload, now)
}

/// Queues messages about a key to which nobody did anything.
pub(in crate::domain) fn queue_for_key(
    tx: &mut Tx<'_>,
    organization: &Organization,
    event_type: EventType,
    key: &KeyFacts<'_>,
    detail: &Detail,
    now: Timestamp,
) -> Result<(), DbError> {
    let receivers = receivers(tx, &organization.id, event_type)?;
    let subject = Subject {
        kind: event_type.group().subject_kind(),
        id: Some(key.id),
        name: key.name,
        masked: Some(key.masked),
        expires_at: key.expires_at.map(rfc3339),
    };
    let system = Actor::System { ip: None };
    let payload = payload(event_type.as_str(), organization, subject, who(&system), Some(detail), now)?;
    queue(tx, &receivers, event_type.as_str(), &payload, now)
}

/// Queues messages about an organization to which nobody did anything.
pub(in crate::domain) fn queue_for_organization(
    tx: &mut Tx<'_>,
    organization: &Organization,
    event_type: EventType,
    detail: &Detail,
    now: Timestamp,
) -> Result<(), DbError> {
    let receivers = receivers(tx, &organization.id, event_type)?;
    let subject = Subject {
        kind: event_type.group().subject_kind(),
        id: Some(&organization.id),
        name: &organization.name,
        masked: None,
        expires_at: None,
    };
    let system = Actor::System { ip: None };
    let payload = payload(event_type.as_str(), organization, subject, who(&system), Some(detail), now)?;
    queue(tx, &receivers, event_type.as_str(), &payload, now)
}

/// Queues a message that tells of nothing to one webhook, known by id and address.
pub(in crate::domain) fn queue_test(
    tx: &mut Tx<'_>,
    organization: &Organization,
    (webhook_id, address): (&str, &str),
    actor: &Actor,
    now: Timestamp,
) -> Result<(), DbError> {
    let subject =
        Subject { kind: "webhook", id: Some(webhook_id), name: address, masked: None, expires_at: None };
    let payload = payload(TEST_EVENT, organization, subject, who(actor), None, now)?;
    queue(tx, &[webhook_id.to_owned()], TEST_EVENT, &payload, now)
}

/// The active webhooks of the organization that are told of `event_type`. One whose choice of events
/// cannot be read is told of nothing, and the change goes on.
fn receivers(tx: &mut Tx<'_>, organization_id: &str, event_type: EventType) -> Result<Vec<String>, DbError> {
    let active: Vec<String> = webhooks::table
        .inner_join(organizations::table)
        .filter(webhooks::organization_id.eq(organization_id).and(webhooks::disabled_at.is_null()))
        .filter(organizations::removed_at.is_null())
        .order(webhooks::id)
        .select(webhooks::id)
        .load(tx.connection())?;
    let mut receivers = Vec::new();
    for webhook_id in active {
        let events = webhooks::table.find(&webhook_id).select(webhooks::events).first(tx.connection());
        match events.map_err(DbError::from) {
            Ok(events) => {
                let events: Events = events;
                if events.contain(event_type) {
                    receivers.push(webhook_id);
                }
            }
            Err(DbError::Unreadable(reason)) => {
                tracing::error!(
                    webhook = webhook_id,
                    reason,
                    "a webhook that cannot be read is told of nothing"
                );
            }
            Err(error) => return Err(error),
        }
    }
    Ok(receivers)
}

fn key_columns(tx: &mut Tx<'_>, key_id: &str) -> Result<Option<(String, Option<Timestamp>)>, DbError> {
    Ok(api_keys::table
        .find(key_id)
        .select((api_keys::masked, api_keys::expires_at))
        .first(tx.connection())
        .optional()?)
}

/// The text of a message.
fn payload(
    event: &str,
    organization: &Organization,
    subject: Subject<'_>,
    actor: Who<'_>,
    details: Option<&Detail>,
    now: Timestamp,
) -> Result<String, DbError> {
    let payload = Payload {
        r#type: event,
        timestamp: now,
        data: Data {
            organization: Named { id: &organization.id, name: &organization.name },
            subject,
            actor,
            details,
        },
    };
    serde_json::to_string(&payload).map_err(DbError::Encoding)
}

/// Queues one message for each of `receivers`, each with an id of its own.
fn queue(
    tx: &mut Tx<'_>,
    receivers: &[String],
    event: &str,
    payload: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    for webhook_id in receivers {
        diesel::insert_into(webhook_deliveries::table)
            .values((
                webhook_deliveries::id.eq(format!("msg_{}", new_id(now))),
                webhook_deliveries::webhook_id.eq(webhook_id),
                webhook_deliveries::event.eq(event),
                webhook_deliveries::payload.eq(payload),
                webhook_deliveries::state.eq(DeliveryState::Pending),
                webhook_deliveries::next_attempt_at.eq(now),
                webhook_deliveries::created_at.eq(now),
            ))
            .execute(tx.connection())?;
        tx.changed(Change::WebhookQueued);
    }
    Ok(())
}

/// Has a message delivered once more, under the same id, or immediately if it is pending.
pub(in crate::domain) fn requeue(tx: &mut Tx<'_>, delivery_id: &str, now: Timestamp) -> Result<(), DbError> {
    diesel::update(webhook_deliveries::table.find(delivery_id))
        .set((
            webhook_deliveries::state.eq(DeliveryState::Pending),
            webhook_deliveries::attempts.eq(0),
            webhook_deliveries::next_attempt_at.eq(now),
            webhook_deliveries::finished_at.eq(None::<Timestamp>),
        ))
        .execute(tx.connection())?;
    tx.changed(Change::WebhookQueued);
    Ok(())
}

/// Counts an attempt, and tells how many there were; `None` for a message that is gone. From then on nobody else
/// changes it until the transaction ends.
pub(in crate::domain) fn count_attempt(tx: &mut Tx<'_>, delivery_id: &str) -> Result<Option<i32>, DbError> {
    Ok(diesel::update(webhook_deliveries::table.find(delivery_id))
        .set(webhook_deliveries::attempts.eq(webhook_deliveries::attempts + 1))
        .returning(webhook_deliveries::attempts)
        .get_result(tx.connection())
        .optional()?)
}

/// Where an attempt leaves a message.
pub(in crate::domain) struct Settled<'a> {
    /// Where it is on its way now.
    pub state: DeliveryState,
    /// When the next one is due, if one is.
    pub next_attempt_at: Option<Timestamp>,
    /// The status that the receiver answered.
    pub status: Option<u16>,
    /// Why it failed, if it did.
    pub error: Option<&'a str>,
    /// The beginning of what the receiver answered.
    pub response: Option<&'a str>,
}

/// Notes what became of an attempt.
pub(in crate::domain) fn settle(
    tx: &mut Tx<'_>,
    delivery_id: &str,
    settled: &Settled<'_>,
    now: Timestamp,
) -> Result<(), DbError> {
    let row = webhook_deliveries::table.find(delivery_id);
    diesel::update(row)
        .set((
            webhook_deliveries::state.eq(settled.state),
            // A column that is not set stays as it is.
            settled.next_attempt_at.map(|at| webhook_deliveries::next_attempt_at.eq(at)),
            webhook_deliveries::last_attempt_at.eq(Some(now)),
            webhook_deliveries::last_status.eq(settled.status.map(i32::from)),
            webhook_deliveries::last_error.eq(settled.error),
            webhook_deliveries::response.eq(settled.response),
            webhook_deliveries::finished_at.eq(Some(now).filter(|_| settled.state != DeliveryState::Pending)),
        ))
        .execute(tx.connection())?;
    Ok(())
}

/// Gives up a message that cannot even be read.
pub(in crate::domain) fn give_up(
    tx: &mut Tx<'_>,
    delivery_id: &str,
    error: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    diesel::update(webhook_deliveries::table.find(delivery_id))
        .set((
            webhook_deliveries::state.eq(DeliveryState::Failed),
            webhook_deliveries::last_error.eq(Some(error)),
            webhook_deliveries::finished_at.eq(Some(now)),
        ))
        .execute(tx.connection())?;
    Ok(())
}

/// Forgets messages from long ago.
pub(in crate::domain) fn purge_deliveries(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, DbError> {
    let old = webhook_deliveries::table.filter(webhook_deliveries::created_at.lt(now - KEEP));
    Ok(diesel::delete(old).execute(tx.connection())?)
}
