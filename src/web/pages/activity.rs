//! The tab "Activity": who did what, when and from where.

mod sentence;

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;
use time::{Date, Duration, macros::format_description};

pub(super) use sentence::Sentence;

use super::organization::{Frame, Tab};
use crate::{
    clock::Timestamp,
    db::DbError,
    domain::{
        access::{Grant, SeeActivity},
        audit::{self, Area, Entry, Filter},
        id,
        page::{Page, PageRef, PageRequest},
    },
    page,
    web::{
        activity_file, display, error::AppError, filters, pager::Pager, search, shell::Shell, urls, view,
        visit::Visit,
    },
};

/// Events on one page.
const EVENTS_ON_A_PAGE: i64 = 50;

/// `GET /orgs/{organization}/activity`.
#[derive(Template)]
#[template(path = "activity/index.html", blocks = ["title", "content", "tabs", "panel"])]
pub struct ActivityTab {
    shell: Shell,
    frame: Frame,
    now: Timestamp,
    selection: ActivityQuery,
    actors: Vec<(String, String)>,
    areas: Vec<Area>,
    events: Page<Entry>,
    pager: Pager,
}

page!(ActivityTab);

/// The filter as it stands in the address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ActivityQuery {
    #[serde(deserialize_with = "search::lenient")]
    q: String,
    who: String,
    what: String,
    /// A day; anything else means from the start.
    from: String,
    /// The last day; anything else means until now.
    until: String,
    page: PageRef,
}

impl ActivityQuery {
    fn filter(&self) -> Filter {
        Filter {
            text: self.q.clone(),
            actor_id: Some(id::as_stored(&self.who)).filter(|id| !id.is_empty()),
            area: self.what.parse().ok().filter(|area| Area::OF_ORGANIZATION.contains(area)),
            from: day(&self.from).map(Date::midnight),
            until: day(&self.until).and_then(Date::next_day).map(Date::midnight),
            ..Filter::default()
        }
    }

    fn is_empty(&self) -> bool {
        self.filter() == Filter::default()
    }

    /// `path` with the filter, and a page where it is given.
    fn url(&self, path: &str, page: &str) -> String {
        let Self { q, who, what, from, until, .. } = self;
        let filter = [("q", q), ("who", who), ("what", what), ("from", from), ("until", until)];
        let mut pairs: Vec<(&str, &str)> =
            filter.iter().map(|(name, value)| (*name, value.as_str())).collect();
        pairs.push(("page", page));
        urls::with_query(path, &pairs)
    }
}

/// A day as a date field sends it.
fn day(text: &str) -> Option<Date> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).ok()
}

/// The events of one day.
pub(super) struct Day<'a> {
    pub(super) title: String,
    pub(super) entries: Vec<&'a Entry>,
}

impl<'a> Day<'a> {
    /// The events by day, in their order.
    pub(super) fn all(events: &'a [Entry], now: Timestamp) -> Vec<Self> {
        let mut days: Vec<(Date, Self)> = Vec::new();
        for entry in events {
            let date = entry.created_at.date();
            match days.last_mut() {
                Some((last, day)) if *last == date => day.entries.push(entry),
                _ => days.push((date, Day { title: title(&entry.created_at, now), entries: vec![entry] })),
            }
        }
        days.into_iter().map(|(_, day)| day).collect()
    }
}

fn title(at: &Timestamp, now: Timestamp) -> String {
    let date = display::date(at);
    if at.date() == now.date() {
        format!("Today, {date}")
    } else if at.date() == now.date() - Duration::DAY {
        format!("Yesterday, {date}")
    } else {
        date
    }
}

/// "09:05", in UTC.
pub(super) fn time_of(entry: &Entry) -> String {
    let at = entry.created_at.time();
    format!("{:02}:{:02}", at.hour(), at.minute())
}

impl ActivityTab {
    /// The events by day, the newest first.
    fn days(&self) -> Vec<Day<'_>> {
        Day::all(&self.events.rows, self.now)
    }

    fn sentence(&self, entry: &Entry) -> Sentence {
        Sentence::of(entry)
    }

    fn time(&self, entry: &Entry) -> String {
        time_of(entry)
    }

    fn today(&self) -> Date {
        self.now.date()
    }

    fn export_url(&self) -> String {
        self.selection.url(&format!("{}.csv", self.frame.url(&self.frame.current)), "")
    }
}

/// Shows the tab.
pub async fn index(visit: Visit<Grant<SeeActivity>>) -> Result<HttpResponse, AppError> {
    let (shell, now, selection) = (visit.shell(), visit.now, visit.query::<ActivityQuery>()?);
    let request = PageRequest::new(selection.page.clone(), EVENTS_ON_A_PAGE);
    let tab = visit.read(move |connection, grant| {
        let events = audit::page(connection, grant, &selection.filter(), &request)?;
        let link = |page| selection.url(&urls::organization(&grant.id, "activity"), &urls::page(&page));
        Ok::<_, DbError>(ActivityTab {
            shell,
            frame: Frame::load(connection, grant, Tab::Activity)?,
            now,
            actors: audit::actors(connection, grant)?,
            areas: audit::areas(grant),
            pager: Pager::of(&events, link),
            events,
            selection,
        })
    });
    view::show(&tab.await?)
}

/// Downloads what the filter selects as a CSV file, oldest first.
pub async fn csv(visit: Visit<Grant<SeeActivity>>) -> Result<HttpResponse, AppError> {
    let filter = visit.query::<ActivityQuery>()?.filter();
    activity_file::download(activity_file::CSV, visit.state.db.clone(), visit.prove_again(), filter).await
}
