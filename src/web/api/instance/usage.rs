//! What organizations used in a month.

use actix_web::HttpResponse;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    api_types::{FieldProblem, List, MonthlyUsage, NamedId, Requests},
    clock::Timestamp,
    domain::{
        access::Observer,
        instance::{self, MonthlyUsage as StoredUsage},
        usage::Month,
    },
    web::{
        api::{
            call::Call,
            pagination::{self, Pagination},
            params::Params,
            response::Response,
        },
        error::AppError,
    },
};

impl From<StoredUsage> for MonthlyUsage {
    fn from(StoredUsage { organization, month, sum, .. }: StoredUsage) -> Self {
        Self {
            organization: NamedId { id: organization.id, name: organization.name },
            plan_id: organization.plan_id,
            month: month.to_string(),
            units: sum.units,
            requests: Requests::of(&sum.requests),
        }
    }
}

/// Which month to show.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct MonthParameters {
    /// The month (UTC). Defaults to the present one.
    #[param(example = "2026-11", pattern = "^[0-9]{4}-(0[1-9]|1[0-2])$")]
    month: Option<String>,
}

/// Which month to show, of which organizations.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct MonthlyUsageParameters {
    /// The month (UTC). Defaults to the present one.
    #[param(example = "2026-11", pattern = "^[0-9]{4}-(0[1-9]|1[0-2])$")]
    month: Option<String>,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// Items per page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

fn parse_month(text: Option<&str>, now: Timestamp) -> Result<Month, AppError> {
    let Some(text) = text else { return Ok(Month::of(now)) };
    text.parse().map_err(|error| AppError::BadParameter(FieldProblem::new("month", error)))
}

/// Get an organization’s usage in a month.
///
/// # Errors
/// 404 not found, 400 invalid month.
#[utoipa::path(
    get,
    path = "/api/v2/instance/organizations/{organization}/usage",
    tag = "Instance",
    operation_id = "show_monthly_usage",
    params(MonthParameters),
    responses((status = 200, description = "The usage.", body = MonthlyUsage))
)]
pub async fn of_organization(
    call: Call<Observer, Params<MonthParameters>>,
) -> Result<HttpResponse, AppError> {
    let Params(MonthParameters { month }) = &call.input;
    let (id, month) = (call.path("organization"), parse_month(month.as_deref(), call.now)?);
    call.state.count_usage(&id).await;
    let used =
        call.read(move |connection, observer| instance::monthly_usage_of(connection, observer, &id, month));
    Ok(Response::ok(&MonthlyUsage::from(used.await?))?.send())
}

/// List the usage of all organizations in a month.
///
/// Includes organizations without requests. Oldest organizations first.
///
/// # Errors
/// 400 invalid parameters.
#[utoipa::path(
    get,
    path = "/api/v2/instance/usage",
    tag = "Instance",
    operation_id = "list_monthly_usage",
    params(MonthlyUsageParameters),
    responses((status = 200, description = "A page of organizations.", body = List<MonthlyUsage>))
)]
pub async fn list(call: Call<Observer, Params<MonthlyUsageParameters>>) -> Result<HttpResponse, AppError> {
    let Params(MonthlyUsageParameters { month, cursor, limit }) = call.input.clone();
    let month = parse_month(month.as_deref(), call.now)?;
    let slice = Pagination::new(cursor, limit).list_request()?;
    let wanted = slice.clone();
    call.state.count_all_usage().await;
    let used =
        call.read(move |connection, observer| instance::monthly_usage(connection, observer, month, &wanted));
    let listing = pagination::list(used.await?, &slice, StoredUsage::cursor, MonthlyUsage::from);
    Ok(Response::ok(&listing)?.send())
}
