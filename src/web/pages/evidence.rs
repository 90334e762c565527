//! What speaks for and against stopping a key: its last call, its callers, the past week.

use crate::{
    clock::Timestamp,
    db::{Connection, DbError},
    domain::{
        access::Admin,
        api_keys::ApiKey,
        organizations::Organization,
        usage::{self, DailyRequests, KeyCaller, Outcome, Span},
    },
    web::{chart::outcome_words, display},
};

/// Days that are summed up.
const DAYS: u8 = 7;
/// Callers that are named in a dialog.
const CALLERS: usize = 5;
/// Callers that are named in a menu.
const CALLERS_AT_A_GLANCE: usize = 2;

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
        let totals = usage::series(connection, admin, key, Span::Day, DAYS.into(), now)?.totals();
        let (callers, more_callers) = first(usage::callers(connection, admin, key)?, CALLERS);
        let by_outcome = Outcome::ALL.into_iter().zip(totals).filter(|(_, total)| *total > 0);
        Ok(Self {
            total: totals.iter().sum(),
            by_outcome: by_outcome.map(|(outcome, total)| (outcome_words(outcome), total)).collect(),
            callers,
            more_callers,
        })
    }
}

/// The evidence in three lines, for the menu in which a key is deactivated without a question.
pub struct Glance {
    /// Requests of the last days.
    pub total: i64,
    /// Who called last.
    pub callers: Vec<KeyCaller>,
    /// How many more callers there are.
    pub more_callers: usize,
}

impl Glance {
    /// The glance at a key with these requests and callers.
    pub fn of(daily: &DailyRequests, callers: Vec<KeyCaller>) -> Self {
        let (callers, more_callers) = first(callers, CALLERS_AT_A_GLANCE);
        Self { total: daily.of_last(DAYS.into()), callers, more_callers }
    }
}

/// The first of the callers, and how many more there are.
fn first(mut callers: Vec<KeyCaller>, most: usize) -> (Vec<KeyCaller>, usize) {
    let more = callers.len().saturating_sub(most);
    callers.truncate(most);
    (callers, more)
}

/// "Last used 4 min ago, 1,204 requests in the last 7 days."; nothing for a key that nobody called
/// with of late.
pub(super) fn sentence(key: &ApiKey, daily: &DailyRequests, now: &Timestamp) -> Option<String> {
    let total = daily.of_last(DAYS.into());
    let requests = display::count(&total, "request", "requests");
    let last = key
        .last_used_at
        .map_or("Never used".to_owned(), |at| format!("Last used {}", display::ago(&at, now)));
    (total > 0).then(|| format!("{last}, {requests} in the last {DAYS} days."))
}
