//! What happens, as facts: each event is noted in the audit log and told to the webhooks that ask
//! for it, in the transaction of the change.
//!
//! Whoever changes something calls `record`. The log is read by [`audit`](super::audit); what is
//! queued for webhooks is managed and delivered by [`webhooks`](super::webhooks).

mod action;
mod detail;
mod event_type;
pub mod stops;
mod webhook_queue;

pub use crate::vocabulary::WebhookFailure;
pub use action::{Action, Area};
pub use detail::{Detail, WebhookSetting};
pub use event_type::{EventGroup, EventType, Events, EventsError};
pub(super) use webhook_queue::{
    KeyFacts, Settled, count_attempt, give_up, purge_deliveries, queue_for_key, queue_for_organization,
    queue_test, requeue, settle,
};

use diesel::prelude::*;

use super::{
    access::Actor,
    id::new_id,
    rotation::{GracePeriod, Starts},
    schema::audit_events,
    search,
};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
    folding::terms::{Searched, event_key},
};

/// What to note.
#[derive(Clone, Debug)]
pub(super) struct Event<'a> {
    /// The organization concerned, if any.
    pub organization_id: Option<&'a str>,
    /// Who did it.
    pub actor: &'a Actor,
    /// What was done.
    pub action: Action,
    /// To what.
    pub subject_id: Option<&'a str>,
    /// Its name at that time.
    pub subject_name: &'a str,
    /// What there is to tell beside that.
    pub detail: Option<Detail>,
}

/// Notes an event in the transaction of the change, and queues the messages to webhooks about it.
pub(super) fn record(tx: &mut Tx<'_>, event: &Event<'_>, now: Timestamp) -> Result<(), DbError> {
    let details = event.detail.as_ref().map(Detail::to_json).transpose()?;
    let search_text = details.as_ref().map(detail::search_text);
    let ip = event.actor.ip().map(|ip| ip.to_string());
    let searched =
        [Some(event.actor.name()), Some(event.subject_name), search_text.as_deref(), ip.as_deref()];
    let (id, search_key) = (new_id(now), event_key(searched.into_iter().flatten()));
    diesel::insert_into(audit_events::table)
        .values((
            audit_events::id.eq(&id),
            audit_events::organization_id.eq(event.organization_id),
            audit_events::actor_kind.eq(event.actor.kind()),
            audit_events::actor_id.eq(event.actor.id()),
            audit_events::actor_name.eq(event.actor.name()),
            audit_events::action.eq(event.action.as_str()),
            audit_events::subject_id.eq(event.subject_id),
            audit_events::subject_name.eq(event.subject_name),
            audit_events::details.eq(details.as_ref().map(ToString::to_string)),
            audit_events::search_text.eq(&search_text),
            audit_events::search_key.eq(&search_key),
            audit_events::ip.eq(&ip),
            audit_events::created_at.eq(now),
        ))
        .execute(tx.connection())?;
    if let Some(organization_id) = event.organization_id {
        search::write(tx.connection(), organization_id, &id, &Searched::Event { search_key: &search_key })?;
    }
    webhook_queue::queue_for_event(tx, event, now)?;
    if event.ends_secrets() { stops::note(tx, &id, now) } else { Ok(()) }
}

impl Event<'_> {
    /// Whether some secret that was accepted is not any more. One that goes on for a while ends by the clock of each
    /// node.
    fn ends_secrets(&self) -> bool {
        const IMMEDIATELY: (Option<GracePeriod>, Option<Starts>) =
            (Some(GracePeriod::None), Some(Starts::Immediately));
        self.action.ends_secrets()
            || matches!(
                self.detail,
                Some(Detail::Rotation { grace_period, starts, .. }) if (grace_period, starts) == IMMEDIATELY
            )
    }
}
