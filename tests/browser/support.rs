//! The machinery under the journeys, from the processes up to what a person does on a page.

pub(crate) mod axe;
pub(crate) mod browser;
pub(crate) mod console;
pub(crate) mod guarded;
pub(crate) mod mail;
pub(crate) mod page;
pub(crate) mod people;
pub(crate) mod proxy;
pub(crate) mod server;
pub(crate) mod stage;

use std::time::{Duration, Instant};

/// How long a page may take to show what is expected: long, because test machines are busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// Asks again and again until there is an answer; `None` when `limit` has passed.
pub(crate) async fn poll<T>(limit: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return Some(answer);
        }
        if start.elapsed() > limit {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
