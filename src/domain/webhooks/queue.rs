//! Messages, written in the transaction of the change that they speak of.

use diesel::prelude::*;
use serde::Serialize;
use time::format_description::well_known::Rfc3339;

use super::{DeliveryState, EventType, Events};
use crate::{
    clock::Timestamp,
    db::{Change, DbError, Tx},
    domain::{
        access::Actor,
        api_keys::ApiKey,
        audit::{Action, Event},
        id::new_id,
        organization::{self, Organization},
        schema::{api_keys, webhook_deliveries, webhooks},
    },
};

/// What a message says; the shape that Standard Webhooks recommends. Receivers rely on it: fields
/// are added, never renamed or removed.
#[derive(Serialize)]
struct Payload<'a> {
    r#type: &'a str,
    /// When it happened.
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    organization: Named<'a>,
    subject: Subject<'a>,
    actor: Who<'a>,
    /// More, in words for people: "from User to Supervisor".
    detail: Option<&'a str>,
}

#[derive(Serialize)]
struct Named<'a> {
    id: &'a str,
    name: &'a str,
}

/// What a message is about.
#[derive(Clone, Copy, Debug, Serialize)]
pub(in crate::domain) struct Subject<'a> {
    /// `api_key`, `member`, `invitation` or `webhook`.
    pub kind: &'a str,
    /// Its id.
    pub id: Option<&'a str>,
    /// Its name at that time; the address of an invitation.
    pub name: &'a str,
    /// Prefix, first four … last four of a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masked: Option<&'a str>,
    /// The end of a key that has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<&'a str>,
}

#[derive(Serialize)]
struct Who<'a> {
    /// `user`, `master_token` or `system`.
    kind: &'a str,
    id: Option<&'a str>,
    name: &'a str,
}

/// Queues messages about what the audit log notes, where somebody wants them.
pub(in crate::domain) fn queue_for_audit(
    tx: &mut Tx<'_>,
    event: &Event<'_>,
    now: Timestamp,
) -> Result<(), DbError> {
    let (Some(organization_id), Some(event_type)) =
        (event.organization_id, EventType::of_action(event.action))
    else {
        return Ok(());
    };
    let receivers = receivers(tx, organization_id, event_type)?;
    if receivers.is_empty() {
        return Ok(());
    }
    let mut subject = Subject {
        kind: event_type.group().subject_kind(),
        id: event.subject_id,
        name: event.subject_name,
        masked: None,
        expires_at: None,
    };
    // The audit log names the invitation; whoever follows members wants the new one.
    if event.action == Action::Joined {
        subject = Subject { id: event.actor.id(), name: event.actor.name(), ..subject };
    }
    let key = match (event_type.group().subject_kind(), event.subject_id) {
        ("api_key", Some(id)) => key_facts(tx, id)?,
        _ => None,
    };
    let end = key.as_ref().and_then(|(_, end)| *end).map(rfc3339);
    // Of a removed key, the audit log's detail is what is left.
    let masked = key
        .map(|(masked, _)| masked)
        .or_else(|| event.detail.clone().filter(|_| event.action == Action::KeyRemoved));
    let detail = event.detail.as_deref().filter(|detail| Some(*detail) != masked.as_deref());
    let subject = Subject { masked: masked.as_deref(), expires_at: end.as_deref(), ..subject };
    let Some(organization) = organization::by_id(tx.connection(), organization_id)? else { return Ok(()) };
    let payload = payload(event_type.as_str(), &organization, subject, event.actor, detail, now)?;
    queue(tx, &receivers, event_type.as_str(), &payload, now)
}

/// Queues messages about a key to which nobody did anything.
pub(in crate::domain) fn queue_for_key(
    tx: &mut Tx<'_>,
    organization: &Organization,
    event_type: EventType,
    key: &ApiKey,
    detail: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let receivers = receivers(tx, &organization.id, event_type)?;
    let end = key.expires_at.map(rfc3339);
    let subject = Subject {
        kind: event_type.group().subject_kind(),
        id: Some(&key.id),
        name: &key.name,
        masked: Some(&key.masked),
        expires_at: end.as_deref(),
    };
    let system = Actor::System { ip: None };
    let payload = payload(event_type.as_str(), organization, subject, &system, Some(detail), now)?;
    queue(tx, &receivers, event_type.as_str(), &payload, now)
}

/// The active webhooks of the organization that are told of `event_type`.
fn receivers(tx: &mut Tx<'_>, organization_id: &str, event_type: EventType) -> Result<Vec<String>, DbError> {
    let active: Vec<(String, Events)> = webhooks::table
        .filter(webhooks::organization_id.eq(organization_id).and(webhooks::disabled_at.is_null()))
        .order(webhooks::id)
        .select((webhooks::id, webhooks::events))
        .load(tx.connection())?;
    Ok(active.into_iter().filter(|(_, events)| events.contain(event_type)).map(|(id, _)| id).collect())
}

fn key_facts(tx: &mut Tx<'_>, key_id: &str) -> Result<Option<(String, Option<Timestamp>)>, DbError> {
    Ok(api_keys::table
        .find(key_id)
        .select((api_keys::masked, api_keys::expires_at))
        .first(tx.connection())
        .optional()?)
}

/// The text of a message.
pub(super) fn payload(
    event: &str,
    organization: &Organization,
    subject: Subject<'_>,
    actor: &Actor,
    detail: Option<&str>,
    now: Timestamp,
) -> Result<String, DbError> {
    let payload = Payload {
        r#type: event,
        timestamp: rfc3339(now),
        data: Data {
            organization: Named { id: &organization.id, name: &organization.name },
            subject,
            actor: Who { kind: actor.kind(), id: actor.id(), name: actor.name() },
            detail,
        },
    };
    serde_json::to_string(&payload).map_err(DbError::Encoding)
}

/// Queues one message for each of `receivers`, each with an id of its own.
pub(super) fn queue(
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
                webhook_deliveries::state.eq(DeliveryState::Pending.as_str()),
                webhook_deliveries::next_attempt_at.eq(now),
                webhook_deliveries::created_at.eq(now),
            ))
            .execute(tx.connection())?;
        tx.changed(Change::WebhookQueued);
    }
    Ok(())
}

fn rfc3339(at: Timestamp) -> String {
    // Every instant of ours has a year that RFC 3339 can write.
    at.assume_utc().format(&Rfc3339).unwrap_or_default()
}
