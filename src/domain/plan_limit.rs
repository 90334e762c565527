//! What is said of something that is beyond the plan of an organization.

use super::{
    grouped::grouped,
    key_settings::{MonthlyQuota, RateLimit},
};
use crate::db::DbError;

/// What is beyond the plan of the organization.
#[derive(Debug, thiserror::Error)]
pub enum PlanLimit {
    /// So many keys are active already.
    #[error("Your plan allows {} active {}. Deactivate one you no longer need.", grouped(*.0), plural(*.0, "API key"))]
    ActiveKeys(i64),
    /// There are so many members already.
    #[error("This organization’s plan allows {} {}.", grouped(*.0), plural(*.0, "member"))]
    Members(i64),
    /// A key may not work for so long, in days.
    #[error("Your plan allows at most {} {}.", grouped((*.0).into()), plural((*.0).into(), "day"))]
    Lifetime(i32),
    /// Keys may not have this scope.
    #[error("Your plan doesn’t include the scope “{0}”.")]
    Scope(String),
    /// The limit of one key is above that of all together.
    #[error("Your plan allows at most {} per {}.", grouped(.0.count.get().into()), .0.period.as_str())]
    RateLimit(RateLimit),
    /// The quota of one key is above that of all together.
    #[error("Your plan allows at most {} a month.", grouped(i64::try_from(.0.get()).unwrap_or(i64::MAX)))]
    MonthlyQuota(MonthlyQuota),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

fn plural(number: i64, noun: &str) -> String {
    if number == 1 { noun.to_owned() } else { format!("{noun}s") }
}
