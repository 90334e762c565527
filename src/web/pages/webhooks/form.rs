//! The fields of a webhook, in "New webhook" and in its settings.

use std::fmt::Debug;

use ipnet::IpNet;
use serde::Deserialize;

use crate::{
    clock::Timestamp,
    domain::{
        key_settings,
        webhooks::{AllowedNetworks, EventType, Events, NewWebhook, Webhook, WebhookUrl},
    },
    web::{form::FieldErrors, form_id::FormId, shown::Shown},
};

/// A webhook as it was typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookForm {
    pub(super) url: String,
    pub(super) description: String,
    pub(super) events: Vec<String>,
    pub(super) form_id: FormId,
    /// Of a webhook that is edited.
    pub(super) shown: Shown,
}

/// What is edited of a webhook.
pub(super) fn values(webhook: &Webhook) -> impl Debug {
    (&webhook.url, &webhook.description, &webhook.events)
}

impl WebhookForm {
    /// An empty form, told of everything.
    pub(super) fn new(now: Timestamp) -> Self {
        Self { events: names(&Events::all()), form_id: FormId::new(now), ..Self::default() }
    }

    /// What a webhook is now.
    pub(super) fn of(webhook: &Webhook) -> Self {
        Self {
            url: webhook.url.clone(),
            description: webhook.description.clone().unwrap_or_default(),
            events: names(&webhook.events),
            form_id: FormId::default(),
            shown: Shown::of(&values(webhook)),
        }
    }

    /// The webhook; what is wrong with it is added to `errors`.
    pub(super) fn parse(&self, networks: &[IpNet], errors: &mut FieldErrors) -> Option<NewWebhook> {
        let url = errors.check("url", WebhookUrl::parse(&self.url, &AllowedNetworks::new(networks)));
        let description = errors.check("description", key_settings::parse_description(&self.description));
        let events = errors.check("events", Events::chosen(self.events.iter().map(String::as_str)));
        Some(NewWebhook { url: url?, description: description?, events: events? })
    }

    /// Whether an event is ticked.
    pub(super) fn has(&self, event: &EventType) -> bool {
        self.events.iter().any(|name| name == event.as_str())
    }
}

fn names(events: &Events) -> Vec<String> {
    events.names().into_iter().map(str::to_owned).collect()
}
