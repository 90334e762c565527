//! All organizations.

use diesel::prelude::*;

use super::InstanceError;
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, count_of},
    domain::{
        access::{Observer, Operator, Role},
        invitations::{self, Pending},
        organization::Organization,
        page::{
            Cursor, CursorError, ListRequest, MAX_COUNTED, Page, PageRequest, Reach, Total, by_age, in_order,
        },
        plans::{self, Bounds, Override, Plan},
        schema::{api_keys, audit_events, memberships, organizations, users},
        search::{self, Matches, has_term, matching_anywhere},
        usage,
        user::User,
    },
    folding::{
        self,
        terms::{INSTANCE, List, Sought},
    },
    vocabulary::{OrganizationFilter, OrganizationSort},
};

/// Administrators that are named on an organization's page at most.
const MAX_ADMINISTRATORS: i64 = 50;

/// An organization, as those see it who operate the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationRow {
    /// The organization.
    pub organization: Organization,
    /// Members in all.
    pub members: i64,
    /// API keys in all.
    pub api_keys: i64,
    /// What those who operate the instance note about it.
    pub notes: Option<String>,
    /// When something was last changed in it, or a key of it was last used.
    pub last_active_at: Option<Timestamp>,
}

/// An organization with those who administer it.
#[derive(Clone, Debug)]
pub struct OrganizationDetails {
    /// What the list shows of it.
    pub row: OrganizationRow,
    /// Its administrators by name, or the first of very many.
    pub administrators: Vec<User>,
    /// Who is invited to administer it, or the last of very many.
    pub invited: Vec<Pending>,
    /// The plan that it is on.
    pub plan: Option<Plan>,
    /// What is kept to hold instead of the plan, ended or not.
    pub instead: Option<Override>,
    /// What bounds it now.
    pub bounds: Bounds,
    /// What accepted requests cost this month.
    pub used_this_month: u64,
    /// Keys that are active, where their number is bounded; counted a little beyond the bound, above which a smaller
    /// plan may have left some.
    pub active_keys: i64,
}

type Columns = (Organization, i64, i64, Option<String>, Option<Timestamp>, Option<Timestamp>);

impl From<Columns> for OrganizationRow {
    fn from((organization, members, api_keys, notes, changed_at, used_at): Columns) -> Self {
        Self { organization, members, api_keys, notes, last_active_at: changed_at.max(used_at) }
    }
}

/// When something was last changed in an organization.
#[diesel::dsl::auto_type(no_type_alias)]
fn last_changed() -> _ {
    audit_events::table
        .filter(audit_events::organization_id.eq(organizations::id.nullable()))
        .order(audit_events::id.desc())
        .select(audit_events::created_at)
        .single_value()
}

/// When a key of an organization was last used.
#[diesel::dsl::auto_type(no_type_alias)]
fn last_used() -> _ {
    api_keys::table
        .filter(api_keys::organization_id.eq(organizations::id))
        .order((api_keys::last_used_order.desc(), api_keys::id.desc()))
        .select(api_keys::last_used_at)
        .single_value()
}

/// What is read of an organization, in the order of [`Columns`].
macro_rules! columns {
    () => {
        (
            Organization::as_select(),
            organizations::member_count,
            organizations::api_key_count,
            organizations::notes,
            last_changed(),
            last_used(),
        )
    };
}

/// Organizations by their plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlanFilter<'a> {
    /// All of them.
    #[default]
    All,
    /// Those without a plan.
    Without,
    /// Those on the plan with this id.
    On(&'a str),
}

impl<'a> PlanFilter<'a> {
    /// The word for those without a plan.
    pub const NONE: &'static str = "none";

    /// Reads a word of an address: nothing, [`NONE`](Self::NONE) or the id of a plan.
    pub fn parse(word: &'a str) -> Self {
        match word {
            "" => Self::All,
            Self::NONE => Self::Without,
            id => Self::On(id),
        }
    }
}

