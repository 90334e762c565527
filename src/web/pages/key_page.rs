//! The page of one key: what it is, how it is used, by whom, and what was done to it.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::{
    activity::Sentence,
    key_menu::KeyMenu,
    key_words,
    organization::{Frame, Tab},
};
use crate::{
    clock::Timestamp,
    domain::{
        access::{Grant, SeeKeys},
        api_keys::{self, ActiveRotation, ApiKey, Origin},
        audit::{self, Entry},
        key_settings::{MonthlyQuota, RateLimit},
        leaks::{self, Notice},
        managed::ManageError,
        usage::{self, KeyClient},
        verification::Span,
    },
    page,
    vocabulary::KeyStatus,
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
    /// From where it came, unless it was made here.
    origin: Option<Origin>,
    active: Option<ActiveRotation>,
    leak: Option<Notice>,
    is_hourly: bool,
    bars: Bars,
    clients: Vec<KeyClient>,
    /// What was used of the monthly quota, where there is one.
    used_this_month: u64,
    menu: KeyMenu,
    history: Vec<Entry>,
    has_environments: bool,
}

page!(KeyPage);

/// What the chart shows.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct KeyPageQuery {
    /// `hours` or `days`; anything else means days.
    span: String,
}

impl KeyPage {
    /// Reads the page.
    pub async fn load(
        visitor: &Visitor,
        grant: &Grant<SeeKeys>,
        key_id: &str,
        selection: KeyPageQuery,
        shell: Shell,
    ) -> Result<Self, AppError> {
        visitor.count_usage().await;
        let (grant, key_id, now) = (grant.clone(), key_id.to_owned(), visitor.now);
        let has_environments = visitor.state.config.rules.has_environments;
        let is_hourly = selection.span == "hours";
        let (span, count) = if is_hourly { (Span::Hour, HOURS_SHOWN) } else { (Span::Day, DAYS_SHOWN) };
        let page = visitor
            .state
            .db
            .read(move |connection| {
                let key = api_keys::find(connection, &grant, &key_id)?;
                let rotations = api_keys::rotations(connection, &grant, std::slice::from_ref(&key), now)?;
                let mut leaks =
                    leaks::notices(connection, &grant, (std::slice::from_ref(&key), &rotations), &[])?;
                let active = rotations.get(&key.id).copied();
                let origin = api_keys::origin(connection, &grant, &key.id)?;
                let clients = usage::clients(connection, &grant, &key)?;
                let used_this_month = match key.settings.monthly_quota {
                    Some(_) => usage::used_this_month(connection, &grant, &key, now)?,
                    None => 0,
                };
                let series = usage::series(connection, &grant, &key, span, count, now)?;
                Ok::<_, ManageError>(Self {
                    menu: KeyMenu::load(
                        connection,
                        &grant,
                        (&key, active),
                        clients.clone(),
                        shell.clone(),
                        now,
                    )?,
                    shell,
                    frame: Frame::load(connection, &grant, Tab::Api)?.about(&key.name, "API", Tab::Api.id()),
                    now,
                    leak: leaks.remove(&key.id),
                    origin,
                    active,
                    is_hourly,
                    bars: Bars::of(&series),
                    clients,
                    used_this_month,
                    history: audit::of_subject(connection, &grant, &key.id, EVENTS_SHOWN)?,
                    key,
                    has_environments,
                })
            })
            .await?;
        Ok(page)
    }

    fn badge(&self) -> (&'static str, String) {
        key_words::badge(&self.key, self.now)
    }

    /// How the key's rotation stands; `None` when none is under way.
    fn rotation_words(&self, key: &ApiKey) -> Option<String> {
        self.active.and_then(|active| key_words::rotation(key, &active, &self.now))
    }

    fn leak_title(&self, leak: &Notice) -> &'static str {
        if leak.is_previous_secret {
            "The previous secret of this key was exposed"
        } else {
            "This key was exposed"
        }
    }

    /// "100 requests per minute".
    fn rate_words(&self, limit: &RateLimit) -> String {
        let requests = display::count(&limit.count.get().into(), "request", "requests");
        format!("{requests} per {}", limit.period.as_str())
    }

    /// "1,204 of 50,000 used this month (UTC)".
    fn quota_words(&self, quota: &MonthlyQuota) -> String {
        let [used, quota] = [self.used_this_month, quota.get()]
            .map(|number| display::thousands(&i64::try_from(number).unwrap_or(i64::MAX)));
        format!("{used} of {quota} used this month (UTC)")
    }

    /// What stands in the place of a chart without bars.
    fn quiet_words(&self) -> String {
        if self.clients.is_empty() && self.key.last_used_at.is_none() {
            "No requests yet. They’ll show up here once a service uses this key.".to_owned()
        } else {
            format!("{}.", self.bars.label)
        }
    }

    fn menu(&self) -> askama::Result<Markup> {
        Markup::render(&self.menu, &self.shell.base_path)
    }

    fn is_expired(&self, key: &ApiKey) -> bool {
        key.status(self.now) == KeyStatus::Expired
    }

    fn key_url(&self, key: &ApiKey, verb: &str) -> String {
        self.shell.over(urls::api_item(&self.frame.id, "keys", &key.id, verb))
    }

    /// The page with the chart over another span.
    fn span_url(&self, span: &str) -> String {
        format!("{}?{}", urls::api_key(&self.frame.id, &self.key.id), urls::query("span", span))
    }

    fn sentence(&self, entry: &Entry) -> Sentence {
        Sentence::of(entry)
    }
}

/// Shows the page.
pub async fn show(visit: Visit<Grant<SeeKeys>>) -> Result<HttpResponse, AppError> {
    let (key_id, selection, shell) = (visit.path("key"), visit.query()?, visit.shell());
    view::show(&KeyPage::load(&visit, &visit.proof, &key_id, selection, shell).await?)
}
