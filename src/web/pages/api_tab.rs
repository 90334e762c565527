//! The tab "API": keys and master tokens.

use std::collections::HashMap;

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::{
    key_words,
    organization::{Frame, Tab},
};
use crate::{
    clock::Timestamp,
    db::DbError,
    domain::{
        access::{Grant, ManageTokens, SeeKeys},
        api_keys::{self, ActiveRotation, ApiKey},
        leaks::{self, Notice},
        master_tokens::{self, MasterToken},
        page::{Page, PageRequest},
        usage,
    },
    page,
    vocabulary::KeyFilter,
    web::{
        chart::Sparkline,
        error::AppError,
        pager::Pager,
        search,
        shell::Shell,
        urls, view,
        visit::{Visit, Visitor},
    },
};

/// Keys on one page.
const KEYS_ON_A_PAGE: i64 = 50;

/// `GET /orgs/{organization}/api`.
#[derive(Template)]
#[template(path = "api_tab/index.html", blocks = ["title", "content", "tabs", "panel"])]
pub struct ApiTab {
    shell: Shell,
    frame: Frame,
    now: Timestamp,
    search: String,
    show: Show,
    keys: Page<ApiKey>,
    sparklines: Vec<Sparkline>,
    rotations: HashMap<String, ActiveRotation>,
    pager: Pager,
    tokens: Vec<MasterToken>,
    /// By the id of the key or token.
    leaks: HashMap<String, Notice>,
}

page!(ApiTab);

/// What part of the keys to show.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct KeysQuery {
    /// Text in the name or in the masked key.
    #[serde(default, deserialize_with = "search::lenient")]
    q: String,
    /// The page, from 1.
    #[serde(default)]
    page: Option<i64>,
    /// `soon`, `unused` or `deactivated`; anything else means all.
    #[serde(default)]
    show: String,
}

impl KeysQuery {
    /// The address of the tab with this selection.
    pub(super) fn url(&self, organization_id: &str) -> String {
        let tab = urls::organization(organization_id, "api");
        let page = self.page.filter(|page| *page > 1).map(|page| page.to_string()).unwrap_or_default();
        urls::with_query(&tab, &[("q", &self.q), ("show", &self.show), ("page", &page)])
    }
}

/// A part of the keys, as it stands in the address and in the list of parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Show {
    part: KeyFilter,
    id: &'static str,
    label: &'static str,
    /// The sentence for a list without keys.
    empty: &'static str,
}

impl Show {
    const ALL: [Self; 4] = [
        Self::new(KeyFilter::All, "", "All keys", "No keys."),
        Self::new(KeyFilter::ExpiresSoon, "soon", "Expires soon", "No keys expire within 14 days."),
        Self::new(KeyFilter::NeverUsed, "unused", "Never used", "All keys have been used."),
        Self::new(KeyFilter::Deactivated, "deactivated", "Deactivated", "No deactivated keys."),
    ];

    const fn new(part: KeyFilter, id: &'static str, label: &'static str, empty: &'static str) -> Self {
        Self { part, id, label, empty }
    }

    fn parse(id: &str) -> Self {
        let [all, ..] = Self::ALL;
        Self::ALL.into_iter().find(|show| show.id == id).unwrap_or(all)
    }
}

impl ApiTab {
    /// Reads the tab.
    pub async fn load(
        visitor: &Visitor,
        grant: &Grant<SeeKeys>,
        selection: KeysQuery,
        shell: Shell,
    ) -> Result<Self, AppError> {
        visitor.count_usage().await;
        let (grant, now) = (grant.clone(), visitor.now);
        let request = PageRequest::new(selection.page.unwrap_or(1), KEYS_ON_A_PAGE);
        let tab = visitor
            .state
            .db
            .read(move |connection| {
                let show = Show::parse(&selection.show);
                let selection = KeysQuery { show: show.id.to_owned(), ..selection };
                let (keys, rotations) =
                    api_keys::page(connection, &grant, &selection.q, show.part, request, now)?;
                let daily = usage::daily_requests(connection, &grant, &keys.rows, now)?;
                let tokens = match grant.grant::<ManageTokens>() {
                    Ok(grant) => master_tokens::list(connection, &grant)?,
                    Err(_) => Vec::new(),
                };
                let leaks = leaks::notices(connection, &grant, (&keys.rows, &rotations), &tokens)?;
                let link = |page| KeysQuery { page: Some(page), ..selection.clone() }.url(&grant.id);
                Ok::<_, DbError>(Self {
                    shell,
                    frame: Frame::load(connection, &grant, Tab::Api)?,
                    now,
                    pager: Pager::of(&keys, link),
                    rotations,
                    keys,
                    sparklines: daily.iter().map(Sparkline::of).collect(),
                    tokens,
                    leaks,
                    search: selection.q,
                    show,
                })
            })
            .await?;
        Ok(tab)
    }

    /// Whether the list is narrowed.
    fn is_filtered(&self) -> bool {
        !self.search.is_empty() || self.show.part != KeyFilter::All
    }

    /// Whether the search field is worth its place.
    fn is_searchable(&self) -> bool {
        self.is_filtered() || self.keys.total > 3
    }

    /// The parts of the keys that can be chosen.
    fn parts(&self) -> [Show; 4] {
        Show::ALL
    }

    /// The keys with their sparklines.
    fn rows(&self) -> impl Iterator<Item = (&ApiKey, &Sparkline)> {
        self.keys.rows.iter().zip(&self.sparklines)
    }

    /// The kind of badge and its words.
    fn badge(&self, key: &ApiKey) -> (&'static str, String) {
        key_words::badge(key, self.now)
    }

    /// Where the secret of a key or token was found in public, if it was.
    fn leak(&self, id: &str) -> Option<&Notice> {
        self.leaks.get(id)
    }

    /// How the key's rotation stands; `None` when none is under way.
    fn rotation_words(&self, key: &ApiKey) -> Option<String> {
        self.rotations.get(&key.id).and_then(|active| key_words::rotation(key, active, &self.now))
    }

    /// What restricts the key, in a few words; `None` for nothing.
    fn tags(&self, key: &ApiKey) -> Option<Vec<String>> {
        Some(key_words::tags(&key.settings)).filter(|tags| !tags.is_empty())
    }

    fn key_page(&self, key: &ApiKey) -> String {
        urls::api_key(&self.frame.id, &key.id)
    }

    fn key_url(&self, key: &ApiKey, verb: &str) -> String {
        self.shell.over(urls::api_item(&self.frame.id, "keys", &key.id, verb))
    }

    fn token_badge(&self, token: &MasterToken) -> (&'static str, String) {
        key_words::token_badge(token, self.now)
    }
}

/// Shows the tab.
pub async fn index(visit: Visit<Grant<SeeKeys>>) -> Result<HttpResponse, AppError> {
    view::show(&ApiTab::load(&visit, &visit.proof, visit.query()?, visit.shell().await?).await?)
}
