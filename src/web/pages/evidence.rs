//! What speaks for and against stopping a key: its last call, its callers, the past week.

use crate::{
    clock::Timestamp,
    db::{Connection, DbError},
    domain::{
        access::Admin,
        api_keys::ApiKey,
        organizations::Organization,
        usage::{self, KeyCaller, Outcome, Span},
    },
    web::chart::outcome_words,
};

/// Days that are summed up.
const DAYS: i32 = 7;
/// Callers that are named.
const CALLERS: usize = 5;

/// The evidence about one key; shown by `api_keys/evidence.html`.
pub struct Evidence {
    /// Requests of the last days.
    pub total: i64,
    /// Requests of the last days by outcome, in words; those that occurred.
    pub by_outcome: Vec<(&'static str, i64)>,
    /// Who called last.
    pub callers: Vec<KeyCaller>,
    /// How many more callers there are.
    pub more_callers: usize,
}

impl Evidence {
    /// Reads the evidence.
    ///
    /// # Errors
    /// [`DbError`].
    pub fn load(
        connection: &mut Connection,
        admin: &Admin<Organization>,
        key: &ApiKey,
        now: Timestamp,
    ) -> Result<Self, DbError> {
        let totals = usage::series(connection, admin, key, Span::Day, DAYS, now)?.totals();
        let mut callers = usage::callers(connection, admin, key)?;
        let more_callers = callers.len().saturating_sub(CALLERS);
        callers.truncate(CALLERS);
        let by_outcome = Outcome::ALL.into_iter().zip(totals).filter(|(_, total)| *total > 0);
        Ok(Self {
            total: totals.iter().sum(),
            by_outcome: by_outcome.map(|(outcome, total)| (outcome_words(outcome), total)).collect(),
            callers,
            more_callers,
        })
    }
}
