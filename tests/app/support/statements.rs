//! Counts what a request asks of the database.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, Once, PoisonError},
};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};

/// The statements of every database that is being watched, as it was opened.
static WATCHED: LazyLock<Mutex<HashMap<String, Vec<String>>>> = LazyLock::new(Mutex::default);

/// Has every connection that is opened from now on tell of its statements.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        set_default_instrumentation(|| Some(Box::new(Watch { database: String::new() })))
            .expect("nothing holds the default instrumentation");
    });
}

/// What a server notes and reads for itself every now and then, whatever it is asked: the log of changes on a
/// database of several, which of them does the housekeeping, and whether maintenance is on.
const OF_THE_SERVER: [&str; 7] =
    ["FROM changes", "INTO nodes", "FROM nodes", "INTO readings", "LISTEN", "\"leases\"", "maintenance"];

/// The statements that `work` causes at the database `database`, without those that open and close
/// transactions and those of [the server itself](OF_THE_SERVER).
pub(crate) async fn during(database: &str, work: impl Future) -> Vec<String> {
    watched().insert(database.to_owned(), Vec::new());
    work.await;
    watched().remove(database).expect("nobody else watches this database")
}

struct Watch {
    database: String,
}

impl Instrumentation for Watch {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartEstablishConnection { url, .. } => self.database = url.to_owned(),
            InstrumentationEvent::StartQuery { query, .. } => {
                if let Some(statements) = watched().get_mut(&self.database) {
                    let statement = query.to_string();
                    let is_work = !["BEGIN", "COMMIT", "SELECT 1; COMMIT", "ROLLBACK", "PRAGMA"]
                        .iter()
                        .any(|word| statement.trim_start().to_uppercase().starts_with(word))
                        && !OF_THE_SERVER.iter().any(|words| statement.contains(words));
                    statements.extend(is_work.then_some(statement));
                }
            }
            _ => {}
        }
    }
}

fn watched() -> std::sync::MutexGuard<'static, HashMap<String, Vec<String>>> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}
