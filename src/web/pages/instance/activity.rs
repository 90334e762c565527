//! The tab "Activity": what instance administrators and commands on the machine did.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::{Frame, Tab};
use crate::{
    clock::Timestamp,
    db::DbError,
    domain::{
        access::Operator,
        audit::{self, Entry},
        page::{Page, PageRef, PageRequest},
    },
    page,
    web::{
        error::AppError,
        filters,
        pager::Pager,
        pages::activity::{Day, Sentence, time_of},
        shell::Shell,
        urls, view,
        visit::Visit,
    },
};

/// Events on one page.
const EVENTS_ON_A_PAGE: i64 = 50;

/// `GET /instance/activity`.
#[derive(Template)]
#[template(path = "instance/activity.html", blocks = ["title", "content", "tabs", "panel"])]
struct ActivityTab {
    shell: Shell,
    frame: Frame,
    now: Timestamp,
    events: Page<Entry>,
    pager: Pager,
}

page!(ActivityTab);

/// Which page of the events to show.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ActivityQuery {
    page: PageRef,
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
}

/// Shows the tab.
pub async fn index(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let (shell, now, selection) = (visit.shell(), visit.now, visit.query::<ActivityQuery>()?);
    let request = PageRequest::new(selection.page, EVENTS_ON_A_PAGE);
    let tab = visit.read(move |connection, operator| {
        let events = audit::page_of_instance(connection, operator, &request)?;
        let link = |page| urls::with_query(&Tab::Activity.url(), &[("page", &urls::page(&page))]);
        let frame = Frame::of(Tab::Activity);
        Ok::<_, DbError>(ActivityTab { shell, frame, now, pager: Pager::of(&events, link), events })
    });
    view::show(&tab.await?)
}
