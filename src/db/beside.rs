//! Writes that are no part of what a request asked for.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::time::timeout;

use super::{Db, DbError};

/// How long a request waits for such a write.
const PATIENCE: Duration = Duration::from_secs(3);

/// For how long none is waited for once one failed.
const PAUSE: Duration = Duration::from_secs(5);

/// When such writes are worth a try again.
#[derive(Debug, Default)]
pub(super) struct SideWrites {
    paused_until: Mutex<Option<Instant>>,
}

impl Db {
    /// Waits for a write, but not for long, and not at all while the database takes none: a page that
    /// is only read is shown although the disk is full or another program holds the lock. A failure is
    /// logged as `what` could not be done, and stops nothing. Tells whether the write is done.
    pub async fn beside<T>(
        &self,
        what: &'static str,
        write: impl Future<Output = Result<T, DbError>>,
    ) -> bool {
        let is_paused = self.side_writes.lock().is_some_and(|until| Instant::now() < until);
        if is_paused {
            return false;
        }
        let error = match timeout(PATIENCE, write).await {
            Ok(Ok(_)) => return true,
            Ok(Err(error)) => error,
            Err(_) => DbError::Busy("it took too long".to_owned()),
        };
        tracing::error!(%error, "{what}");
        if error.is_temporary() {
            *self.side_writes.lock() = Some(Instant::now() + PAUSE);
        }
        false
    }
}

impl SideWrites {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.paused_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
