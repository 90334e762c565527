//! What all keys of an organization were asked together, day by day, also those that are gone: for whoever operates the
//! instance, and for the monthly quota of a plan.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::{
    dsl::{exists, sql},
    expression::SqlLiteral,
    prelude::*,
    sql_types::Bool,
};

use super::{ByOutcome, DAYS_SHOWN, DailyRequests, Month, Series, first_day_shown};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx, one_of},
    domain::{
        access::Observer,
        schema::{organization_usage, organizations},
        verification::{KnownKey, KnownOrganization, Outcome, Pending, Span, Sum, Used},
    },
};

/// What is written of one organization, of all its keys that are written in the same transaction.
pub(super) struct OfOrganization<'a> {
    known: &'a KnownOrganization,
    used: Used,
    days: BTreeMap<(Timestamp, &'static str), Sum>,
}

/// What is written of each organization, in the same order on all nodes: none waits for a row of another that waits
/// for one of its own.
pub(super) fn of_each<'a>(
    written: impl Iterator<Item = (&'a KnownKey, &'a Pending)>,
) -> Vec<OfOrganization<'a>> {
    let mut all: BTreeMap<&str, OfOrganization<'a>> = BTreeMap::new();
    for (key, pending) in written {
        let known = &*key.organization;
        let of = all.entry(&known.id).or_insert_with(|| OfOrganization {
            known,
            used: Used::default(),
            days: BTreeMap::new(),
        });
        // Of two copies the one that is bounded knows what is spent.
        if known.quota().is_some() {
            of.known = known;
        }
        of.used = of.used.and(Used::of(pending));
        for (hour, sum) in pending.sums() {
            let day = (Span::Day.begin(hour), sum.outcome.as_str());
            let total = of.days.entry(day).or_insert(Sum { requests: 0, units: 0, ..sum });
            total.requests += sum.requests;
            total.units += sum.units;
        }
    }
    all.into_values().collect()
}

impl OfOrganization<'_> {
    /// Writes it.
    pub(super) fn write(&self, tx: &mut Tx<'_>) -> Result<(), DbError> {
        let handed_over = self.known.quota().and_then(|(_, month)| month.hand_over(&self.used));
        if let Some((portions, units, last_used_at)) = handed_over {
            portions.lessen(tx, &self.known.owner(), units, last_used_at)?;
        }
        self.days.iter().try_for_each(|((day, _), sum)| add(tx, &self.known.id, *day, *sum))
    }

    /// After that: whether it is kept.
    pub(super) fn written(&self, is_written: bool) {
        let Some((_, month)) = self.known.quota() else { return };
        month.handed_over(&self.used, is_written);
        if is_written {
            month.note_written(&self.used);
        }
    }
}

/// Adds to the sum of a day. An update that finds nothing is followed by an insert: both engines take that.
pub(in crate::domain) fn add(
    tx: &mut Tx<'_>,
    organization_id: &str,
    day: Timestamp,
    sum: Sum,
) -> Result<(), DbError> {
    let Sum { outcome, requests, units } = sum;
    let updated = diesel::update(organization_usage::table.find((organization_id, day, outcome)))
        .set((
            organization_usage::requests.eq(organization_usage::requests + requests),
            organization_usage::units.eq(organization_usage::units + units),
        ))
        .execute(tx.connection())?;
    let is_there = exists(organizations::table.find(organization_id));
    if updated > 0 || !diesel::select(is_there).get_result::<bool>(tx.connection())? {
        return Ok(());
    }
    diesel::insert_into(organization_usage::table)
        .values((
            organization_usage::organization_id.eq(organization_id),
            organization_usage::begins_at.eq(day),
            organization_usage::outcome.eq(outcome),
            organization_usage::requests.eq(requests),
            organization_usage::units.eq(units),
        ))
        .execute(tx.connection())?;
    Ok(())
}

/// The last `days` days of any organization, the present one among them.
pub fn days_of_organization(
    connection: &mut Connection,
    _: &Observer,
    (organization_id, days): (&str, i32),
    now: Timestamp,
) -> Result<Series, DbError> {
    let mut series = Series::empty(Span::Day, days, now);
    let rows: Vec<(Timestamp, Outcome, i64)> = organization_usage::table
        .filter(organization_usage::organization_id.eq(organization_id))
        .filter(organization_usage::begins_at.ge(series.begins_at()))
        .select((organization_usage::begins_at, organization_usage::outcome, organization_usage::requests))
        .load(connection)?;
    series.add_rows(rows);
    Ok(series)
}

