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
    db::{Connection, DbError},
    domain::{
        access::{Grant, ManageTokens, SeeKeys},
        api_keys::{self, ActiveRotation, ApiKey, Filter},
        leaks::{self, Notice},
        master_tokens::{self, MasterToken},
        organization::Figures,
        page::{Page, PageRef, PageRequest, Total},
        usage,
    },
    page,
    vocabulary::{KeyFilter, KeySort},
    web::{
        chart::Sparkline,
        error::AppError,
        filters,
        pager::Pager,
        search,
        shell::Shell,
        sorting::Heading,
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
    selection: KeysQuery,
    show: Show,
    sort: KeySort,
    headings: Headings,
    keys: Page<ApiKey>,
    sparklines: Vec<Sparkline>,
    rotations: HashMap<String, ActiveRotation>,
    pager: Pager,
    /// For those who manage them.
    tokens: Option<Vec<MasterToken>>,
    /// By the id of the key or token.
    leaks: HashMap<String, Notice>,
    has_environments: bool,
}

page!(ApiTab);

/// What part of the keys to show, and in what order.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct KeysQuery {
    /// Text in what the row of a key shows: its name, the masked key, who created it, a scope.
    #[serde(deserialize_with = "search::lenient")]
    q: String,
    page: PageRef,
    /// `soon`, `unused`, `deactivated`, `live` or `test`; anything else means all.
    show: String,
    /// An order's word; anything else means the newest first.
    sort: String,
}

impl KeysQuery {
    fn filter(&self) -> Filter {
        Filter { text: self.q.clone(), part: Show::parse(&self.show).part }
    }

    fn sort(&self) -> KeySort {
        self.sort.parse().unwrap_or_default()
    }

    /// The keys that the tab shows, and their rotations under way.
    pub(super) fn page_of_keys(
        &self,
        connection: &mut Connection,
        grant: &Grant<SeeKeys>,
        figures: &Figures,
        now: Timestamp,
    ) -> Result<(Page<ApiKey>, HashMap<String, ActiveRotation>), DbError> {
        let request = PageRequest::new(self.page.clone(), KEYS_ON_A_PAGE);
        api_keys::page(connection, grant, figures, (&self.filter(), self.sort()), &request, now)
    }

    /// The address of the tab with this selection.
    pub(super) fn url(&self, organization_id: &str) -> String {
        let tab = urls::organization(organization_id, "api");
        let page = urls::page(&self.page);
        let pairs = [("q", &self.q), ("show", &self.show), ("sort", &self.sort), ("page", &page)];
        urls::with_query(&tab, &pairs.map(|(name, value)| (name, value.as_str())))
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
    const ALL: [Self; 6] = [
        Self::new(KeyFilter::All, "", "All keys", "No keys."),
        Self::new(KeyFilter::ExpiresSoon, "soon", "Expires soon", "No keys expire within 14 days."),
        Self::new(KeyFilter::NeverUsed, "unused", "Never used", "All keys have been used."),
        Self::new(KeyFilter::Deactivated, "deactivated", "Deactivated", "No deactivated keys."),
        Self::new(KeyFilter::Live, "live", "Live", "No live keys."),
        Self::new(KeyFilter::Test, "test", "Test", "No test keys."),
    ];

    const fn new(part: KeyFilter, id: &'static str, label: &'static str, empty: &'static str) -> Self {
        Self { part, id, label, empty }
    }

    fn is_environment(self) -> bool {
        matches!(self.part, KeyFilter::Live | KeyFilter::Test)
    }

    fn parse(id: &str) -> Self {
        let [all, ..] = Self::ALL;
        Self::ALL.into_iter().find(|show| show.id == id).unwrap_or(all)
    }
}

/// The columns that the keys can be sorted by.
struct Headings {
    name: Heading,
    last_used: Heading,
    expires: Heading,
}

impl Headings {
    fn of(selection: &KeysQuery, sort: KeySort, organization_id: &str) -> Self {
        let heading = |label, orders| {
            Heading::new(label, orders, sort, |sort: KeySort| {
                let (page, sort) = (PageRef::First, sort.as_str().to_owned());
                KeysQuery { page, sort, ..selection.clone() }.url(organization_id)
            })
        };
        Self {
            name: heading("Name", [KeySort::Name, KeySort::NameDescending]),
            last_used: heading("Last used", [KeySort::UsedLast, KeySort::UsedFirst]),
            expires: heading("Expires", [KeySort::ExpiresFirst, KeySort::ExpiresLast]),
        }
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
        let (is_search, db) = (!selection.q.is_empty(), &visitor.state.db);
        let has_environments = visitor.state.config.rules.has_environments;
        let read = Self::read(grant.clone(), selection, shell, has_environments, visitor.now);
        // A search that finds much walks the list.
        Ok(if is_search { db.read(read).await? } else { db.glance(read).await? })
    }

    fn read(
        grant: Grant<SeeKeys>,
        selection: KeysQuery,
        shell: Shell,
        has_environments: bool,
        now: Timestamp,
    ) -> impl FnOnce(&mut Connection) -> Result<Self, DbError> + Send + 'static {
        move |connection| {
            let (show, sort) = (Show::parse(&selection.show), selection.sort());
            let selection = KeysQuery { show: show.id.to_owned(), ..selection };
            let frame = Frame::load(connection, &grant, Tab::Api)?;
            let (keys, rotations) = selection.page_of_keys(connection, &grant, &frame.figures, now)?;
            let daily = usage::daily_requests(connection, &grant, &keys.rows, now)?;
            let tokens = match grant.grant::<ManageTokens>() {
                Ok(grant) => Some(master_tokens::list(connection, &grant)?),
                Err(_) => None,
            };
            let secrets = tokens.as_deref().unwrap_or_default();
            let leaks = leaks::notices(connection, &grant, (&keys.rows, &rotations), secrets)?;
            let link = |page| KeysQuery { page, ..selection.clone() }.url(&grant.id);
            Ok(Self {
                shell,
                frame,
                now,
                pager: Pager::of(&keys, link),
                headings: Headings::of(&selection, sort, &grant.id),
                rotations,
                keys,
                sparklines: daily.iter().map(Sparkline::of).collect(),
                tokens,
                leaks,
                selection,
                show,
                sort,
                has_environments,
            })
        }
    }

    /// Whether the list is narrowed.
    fn is_filtered(&self) -> bool {
        !self.selection.filter().is_empty()
    }

    /// "12 of 340".
    fn found(&self) -> String {
        search::found(&self.keys.total, &Total::Exactly(self.frame.figures.api_keys), &self.selection.q)
    }

    /// Whether the search field is worth its place.
    fn is_searchable(&self) -> bool {
        self.is_filtered() || !self.keys.total.is_within(3)
    }

    /// The parts of the keys that can be chosen.
    fn parts(&self) -> impl Iterator<Item = Show> {
        let is_offered = |show: &Show| self.has_environments || !show.is_environment();
        Show::ALL.into_iter().filter(is_offered)
    }

    /// The orders that can be chosen, with their words.
    fn orders(&self) -> [(KeySort, &'static str); 8] {
        KeySort::ALL.map(|sort| (sort, key_words::order(sort)))
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

    /// By which the script finds the row again: the end of the key's id, which is random, since the rows make
    /// up most of the page.
    fn row_id<'a>(&self, key: &'a ApiKey) -> &'a str {
        key.id.get(24..).unwrap_or(&key.id)
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
    view::show(&ApiTab::load(&visit, &visit.proof, visit.query()?, visit.shell()).await?)
}
