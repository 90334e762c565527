//! Webhooks of an organization: the list, and "New webhook".

mod changes;
mod form;
mod log;
mod one;

use std::collections::HashMap;

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

pub use changes::{
    activate, confirm_removal, confirm_rotation, deactivate, edit, remove, rotate, save, send_test,
};
pub use form::WebhookForm;
pub use log::{resend, show_delivery};
pub use one::{Selection, WebhookPage, show};

use super::organization::{Frame, Tab};
use crate::{
    clock::Timestamp,
    db::DbError,
    domain::{
        access::Admin,
        forms::{FormError, FormId},
        organizations::Organization,
        secret::Secret,
        webhooks::{self, CreateError, Delivery, DeliveryState, Webhook},
    },
    page,
    web::{
        display,
        error::AppError,
        extract::Visitor,
        form::{FieldErrors, Submitted},
        shell::{Shell, Toast},
        urls, view,
    },
};

/// `GET /orgs/{organization}/webhooks`.
#[derive(Template)]
#[template(path = "webhooks/index.html", blocks = ["title", "content", "tabs", "panel"])]
pub struct WebhooksPage {
    shell: Shell,
    frame: Frame,
    now: Timestamp,
    webhooks: Vec<Webhook>,
    last: HashMap<String, Delivery>,
}

page!(WebhooksPage);

impl WebhooksPage {
    async fn load(visitor: &Visitor, admin: &Admin<Organization>, shell: Shell) -> Result<Self, AppError> {
        let (admin, now) = (admin.clone(), visitor.now);
        let page = visitor
            .state
            .db
            .read(move |connection| {
                let webhooks = webhooks::list(connection, &admin)?;
                Ok::<_, DbError>(Self {
                    shell,
                    frame: Frame::load(connection, &admin, Tab::Settings)?,
                    now,
                    last: webhooks::last_deliveries(connection, &admin, &webhooks)?,
                    webhooks,
                })
            })
            .await?;
        Ok(page)
    }

    fn badge(&self, webhook: &Webhook) -> (&'static str, &'static str) {
        badge(webhook)
    }

    fn events(&self, webhook: &Webhook) -> String {
        events(webhook)
    }

    fn delivery_badge(&self, delivery: &Delivery) -> (&'static str, &'static str) {
        delivery_badge(delivery)
    }

    fn url(&self, webhook: &Webhook) -> String {
        urls::webhook(&self.frame.id, &webhook.id)
    }
}

/// The badge of a webhook: its kind and words.
fn badge(webhook: &Webhook) -> (&'static str, &'static str) {
    match (webhook.disabled_at, &webhook.disabled_because, webhook.failing_since) {
        (Some(_), Some(_), _) => ("bad", "Deactivated"),
        (Some(_), None, _) => ("off", "Deactivated"),
        (None, _, Some(_)) => ("warn", "Failing"),
        (None, _, None) => ("ok", "Active"),
    }
}

/// The badge of a message.
fn delivery_badge(delivery: &Delivery) -> (&'static str, &'static str) {
    let kind = match delivery.state() {
        DeliveryState::Delivered => "ok",
        DeliveryState::Failed => "bad",
        DeliveryState::Pending if delivery.attempts > 0 => "warn",
        DeliveryState::Pending => "off",
    };
    (kind, delivery.state().label())
}

/// What a webhook is told of, in a few words.
fn events(webhook: &Webhook) -> String {
    if webhook.events.are_all() {
        return "All events".to_owned();
    }
    let number = i64::try_from(webhook.events.count()).unwrap_or_default();
    display::count(&number, "event", "events")
}

/// The dialog "New webhook".
#[derive(Template)]
#[template(path = "webhooks/new.html")]
struct NewWebhookDialog {
    organization_id: String,
    form: WebhookForm,
    errors: FieldErrors,
}

/// The dialog that shows a signing secret once.
#[derive(Template)]
#[template(path = "webhooks/revealed.html")]
struct RevealedDialog {
    close: String,
    title: &'static str,
    description: String,
    secret: Secret,
}

/// Shows the webhooks.
///
/// # Errors
/// When the database fails.
pub async fn index(visitor: Visitor, admin: Admin<Organization>) -> Result<HttpResponse, AppError> {
    view::show(&WebhooksPage::load(&visitor, &admin, visitor.shell()).await?)
}

/// Opens the dialog "New webhook".
///
/// # Errors
/// When the database fails.
pub async fn new(visitor: Visitor, admin: Admin<Organization>) -> Result<HttpResponse, AppError> {
    let form = WebhookForm::new(visitor.now);
    show_form(&visitor, &admin, form, FieldErrors::default(), StatusCode::OK).await
}

/// Creates a webhook and shows its signing secret, this once.
///
/// # Errors
/// When the database fails; what can be corrected is answered with 422 and the form.
pub async fn create(
    visitor: Visitor,
    admin: Admin<Organization>,
    Submitted(form): Submitted<WebhookForm>,
) -> Result<HttpResponse, AppError> {
    let mut errors = FieldErrors::default();
    let Some(new) = form.parse(&visitor.state.config.webhook_networks, &mut errors) else {
        return show_form(&visitor, &admin, form, errors, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    let (proof, form_id, now) = (admin.clone(), form.form_id(), visitor.now);
    let created = visitor.state.db.write(move |tx| webhooks::create(tx, &proof, &new, &form_id, now)).await;
    match created {
        Ok((webhook, secret)) => {
            let dialog = RevealedDialog {
                close: urls::organization(&admin.id, "webhooks"),
                title: "Webhook created",
                description: format!("Events to {} are signed with this secret.", webhook.address()),
                secret,
            };
            let page = async |shell| WebhooksPage::load(&visitor, &admin, shell).await;
            view::reveal(&visitor, &dialog, page).await
        }
        Err(CreateError::Form(FormError::AlreadySent)) => {
            let toast = Toast::bad("That was done before. The secret cannot be shown again.");
            view::go(&visitor, Some(toast), &urls::organization(&admin.id, "webhooks"))
        }
        Err(CreateError::Form(FormError::Stale)) => {
            errors.add("url", "This form was open for too long. Save it again.");
            let form = form.renewed(FormId::new(now));
            show_form(&visitor, &admin, form, errors, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(error @ CreateError::TooMany) => {
            errors.add("url", error);
            show_form(&visitor, &admin, form, errors, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(CreateError::NoRandomness(error)) => Err(error.into()),
        Err(CreateError::Db(error) | CreateError::Form(FormError::Db(error))) => Err(error.into()),
    }
}

async fn show_form(
    visitor: &Visitor,
    admin: &Admin<Organization>,
    form: WebhookForm,
    errors: FieldErrors,
    status: StatusCode,
) -> Result<HttpResponse, AppError> {
    let dialog = NewWebhookDialog { organization_id: admin.id.clone(), form, errors };
    let page = async |shell| WebhooksPage::load(visitor, admin, shell).await;
    view::dialog(visitor, status, &dialog, page).await
}
