//! One message of a webhook: what it says, what the receiver answered, and sending it again.

use actix_web::HttpResponse;
use askama::Template;

use super::{delivery_badge, one::OneScreen};
use crate::{
    clock::Timestamp,
    domain::{
        access::{Govern, Grant},
        webhooks::{self, Delivery, Webhook},
    },
    web::{
        error::AppError,
        filters,
        shell::Toast,
        urls,
        visit::{Over, Visit},
    },
};

/// The dialog with a message.
#[derive(Template)]
#[template(path = "webhooks/delivery.html")]
struct DeliveryDialog {
    over: Over,
    webhook: Webhook,
    delivery: Delivery,
    now: Timestamp,
}

impl DeliveryDialog {
    fn badge(&self) -> (&'static str, &'static str) {
        delivery_badge(&self.delivery)
    }

    /// The message with line breaks, to read; it is sent without them.
    fn payload(&self) -> String {
        let read: Result<serde_json::Value, _> = serde_json::from_str(&self.delivery.payload);
        read.and_then(|message| serde_json::to_string_pretty(&message))
            .unwrap_or_else(|_| self.delivery.payload.clone())
    }

    fn resend_url(&self) -> String {
        let url = urls::webhook_delivery(&self.over.organization_id, &self.webhook.id, &self.delivery.id);
        self.over.action(format!("{url}/resend"))
    }
}

/// Opens the dialog with a delivery.
pub async fn show_delivery(visit: Visit<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    let (webhook_id, delivery_id) = (visit.path("webhook"), visit.path("delivery"));
    let (webhook, delivery) = visit
        .read(move |connection, grant| webhooks::delivery(connection, grant, &webhook_id, &delivery_id))
        .await?;
    let over = visit.over::<OneScreen>();
    visit.dialog::<OneScreen>(&DeliveryDialog { over, webhook, delivery, now: visit.now }).await
}

/// Sends an event once more.
pub async fn resend(visit: Visit<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    let (webhook_id, delivery_id) = (visit.path("webhook"), visit.path("delivery"));
    let delivery = visit
        .change(move |tx, grant, now| webhooks::resend(tx, grant, &webhook_id, &delivery_id, now))
        .await??;
    visit.changed::<OneScreen>(Toast::ok(format!("“{}” queued again", delivery.event))).await
}
