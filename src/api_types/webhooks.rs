//! Webhooks and their messages.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::keys::{Given, given};
use crate::vocabulary::{DeliveryState, WebhookFailure, WebhookStatus};

/// A webhook without its secrets.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Webhook {
    /// The id.
    pub id: String,
    /// Where its messages go, without the query, which may hold a secret of the receiver’s.
    #[schema(format = "uri", example = "https://example.com/webhooks")]
    pub url_without_query: String,
    /// What it is for.
    #[schema(required = true, example = "Chat channel of the operators")]
    pub description: Option<String>,
    /// What it is told of; empty for everything, also what later versions tell.
    #[schema(example = json!(["api_key.expiring", "api_key.leaked"]))]
    pub events: Vec<String>,
    /// Whether messages are sent to it.
    pub status: WebhookStatus,
    /// Why it was deactivated, where nobody did it; null otherwise.
    #[schema(required = true)]
    pub deactivated_because: Option<WebhookFailure>,
    /// Who created it, by name at that time.
    pub created_by: String,
    /// When it was created.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Until when the secret before the last rotation signs, too; null for one that was never
    /// rotated.
    #[schema(required = true, format = DateTime)]
    pub previous_secret_until: Option<String>,
}

/// A webhook with its signing secret, which is told this once.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct WebhookWithSecret {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: Webhook,
    /// The secret that signs its messages (Standard Webhooks). It cannot be told again.
    #[schema(example = "whsec_MfKQ9r8G…")]
    pub secret: String,
}

/// A webhook to create.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// Where its messages go, over https.
    #[schema(format = "uri", max_length = 2000, example = "https://example.com/webhooks")]
    pub url: String,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 200, example = "Chat channel of the operators")]
    pub description: Option<String>,
    /// What it is told of; left out or empty for everything, also what later versions tell.
    #[serde(default)]
    #[schema(example = json!(["api_key.expiring", "api_key.leaked"]))]
    pub events: Vec<String>,
}

/// What to change of a webhook; what is left out stays.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookChange {
    /// Where its messages go, over https. Those that wait go there, too.
    #[schema(format = "uri", max_length = 2000, example = "https://example.com/webhooks")]
    pub url: Option<String>,
    /// What it is for; null for nothing in particular.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 200, example = "Chat channel of the operators")]
    pub description: Given<String>,
    /// What it is told of; empty for everything, also what later versions tell.
    #[schema(example = json!(["api_key.expiring", "api_key.leaked"]))]
    pub events: Option<Vec<String>>,
}

/// A message of a webhook, and what became of it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// The message’s id, which the receiver gets as `webhook-id` at every attempt.
    #[schema(example = "msg_019a8f3e-7b1c-7d2e-9f40-5a6b7c8d9e0f")]
    pub id: String,
    /// The `type` of the message.
    #[schema(example = "api_key.leaked")]
    pub event: String,
    /// Where it is on its way.
    pub state: DeliveryState,
    /// Attempts made so far; counted anew when it is sent again.
    #[schema(example = 1)]
    pub attempts: i32,
    /// When the next attempt is due; null once it waits for none.
    #[schema(required = true, format = DateTime)]
    pub next_attempt_at: Option<String>,
    /// When it was last tried; null for never.
    #[schema(required = true, format = DateTime)]
    pub last_attempt_at: Option<String>,
    /// The status that the receiver answered last; null for none.
    #[schema(required = true, example = 204)]
    pub last_status: Option<i32>,
    /// Why the last attempt failed; null if it did not.
    #[schema(required = true)]
    pub last_error: Option<String>,
    /// When it was queued.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it was delivered or given up; null while it waits.
    #[schema(required = true, format = DateTime)]
    pub finished_at: Option<String>,
}

/// A message of a webhook, what it says, and what the receiver said.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DeliveryWithPayload {
    /// The message, and what became of it.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// The message itself.
    #[schema(value_type = Object)]
    pub payload: Value,
    /// The beginning of what the receiver answered last; null for nothing.
    #[schema(required = true)]
    pub response: Option<String>,
}
