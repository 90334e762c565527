//! The tab "Organizations".

use std::iter::successors;

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::{Frame, Tab};
use crate::{
    clock::Timestamp,
    db::DbError,
    domain::{
        access::Operator,
        instance::{self, OrganizationRow, OrganizationSelection},
        page::{Page, PageRef, PageRequest, Total},
        usage::{self, Month},
    },
    page,
    vocabulary::{OrganizationFilter, OrganizationSort},
    web::{
        chart::Sparkline, error::AppError, pager::Pager, search, shell::Shell, sorting::Heading, urls, view,
        visit::Visit,
    },
};

/// Organizations on one page.
const ROWS_ON_A_PAGE: i64 = 25;

/// Months whose usage is offered as a file.
const MONTHS_OFFERED: usize = 12;

/// `GET /instance/organizations`.
#[derive(Template)]
#[template(path = "instance/organizations.html", blocks = ["title", "content", "tabs", "panel"])]
struct OrganizationsTab {
    shell: Shell,
    frame: Frame,
    now: Timestamp,
    selection: OrganizationsQuery,
    filter: OrganizationFilter,
    sort: OrganizationSort,
    headings: Headings,
    organizations: Page<OrganizationRow>,
    sparklines: Vec<Sparkline>,
    /// How many there are in all.
    all: Total,
    pager: Pager,
}

page!(OrganizationsTab);

/// What part of the organizations to show, and in what order.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct OrganizationsQuery {
    /// Text in the name.
    #[serde(deserialize_with = "search::lenient")]
    q: String,
    page: PageRef,
    /// A filter's word; anything else means all.
    state: String,
    /// An order's word; anything else means by name.
    sort: String,
}

impl OrganizationsQuery {
    fn url(&self) -> String {
        let page = urls::page(&self.page);
        let pairs = [
            ("q", self.q.as_str()),
            ("state", self.state.as_str()),
            ("sort", self.sort.as_str()),
            ("page", page.as_str()),
        ];
        urls::with_query(&Tab::Organizations.url(), &pairs)
    }
}

/// The columns that the organizations can be sorted by.
struct Headings {
    name: Heading,
    members: Heading,
    api_keys: Heading,
    created: Heading,
}

impl Headings {
    fn of(selection: &OrganizationsQuery, sort: OrganizationSort) -> Self {
        use OrganizationSort as Sort;
        let heading = |label, orders| {
            Heading::new(label, orders, sort, |sort: Sort| {
                let (page, sort) = (PageRef::First, sort.as_str().to_owned());
                OrganizationsQuery { page, sort, ..selection.clone() }.url()
            })
        };
        Self {
            name: heading("Name", [Sort::Name, Sort::NameDescending]),
            members: heading("Members", [Sort::MostMembers, Sort::FewestMembers]),
            api_keys: heading("API keys", [Sort::MostKeys, Sort::FewestKeys]),
            created: heading("Created", [Sort::Newest, Sort::Oldest]),
        }
    }
}

impl OrganizationsTab {
    /// "12 of 340".
    fn found(&self) -> String {
        search::found(&self.organizations.total, &self.all, &self.selection.q)
    }

    fn is_searchable(&self) -> bool {
        self.is_narrowed() || !self.all.is_within(1)
    }

    /// Whether not all of them are asked for.
    fn is_narrowed(&self) -> bool {
        !self.selection.q.is_empty() || self.filter != OrganizationFilter::All
    }

    /// The filters that can be chosen, with their words.
    fn filters(&self) -> [(OrganizationFilter, &'static str); 3] {
        OrganizationFilter::ALL.map(|filter| {
            let words = match filter {
                OrganizationFilter::All => "All organizations",
                OrganizationFilter::Suspended => "Suspended",
                OrganizationFilter::Removed => "Removed",
            };
            (filter, words)
        })
    }

    /// The sentence for a filter that finds none.
    fn none_of_these(&self) -> &'static str {
        match self.filter {
            OrganizationFilter::All => "No organizations.",
            OrganizationFilter::Suspended => "No organization is suspended.",
            OrganizationFilter::Removed => "No organization was removed in the last 14 days.",
        }
    }

    /// The orders that can be chosen, with their words.
    fn orders(&self) -> [(OrganizationSort, &'static str); 8] {
        OrganizationSort::ALL.map(|sort| {
            let words = match sort {
                OrganizationSort::Name => "Name, A to Z",
                OrganizationSort::NameDescending => "Name, Z to A",
                OrganizationSort::Newest => "Newest first",
                OrganizationSort::Oldest => "Oldest first",
                OrganizationSort::MostMembers => "Most members",
                OrganizationSort::FewestMembers => "Fewest members",
                OrganizationSort::MostKeys => "Most API keys",
                OrganizationSort::FewestKeys => "Fewest API keys",
            };
            (sort, words)
        })
    }

    /// The months whose usage can be downloaded, each with its name; the present one first.
    fn months(&self) -> Vec<(Month, String)> {
        let months = successors(Some(Month::of(self.now)), |month| Some(month.previous()));
        months.take(MONTHS_OFFERED).map(|month| (month, month.name())).collect()
    }

    /// The organizations with their sparklines.
    fn rows(&self) -> impl Iterator<Item = (&OrganizationRow, &Sparkline)> {
        self.organizations.rows.iter().zip(&self.sparklines)
    }
}

/// Shows the tab.
pub async fn index(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let (shell, now, selection) = (visit.shell(), visit.now, visit.query::<OrganizationsQuery>()?);
    let tab = visit.read(move |connection, operator| {
        let (filter, sort) =
            (selection.state.parse().unwrap_or_default(), selection.sort.parse().unwrap_or_default());
        let request = PageRequest::new(selection.page.clone(), ROWS_ON_A_PAGE);
        let wanted = OrganizationSelection { search: &selection.q, filter, sort };
        let organizations = instance::page_of_organizations(connection, operator, wanted, &request)?;
        let ids: Vec<&str> = organizations.rows.iter().map(|row| row.organization.id.as_str()).collect();
        let daily = usage::daily_requests_of_organizations(connection, operator, &ids, now)?;
        let all = match (selection.q.as_str(), filter) {
            ("", OrganizationFilter::All) => organizations.total,
            _ => instance::total_of_organizations(connection, operator)?,
        };
        let link = |page| OrganizationsQuery { page, ..selection.clone() }.url();
        Ok::<_, DbError>(OrganizationsTab {
            shell,
            frame: Frame::of(Tab::Organizations),
            now,
            pager: Pager::of(&organizations, link),
            headings: Headings::of(&selection, sort),
            sparklines: daily.iter().map(Sparkline::of).collect(),
            organizations,
            all,
            selection,
            filter,
            sort,
        })
    });
    view::show(&tab.await?)
}
