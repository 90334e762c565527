//! The tab "People".

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::{Frame, Tab};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
    domain::{
        access::Operator,
        instance::{self, InstanceError, Person},
        page::{Page, PageRef, PageRequest, Total},
        user::User,
    },
    page,
    vocabulary::PersonSort,
    web::{
        error::AppError,
        filters,
        pager::Pager,
        search,
        shell::{Shell, Toast},
        sorting::Heading,
        urls, view,
        visit::{Behind, Visit, Visitor},
    },
};

/// People on one page.
const ROWS_ON_A_PAGE: i64 = 25;

/// `GET /instance/people`.
#[derive(Template)]
#[template(path = "instance/people.html", blocks = ["title", "content", "tabs", "panel"])]
struct PeopleTab {
    shell: Shell,
    frame: Frame,
    now: Timestamp,
    own_id: Option<String>,
    selection: PeopleQuery,
    sort: PersonSort,
    headings: Headings,
    people: Page<Person>,
    /// How many there are in all.
    all: Total,
    pager: Pager,
}

page!(PeopleTab);

/// What part of the people to show, and in what order.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PeopleQuery {
    /// Text in name or email.
    #[serde(deserialize_with = "search::lenient")]
    q: String,
    page: PageRef,
    /// An order's word; anything else means by name.
    sort: String,
}

impl PeopleQuery {
    fn url(&self) -> String {
        let page = urls::page(&self.page);
        let pairs = [("q", self.q.as_str()), ("sort", self.sort.as_str()), ("page", page.as_str())];
        urls::with_query(&Tab::People.url(), &pairs)
    }
}

/// The columns that the people can be sorted by.
struct Headings {
    name: Heading,
    created: Heading,
}

impl Headings {
    fn of(selection: &PeopleQuery, sort: PersonSort) -> Self {
        let heading = |label, orders| {
            Heading::new(label, orders, sort, |sort: PersonSort| {
                let (page, sort) = (PageRef::First, sort.as_str().to_owned());
                PeopleQuery { page, sort, ..selection.clone() }.url()
            })
        };
        Self {
            name: heading("Name", [PersonSort::Name, PersonSort::NameDescending]),
            created: heading("Signed up", [PersonSort::Newest, PersonSort::Oldest]),
        }
    }
}

impl PeopleTab {
    async fn load(
        visitor: &Visitor,
        operator: &Operator,
        selection: PeopleQuery,
        shell: Shell,
    ) -> Result<Self, AppError> {
        let (operator, now) = (operator.clone(), visitor.now);
        let tab = visitor.state.db.read(move |connection| {
            let sort = selection.sort.parse().unwrap_or_default();
            let request = PageRequest::new(selection.page.clone(), ROWS_ON_A_PAGE);
            let wanted = (selection.q.as_str(), sort);
            let people = instance::page_of_people(connection, &operator, wanted, &request)?;
            let all = match selection.q.as_str() {
                "" => people.total,
                _ => instance::total_of_people(connection, &operator)?,
            };
            let link = |page| PeopleQuery { page, ..selection.clone() }.url();
            Ok::<_, DbError>(Self {
                shell,
                frame: Frame::of(Tab::People),
                now,
                own_id: operator.actor().id().map(ToOwned::to_owned),
                pager: Pager::of(&people, link),
                headings: Headings::of(&selection, sort),
                people,
                all,
                selection,
                sort,
            })
        });
        Ok(tab.await?)
    }

    /// "12 of 340".
    fn found(&self) -> String {
        search::found(&self.people.total, &self.all, &self.selection.q)
    }

    fn is_searchable(&self) -> bool {
        !self.selection.q.is_empty() || !self.all.is_within(1)
    }

    /// The orders that can be chosen, with their words.
    fn orders(&self) -> [(PersonSort, &'static str); 4] {
        PersonSort::ALL.map(|sort| {
            let words = match sort {
                PersonSort::Name => "Name, A to Z",
                PersonSort::NameDescending => "Name, Z to A",
                PersonSort::Newest => "Newest first",
                PersonSort::Oldest => "Oldest first",
            };
            (sort, words)
        })
    }

    fn is_own(&self, person: &Person) -> bool {
        self.own_id.as_deref() == Some(&person.user.id)
    }

    /// The kind of badge and its words.
    fn badge(&self, person: &Person) -> (&'static str, &'static str) {
        match &person.user {
            user if user.is_deactivated() => ("off", "Deactivated"),
            user if user.is_verified() => ("ok", "Active"),
            _ => ("warn", "Email not confirmed"),
        }
    }

    fn person_url(&self, person: &Person, verb: &str) -> String {
        self.shell.over(urls::instance_person(&person.user.id, verb))
    }
}

/// The tab, as it is on the screen.
struct PeopleScreen;

impl Behind for PeopleScreen {
    type Proof = Operator;

    async fn page(
        visitor: &Visitor,
        operator: &Operator,
        shell: Shell,
    ) -> Result<Box<dyn view::Page>, AppError> {
        Ok(Box::new(PeopleTab::load(visitor, operator, visitor.on_screen(), shell).await?))
    }

    fn address(visitor: &Visitor, _: &Operator) -> String {
        visitor.on_screen::<PeopleQuery>().url()
    }
}

/// Shows the tab.
pub async fn index(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    view::show(&PeopleTab::load(&visit, &visit.proof, visit.query()?, visit.shell()).await?)
}

/// A change of the person in the address.
type Change = fn(&mut Tx<'_>, &Operator, &str, Timestamp) -> Result<User, InstanceError>;

/// Carries out `change`, and tells of it in `words`; `undo` is what takes it back. Whoever takes from themselves what
/// this tab asks for goes to their own organizations.
async fn change(
    visit: Visit<Operator>,
    change: Change,
    words: fn(&User) -> String,
    undo: Option<&str>,
) -> Result<HttpResponse, AppError> {
    let user_id = visit.path("user");
    let is_own = visit.proof.actor().id() == Some(&user_id);
    let user = visit.change(move |tx, operator, now| change(tx, operator, &user_id, now)).await??;
    let toast = Toast::ok(words(&user));
    if is_own {
        return visit.go(Some(toast), urls::ORGANIZATIONS);
    }
    let toast = match undo {
        Some(verb) => toast.with_undo(urls::instance_person(&user.id, verb)),
        None => toast,
    };
    visit.changed::<PeopleScreen>(toast).await
}

/// Ends all sessions of a person.
pub async fn log_out(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    change(visit, instance::log_out, |user| format!("{} logged out everywhere", user.name), None).await
}

/// Lets a person log in no longer.
pub async fn deactivate(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    change(visit, instance::deactivate, |user| format!("{} deactivated", user.name), Some("activate")).await
}

/// Lets a person log in again.
pub async fn activate(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    change(visit, instance::activate, |user| format!("{} activated", user.name), Some("deactivate")).await
}

/// Makes a person an instance administrator.
pub async fn promote(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let words = |user: &User| format!("{} is now an instance administrator", user.name);
    change(visit, instance::appoint, words, Some("demote")).await
}

/// Takes away that a person is an instance administrator.
pub async fn demote(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let words = |user: &User| format!("{} is no longer an instance administrator", user.name);
    change(visit, instance::dismiss, words, Some("promote")).await
}
