//! A webhook as the API shows it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{domain::webhooks::Webhook as StoredWebhook, vocabulary::WebhookStatus, web::display};

/// A webhook without its secrets.
#[derive(Debug, Serialize, ToSchema)]
pub struct Webhook {
    /// The id.
    pub id: String,
    /// Where its messages go, without the query, which may hold a secret of the receiver’s.
    #[schema(format = "uri", example = "https://example.com/webhooks")]
    pub address: String,
    /// What it is for.
    #[schema(example = "Chat channel of the operators")]
    pub description: Option<String>,
    /// What it is told of; empty for everything, also what later versions tell.
    #[schema(example = json!(["api_key.expiring", "api_key.leaked"]))]
    pub events: Vec<String>,
    /// Whether messages are sent to it.
    pub status: WebhookStatus,
    /// Why it was deactivated, where nobody did it; null otherwise.
    #[schema(example = "No message has arrived for five days.")]
    pub deactivated_because: Option<String>,
    /// Who created it, by name at that time.
    pub created_by: String,
    /// When it was created.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Until when the secret before the last rotation signs, too; null for one that was never
    /// rotated.
    #[schema(format = DateTime)]
    pub previous_secret_until: Option<String>,
}

impl From<&StoredWebhook> for Webhook {
    fn from(webhook: &StoredWebhook) -> Self {
        let names = if webhook.events.are_all() { Vec::new() } else { webhook.events.names() };
        Self {
            id: webhook.id.clone(),
            address: webhook.address().to_owned(),
            description: webhook.description.clone(),
            events: names.into_iter().map(str::to_owned).collect(),
            status: if webhook.is_active() { WebhookStatus::Active } else { WebhookStatus::Deactivated },
            deactivated_because: webhook.disabled_because.clone(),
            created_by: webhook.created_by.clone(),
            created_at: display::iso(&webhook.created_at),
            previous_secret_until: webhook.previous_secret_until.map(|at| display::iso(&at)),
        }
    }
}

/// A webhook with its signing secret, which is told this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookWithSecret {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: Webhook,
    /// The secret that signs its messages (Standard Webhooks). It cannot be told again.
    #[schema(example = "whsec_MfKQ9r8G…")]
    pub secret: String,
}
