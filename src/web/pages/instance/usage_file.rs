//! What all organizations used in a month, as a file for billing.

use std::sync::Arc;

use actix_web::{HttpResponse, web::Bytes};
use serde::Deserialize;

use crate::{
    db::{Connection, Db},
    domain::{
        access::Operator,
        instance::{self, MonthlyUsage},
        page::{Cursor, ListRequest},
        usage::{Month, NotAMonth},
        verification::Outcome,
    },
    web::{
        csv_cells::{self, without_formula},
        download,
        error::AppError,
        visit::Visit,
    },
};

/// Organizations read at once.
const ORGANIZATIONS_IN_A_PART: i64 = 500;

/// The columns before the rejections, of which there is one for each reason.
const COLUMNS: [&str; 7] =
    ["organization_id", "organization", "plan", "month", "requests", "accepted", "units"];

const ALL_COLUMNS: usize = COLUMNS.len() + Outcome::ALL.len() - 1;

/// Which month, as it stands in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct MonthQuery {
    month: String,
}

/// Proves the right to the file once more.
type Prove = dyn Fn(&mut Connection) -> Result<Operator, AppError> + Send + Sync;

/// Where the file stands.
struct Progress {
    db: Db,
    prove_again: Arc<Prove>,
    month: Month,
    after: Option<Cursor>,
    is_done: bool,
}

/// Downloads the usage of all organizations in a month, the oldest organization first. The right is proven for each
/// part.
pub async fn csv(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let MonthQuery { month } = visit.query()?;
    let month: Month = if month.is_empty() {
        Month::of(visit.now)
    } else {
        month.parse().map_err(|error: NotAMonth| AppError::Unreadable(error.to_string()))?
    };
    visit.state.count_all_usage().await;
    let (db, prove_again) = (visit.state.db.clone(), Arc::new(visit.prove_again()));
    let progress = Progress { db, prove_again, month, after: None, is_done: false };
    let name = format!("usage-{month}.csv");
    download::in_parts((&name, csv_cells::CONTENT_TYPE), Some(head()?), progress, next_part).await
}

fn head() -> Result<Bytes, AppError> {
    let rejections = rejections().map(|outcome| format!("rejected_{}", outcome.as_str()));
    let columns: Vec<String> = COLUMNS.map(str::to_owned).into_iter().chain(rejections).collect();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let columns: [&str; ALL_COLUMNS] =
        columns.try_into().map_err(|_| AppError::internal("a column is missing"))?;
    csv_cells::head(columns)
}

/// The reasons for which requests are rejected.
fn rejections() -> impl Iterator<Item = Outcome> {
    Outcome::ALL.into_iter().filter(|outcome| *outcome != Outcome::Valid)
}

async fn next_part(mut progress: Progress) -> Option<(Result<Bytes, AppError>, Progress)> {
    if progress.is_done {
        return None;
    }
    let (prove_again, month) = (progress.prove_again.clone(), progress.month);
    let request = ListRequest { after: progress.after.clone(), limit: ORGANIZATIONS_IN_A_PART };
    let read = progress.db.read(move |connection| {
        let operator = prove_again(connection)?;
        Ok::<_, AppError>(instance::monthly_usage(connection, &operator, month, &request)?)
    });
    let part = match read.await {
        Ok(used) if used.is_empty() => return None,
        Ok(mut used) => {
            // One more tells whether there is more.
            let size = usize::try_from(ORGANIZATIONS_IN_A_PART).unwrap_or(usize::MAX);
            progress.is_done = used.len() <= size;
            used.truncate(size);
            progress.after = used.last().map(MonthlyUsage::cursor);
            used.into_iter().map(row).collect::<Result<Vec<_>, _>>().and_then(csv_cells::write)
        }
        Err(error) => Err(error),
    };
    progress.is_done |= part.is_err();
    Some((part, progress))
}

fn row(used: MonthlyUsage) -> Result<[String; ALL_COLUMNS], AppError> {
    let MonthlyUsage { organization, plan, month, sum } = used;
    let count = |outcome: Outcome| sum.requests.get(outcome as usize).copied().unwrap_or_default();
    let cells = [
        organization.id,
        organization.name,
        plan.unwrap_or_default(),
        month.to_string(),
        sum.requests.iter().sum::<i64>().to_string(),
        count(Outcome::Valid).to_string(),
        sum.units.to_string(),
    ];
    let rejected = rejections().map(|outcome| count(outcome).to_string());
    let row: Vec<String> = cells.into_iter().map(without_formula).chain(rejected).collect();
    row.try_into().map_err(|_| AppError::internal("a cell is missing"))
}
