//! The page of one webhook: what it is, and what became of its messages.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::{badge, delivery_badge};
use crate::{
    clock::Timestamp,
    domain::{
        access::{Govern, Grant},
        managed::ManageError,
        page::{Page, PageRef, PageRequest},
        webhooks::{self, Delivery, DeliveryState, Webhook},
    },
    page,
    web::{
        error::AppError,
        filters,
        pager::Pager,
        pages::organization::{Frame, Tab},
        shell::Shell,
        urls, view,
        visit::{Behind, Visit, Visitor},
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
pub struct DeliveriesQuery {
    /// A state's name; anything else means every state.
    state: String,
    page: PageRef,
}

impl WebhookPage {
    pub(super) async fn load(
        visitor: &Visitor,
        grant: &Grant<Govern>,
        webhook_id: &str,
        selection: DeliveriesQuery,
        shell: Shell,
    ) -> Result<Self, AppError> {
        let (grant, webhook_id, now) = (grant.clone(), webhook_id.to_owned(), visitor.now);
        let state = selection.state.parse().ok();
        let request = PageRequest::new(selection.page.clone(), DELIVERIES_ON_A_PAGE);
        let page = visitor
            .state
            .db
            .read(move |connection| {
                let webhook = webhooks::find(connection, &grant, &webhook_id)?;
                let deliveries = webhooks::deliveries(connection, &grant, &webhook_id, state, &request)?;
                let link = |page| {
                    let pairs =
                        [("state", state.map_or("", DeliveryState::as_str)), ("page", &urls::page(&page))];
                    urls::with_query(&urls::webhook(&grant.id, &webhook_id), &pairs)
                };
                let frame = Frame::load(connection, &grant, Tab::Settings)?;
                Ok::<_, ManageError>(Self {
                    shell,
                    frame: frame.about(webhook.url_without_query(), "Webhooks", "webhooks"),
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
        self.shell.over(urls::webhook_verb(&self.frame.id, &self.webhook.id, verb))
    }

    fn delivery_url(&self, delivery: &Delivery) -> String {
        self.shell.over(urls::webhook_delivery(&self.frame.id, &self.webhook.id, &delivery.id))
    }

    fn resend_url(&self, delivery: &Delivery) -> String {
        format!("{}/resend", urls::webhook_delivery(&self.frame.id, &self.webhook.id, &delivery.id))
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
        let waits = delivery.state == DeliveryState::Pending && self.webhook.is_active();
        Some(delivery.next_attempt_at).filter(|at| waits && *at > self.now)
    }
}

/// The page of the webhook in the address.
pub(super) struct OneScreen;

impl Behind for OneScreen {
    type Proof = Grant<Govern>;

    async fn page(
        visitor: &Visitor,
        grant: &Grant<Govern>,
        shell: Shell,
    ) -> Result<Box<dyn view::Page>, AppError> {
        let id = visitor.path("webhook");
        Ok(Box::new(WebhookPage::load(visitor, grant, &id, visitor.on_screen(), shell).await?))
    }

    fn address(visitor: &Visitor, grant: &Grant<Govern>) -> String {
        urls::with_query_of(&urls::webhook(&grant.id, &visitor.path("webhook")), visitor.page_path())
    }
}

/// Shows the page.
pub async fn show(visit: Visit<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    let id = visit.path("webhook");
    view::show(&WebhookPage::load(&visit, &visit.proof, &id, visit.query()?, visit.shell()).await?)
}
