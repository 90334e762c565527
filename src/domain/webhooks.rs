//! Webhooks: messages about an organization's keys and members to addresses of its choice.
//!
//! A message is a row, queued by [`events`](super::events) in the transaction of the change it speaks
//! of and delivered after the commit by [`crate::webhooks`]. Form and signature follow Standard
//! Webhooks.

mod address;
mod attempts;
mod backlog;
mod deliveries;
mod manage;

pub use address::{AllowedNetworks, MAX_URL_LENGTH, UrlError, WebhookUrl};
pub use attempts::{
    Attempt, AttemptOutcome, Outgoing, UnreadableDelivery, Waiting, give_up, next_of, record_attempt,
    record_attempt_beside, waiting,
};
pub use backlog::{Backlog, backlog};
pub use deliveries::{
    Delivery, deliveries, delivery, last_deliveries, list_after, purge_expired, resend, send_test,
};
pub use manage::{change, check_room, count, create, find, list, remove, rotate_secret, switch};

pub use super::events::{EventGroup, EventType, Events, EventsError};

use diesel::prelude::*;
use time::Duration;

use super::schema::webhooks;
use crate::clock::Timestamp;
pub use crate::vocabulary::{DeliveryState, WebhookFailure};

/// How long the secret before a rotation goes on signing beside the new one.
pub const SECRET_GRACE_PERIOD: Duration = Duration::hours(24);

/// A webhook, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = webhooks)]
pub struct Webhook {
    /// The webhook's id.
    pub id: String,
    /// Where its messages go. The query may hold a secret of the receiver's: show [`Webhook::url_without_query`].
    pub url: String,
    /// What it is for.
    pub description: Option<String>,
    /// What it is told of.
    pub events: Events,
    /// Until when the secret before the last rotation signs, too.
    pub previous_secret_until: Option<Timestamp>,
    /// Since when it is switched off, if it is.
    pub disabled_at: Option<Timestamp>,
    /// Why it was switched off, where nobody did it.
    pub disabled_because: Option<WebhookFailure>,
    /// Since when every attempt has failed, if the last one did.
    pub failing_since: Option<Timestamp>,
    /// Who created it, by name at that time.
    pub created_by: String,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Webhook {
    /// Whether messages are sent to it.
    pub fn is_active(&self) -> bool {
        self.disabled_at.is_none()
    }

    /// The address without its query, for lists, mails and the audit log.
    pub fn url_without_query(&self) -> &str {
        self.url.split_once('?').map_or(&self.url, |(address, _)| address)
    }
}

/// A webhook to create, or what one is changed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWebhook {
    /// Where its messages go.
    pub url: WebhookUrl,
    /// What it is for.
    pub description: Option<String>,
    /// What it is told of.
    pub events: Events,
}
