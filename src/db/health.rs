//! Whether the database takes writes, by what is seen from outside and by how the last ones went.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{
    DbError,
    file::{FileSizes, Opened},
};

/// A disk with less than this is full in all but name: one page of a table more, and a commit fails.
const MIN_BYTES_ON_DISK: u64 = 1 << 20;

/// For how long a failed write counts at least. On a full disk a small one still succeeds now and
/// then, into room that SQLite has from before.
const FAILURE_COUNTS: Duration = Duration::from_secs(10);

/// Why the database takes no writes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// What is open is not what stands under the name any more.
    #[error("a file of the database was removed or replaced while it was in use")]
    Gone(PathBuf),
    /// There is no room.
    #[error("the disk of the database is full")]
    DiskFull,
    /// The last write failed.
    #[error("the database cannot be written: {0}")]
    NotWritable(String),
}

/// What is known of the database's health.
#[derive(Debug)]
pub(super) struct Health {
    /// None of a server's database.
    opened: Option<Opened>,
    last_failure: Mutex<Option<Failure>>,
}

#[derive(Debug)]
struct Failure {
    at: Instant,
    reason: String,
    /// Whether a write succeeded since.
    is_over: bool,
}

impl Health {
    /// Of a database whose file, where it is one, was just opened.
    pub(super) fn new(file: Option<&Path>) -> Self {
        Self { opened: file.map(Opened::note), last_failure: Mutex::default() }
    }

    /// Whether the database is a file.
    pub(super) fn has_file(&self) -> bool {
        self.opened.is_some()
    }

    /// How large its files are, where it is one.
    pub(super) fn sizes(&self) -> Option<FileSizes> {
        self.opened.as_ref().map(Opened::sizes)
    }

    /// What keeps it from being written. Looks at the files and the disk each time.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        if let Some(file) = self.gone() {
            return Some(Trouble::Gone(file.to_owned()));
        }
        let bytes_left = self.opened.as_ref().and_then(Opened::bytes_left_on_disk);
        if bytes_left.is_some_and(|left| left < MIN_BYTES_ON_DISK) {
            return Some(Trouble::DiskFull);
        }
        let mut last = self.last_failure.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().is_some_and(|failure| failure.is_over && failure.at.elapsed() >= FAILURE_COUNTS) {
            *last = None;
        }
        last.as_ref().map(|failure| Trouble::NotWritable(failure.reason.clone()))
    }

    /// Fails where a write would go to a file that nobody finds again.
    pub(super) fn check_files(&self) -> Result<(), DbError> {
        self.gone().map_or(Ok(()), |file| Err(DbError::Gone(file.to_owned())))
    }

    fn gone(&self) -> Option<&Path> {
        self.opened.as_ref().and_then(Opened::gone)
    }

    /// Notes how a write went: why nothing could be written, if that was it.
    pub(super) fn note_write(&self, not_written: Option<String>) {
        let mut last = self.last_failure.lock().unwrap_or_else(PoisonError::into_inner);
        match not_written {
            Some(reason) => *last = Some(Failure { at: Instant::now(), reason, is_over: false }),
            None => {
                if let Some(failure) = last.as_mut() {
                    failure.is_over = true;
                }
            }
        }
    }
}
