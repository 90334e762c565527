//! What applies to one organization instead of what its plan says.

use actix_web::HttpResponse;

use crate::{
    api_types::{FieldProblem, PlanExceptions, RateLimitFields},
    clock::Timestamp,
    db::Connection,
    domain::{
        access::{Observer, Operator},
        instance,
        key_settings::{MonthlyQuota, Scopes, ScopesError},
        plans::{self, Ceilings, MAX_LIFETIME_DAYS, Override},
    },
    web::{
        api::{call::Call, instants, json::Json, response::Response},
        display,
        error::AppError,
        plan_numbers::{self, MAX_COUNT},
    },
};

impl From<Override> for PlanExceptions {
    fn from(Override { ceilings, ends_at }: Override) -> Self {
        Self {
            rate_limit: ceilings.rate_limit.map(RateLimitFields::of),
            monthly_quota: ceilings.monthly_quota.map(MonthlyQuota::get),
            max_active_keys: ceilings.max_active_keys,
            max_members: ceilings.max_members,
            max_lifetime_days: ceilings.max_lifetime_days,
            scopes: ceilings.scopes.as_slice().to_vec(),
            ends_at: ends_at.as_ref().map(display::iso),
        }
    }
}

/// An instant that has not passed.
fn parse_end(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let end = instants::parse(text).map_err(|error| error.to_string())?;
    if end <= now { Err("This time has passed.".to_owned()) } else { Ok(end) }
}

impl PlanExceptions {
    fn parse(&self, now: Timestamp) -> Result<Override, AppError> {
        let mut wrong = Vec::new();
        let number = |number: Option<i64>, most| number.map(|number| plan_numbers::check(number, most));
        let days = number(self.max_lifetime_days.map(Into::into), MAX_LIFETIME_DAYS.into());
        let ceilings = Ceilings {
            rate_limit: keep(
                "/rate_limit/requests",
                self.rate_limit.as_ref().map(RateLimitFields::parse),
                &mut wrong,
            ),
            monthly_quota: keep("/monthly_quota", self.monthly_quota.map(MonthlyQuota::new), &mut wrong),
            max_active_keys: keep("/max_active_keys", number(self.max_active_keys, MAX_COUNT), &mut wrong),
            max_members: keep("/max_members", number(self.max_members, MAX_COUNT), &mut wrong),
            max_lifetime_days: keep("/max_lifetime_days", days, &mut wrong)
                .and_then(|days| i32::try_from(days).ok()),
            scopes: keep("/scopes", Some(parse_scopes(&self.scopes)), &mut wrong).unwrap_or_default(),
        };
        let ends_at = keep("/ends_at", self.ends_at.as_deref().map(|end| parse_end(end, now)), &mut wrong);
        if ceilings.is_empty() && ends_at.is_some() {
            wrong.push(FieldProblem::new("/ends_at", "There is no exception that could end."));
        }
        if wrong.is_empty() { Ok(Override { ceilings, ends_at }) } else { Err(AppError::Fields(wrong)) }
    }
}

/// Each is one scope: with space in it, it would be several.
fn parse_scopes(scopes: &[String]) -> Result<Scopes, String> {
    if let Some(wrong) = scopes.iter().find(|scope| scope.split_whitespace().count() != 1) {
        return Err(format!("“{wrong}” isn’t a scope."));
    }
    scopes.join(" ").parse().map_err(|error: ScopesError| error.to_string())
}

/// A field that was sent; what is wrong with it is added to `wrong`.
fn keep<T, E: ToString>(
    field: &str,
    parsed: Option<Result<T, E>>,
    wrong: &mut Vec<FieldProblem>,
) -> Option<T> {
    match parsed? {
        Ok(value) => Some(value),
        Err(error) => {
            wrong.push(FieldProblem::new(field, error));
            None
        }
    }
}

/// Get the plan exceptions of an organization.
///
/// Exceptions that have ended are shown until they’re replaced.
///
/// # Errors
/// 404 not found.
#[utoipa::path(
    get,
    path = "/api/v2/instance/organizations/{organization}/plan-exceptions",
    tag = "Instance",
    operation_id = "show_plan_exceptions",
    responses((status = 200, description = "The exceptions.", body = PlanExceptions))
)]
pub async fn show(call: Call<Observer>) -> Result<HttpResponse, AppError> {
    let id = call.path("organization");
    let found = call.read(move |connection, observer| find(connection, observer, &id)).await?;
    call.show(&found)
}

/// Replace the plan exceptions of an organization.
///
/// They apply from the next request, instead of what the plan says. Null fields follow the plan.
///
/// # Errors
/// 404 not found, 409 no plan, 412 `If-Match` doesn’t match, 422 invalid fields.
#[utoipa::path(
    put,
    path = "/api/v2/instance/organizations/{organization}/plan-exceptions",
    tag = "Instance",
    operation_id = "change_plan_exceptions",
    request_body = PlanExceptions,
    responses((status = 200, description = "The exceptions.", body = PlanExceptions))
)]
pub async fn change(call: Call<Operator, Json<PlanExceptions>>) -> Result<HttpResponse, AppError> {
    let (id, wanted, precondition) =
        (call.path("organization"), call.input.0.parse(call.now)?, call.precondition());
    // A quota that is new counts what was used this month before it.
    call.state.count_usage(&id).await;
    call.change(move |tx, operator, now| {
        precondition.check(&find(tx.connection(), operator, &id)?)?;
        let plan = instance::find_row(tx.connection(), operator, &id)?.organization.plan_id;
        if plan.is_none() && !wanted.ceilings.is_empty() {
            let error = "This organization has no plan. Exceptions replace what a plan says.";
            return Err(AppError::Conflict(error.to_owned()));
        }
        instance::assign_plan(tx, operator, (&id, plan.as_deref(), Some(wanted)), now)?;
        Response::resource(&find(tx.connection(), operator, &id)?)
    })
    .await
}

fn find(connection: &mut Connection, observer: &Observer, id: &str) -> Result<PlanExceptions, AppError> {
    // Whether it is there at all.
    instance::find_row(connection, observer, id)?;
    let found = plans::override_of(connection, observer, id)?;
    Ok(found.map(PlanExceptions::from).unwrap_or_default())
}
