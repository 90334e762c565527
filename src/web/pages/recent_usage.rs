//! What speaks for and against stopping a key: its last call, its clients, the past week.

use crate::{
    clock::Timestamp,
    db::{Connection, DbError},
    domain::{
        access::{Grant, SeeKeys},
        api_keys::ApiKey,
        usage::{self, DailyRequests, KeyClient},
        verification::{Outcome, Span},
    },
    web::{chart::outcome_words, display},
};

/// Days that are summed up.
pub(super) const DAYS: u8 = 7;
/// Clients that are named in a dialog.
const CLIENTS: usize = 5;
/// Clients that are named in a menu.
const CLIENTS_IN_A_MENU: usize = 2;

/// The recent_usage about one key; shown by `api_keys/recent_usage.html`.
pub struct RecentUsage {
    /// Requests of the last days.
    pub total: i64,
    /// Requests of the last days by outcome, in words; those that occurred.
    pub by_outcome: Vec<(&'static str, i64)>,
    /// Who called last.
    pub clients: Vec<KeyClient>,
    /// How many more clients there are.
    pub more_clients: usize,
}

impl RecentUsage {
    /// Reads the recent usage.
    pub fn load(
        connection: &mut Connection,
        grant: &Grant<SeeKeys>,
        key: &ApiKey,
        now: Timestamp,
    ) -> Result<Self, DbError> {
        let totals = usage::series(connection, grant, key, Span::Day, DAYS.into(), now)?.totals();
        let (clients, more_clients) = first(usage::clients(connection, grant, key)?, CLIENTS);
        let by_outcome = Outcome::ALL.into_iter().zip(totals).filter(|(_, total)| *total > 0);
        Ok(Self {
            total: totals.iter().sum(),
            by_outcome: by_outcome.map(|(outcome, total)| (outcome_words(outcome), total)).collect(),
            clients,
            more_clients,
        })
    }
}

/// The recent usage in three lines, for the menu in which a key is deactivated without a question.
pub struct UsageSummary {
    /// Requests of the last days.
    pub total: i64,
    /// Who called last.
    pub clients: Vec<KeyClient>,
    /// How many more clients there are.
    pub more_clients: usize,
}

impl UsageSummary {
    /// The summary at a key with these requests and clients.
    pub fn of(daily: &DailyRequests, clients: Vec<KeyClient>) -> Self {
        let (clients, more_clients) = first(clients, CLIENTS_IN_A_MENU);
        Self { total: daily.of_last(DAYS.into()), clients, more_clients }
    }
}

/// The first of the clients, and how many more there are.
fn first(mut clients: Vec<KeyClient>, most: usize) -> (Vec<KeyClient>, usize) {
    let more = clients.len().saturating_sub(most);
    clients.truncate(most);
    (clients, more)
}

/// "Last used 4 min ago, 1,204 requests in the last 7 days."; nothing for a key that nobody called
/// with recently.
pub(super) fn sentence(key: &ApiKey, daily: &DailyRequests, now: &Timestamp) -> Option<String> {
    let total = daily.of_last(DAYS.into());
    let requests = display::count(&total, "request", "requests");
    let last = key
        .last_used_at
        .map_or("Never used".to_owned(), |at| format!("Last used {}", display::ago(&at, now)));
    (total > 0).then(|| format!("{last}, {requests} in the last {DAYS} days."))
}
