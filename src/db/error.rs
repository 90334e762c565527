//! Why the database did not answer, and what of it passes by itself.

use std::{cell::RefCell, path::PathBuf};

use diesel::{
    r2d2::PoolError,
    result::{DatabaseErrorKind, Error as DieselError},
};

use super::engine::is_lost;

/// SQLite's words for a lock that somebody else holds (`SQLITE_BUSY` and `SQLITE_LOCKED`); diesel
/// hands on no codes.
const LOCKED: [&str; 3] = ["database is locked", "database table is locked", "database schema is locked"];
/// SQLite's words for a file that takes nothing (`SQLITE_FULL`, `SQLITE_READONLY`, `SQLITE_IOERR`,
/// `SQLITE_CANTOPEN`), or that somebody wrote over (`SQLITE_CORRUPT`, `SQLITE_NOTADB`).
const NOT_WRITABLE: [&str; 6] = [
    "database or disk is full",
    "attempt to write a readonly database",
    "disk I/O error",
    "unable to open database file",
    "database disk image is malformed",
    "file is not a database",
];
/// PostgreSQL's words for a lock that was waited for in vain (`lock_not_available`, `deadlock_detected`); of
/// most codes diesel hands on none.
const WAITED_IN_VAIN: [&str; 2] = ["due to lock timeout", "deadlock detected"];
/// PostgreSQL's words for a disk that takes nothing (`disk_full`, `io_error`).
const NOT_EXTENDED: [&str; 3] = ["No space left on device", "could not extend file", "could not write"];

/// PostgreSQL's words for U+0000 in a text, and in JSON.
const NULL_CHARACTER: [&str; 2] = ["for encoding \"UTF8\": 0x00", "unsupported Unicode escape sequence"];

/// Why the database did not answer.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A statement failed.
    #[error("the database refused a statement: {0}")]
    Statement(DieselError),
    /// Somebody else holds the lock, or too many wait.
    #[error("the database is busy: {0}")]
    Busy(String),
    /// The disk is full, read-only or broken, or the server is out of reach.
    #[error("the database cannot be written: {0}")]
    NotWritable(String),
    /// What is open is not what stands under the name any more: a write would be lost.
    #[error("the file {} was removed or replaced while it was in use", .0.display())]
    Gone(PathBuf),
    /// A value is not what it should be.
    #[error("what the database holds cannot be read: {0}")]
    Unreadable(String),
    /// No connection could be opened or became free in time.
    #[error("no database connection: {0}")]
    Pool(#[from] PoolError),
    /// The file could not be prepared for use.
    #[error("the database could not be opened: {0}")]
    Open(String),
    /// A transaction without the lock of writes changed what others hear of in the order of commits.
    #[error("a change was made out of order")]
    OutOfOrder,
    /// A copy of the whole database was not made.
    #[error("the database was not copied: {0}")]
    NotCopied(String),
    /// A value could not be written as JSON.
    #[error("a value could not be encoded: {0}")]
    Encoding(serde_json::Error),
    /// A text has a character that no column holds: PostgreSQL keeps no U+0000.
    #[error("a text holds a null character")]
    NullCharacter,
    /// The work was dropped or panicked.
    #[error("database work was interrupted: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
}

thread_local! {
    /// Why this thread's last statement could not write: a transaction learns of it although the
    /// error of what it does may be of any type.
    static NOT_WRITTEN: RefCell<Option<String>> = const { RefCell::new(None) };
}

impl DbError {
    /// A value in the database that is not what it should be.
    pub fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Unreadable(causes(&error))
    }

    /// Whether a unique index refused the row.
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Statement(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)))
    }

    /// Whether the same may succeed later, with nothing changed but the world around the server.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::NotWritable(_) | Self::Gone(_) | Self::Pool(_))
    }

    /// Takes out why this thread could not write since the last call, if it could not.
    pub(super) fn take_not_written() -> Option<String> {
        NOT_WRITTEN.take()
    }
}

impl From<DieselError> for DbError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::DeserializationError(error) => Self::Unreadable(causes(&*error)),
            DieselError::RollbackErrorOnCommit { commit_error, .. } => Self::from(*commit_error),
            error => {
                let text = error.to_string();
                let has_any = |words: &[&str]| words.iter().any(|words| text.contains(words));
                let kind = match &error {
                    DieselError::DatabaseError(kind, _) => Some(kind),
                    _ => None,
                };
                if has_any(&NULL_CHARACTER) {
                    Self::NullCharacter
                } else if has_any(&LOCKED)
                    || has_any(&WAITED_IN_VAIN)
                    || matches!(kind, Some(DatabaseErrorKind::SerializationFailure))
                {
                    Self::Busy(text)
                } else if has_any(&NOT_WRITABLE)
                    || has_any(&NOT_EXTENDED)
                    || is_lost(&error)
                    || matches!(kind, Some(DatabaseErrorKind::ReadOnlyTransaction))
                {
                    NOT_WRITTEN.set(Some(text.clone()));
                    Self::NotWritable(text)
                } else {
                    Self::Statement(error)
                }
            }
        }
    }
}

/// An error with what lies behind it: diesel's own words name the column alone.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(words: &str) -> DbError {
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(words.to_owned())).into()
    }

    #[test]
    fn a_file_that_was_written_over_takes_nothing_and_is_noted() {
        for words in [
            "database disk image is malformed",
            "file is not a database",
            "database or disk is full",
            "No space left on device",
        ] {
            assert!(matches!(refused(words), DbError::NotWritable(_)), "{words}");
            assert_eq!(DbError::take_not_written().as_deref(), Some(words));
        }
        assert!(matches!(refused("database is locked"), DbError::Busy(_)));
        assert!(matches!(refused("canceling statement due to lock timeout"), DbError::Busy(_)));
        assert!(matches!(refused("deadlock detected"), DbError::Busy(_)));
        let null = "invalid byte sequence for encoding \"UTF8\": 0x00";
        assert!(matches!(refused(null), DbError::NullCharacter));
        assert!(matches!(refused("near \"x\": syntax error"), DbError::Statement(_)));
        assert_eq!(DbError::take_not_written(), None);
    }
}
