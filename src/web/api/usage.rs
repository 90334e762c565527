//! How keys are used: requests by outcome, hour by hour or day by day, and who sent them.

use actix_web::HttpResponse;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{api_keys::counted_key, call::Call, params::Params, response::Response};
use crate::{
    api_types::{Client, FieldProblem, KeyRequests, KeyUsage, List, OrganizationUsage, Requests, UsageStep},
    domain::{
        access::{Grant, SeeKeys},
        usage::{self, ByOutcome, KeyClient, KeyRequests as StoredKeyRequests, Series, Step},
        verification::Span,
    },
    vocabulary::Environment,
    web::{display, error::AppError},
};

/// A month of hours and a year of days.
const MAX_HOURS: i32 = 31 * 24;
const MAX_DAYS: i32 = 366;

impl Requests {
    /// What was counted.
    pub fn of(by_outcome: &ByOutcome) -> Self {
        let [
            valid,
            expired,
            deactivated,
            forbidden_ip,
            insufficient_scope,
            rate_limited,
            quota_exceeded,
            organization_suspended,
            wrong_environment,
            plan_rate_limited,
            plan_quota_exceeded,
        ] = *by_outcome;
        Self {
            total: by_outcome.iter().sum(),
            valid,
            expired,
            deactivated,
            forbidden_ip,
            insufficient_scope,
            rate_limited,
            quota_exceeded,
            organization_suspended,
            wrong_environment,
            plan_rate_limited,
            plan_quota_exceeded,
        }
    }
}

impl UsageStep {
    fn of(step: &Step) -> Self {
        Self { begins_at: display::iso(&step.begins_at), requests: Requests::of(&step.requests) }
    }
}

/// Which steps of a key’s usage to show.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct KeyUsageParameters {
    /// The length of an interval.
    #[param(inline)]
    span: Span,
    /// Number of intervals, up to 744 hours or 366 days. Defaults to 24 hours or 30 days.
    #[param(minimum = 1, maximum = 744)]
    count: Option<i32>,
}

impl KeyUsageParameters {
    fn parse(&self) -> Result<(Span, i32), AppError> {
        let (usual, most) = match self.span {
            Span::Hour => (24, MAX_HOURS),
            Span::Day => (30, MAX_DAYS),
        };
        let count = within("count", self.count.unwrap_or(usual), MAX_HOURS)?;
        if count > most {
            return Err(AppError::field("count", format!("For days, choose a number from 1 to {most}.")));
        }
        Ok((self.span, count))
    }
}

/// Which days of the organization’s usage to show.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct UsageParameters {
    /// Number of days, including today.
    #[param(minimum = 1, maximum = 366, default = 30)]
    days: Option<i32>,
    /// Only keys for this environment.
    #[param(inline, value_type = Option<Environment>)]
    environment: Option<Environment>,
}

fn within(name: &str, number: i32, most: i32) -> Result<i32, AppError> {
    if (1..=most).contains(&number) {
        Ok(number)
    } else {
        Err(AppError::BadParameter(FieldProblem::new(name, format!("Choose a number from 1 to {most}."))))
    }
}

/// Get key usage.
///
/// Returns the most recent hours or days.
///
/// # Errors
/// 404 not found, 400 too many intervals.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/keys/{key}/usage",
    tag = "Usage",
    operation_id = "show_key_usage",
    params(KeyUsageParameters),
    responses((status = 200, description = "The usage.", body = KeyUsage))
)]
pub async fn of_key(
    call: Call<Grant<SeeKeys>, Params<KeyUsageParameters>>,
) -> Result<HttpResponse, AppError> {
    let ((span, count), now) = (call.input.0.parse()?, call.now);
    let key = counted_key(&call).await?;
    let series =
        call.read(move |connection, grant| usage::series(connection, grant, &key, span, count, now)).await?;
    let answer = KeyUsage { span, totals: Requests::of(&series.totals()), steps: steps(&series) };
    Ok(Response::ok(&answer)?.send())
}

fn steps(series: &Series) -> Vec<UsageStep> {
    series.steps.iter().map(UsageStep::of).collect()
}

impl Client {
    fn of(client: KeyClient) -> Self {
        let given = |text: String| (!text.is_empty()).then_some(text);
        Self {
            address: given(client.address),
            user_agent: given(client.user_agent),
            requests: client.requests,
            last_seen_at: display::iso(&client.last_seen_at),
        }
    }
}

/// List recent clients of a key.
///
/// Returns the last 20 clients, whether their requests were accepted or not. A backend has to send
/// `client_ip` or `user_agent` for them to be known.
///
/// # Errors
/// 404 not found.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/keys/{key}/clients",
    tag = "Usage",
    operation_id = "list_key_clients",
    responses((status = 200, description = "The clients, most recent first.", body = List<Client>))
)]
pub async fn clients(call: Call<Grant<SeeKeys>>) -> Result<HttpResponse, AppError> {
    let key = counted_key(&call).await?;
    let clients = call.read(move |connection, grant| usage::clients(connection, grant, &key)).await?;
    Ok(Response::ok(&List::whole(clients.into_iter().map(Client::of).collect()))?.send())
}

/// Get usage of all keys.
///
/// Returns the most recent days. Removed keys aren’t included.
///
/// # Errors
/// 400 too many days.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/usage",
    tag = "Usage",
    operation_id = "show_usage",
    params(UsageParameters),
    responses((status = 200, description = "The usage.", body = OrganizationUsage))
)]
pub async fn of_organization(
    call: Call<Grant<SeeKeys>, Params<UsageParameters>>,
) -> Result<HttpResponse, AppError> {
    let UsageParameters { days, environment } = call.input.0;
    let (days, now) = (within("days", days.unwrap_or(30), MAX_DAYS)?, call.now);
    call.state.count_usage(&call.proof.id).await;
    let usage = call
        .read(move |connection, grant| usage::of_organization(connection, grant, (days, environment), now))
        .await?;
    let of_key = |StoredKeyRequests { id, name, requests }| KeyRequests { id, name, requests };
    let answer = OrganizationUsage {
        totals: Requests::of(&usage.days.totals()),
        days: steps(&usage.days),
        keys: usage.keys.into_iter().map(of_key).collect(),
    };
    Ok(Response::ok(&answer)?.send())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::verification::Outcome;

    #[test]
    fn each_number_stands_under_the_name_of_its_outcome() {
        for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
            let mut by_outcome = ByOutcome::default();
            by_outcome[place] = 3;
            let requests = serde_json::to_value(Requests::of(&by_outcome)).unwrap();
            assert_eq!((&requests[outcome.as_str()], &requests["total"]), (&3.into(), &3.into()));
        }
    }
}
