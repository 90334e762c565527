//! Webhooks of an organization: the list, and "New webhook".

mod changes;
mod form;
mod log;
mod one;

use std::collections::HashMap;

use actix_web::HttpResponse;
use askama::Template;

pub use changes::{
    activate, confirm_removal, confirm_rotation, deactivate, edit, remove, rotate, save, send_test,
};
pub use form::WebhookForm;
pub use log::{resend, show_delivery};
pub use one::show;

use super::{
    once::{SECRET_WAS_SHOWN, Settled, limit_reached, settle},
    organization::{Frame, Tab},
};
use crate::{
    clock::Timestamp,
    db::DbError,
    domain::{
        access::{Govern, Grant},
        secret::Secret,
        webhooks::{self, Delivery, DeliveryState, Webhook},
    },
    page,
    web::{
        display,
        error::AppError,
        filters,
        form::{FieldErrors, Submitted},
        shell::Shell,
        urls,
        view::{self, Page},
        visit::{Behind, Over, Visit, Visitor},
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
    async fn load(visitor: &Visitor, grant: &Grant<Govern>, shell: Shell) -> Result<Self, AppError> {
        let (grant, now) = (grant.clone(), visitor.now);
        let page = visitor
            .state
            .db
            .read(move |connection| {
                let webhooks = webhooks::list(connection, &grant)?;
                Ok::<_, DbError>(Self {
                    shell,
                    frame: Frame::load(connection, &grant, Tab::Settings)?,
                    now,
                    last: webhooks::last_deliveries(connection, &grant, &webhooks)?,
                    webhooks,
                })
            })
            .await?;
        Ok(page)
    }

    fn badge(&self, webhook: &Webhook) -> (&'static str, &'static str) {
        badge(webhook)
    }

    /// Whether another one has the same URL, so that its receiver is told of some events twice.
    fn shares_url(&self, webhook: &Webhook) -> bool {
        self.webhooks.iter().any(|other| other.id != webhook.id && other.url == webhook.url)
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
    let kind = match delivery.state {
        DeliveryState::Delivered => "ok",
        DeliveryState::Failed => "bad",
        DeliveryState::Pending if delivery.attempts > 0 => "warn",
        DeliveryState::Pending => "off",
    };
    (kind, delivery.state.label())
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
    over: Over,
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

/// The list of webhooks.
struct ListScreen;

impl Behind for ListScreen {
    type Proof = Grant<Govern>;

    async fn page(visitor: &Visitor, grant: &Grant<Govern>, shell: Shell) -> Result<Box<dyn Page>, AppError> {
        Ok(Box::new(WebhooksPage::load(visitor, grant, shell).await?))
    }

    fn address(_: &Visitor, grant: &Grant<Govern>) -> String {
        urls::organization(&grant.id, "webhooks")
    }
}

/// Shows the webhooks.
pub async fn index(visit: Visit<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    view::show(&WebhooksPage::load(&visit, &visit.proof, visit.shell()).await?)
}

/// Opens the dialog "New webhook".
pub async fn new(visit: Visit<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    if let Some(full) = limit_reached::<ListScreen, _>(&visit, "New webhook", webhooks::check_room).await? {
        return Ok(full);
    }
    let form = WebhookForm::new(visit.now);
    visit.dialog::<ListScreen>(&dialog(&visit, form, FieldErrors::default())).await
}

/// Creates a webhook and shows its signing secret, this once.
pub async fn create(visit: Visit<Grant<Govern>, Submitted<WebhookForm>>) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let mut errors = FieldErrors::default();
    let Some(new) = form.parse(&visit.state.config.webhook_networks, &mut errors) else {
        return visit.invalid::<ListScreen>(&dialog(&visit, form, errors)).await;
    };
    let rules = visit.state.config.rules;
    let created = visit
        .submit(&form.form_id, move |tx, grant, now| webhooks::create(tx, grant, &new, &rules, now))
        .await?;
    match settle::<ListScreen, _, _>(&visit, &form.form_id, created, SECRET_WAS_SHOWN)? {
        Settled::Done((webhook, secret)) => {
            let dialog = RevealedDialog {
                close: visit.over::<ListScreen>().close,
                title: "Webhook created",
                description: format!(
                    "Events to {} are signed with this secret.",
                    webhook.url_without_query()
                ),
                secret,
            };
            visit.reveal::<ListScreen>(&dialog).await
        }
        Settled::Again(error, form_id) => {
            let errors = FieldErrors::one("url", error);
            visit.invalid::<ListScreen>(&dialog(&visit, WebhookForm { form_id, ..form }, errors)).await
        }
        Settled::Answered(response) => Ok(response),
    }
}

fn dialog(visit: &Visit<Grant<Govern>>, form: WebhookForm, errors: FieldErrors) -> NewWebhookDialog {
    NewWebhookDialog { over: visit.over::<ListScreen>(), form, errors }
}
