//! The page of one master token: what it can do, and what it did.

use actix_web::HttpResponse;
use askama::Template;
use time::Duration;

use super::{
    activity::Sentence,
    key_words,
    organization::{Frame, Tab},
    token_menu::TokenMenu,
};
use crate::{
    clock::Timestamp,
    domain::{
        access::{Grant, ManageTokens},
        audit::{self, ActorActivity, Entry},
        managed::ManageError,
        master_tokens::{self, MasterToken},
        token_access::TokenAccess,
        usage,
    },
    page,
    web::{
        chart::Bars,
        display,
        error::AppError,
        filters,
        shell::{Markup, Shell},
        urls, view,
        visit::{Visit, Visitor},
    },
};

/// Days that the page looks back.
const DAYS_SHOWN: i32 = 30;
/// Events that are shown.
const EVENTS_SHOWN: i64 = 20;

/// `GET /orgs/{organization}/api/tokens/{token}`.
#[derive(Template)]
#[template(path = "token_page/index.html", blocks = ["title", "content", "tabs", "panel"])]
pub struct TokenPage {
    shell: Shell,
    frame: Frame,
    now: Timestamp,
    token: MasterToken,
    menu: TokenMenu,
    is_hourly: bool,
    bars: Bars,
    did: ActorActivity,
}

page!(TokenPage);

impl TokenPage {
    /// Reads the page.
    pub async fn load(
        visitor: &Visitor,
        grant: &Grant<ManageTokens>,
        token_id: &str,
        shell: Shell,
    ) -> Result<Self, AppError> {
        visitor.count_usage().await;
        let (grant, token_id, now) = (grant.clone(), token_id.to_owned(), visitor.now);
        let since = now - Duration::DAY * DAYS_SHOWN;
        let page = visitor
            .state
            .db
            .read(move |connection| {
                let token = master_tokens::find(connection, &grant, &token_id)?;
                let series = usage::token_series(connection, &grant, &token, DAYS_SHOWN, now)?;
                let did = audit::of_actor(connection, &grant, &token.id, since, EVENTS_SHOWN)?;
                Ok::<_, ManageError>(Self {
                    menu: TokenMenu::on_its_page(shell.clone(), &grant, token.clone(), now),
                    shell,
                    frame: Frame::load(connection, &grant, Tab::Api)?.about(
                        &token.name,
                        "API",
                        Tab::Api.id(),
                    ),
                    now,
                    is_hourly: false,
                    bars: Bars::of(&series),
                    did,
                    token,
                })
            })
            .await?;
        Ok(page)
    }

    fn badge(&self) -> (&'static str, String) {
        key_words::token_badge(&self.token, self.now)
    }

    fn menu(&self) -> askama::Result<Markup> {
        Markup::render(&self.menu, &self.shell.base_path)
    }

    /// What the token can do, in plain words.
    fn can(&self) -> Vec<&'static str> {
        self.capabilities(true).collect()
    }

    /// What it cannot, and what no token can.
    fn cannot(&self) -> Vec<&'static str> {
        self.capabilities(false).chain(TokenAccess::NEVER_ALLOWED).collect()
    }

    fn capabilities(&self, are_allowed: bool) -> impl Iterator<Item = &'static str> {
        let held = self.token.access;
        let wanted = move |needed: &TokenAccess| held.covers(*needed) == are_allowed;
        TokenAccess::CAPABILITIES
            .into_iter()
            .filter(move |(needed, _)| wanted(needed))
            .map(|(_, words)| words)
    }

    /// Whether there is nothing to show of the last days.
    fn is_quiet(&self) -> bool {
        self.bars.total == 0 && self.did.newest.is_empty()
    }

    /// All that the token did, in the organization's audit log.
    fn activity_url(&self) -> String {
        let activity = urls::organization(&self.frame.id, "activity");
        format!("{activity}?{}", urls::query("who", &self.token.id))
    }

    fn sentence(&self, entry: &Entry) -> Sentence {
        Sentence::of(entry)
    }

    /// "api_key.created" is "API key created".
    fn action_words(&self, action: &str) -> String {
        display::capitalized(&action.replace(['.', '_'], " ").replace("api key", "API key"))
    }
}

/// Shows the page.
pub async fn show(visit: Visit<Grant<ManageTokens>>) -> Result<HttpResponse, AppError> {
    let (token_id, shell) = (visit.path("token"), visit.shell());
    view::show(&TokenPage::load(&visit, &visit.proof, &token_id, shell).await?)
}