/// Which organizations to show, and in what order.
#[derive(Clone, Copy, Debug)]
pub struct OrganizationSelection<'a> {
    /// The beginning of a word in the name; empty for all.
    pub search: &'a str,
    /// In which state.
    pub filter: OrganizationFilter,
    /// On which plan.
    pub plan: PlanFilter<'a>,
    /// In what order.
    pub sort: OrganizationSort,
    /// The instant, up to which the days are counted on which a limit was reached.
    pub now: Timestamp,
}

impl OrganizationSelection<'_> {
    /// All of them, in some order.
    pub fn all(sort: OrganizationSort, now: Timestamp) -> Self {
        let (filter, plan) = (OrganizationFilter::All, PlanFilter::All);
        Self { search: "", filter, plan, sort, now }
    }

    /// Whether a search alone says which they are.
    fn is_all(&self) -> bool {
        self.filter == OrganizationFilter::All && self.plan == PlanFilter::All
    }
}

macro_rules! selected {
    ($matches:expr, $selection:expr) => {{
        let selection: &OrganizationSelection<'_> = $selection;
        let found = matching_anywhere!(
            organizations::table.into_boxed(),
            $matches,
            organizations::id,
            |sought: &Sought| has_term!(sought, List::AllOrganizations, INSTANCE, organizations::id)
        );
        let found = match selection.filter {
            OrganizationFilter::Removed => found.filter(organizations::removed_at.is_not_null()),
            _ => found.filter(organizations::removed_at.is_null()),
        };
        let found = match selection.filter {
            OrganizationFilter::Suspended => found.filter(organizations::suspended_at.is_not_null()),
            OrganizationFilter::Limited => {
                found.filter(organizations::id.eq_any(usage::limited_organizations(selection.now)))
            }
            OrganizationFilter::All | OrganizationFilter::Removed => found,
        };
        match selection.plan {
            PlanFilter::All => found,
            PlanFilter::Without => found.filter(organizations::plan_id.is_null()),
            PlanFilter::On(id) => found.filter(organizations::plan_id.eq(id)),
        }
    }};
}

/// One page of all organizations.
pub fn page_of_organizations(
    connection: &mut Connection,
    _: &Observer,
    selection: &OrganizationSelection<'_>,
    request: &PageRequest,
) -> Result<Page<OrganizationRow>, DbError> {
    let matches = search::find(connection, List::AllOrganizations, INSTANCE, selection.search)?;
    let total = if selection.is_all() {
        matches.total(|| total(connection))?
    } else {
        Total::count(|most| {
            count_of(connection, selected!(&matches, selection).select(organizations::id).limit(most))
        })?
    };
    let cursor = |row: &OrganizationRow| selection.sort.cursor(row);
    request.load(total, cursor, |reach| read(connection, (&matches, selection), reach))
}

/// A part of all organizations; one more than asked for where there is more.
///
/// # Errors
/// [`CursorError`] for a cursor of another list.
pub fn list_organizations(
    connection: &mut Connection,
    _: &Observer,
    selection: &OrganizationSelection<'_>,
    request: &ListRequest,
) -> Result<Vec<OrganizationRow>, CursorError> {
    let matches = search::find(connection, List::AllOrganizations, INSTANCE, selection.search)?;
    read(connection, (&matches, selection), &request.reach())
}

/// How many organizations there are.
pub fn total_of_organizations(connection: &mut Connection, _: &Observer) -> Result<Total, DbError> {
    total(connection)
}

fn total(connection: &mut Connection) -> Result<Total, DbError> {
    let all = || organizations::table.filter(organizations::removed_at.is_null()).select(organizations::id);
    Total::count(|most| count_of(connection, all().limit(most)))
}

impl OrganizationSort {
    fn is_by_number(self) -> bool {
        matches!(self, Self::MostMembers | Self::FewestMembers | Self::MostKeys | Self::FewestKeys)
    }

