//! A webhook as the API shows it.

use crate::{
    api_types::Webhook, domain::webhooks::Webhook as StoredWebhook, vocabulary::WebhookStatus, web::display,
};

impl From<&StoredWebhook> for Webhook {
    fn from(webhook: &StoredWebhook) -> Self {
        let names = if webhook.events.are_all() { Vec::new() } else { webhook.events.names() };
        Self {
            id: webhook.id.clone(),
            url_without_query: webhook.url_without_query().to_owned(),
            description: webhook.description.clone(),
            events: names.into_iter().map(str::to_owned).collect(),
            status: if webhook.is_active() { WebhookStatus::Active } else { WebhookStatus::Deactivated },
            deactivated_because: webhook.disabled_because,
            created_by: webhook.created_by.clone(),
            created_at: display::iso(&webhook.created_at),
            previous_secret_until: webhook.previous_secret_until.map(|at| display::iso(&at)),
        }
    }
}
