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
    web::{display, error::AppError},
};

/// A month of hours and a year of days.
const MAX_HOURS: i32 = 31 * 24;
const MAX_DAYS: i32 = 366;

impl Requests {
    fn of(by_outcome: &ByOutcome) -> Self {
        let [valid, expired, deactivated, forbidden_ip, insufficient_scope, rate_limited, quota_exceeded] =
            *by_outcome;
        Self {
            total: by_outcome.iter().sum(),
            valid,
            expired,
            deactivated,
            forbidden_ip,
            insufficient_scope,
            rate_limited,
            quota_exceeded,
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
    /// What a step is.
    #[param(inline)]
    span: Span,
    /// How many steps: up to 744 hours or 366 days; 24 hours or 30 days unless it is given.
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
            return Err(AppError::field("count", format!("Of days, choose a number from 1 to {most}.")));
        }
        Ok((self.span, count))
    }
}

/// Which days of the organization’s usage to show.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct UsageParameters {
    /// How many days, today among them.
    #[param(minimum = 1, maximum = 366, default = 30)]
    days: Option<i32>,
}

fn within(name: &str, number: i32, most: i32) -> Result<i32, AppError> {
    if (1..=most).contains(&number) {
        Ok(number)
    } else {
        Err(AppError::BadParameter(FieldProblem::new(name, format!("Choose a number from 1 to {most}."))))
    }
}

/// How a key was used, the last hours or days.
///
/// # Errors
/// 404 for a key of another organization, 400 for more steps than are told at once.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/keys/{key}/usage",
    tag = "Usage",
    operation_id = "show_key_usage",
    params(KeyUsageParameters),
    responses((status = 200, description = "The requests, all of them counted.", body = KeyUsage))
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

/// The last 20 clients of a key, where they called Tessera themselves or through a gateway.
///
/// # Errors
/// 404 for a key of another organization.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/keys/{key}/clients",
    tag = "Usage",
    operation_id = "list_key_clients",
    responses((status = 200, description = "All of them, the last first.", body = List<Client>))
)]
pub async fn clients(call: Call<Grant<SeeKeys>>) -> Result<HttpResponse, AppError> {
    let key = counted_key(&call).await?;
    let clients = call.read(move |connection, grant| usage::clients(connection, grant, &key)).await?;
    Ok(Response::ok(&List::whole(clients.into_iter().map(Client::of).collect()))?.send())
}

/// How the organization’s keys were used, the last days. Keys that were removed do not count.
///
/// # Errors
/// 400 for more days than are told at once.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/usage",
    tag = "Usage",
    operation_id = "show_usage",
    params(UsageParameters),
    responses((status = 200, description = "The requests, all of them counted.", body = OrganizationUsage))
)]
pub async fn of_organization(
    call: Call<Grant<SeeKeys>, Params<UsageParameters>>,
) -> Result<HttpResponse, AppError> {
    let (days, now) = (within("days", call.input.0.days.unwrap_or(30), MAX_DAYS)?, call.now);
    call.state.count_usage(&call.proof.id).await;
    let usage =
        call.read(move |connection, grant| usage::of_organization(connection, grant, days, now)).await?;
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
