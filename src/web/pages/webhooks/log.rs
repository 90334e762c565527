//! One message of a webhook: what it says, what the receiver answered, and sending it again.

use actix_web::{HttpResponse, http::StatusCode, web::Path};
use askama::Template;

use super::{
    delivery_badge,
    one::{show_changed, show_dialog},
};
use crate::{
    clock::Timestamp,
    domain::{
        access::Admin,
        organizations::Organization,
        webhooks::{self, Delivery, Webhook},
    },
    web::{error::AppError, extract::Visitor, shell::Toast, urls},
};

/// The dialog with a message.
#[derive(Template)]
#[template(path = "webhooks/delivery.html")]
struct DeliveryDialog {
    organization_id: String,
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

    fn close(&self) -> String {
        urls::webhook(&self.organization_id, &self.webhook.id)
    }

    fn resend_url(&self) -> String {
        let url = urls::webhook_delivery(&self.organization_id, &self.webhook.id, &self.delivery.id);
        format!("{url}/resend")
    }
}

/// Opens the dialog with a message.
///
/// # Errors
/// 404 for a message of another webhook or organization.
pub async fn show_delivery(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, AppError> {
    let (_, webhook_id, delivery_id) = path.into_inner();
    let (proof, id) = (admin.clone(), webhook_id.clone());
    let (webhook, delivery) = visitor
        .state
        .db
        .read(move |connection| webhooks::delivery(connection, &proof, &id, &delivery_id))
        .await?;
    let dialog = DeliveryDialog { organization_id: admin.id.clone(), webhook, delivery, now: visitor.now };
    show_dialog(&visitor, &admin, &webhook_id, &dialog, StatusCode::OK).await
}

/// Sends a message once more.
///
/// # Errors
/// 404 for a message of another webhook or organization, 409 for a webhook that is deactivated.
pub async fn resend(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, AppError> {
    let (_, webhook_id, delivery_id) = path.into_inner();
    let (proof, id, now) = (admin.clone(), webhook_id.clone(), visitor.now);
    let delivery =
        visitor.state.db.write(move |tx| webhooks::resend(tx, &proof, &id, &delivery_id, now)).await?;
    let toast = Toast::ok(format!("“{}” is on its way again.", delivery.event));
    show_changed(&visitor, &admin, &webhook_id, toast).await
}
