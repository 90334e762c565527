//! The past of all keys of an organization together.

use diesel::{dsl::sql, prelude::*, sql_types::BigInt};

use super::{
    super::{
        access::{Grant, SeeKeys},
        schema::{api_keys, key_usage},
        verification::Span,
    },
    Series,
};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError},
    vocabulary::Environment,
};

/// A sum of whole numbers is a decimal in PostgreSQL unless it is told otherwise.
const SUM: &str = "CAST(SUM(key_usage.requests) AS BIGINT)";

/// How the keys of an organization were used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationUsage {
    /// Day by day, over all keys.
    pub days: Series,
    /// The keys with requests in these days, the busiest first.
    pub keys: Vec<KeyRequests>,
}

/// How often one key came, whatever the outcome.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct KeyRequests {
    /// The key's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// All its requests.
    pub requests: i64,
}

/// What the keys of an organization were asked from a day on, day by day.
macro_rules! requests_since {
    ($organization_id:expr, $environment:expr, $begins_at:expr) => {{
        // SQL has no place for "any": those of the one environment, or of both.
        let [one, other] = $environment.map_or(Environment::ALL, |environment| [environment; 2]);
        key_usage::table
            .inner_join(api_keys::table)
            .filter(api_keys::organization_id.eq($organization_id.to_owned()))
            .filter(key_usage::span.eq(Span::Day).and(key_usage::begins_at.ge($begins_at)))
            .filter(api_keys::environment.eq(one).or(api_keys::environment.eq(other)))
    }};
}

/// The last `days` days of the organization, the present one among them; of its keys for one environment, or of all.
pub fn of_organization(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    (days, environment): (i32, Option<Environment>),
    now: Timestamp,
) -> Result<OrganizationUsage, DbError> {
    let series = days_of(connection, &grant.id, (days, environment), now)?;
    let mut keys: Vec<KeyRequests> = requests_since!(grant.id, environment, series.begins_at())
        .group_by((api_keys::id, api_keys::name))
        .select((api_keys::id, api_keys::name, sql::<BigInt>(SUM)))
        .load(connection)?;
    keys.sort_by(|a, b| b.requests.cmp(&a.requests).then_with(|| a.name.cmp(&b.name)));
    Ok(OrganizationUsage { days: series, keys })
}

fn days_of(
    connection: &mut Connection,
    organization_id: &str,
    (days, environment): (i32, Option<Environment>),
    now: Timestamp,
) -> Result<Series, DbError> {
    let mut series = Series::empty(Span::Day, days, now);
    let sums = requests_since!(organization_id, environment, series.begins_at())
        .group_by((key_usage::begins_at, key_usage::outcome))
        .select((key_usage::begins_at, key_usage::outcome, sql::<BigInt>(SUM)))
        .load(connection)?;
    series.add_rows(sums);
    Ok(series)
}