/// What the last days saw of some organizations, in their order and whatever the outcome.
pub fn daily_requests_of_organizations(
    connection: &mut Connection,
    _: &Observer,
    ids: &[&str],
    now: Timestamp,
) -> Result<Vec<DailyRequests>, DbError> {
    let first = first_day_shown(now);
    let rows: Vec<(String, Timestamp, i64)> = organization_usage::table
        .filter(one_of(organization_usage::organization_id, ids))
        .filter(organization_usage::begins_at.ge(first))
        .select((
            organization_usage::organization_id,
            organization_usage::begins_at,
            organization_usage::requests,
        ))
        .load(connection)?;
    let mut by_organization: HashMap<String, [i64; DAYS_SHOWN]> = HashMap::new();
    for (id, begins_at, requests) in rows {
        let day = usize::try_from((begins_at - first).whole_days()).unwrap_or_default();
        if let Some(sum) = by_organization.entry(id).or_insert([0; DAYS_SHOWN]).get_mut(day) {
            *sum += requests;
        }
    }
    let of = |id: &&str| DailyRequests(by_organization.get(*id).copied().unwrap_or([0; DAYS_SHOWN]));
    Ok(ids.iter().map(of).collect())
}

/// What all keys of an organization were asked in a month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MonthlySum {
    /// How many requests ended how.
    pub requests: ByOutcome,
    /// What accepted requests cost.
    pub units: i64,
}

/// What some organizations were asked in a month, by their ids. One that is missing was asked nothing.
pub fn sums_of_month(
    connection: &mut Connection,
    _: &Observer,
    ids: &[&str],
    month: Month,
) -> Result<HashMap<String, MonthlySum>, DbError> {
    let mut sums: HashMap<String, MonthlySum> = HashMap::new();
    let Some((begin, end)) = month.bounds() else { return Ok(sums) };
    let rows: Vec<(String, Outcome, i64, i64)> = organization_usage::table
        .filter(one_of(organization_usage::organization_id, ids))
        .filter(organization_usage::begins_at.ge(begin).and(organization_usage::begins_at.lt(end)))
        .select((
            organization_usage::organization_id,
            organization_usage::outcome,
            organization_usage::requests,
            organization_usage::units,
        ))
        .load(connection)?;
    for (id, outcome, requests, units) in rows {
        let sum = sums.entry(id).or_default();
        if let Some(of_outcome) = sum.requests.get_mut(outcome as usize) {
            *of_outcome += requests;
        }
        if outcome == Outcome::Valid {
            sum.units += units;
        }
    }
    Ok(sums)
}

/// What accepted requests of all its keys cost in the calendar month of `now`, as the quota of its plan counts.
pub fn used_by_organization(
    connection: &mut Connection,
    _: &Observer,
    organization_id: &str,
    now: Timestamp,
) -> Result<u64, DbError> {
    let owner = crate::domain::verification::Owner::Organization(organization_id.to_owned());
    crate::domain::verification::used_this_month(connection, &owner, now)
}

/// The organizations of which a request was rejected for a limit of their plan in the last days, as a subquery.
#[diesel::dsl::auto_type(no_type_alias)]
pub(in crate::domain) fn limited_organizations(now: Timestamp) -> _ {
    let first: Timestamp = first_day_shown(now);
    // In the words of its index.
    let is_limited: SqlLiteral<Bool> = sql::<Bool>("substr(outcome, 1, 5) = 'plan_'");
    organization_usage::table
        .filter(organization_usage::begins_at.ge(first))
        .filter(is_limited)
        .select(organization_usage::organization_id)
}

/// Those of some organizations of which a request was rejected for a limit of their plan in the last days.
pub fn limited_of(
    connection: &mut Connection,
    _: &Observer,
    ids: &[&str],
    now: Timestamp,
) -> Result<BTreeSet<String>, DbError> {
    let limited =
        limited_organizations(now).filter(one_of(organization_usage::organization_id, ids)).distinct();
    Ok(limited.load(connection)?.into_iter().collect())
}
