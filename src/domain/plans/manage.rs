//! Plans, made and changed by those who operate the instance.

use diesel::prelude::*;

use super::{
    Ceilings, Override,
    ceilings::{Replacements, stored_override},
};
use crate::{
    clock::Timestamp,
    db::{Change, Connection, DbError, Tx, count_of},
    domain::{
        access::{Grant, Observer, Operator, See},
        events::{self, Action, Event},
        id::new_id,
        names::Name,
        schema::{organizations, plan_overrides, plans},
    },
};

/// Plans that there may be.
pub const MAX_PLANS: i64 = 100;

/// Of so many organizations each is told to what is in memory by itself; of more, everything is read anew.
const FEW_ORGANIZATIONS: i64 = 500;

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = plans)]
pub struct Plan {
    /// The id.
    pub id: String,
    /// The name, unique among all plans.
    pub name: String,
    /// What it allows.
    #[diesel(embed)]
    pub ceilings: Ceilings,
    /// Whether new organizations get it.
    pub is_default: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a plan is to be like.
#[derive(Clone, Debug)]
pub struct PlanOffer {
    /// Its name.
    pub name: Name,
    /// What it allows.
    pub ceilings: Ceilings,
}

/// Why something is not done with a plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// No such plan.
    #[error("not found")]
    NotFound,
    /// There is one of that name.
    #[error("A plan with this name already exists. Choose another name.")]
    NameTaken,
    /// There are as many as there may be.
    #[error("There are {MAX_PLANS} plans already. Remove one that you no longer need.")]
    TooMany,
    /// Organizations are on it.
    #[error("Organizations are on this plan. Move them to another plan first.")]
    InUse,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for PlanError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// All plans by name, each with the number of organizations on it.
pub fn list(connection: &mut Connection, _: &Operator) -> Result<Vec<(Plan, i64)>, DbError> {
    let plans: Vec<Plan> = plans::table.order(plans::name_key).select(Plan::as_select()).load(connection)?;
    let counts: Vec<(Option<String>, i64)> = organizations::table
        .filter(organizations::plan_id.is_not_null().and(organizations::removed_at.is_null()))
        .group_by(organizations::plan_id)
        .select((organizations::plan_id, diesel::dsl::count_star()))
        .load(connection)?;
    let count = |plan: &Plan| {
        counts.iter().find(|(id, _)| id.as_deref() == Some(&plan.id)).map_or(0, |(_, count)| *count)
    };
    let with_count = |plan: Plan| {
        let number = count(&plan);
        (plan, number)
    };
    Ok(plans.into_iter().map(with_count).collect())
}

/// One plan.
///
/// # Errors
/// [`PlanError::NotFound`].
pub fn find(connection: &mut Connection, _: &Operator, plan_id: &str) -> Result<Plan, PlanError> {
    by_id(connection, plan_id)?.ok_or(PlanError::NotFound)
}

fn by_id(connection: &mut Connection, plan_id: &str) -> Result<Option<Plan>, DbError> {
    Ok(plans::table.find(plan_id).select(Plan::as_select()).first(connection).optional()?)
}

/// The plan that new organizations get, if there is one.
pub fn default_plan(connection: &mut Connection) -> Result<Option<String>, DbError> {
    Ok(plans::table.filter(plans::is_default).select(plans::id).first(connection).optional()?)
}

/// The plan that an organization is on, for its members.
pub fn plan_of(connection: &mut Connection, grant: &Grant<See>) -> Result<Option<Plan>, DbError> {
    match &grant.plan_id {
        Some(id) => by_id(connection, id),
        None => Ok(None),
    }
}

/// Makes a plan. The first one is the default.
///
/// # Errors
/// [`PlanError::NameTaken`], [`PlanError::TooMany`].
pub fn create(
    tx: &mut Tx<'_>,
    operator: &Operator,
    offer: &PlanOffer,
    now: Timestamp,
) -> Result<Plan, PlanError> {
    let number = count_of(tx.connection(), plans::table.select(plans::id).limit(MAX_PLANS))?;
    if number >= MAX_PLANS {
        return Err(PlanError::TooMany);
    }
    let id = new_id(now);
    let inserted = diesel::insert_into(plans::table)
        .values((
            plans::id.eq(&id),
            plans::name.eq(offer.name.as_str()),
            plans::name_key.eq(offer.name.key()),
            &offer.ceilings,
            plans::is_default.eq(number == 0),
            plans::created_at.eq(now),
        ))
        .execute(tx.connection());
    inserted.map_err(taken)?;
    let plan = find(tx.connection(), operator, &id)?;
    record(tx, operator, &plan, Action::PlanCreated, now)?;
    Ok(plan)
}

/// Changes a plan; its ceilings hold from the next request on, for all organizations on it.
///
/// # Errors
/// [`PlanError::NotFound`], [`PlanError::NameTaken`].
pub fn change(
    tx: &mut Tx<'_>,
    operator: &Operator,
    (plan_id, offer): (&str, &PlanOffer),
    now: Timestamp,
) -> Result<Plan, PlanError> {
    let before = find(tx.connection(), operator, plan_id)?;
    let updated = diesel::update(plans::table.find(plan_id))
        .set((plans::name.eq(offer.name.as_str()), plans::name_key.eq(offer.name.key()), &offer.ceilings))
        .execute(tx.connection());
    updated.map_err(taken)?;
    let plan = find(tx.connection(), operator, plan_id)?;
    if plan.ceilings != before.ceilings {
        tell_organizations(tx, plan_id)?;
    }
    if plan != before {
        record(tx, operator, &plan, Action::PlanChanged, now)?;
    }
    Ok(plan)
}

fn taken(error: diesel::result::Error) -> PlanError {
    match DbError::from(error) {
        error if error.is_unique_violation() => PlanError::NameTaken,
        error => error.into(),
    }
}

/// Has what is in memory of the organizations on a plan read anew.
fn tell_organizations(tx: &mut Tx<'_>, plan_id: &str) -> Result<(), DbError> {
    let ids: Vec<String> = organizations::table
        .filter(organizations::plan_id.eq(plan_id))
        .select(organizations::id)
        .limit(FEW_ORGANIZATIONS + 1)
        .load(tx.connection())?;
    if i64::try_from(ids.len()).is_ok_and(|number| number <= FEW_ORGANIZATIONS) {
        ids.into_iter().for_each(|id| tx.changed(Change::Organization(id)));
    } else {
        tx.changed(Change::Anything);
    }
    Ok(())
}

/// Has new organizations get this plan. Those that are there stay on theirs.
///
/// # Errors
/// [`PlanError::NotFound`].
pub fn make_default(
    tx: &mut Tx<'_>,
    operator: &Operator,
    plan_id: &str,
    now: Timestamp,
) -> Result<Plan, PlanError> {
    let plan = find(tx.connection(), operator, plan_id)?;
    if plan.is_default {
        return Ok(plan);
    }
    diesel::update(plans::table.filter(plans::is_default))
        .set(plans::is_default.eq(false))
        .execute(tx.connection())?;
    diesel::update(plans::table.find(plan_id)).set(plans::is_default.eq(true)).execute(tx.connection())?;
    record(tx, operator, &plan, Action::PlanMadeDefault, now)?;
    Ok(plan)
}

/// Removes a plan that no organization is on, removed ones included.
///
/// # Errors
/// [`PlanError::NotFound`], [`PlanError::InUse`].
pub(in crate::domain) fn remove(
    tx: &mut Tx<'_>,
    operator: &Operator,
    plan_id: &str,
    now: Timestamp,
) -> Result<Plan, PlanError> {
    let plan = find(tx.connection(), operator, plan_id)?;
    let on_it = organizations::table.filter(organizations::plan_id.eq(plan_id)).select(organizations::id);
    if count_of(tx.connection(), on_it.limit(1))? > 0 {
        return Err(PlanError::InUse);
    }
    diesel::delete(plans::table.find(plan_id)).execute(tx.connection())?;
    record(tx, operator, &plan, Action::PlanRemoved, now)?;
    Ok(plan)
}

/// What holds for an organization instead of what its plan says, ended or not.
pub fn override_of(
    connection: &mut Connection,
    _: &Observer,
    organization_id: &str,
) -> Result<Option<Override>, DbError> {
    stored_override(connection, organization_id)
}

/// Has something hold for an organization instead of what its plan says, or nothing.
pub fn set_override(
    tx: &mut Tx<'_>,
    _: &Operator,
    organization_id: &str,
    instead: Option<Override>,
) -> Result<(), DbError> {
    tx.changed(Change::Organization(organization_id.to_owned()));
    diesel::delete(plan_overrides::table.find(organization_id)).execute(tx.connection())?;
    let Some(Override { ceilings, ends_at }) = instead else { return Ok(()) };
    diesel::insert_into(plan_overrides::table)
        .values((
            plan_overrides::organization_id.eq(organization_id),
            Replacements::from(ceilings),
            plan_overrides::ends_at.eq(ends_at),
        ))
        .execute(tx.connection())?;
    Ok(())
}

/// Notes that all organizations without a plan were put on one.
pub(in crate::domain) fn record_assigned(
    tx: &mut Tx<'_>,
    operator: &Operator,
    plan: &Plan,
    now: Timestamp,
) -> Result<(), DbError> {
    record(tx, operator, plan, Action::PlanAssigned, now)
}

fn record(
    tx: &mut Tx<'_>,
    operator: &Operator,
    plan: &Plan,
    action: Action,
    now: Timestamp,
) -> Result<(), DbError> {
    let event = Event {
        organization_id: None,
        actor: operator.actor(),
        action,
        subject_id: Some(&plan.id),
        subject_name: &plan.name,
        detail: None,
    };
    events::record(tx, &event, now)
}
