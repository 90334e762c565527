//! What organizations used in a month, for billing.

use std::collections::HashMap;

use diesel::prelude::*;

use super::{InstanceError, plans::plans};
use crate::{
    db::{Connection, DbError},
    domain::{
        access::Observer,
        organization::{self, Organization},
        page::{Cursor, CursorError, ListRequest, by_age},
        schema::organizations,
        usage::{self, Month, MonthlySum},
    },
    vocabulary::OrganizationSort,
};

/// The order of the list.
const ORDER: OrganizationSort = OrganizationSort::Oldest;

/// What one organization used in a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthlyUsage {
    /// The organization.
    pub organization: Organization,
    /// The plan that it is on now, by name.
    pub plan: Option<String>,
    /// The month.
    pub month: Month,
    /// What all its keys were asked, also those that are gone.
    pub sum: MonthlySum,
}

impl MonthlyUsage {
    /// The place behind it in the list.
    pub fn cursor(&self) -> Cursor {
        Cursor::by_id(&self.organization.id).in_order(ORDER)
    }
}

/// What an organization used in a month.
///
/// # Errors
/// [`InstanceError::NotFound`].
pub fn monthly_usage_of(
    connection: &mut Connection,
    observer: &Observer,
    organization_id: &str,
    month: Month,
) -> Result<MonthlyUsage, InstanceError> {
    let organization = organization::by_id(connection, organization_id)?.ok_or(InstanceError::NotFound)?;
    let used = with_usage(connection, observer, vec![organization], month)?;
    used.into_iter().next().ok_or(InstanceError::NotFound)
}

/// What all organizations used in a month, the oldest organization first; one more than asked for where there is more.
/// Removed ones are among them: what they used is owed.
///
/// # Errors
/// [`CursorError`] for a cursor of another list.
pub fn monthly_usage(
    connection: &mut Connection,
    observer: &Observer,
    month: Month,
    request: &ListRequest,
) -> Result<Vec<MonthlyUsage>, CursorError> {
    let reach = request.reach();
    let descending = reach.descends_in(ORDER)?;
    let query = by_age!(organizations::table.into_boxed(), reach, descending, organizations::id);
    let found: Vec<Organization> =
        query.select(Organization::as_select()).load(connection).map_err(DbError::from)?;
    Ok(with_usage(connection, observer, found, month)?)
}

fn with_usage(
    connection: &mut Connection,
    observer: &Observer,
    organizations: Vec<Organization>,
    month: Month,
) -> Result<Vec<MonthlyUsage>, DbError> {
    let ids: Vec<&str> = organizations.iter().map(|organization| organization.id.as_str()).collect();
    let mut sums = usage::sums_of_month(connection, observer, &ids, month)?;
    let plans = plans(connection, observer)?;
    let names: HashMap<&str, &str> =
        plans.iter().map(|plan| (plan.id.as_str(), plan.name.as_str())).collect();
    let used = |organization: Organization| MonthlyUsage {
        plan: organization.plan_id.as_deref().and_then(|id| names.get(id)).map(|name| (*name).to_owned()),
        sum: sums.remove(&organization.id).unwrap_or_default(),
        month,
        organization,
    };
    Ok(organizations.into_iter().map(used).collect())
}
