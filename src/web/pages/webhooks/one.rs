//! The page of one webhook: what it is, and what became of its messages.

use actix_web::{
    HttpResponse,
    web::{Path, Query},
};
use askama::Template;
use serde::Deserialize;

use super::{badge, delivery_badge};
use crate::{
    clock::Timestamp,
    domain::{
        access::Admin,
        organizations::Organization,
        page::{Page, PageRequest},
        webhooks::{self, Delivery, DeliveryState, Webhook, WebhookError},
    },
    page,
    web::{
        error::AppError,
        extract::Visitor,
        pager::Pager,
        pages::organization::{Frame, Tab},
        shell::{Shell, Toast},
        urls, view,
    },
};

/// Messages on one page of the log.
const DELIVERIES_ON_A_PAGE: i64 = 25;

/// `GET /orgs/{organization}/webhooks/{webhook}`.
#[derive(Template)]
#[template(path = "webhooks/show.html", blocks = ["title", "content", "tabs", "panel"])]
pub struct WebhookPage {
    shell: Shell,
    frame: Frame,
    now: Timestamp,
    webhook: Webhook,
    state: Option<DeliveryState>,
    deliveries: Page<Delivery>,
    pager: Pager,
}

page!(WebhookPage);

/// Which messages are shown.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Selection {
    /// A state's name; anything else means every state.
    state: String,
    page: Option<i64>,
}

impl WebhookPage {
    pub(super) async fn load(
        visitor: &Visitor,
        admin: &Admin<Organization>,
        webhook_id: &str,
        selection: Selection,
        shell: Shell,
    ) -> Result<Self, AppError> {
        let (admin, webhook_id, now) = (admin.clone(), webhook_id.to_owned(), visitor.now);
        let state = DeliveryState::ALL.into_iter().find(|state| state.as_str() == selection.state);
        let request = PageRequest::new(selection.page.unwrap_or(1), DELIVERIES_ON_A_PAGE);
        let page = visitor
            .state
            .db
            .read(move |connection| {
                let webhook = webhooks::find(connection, &admin, &webhook_id)?;
                let deliveries = webhooks::deliveries(connection, &admin, &webhook_id, state, request)?;
                let link = |page: i64| {
                    let state = state.map_or("", DeliveryState::as_str);
                    format!("{}?state={state}&page={page}", urls::webhook(&admin.id, &webhook_id))
                };
                Ok::<_, WebhookError>(Self {
                    shell,
                    frame: Frame::load(connection, &admin, Tab::Settings)?,
                    now,
                    webhook,
                    state,
                    pager: Pager::of(&deliveries, link),
                    deliveries,
                })
            })
            .await?;
        Ok(page)
    }

    fn url(&self) -> String {
        urls::webhook(&self.frame.id, &self.webhook.id)
    }

    fn verb(&self, verb: &str) -> String {
        urls::webhook_verb(&self.frame.id, &self.webhook.id, verb)
    }

    fn delivery_url(&self, delivery: &Delivery) -> String {
        urls::webhook_delivery(&self.frame.id, &self.webhook.id, &delivery.id)
    }

    fn badge(&self) -> (&'static str, &'static str) {
        badge(&self.webhook)
    }

    fn delivery_badge(&self, delivery: &Delivery) -> (&'static str, &'static str) {
        delivery_badge(delivery)
    }

    /// Until when the secret before the last rotation signs, while it does.
    fn overlap(&self) -> Option<Timestamp> {
        self.webhook.previous_secret_until.filter(|until| *until > self.now)
    }

    /// When a message is tried next, while it waits for that.
    fn next_attempt(&self, delivery: &Delivery) -> Option<Timestamp> {
        let waits = delivery.state() == DeliveryState::Pending && self.webhook.is_active();
        Some(delivery.next_attempt_at).filter(|at| waits && *at > self.now)
    }
}

/// Shows the page.
///
/// # Errors
/// 404 for a webhook of another organization.
pub async fn show(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
    selection: Query<Selection>,
) -> Result<HttpResponse, AppError> {
    let (_, webhook_id) = path.into_inner();
    let selection = selection.into_inner();
    view::show(&WebhookPage::load(&visitor, &admin, &webhook_id, selection, visitor.shell()).await?)
}

/// Answers with a dialog over the page.
pub(super) async fn show_dialog(
    visitor: &Visitor,
    admin: &Admin<Organization>,
    webhook_id: &str,
    dialog: &impl Template,
    status: actix_web::http::StatusCode,
) -> Result<HttpResponse, AppError> {
    let page = async |shell| WebhookPage::load(visitor, admin, webhook_id, Selection::default(), shell).await;
    view::dialog(visitor, status, dialog, page).await
}

/// Answers a change with the page.
pub(super) async fn show_changed(
    visitor: &Visitor,
    admin: &Admin<Organization>,
    webhook_id: &str,
    toast: Toast,
) -> Result<HttpResponse, AppError> {
    let next = urls::webhook(&admin.id, webhook_id);
    let page = async |shell| WebhookPage::load(visitor, admin, webhook_id, Selection::default(), shell).await;
    view::changed(visitor, toast, &next, page).await
}
