//! The keys that were removed and can be restored.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::organization::{Frame, Tab};
use crate::{
    clock::Timestamp,
    domain::{
        access::{Grant, ManageKeys, SeeKeys},
        api_keys::{self, RemovedKey},
        page::{Page as List, PageRef, PageRequest},
    },
    page,
    web::{
        error::AppError,
        filters,
        pager::Pager,
        shell::{Shell, Toast},
        urls,
        view::{self, Page},
        visit::{Behind, Visit, Visitor},
    },
};

/// Keys on one page.
const KEYS_ON_A_PAGE: i64 = 50;

/// `GET /orgs/{organization}/api/removed`.
#[derive(Template)]
#[template(path = "removed_keys.html", blocks = ["title", "content", "tabs", "panel"])]
struct RemovedKeysPage {
    shell: Shell,
    frame: Frame,
    now: Timestamp,
    keys: List<RemovedKey>,
    pager: Pager,
    /// Whether the reader can restore them.
    manages_keys: bool,
    has_environments: bool,
}

page!(RemovedKeysPage);

/// What part of the list to show.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RemovedQuery {
    page: PageRef,
}

impl RemovedQuery {
    fn url(&self, organization_id: &str) -> String {
        let page = urls::page(&self.page);
        urls::with_query(&urls::organization(organization_id, "api/removed"), &[("page", page.as_str())])
    }
}

impl RemovedKeysPage {
    async fn load(
        visitor: &Visitor,
        grant: &Grant<SeeKeys>,
        selection: RemovedQuery,
        shell: Shell,
    ) -> Result<Self, AppError> {
        let has_environments = visitor.state.config.rules.has_environments;
        let (grant, now) = (grant.clone(), visitor.now);
        let page = visitor.state.db.read(move |connection| {
            let request = PageRequest::new(selection.page.clone(), KEYS_ON_A_PAGE);
            let keys = api_keys::page_of_removed(connection, &grant, &request, now)?;
            let link = |page| RemovedQuery { page }.url(&grant.id);
            Ok::<_, AppError>(Self {
                shell,
                frame: Frame::load(connection, &grant, Tab::Api)?,
                now,
                pager: Pager::of(&keys, link),
                keys,
                manages_keys: grant.may::<ManageKeys>(),
                has_environments,
            })
        });
        page.await
    }
}

/// The page, when a key of it was restored.
struct RemovedScreen;

impl Behind for RemovedScreen {
    type Proof = Grant<SeeKeys>;

    async fn page(
        visitor: &Visitor,
        grant: &Grant<SeeKeys>,
        shell: Shell,
    ) -> Result<Box<dyn Page>, AppError> {
        Ok(Box::new(RemovedKeysPage::load(visitor, grant, visitor.on_screen(), shell).await?))
    }

    fn address(visitor: &Visitor, grant: &Grant<SeeKeys>) -> String {
        visitor.on_screen::<RemovedQuery>().url(&grant.id)
    }
}

/// Shows the page.
pub async fn index(visit: Visit<Grant<SeeKeys>>) -> Result<HttpResponse, AppError> {
    view::show(&RemovedKeysPage::load(&visit, &visit.proof, visit.query()?, visit.shell()).await?)
}

/// Restores a key.
pub async fn restore(visit: Visit<Grant<ManageKeys>>) -> Result<HttpResponse, AppError> {
    let (key_id, rules) = (visit.path("key"), visit.state.config.rules);
    let key =
        visit.change(move |tx, grant, now| api_keys::restore(tx, grant, &key_id, &rules, now)).await??;
    let toast = Toast::ok(format!("“{}” restored. It’s deactivated until you activate it.", key.name));
    visit.changed::<RemovedScreen>(toast).await
}
