//! The page of one key: what it is, how it is used, by whom, and what was done to it.

use actix_web::{
    HttpResponse,
    web::{Path, Query},
};
use askama::Template;
use serde::Deserialize;

use super::{
    activity::Sentence,
    api_tab::key_badge,
    key_rotation, key_settings,
    organization::{Frame, Tab},
    recent_usage::UsageSummary,
};
use crate::{
    clock::Timestamp,
    domain::{
        access::Admin,
        api_keys::{self, ActiveRotation, ApiKey, KeyError, Status},
        audit::{self, Entry},
        leaks::{self, Notice},
        organizations::Organization,
        usage::{self, KeyClient, Span},
    },
    page,
    web::{chart::Bars, error::AppError, extract::Visitor, shell::Shell, urls, view},
};

/// Hours and days that the chart shows.
const HOURS_SHOWN: i32 = 48;
const DAYS_SHOWN: i32 = 30;
const _: () = assert!(HOURS_SHOWN as i64 <= usage::HOURS_KEPT.whole_hours());
const _: () = assert!(DAYS_SHOWN as i64 <= usage::DAYS_KEPT.whole_days());
/// Events of the history that are shown.
const EVENTS_SHOWN: i64 = 50;

/// `GET /orgs/{organization}/api/keys/{key}`.
#[derive(Template)]
#[template(path = "key_page/index.html", blocks = ["title", "content", "tabs", "panel"])]
pub struct KeyPage {
    shell: Shell,
    frame: Frame,
    now: Timestamp,
    key: ApiKey,
    active: Option<ActiveRotation>,
    leak: Option<Notice>,
    is_hourly: bool,
    bars: Bars,
    clients: Vec<KeyClient>,
    summary: Option<UsageSummary>,
    history: Vec<Entry>,
}

page!(KeyPage);

/// What the chart shows.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Selection {
    /// `hours` or `days`; anything else means days.
    span: String,
}

impl KeyPage {
    /// Reads the page.
    ///
    /// # Errors
    /// 404 for a key of another organization.
    pub async fn load(
        visitor: &Visitor,
        admin: &Admin<Organization>,
        key_id: &str,
        selection: Selection,
        shell: Shell,
    ) -> Result<Self, AppError> {
        visitor.state.usage.flush_organization(&visitor.state.db, &admin.id).await?;
        let (admin, key_id, now) = (admin.clone(), key_id.to_owned(), visitor.now);
        let is_hourly = selection.span == "hours";
        let (span, count) = if is_hourly { (Span::Hour, HOURS_SHOWN) } else { (Span::Day, DAYS_SHOWN) };
        let page = visitor
            .state
            .db
            .read(move |connection| {
                let key = api_keys::find(connection, &admin, &key_id)?;
                let rotations = api_keys::rotations(connection, &admin, std::slice::from_ref(&key), now)?;
                let mut leaks = leaks::of_keys(connection, &admin, std::slice::from_ref(&key), &rotations)?;
                let daily = api_keys::daily_requests(connection, &admin, std::slice::from_ref(&key), now)?;
                let clients = usage::clients(connection, &admin, &key)?;
                let series = usage::series(connection, &admin, &key, span, count, now)?;
                Ok::<_, KeyError>(Self {
                    shell,
                    frame: Frame::load(connection, &admin, Tab::Api)?,
                    now,
                    leak: leaks.remove(&key.id),
                    active: rotations.get(&key.id).copied(),
                    is_hourly,
                    bars: Bars::of(&series),
                    summary: daily.first().map(|daily| UsageSummary::of(daily, clients.clone())),
                    clients,
                    history: audit::of_subject(connection, &admin, &key.id, EVENTS_SHOWN)?,
                    key,
                })
            })
            .await?;
        Ok(page)
    }

    fn badge(&self) -> (&'static str, String) {
        key_badge(&self.key, self.now)
    }

    /// How the key was used recently.
    fn summary(&self, _: &ApiKey) -> Option<&UsageSummary> {
        self.summary.as_ref()
    }

    /// How the key's rotation stands; `None` when none is under way.
    fn rotation_words(&self, key: &ApiKey) -> Option<String> {
        self.active.and_then(|active| key_rotation::words(key, &active, &self.now))
    }

    fn leak_title(&self, leak: &Notice) -> &'static str {
        if leak.is_previous_secret {
            "The old secret of this key was found in public"
        } else {
            "This key was found in public"
        }
    }

    /// What restricts the key, in a few words.
    fn tags(&self) -> Vec<String> {
        key_settings::tags(&self.key.settings)
    }

    fn is_expired(&self, key: &ApiKey) -> bool {
        key.status(self.now) == Status::Expired
    }

    fn key_url(&self, key: &ApiKey, verb: &str) -> String {
        urls::api_item(&self.frame.id, "keys", &key.id, verb)
    }

    /// The page with the chart over another span.
    fn span_url(&self, span: &str) -> String {
        format!("{}?{}", urls::api_key(&self.frame.id, &self.key.id), urls::query("span", span))
    }

    fn sentence(&self, entry: &Entry) -> Sentence {
        Sentence::of(entry)
    }
}

/// The key whose page has this address.
pub(super) fn key_of(path: &str) -> Option<&str> {
    item_of(path, "/api/keys")
}

/// What has a page of its own at this address, under one that ends in `kind`.
pub(super) fn item_of<'a>(path: &'a str, kind: &str) -> Option<&'a str> {
    let (path, _) = path.split_once('?').unwrap_or((path, ""));
    let (start, id) = path.rsplit_once('/')?;
    (start.starts_with("/orgs/") && start.ends_with(kind) && id != "new").then_some(id)
}

/// Shows the page.
///
/// # Errors
/// 404 for a key of another organization.
pub async fn show(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
    selection: Query<Selection>,
) -> Result<HttpResponse, AppError> {
    let (_, key_id) = path.into_inner();
    let shell = visitor.shell();
    view::show(&KeyPage::load(&visitor, &admin, &key_id, selection.into_inner(), shell).await?)
}
