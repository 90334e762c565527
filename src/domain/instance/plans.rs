//! Which plan an organization is on, and what holds for it instead.

use diesel::prelude::*;

use super::{InstanceError, from_outside};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx, count_of},
    domain::{
        access::{Observer, Operator},
        events::{self, Action, Detail, Event},
        organization::Organization,
        organizations as all_organizations,
        page::Total,
        plans::{self, Override, Plan, PlanError},
        schema::{organizations, plans as all_plans},
    },
};

/// Puts an organization on a plan, or on none; `instead` holds for it where the plan says something else. Its ceilings
/// hold from the next request on.
///
/// # Errors
/// [`InstanceError::NotFound`] for the organization as for the plan.
pub fn assign_plan(
    tx: &mut Tx<'_>,
    operator: &Operator,
    (organization_id, plan_id, instead): (&str, Option<&str>, Option<Override>),
    now: Timestamp,
) -> Result<Option<Plan>, InstanceError> {
    let before = from_outside::find(tx, organization_id)?;
    let plan = plan_id.map(|id| plans::find(tx.connection(), operator, id)).transpose()?;
    let instead = instead.filter(|instead| plan.is_some() && !instead.ceilings.is_empty());
    let is_same = before.plan_id.as_deref() == plan_id
        && plans::override_of(tx.connection(), operator, organization_id)? == instead;
    if is_same {
        return Ok(plan);
    }
    all_organizations::set_plan(tx, organization_id, plan_id)?;
    let ends = if instead.is_some() { " with exceptions" } else { "" };
    plans::set_override(tx, operator, organization_id, instead)?;
    let to = plan.as_ref().map_or("no plan".to_owned(), |plan| format!("“{}”{ends}", plan.name));
    record(tx, operator, &before, format!("to {to}"), now)?;
    Ok(plan)
}

/// Puts an organization on another plan, or on none. What holds for it instead of its plan stays, where it has one.
///
/// # Errors
/// As [`assign_plan`].
pub fn change_plan(
    tx: &mut Tx<'_>,
    operator: &Operator,
    (organization_id, plan_id): (&str, Option<&str>),
    now: Timestamp,
) -> Result<Option<Plan>, InstanceError> {
    let instead = plans::override_of(tx.connection(), operator, organization_id)?;
    assign_plan(tx, operator, (organization_id, plan_id, instead), now)
}

/// All plans by name.
pub fn plans(connection: &mut Connection, _: &Observer) -> Result<Vec<Plan>, DbError> {
    let all = all_plans::table.order(all_plans::name_key).select(Plan::as_select());
    Ok(all.load(connection)?)
}

/// Removes a plan that no organization is on. Removed ones that were on it come back on the default plan, if there is
/// another one.
///
/// # Errors
/// [`PlanError::NotFound`], [`PlanError::InUse`].
pub fn remove_plan(
    tx: &mut Tx<'_>,
    operator: &Operator,
    plan_id: &str,
    now: Timestamp,
) -> Result<Plan, PlanError> {
    let default = plans::default_plan(tx.connection())?.filter(|default| default != plan_id);
    all_organizations::set_plan_of_removed(tx, plan_id, default.as_deref())?;
    plans::remove(tx, operator, plan_id, now)
}

/// Puts all organizations that have no plan on one; how many they were.
///
/// # Errors
/// [`InstanceError::NotFound`].
pub fn assign_plan_to_those_without(
    tx: &mut Tx<'_>,
    operator: &Operator,
    plan_id: &str,
    now: Timestamp,
) -> Result<(Plan, usize), InstanceError> {
    let plan = plans::find(tx.connection(), operator, plan_id)?;
    let number = all_organizations::set_plan_of_those_without(tx, plan_id)?;
    plans::record_assigned(tx, operator, &plan, now)?;
    Ok((plan, number))
}

/// How many organizations have no plan.
pub fn total_without_plan(connection: &mut Connection, _: &Operator) -> Result<Total, DbError> {
    let without = || {
        organizations::table
            .filter(organizations::plan_id.is_null().and(organizations::removed_at.is_null()))
            .select(organizations::id)
    };
    Total::count(|most| count_of(connection, without().limit(most)))
}

impl From<PlanError> for InstanceError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Db(error) => Self::Db(error),
            PlanError::NotFound | PlanError::NameTaken | PlanError::TooMany | PlanError::InUse => {
                Self::NotFound
            }
        }
    }
}

fn record(
    tx: &mut Tx<'_>,
    operator: &Operator,
    organization: &Organization,
    text: String,
    now: Timestamp,
) -> Result<(), DbError> {
    let event = Event {
        organization_id: None,
        actor: operator.actor(),
        action: Action::OrganizationPlanChanged,
        subject_id: Some(&organization.id),
        subject_name: &organization.name,
        detail: Some(Detail::Text { text }),
    };
    events::record(tx, &event, now)
}