    /// The place behind an organization in a list that is sorted so.
    pub fn cursor(self, row: &OrganizationRow) -> Cursor {
        let sorted_by = match self {
            Self::Name | Self::NameDescending => folding::search_key(&row.organization.name),
            Self::Newest | Self::Oldest => String::new(),
            Self::MostMembers | Self::FewestMembers => row.members.to_string(),
            Self::MostKeys | Self::FewestKeys => row.api_keys.to_string(),
        };
        Cursor::by(&row.organization.id, sorted_by).in_order(self)
    }
}

fn read(
    connection: &mut Connection,
    (matches, selection): (&Matches, &OrganizationSelection<'_>),
    reach: &Reach,
) -> Result<Vec<OrganizationRow>, CursorError> {
    let sort = selection.sort;
    let all = selected!(matches, selection);
    let descending = reach.descends_in(sort)?;
    let number = match &reach.beyond {
        Some(cursor) if sort.is_by_number() => {
            cursor.sorted_by.parse::<i64>().map_err(|_| CursorError::OtherList)?
        }
        _ => 0,
    };
    let query = match sort {
        OrganizationSort::Name | OrganizationSort::NameDescending => {
            let name = |cursor: &Cursor| cursor.sorted_by.clone();
            in_order!(all, reach, descending, (organizations::search_key, organizations::id), name)
        }
        OrganizationSort::Newest | OrganizationSort::Oldest => {
            by_age!(all, reach, descending, organizations::id)
        }
        OrganizationSort::MostMembers | OrganizationSort::FewestMembers => {
            in_order!(all, reach, descending, (organizations::member_count, organizations::id), |_| number)
        }
        OrganizationSort::MostKeys | OrganizationSort::FewestKeys => {
            in_order!(all, reach, descending, (organizations::api_key_count, organizations::id), |_| number)
        }
    };
    let rows: Vec<Columns> = query.select(columns!()).load(connection).map_err(DbError::from)?;
    Ok(rows.into_iter().map(OrganizationRow::from).collect())
}

/// One organization, as the list has it.
///
/// # Errors
/// [`InstanceError::NotFound`].
pub fn find_row(
    connection: &mut Connection,
    _: &Observer,
    organization_id: &str,
) -> Result<OrganizationRow, InstanceError> {
    let found: Option<Columns> =
        organizations::table.find(organization_id).select(columns!()).first(connection).optional()?;
    found.map(OrganizationRow::from).ok_or(InstanceError::NotFound)
}

/// One organization.
///
/// # Errors
/// [`InstanceError::NotFound`].
pub fn find_organization(
    connection: &mut Connection,
    operator: &Operator,
    organization_id: &str,
    now: Timestamp,
) -> Result<OrganizationDetails, InstanceError> {
    let row = find_row(connection, operator, organization_id)?;
    let administrators = memberships::table
        .inner_join(users::table)
        .filter(memberships::organization_id.eq(organization_id))
        .filter(memberships::role.eq(Role::Administrator))
        .order((memberships::member_key, memberships::user_id))
        .select(User::as_select())
        .limit(MAX_ADMINISTRATORS)
        .load(connection)?;
    let plan = match &row.organization.plan_id {
        Some(id) => Some(plans::find(connection, operator, id)?),
        None => None,
    };
    let bounds = plans::bounds_of(connection, &row.organization, now)?;
    let active_keys = match bounds.ceilings.max_active_keys {
        Some(most) => plans::active_keys(connection, organization_id, most.max(MAX_COUNTED), now)?,
        None => 0,
    };
    Ok(OrganizationDetails {
        plan,
        instead: plans::override_of(connection, operator, organization_id)?,
        bounds,
        active_keys,
        used_this_month: usage::used_by_organization(connection, operator, organization_id, now)?,
        invited: invitations::pending_administrators(connection, operator, organization_id)?,
        row,
        administrators,
    })
}
