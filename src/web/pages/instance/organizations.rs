//! The tab "Organizations".

use std::{collections::BTreeSet, iter::successors};

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::{Frame, Tab};
use crate::{
    clock::Timestamp,
    db::DbError,
    domain::{
        access::Operator,
        instance::{self, OrganizationRow, OrganizationSelection, PlanFilter},
        page::{Page, PageRef, PageRequest, Total},
        plans::Plan,
        usage::{self, Month},
    },
    page,
    vocabulary::{OrganizationFilter, OrganizationSort},
    web::{
        chart::Sparkline,
        display,
        error::AppError,
        filters,
        pager::Pager,
        search,
        shell::Shell,
        sorting::Heading,
        urls, view,
        visit::{Behind, Visit, Visitor},
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
    /// Those of the page that reached a limit of their plan lately.
    limited: BTreeSet<String>,
    /// All plans by name.
    plans: Vec<Plan>,
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
    /// The id of a plan, or "none" for those without one; empty for all.
    plan: String,
    /// An order's word; anything else means by name.
    sort: String,
}

impl OrganizationsQuery {
    /// Whether all organizations are shown.
    fn is_all(&self) -> bool {
        let filter: OrganizationFilter = self.state.parse().unwrap_or_default();
        self.q.is_empty() && self.plan.is_empty() && filter == OrganizationFilter::All
    }

    fn url(&self) -> String {
        let page = urls::page(&self.page);
        let pairs = [
            ("q", self.q.as_str()),
            ("state", self.state.as_str()),
            ("plan", self.plan.as_str()),
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
    async fn load(
        visitor: &Visitor,
        operator: &Operator,
        selection: OrganizationsQuery,
        shell: Shell,
    ) -> Result<Self, AppError> {
        let (operator, now) = (operator.clone(), visitor.now);
        let tab = visitor.state.db.read(move |connection| {
            let (filter, sort) =
                (selection.state.parse().unwrap_or_default(), selection.sort.parse().unwrap_or_default());
            let request = PageRequest::new(selection.page.clone(), ROWS_ON_A_PAGE);
            let plan = PlanFilter::parse(&selection.plan);
            let wanted = OrganizationSelection { search: &selection.q, filter, plan, sort, now };
            let organizations = instance::page_of_organizations(connection, &operator, &wanted, &request)?;
            let ids: Vec<&str> = organizations.rows.iter().map(|row| row.organization.id.as_str()).collect();
            let daily = usage::daily_requests_of_organizations(connection, &operator, &ids, now)?;
            let limited = usage::limited_of(connection, &operator, &ids, now)?;
            let all = if selection.is_all() {
                organizations.total
            } else {
                instance::total_of_organizations(connection, &operator)?
            };
            let link = |page| OrganizationsQuery { page, ..selection.clone() }.url();
            Ok::<_, DbError>(Self {
                shell,
                frame: Frame::of(Tab::Organizations),
                now,
                pager: Pager::of(&organizations, link),
                headings: Headings::of(&selection, sort),
                sparklines: daily.iter().map(Sparkline::of).collect(),
                limited,
                plans: instance::plans(connection, &operator)?,
                organizations,
                all,
                selection,
                filter,
                sort,
            })
        });
        Ok(tab.await?)
    }

    /// "12 of 340". Removed ones are not among all.
    fn found(&self) -> String {
        if self.filter == OrganizationFilter::Removed {
            return format!("{} removed", display::total(&self.organizations.total));
        }
        search::found(&self.organizations.total, &self.all, &self.selection.q)
    }

    fn is_searchable(&self) -> bool {
        self.is_narrowed() || !self.all.is_within(1)
    }

    /// Whether not all of them are asked for.
    fn is_narrowed(&self) -> bool {
        !self.selection.q.is_empty() || self.is_filtered()
    }

    fn is_filtered(&self) -> bool {
        self.filter != OrganizationFilter::All || !self.selection.plan.is_empty()
    }

    /// The name of the plan that an organization is on.
    fn plan_of(&self, row: &OrganizationRow) -> Option<&str> {
        let id = row.organization.plan_id.as_ref()?;
        self.plans.iter().find(|plan| plan.id == *id).map(|plan| plan.name.as_str())
    }

    /// The filters that can be chosen, with their words.
    fn filters(&self) -> [(OrganizationFilter, &'static str); 4] {
        OrganizationFilter::ALL.map(|filter| {
            let words = match filter {
                OrganizationFilter::All => "All organizations",
                OrganizationFilter::Suspended => "Suspended",
                OrganizationFilter::Limited => "Limit reached",
                OrganizationFilter::Removed => "Removed",
            };
            (filter, words)
        })
    }

    /// The sentence for a filter that finds none.
    fn none_of_these(&self) -> &'static str {
        match self.filter {
            _ if !self.selection.plan.is_empty() => "No organizations with this plan match.",
            OrganizationFilter::All => "No organizations.",
            OrganizationFilter::Suspended => "No organization is suspended.",
            OrganizationFilter::Limited => "No organization reached a limit of its plan in the last 30 days.",
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

/// The tab.
pub(super) struct OrganizationsScreen;

impl Behind for OrganizationsScreen {
    type Proof = Operator;

    async fn page(
        visitor: &Visitor,
        operator: &Operator,
        shell: Shell,
    ) -> Result<Box<dyn view::Page>, AppError> {
        Ok(Box::new(OrganizationsTab::load(visitor, operator, visitor.on_screen(), shell).await?))
    }

    fn address(visitor: &Visitor, _: &Operator) -> String {
        visitor.on_screen::<OrganizationsQuery>().url()
    }
}

/// Shows the tab.
pub async fn index(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    view::show(&OrganizationsTab::load(&visit, &visit.proof, visit.query()?, visit.shell()).await?)
}
