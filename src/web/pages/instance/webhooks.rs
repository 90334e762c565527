//! The tab "Webhooks": those whose receivers do not answer.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::{Frame, Tab};
use crate::{
    clock::Timestamp,
    db::DbError,
    domain::{
        access::Operator,
        instance::{self, FailingWebhook},
        page::{Page as List, PageRef, PageRequest},
    },
    page,
    vocabulary::WebhookFailure,
    web::{error::AppError, filters, pager::Pager, shell::Shell, urls, view, visit::Visit},
};

/// Webhooks on one page.
const WEBHOOKS_ON_A_PAGE: i64 = 50;

/// `GET /instance/webhooks`.
#[derive(Template)]
#[template(path = "instance/webhooks.html", blocks = ["title", "content", "tabs", "panel"])]
struct WebhooksTab {
    shell: Shell,
    frame: Frame,
    now: Timestamp,
    webhooks: List<FailingWebhook>,
    pager: Pager,
}

page!(WebhooksTab);

/// Which page to show.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WebhooksQuery {
    page: PageRef,
}

impl WebhooksTab {
    /// Why a webhook was switched off.
    fn reason(&self, failure: &WebhookFailure) -> &'static str {
        match failure {
            WebhookFailure::Gone => "The receiver returned 410 (Gone)",
            WebhookFailure::Unreachable => "It failed for five days",
        }
    }
}

/// Shows the tab.
pub async fn index(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let (shell, now, selection) = (visit.shell(), visit.now, visit.query::<WebhooksQuery>()?);
    let request = PageRequest::new(selection.page, WEBHOOKS_ON_A_PAGE);
    let tab = visit.read(move |connection, operator| {
        let webhooks = instance::page_of_failing_webhooks(connection, operator, &request)?;
        let link = |page| urls::with_query(&Tab::Webhooks.url(), &[("page", &urls::page(&page))]);
        let (frame, pager) = (Frame::of(Tab::Webhooks), Pager::of(&webhooks, link));
        Ok::<_, DbError>(WebhooksTab { shell, frame, now, webhooks, pager })
    });
    view::show(&tab.await?)
}
