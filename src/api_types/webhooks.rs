//! Webhooks and their messages.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::keys::{Given, given};
use crate::vocabulary::{DeliveryState, WebhookFailure, WebhookStatus};

/// A webhook without its secrets.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Webhook {
    /// The ID.
    pub id: String,
    /// The URL that events are sent to, without the query, which may contain a secret.
    #[schema(format = "uri", example = "https://example.com/webhooks")]
    pub url_without_query: String,
    /// What the webhook is for.
    #[schema(required = true, example = "Chat channel of the operators")]
    pub description: Option<String>,
    /// The event types to send. Empty: all events, including future types.
    #[schema(example = json!(["api_key.expiring", "api_key.leaked"]))]
    pub events: Vec<String>,
    /// Whether events are sent.
    pub status: WebhookStatus,
    /// Why the webhook was deactivated automatically; null otherwise.
    #[schema(required = true)]
    pub deactivated_because: Option<WebhookFailure>,
    /// The person or master token that created the webhook, by their name at that time.
    #[schema(example = "Dana Whitfield")]
    pub created_by: String,
    /// When the webhook was created.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Until when the previous secret also signs; null if the secret was never rotated.
    #[schema(required = true, format = DateTime)]
    pub previous_secret_until: Option<String>,
}

/// A webhook with its signing secret. The secret is returned only once.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct WebhookWithSecret {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: Webhook,
    /// The secret that signs events (Standard Webhooks). It can’t be retrieved again.
    #[schema(example = "whsec_MfKQ9r8G…")]
    pub secret: String,
}

/// A webhook to create.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// The https URL to send events to.
    #[schema(format = "uri", max_length = 2000, example = "https://example.com/webhooks")]
    pub url: String,
    /// What the webhook is for.
    #[serde(default)]
    #[schema(max_length = 200, example = "Chat channel of the operators")]
    pub description: Option<String>,
    /// The event types to send. Empty or omitted: all events, including future types.
    #[serde(default)]
    #[schema(example = json!(["api_key.expiring", "api_key.leaked"]))]
    pub events: Vec<String>,
}

/// Changes to a webhook. Omitted fields stay the same.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookChange {
    /// The https URL to send events to. Pending deliveries go to the new URL.
    #[schema(format = "uri", max_length = 2000, example = "https://example.com/webhooks")]
    pub url: Option<String>,
    /// What the webhook is for; null clears it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 200, example = "Chat channel of the operators")]
    pub description: Given<String>,
    /// The event types to send. Empty: all events, including future types.
    #[schema(example = json!(["api_key.expiring", "api_key.leaked"]))]
    pub events: Option<Vec<String>>,
}

/// The delivery of an event to a webhook.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// The ID. Every attempt sends it as `webhook-id`.
    #[schema(example = "msg_019a8f3e-7b1c-7d2e-9f40-5a6b7c8d9e0f")]
    pub id: String,
    /// The event type.
    #[schema(example = "api_key.leaked")]
    pub event: String,
    /// The state.
    pub state: DeliveryState,
    /// Number of attempts so far. Resending starts over.
    #[schema(example = 1)]
    pub attempts: i32,
    /// When the next attempt is due; null if there’s none.
    #[schema(required = true, format = DateTime)]
    pub next_attempt_at: Option<String>,
    /// When it was last attempted; null if never.
    #[schema(required = true, format = DateTime, example = "2026-11-23T10:00:01Z")]
    pub last_attempt_at: Option<String>,
    /// The status of the last response; null if there was none.
    #[schema(required = true, example = 204)]
    pub last_status: Option<i32>,
    /// Why the last attempt failed; null if it didn’t.
    #[schema(required = true)]
    pub last_error: Option<String>,
    /// When the delivery was created.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it was delivered or finally failed; null while it’s pending.
    #[schema(required = true, format = DateTime, example = "2026-11-23T10:00:01Z")]
    pub finished_at: Option<String>,
}

/// A delivery with its payload and response.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DeliveryWithPayload {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// The payload.
    #[schema(value_type = Object)]
    pub payload: Value,
    /// The start of the last response body; null if there was none.
    #[schema(required = true)]
    pub response: Option<String>,
}
