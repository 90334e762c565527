//! The injected "now". Nothing else in the crate asks the system for the time.

use std::sync::{Arc, Mutex, PoisonError};

use time::{Duration, OffsetDateTime, PrimitiveDateTime};

/// An instant in UTC, exact to the microsecond (what SQLite and PostgreSQL both keep).
pub type Timestamp = PrimitiveDateTime;

/// Tells the time: the system's, or one that a test sets and moves.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The operating system's wall clock.
    System,
    /// A clock that stands still until [`Clock::advance`] moves it.
    Manual(Arc<Mutex<Timestamp>>),
}

impl Clock {
    /// A clock that stands at `start`.
    pub fn manual(start: Timestamp) -> Self {
        Self::Manual(Arc::new(Mutex::new(start)))
    }

    /// The present instant, truncated to microseconds.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => truncate(OffsetDateTime::now_utc()),
            Self::Manual(now) => *now.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Moves a manual clock forward; the system's clock stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(now) = self {
            *now.lock().unwrap_or_else(PoisonError::into_inner) += by;
        }
    }
}

/// The microseconds of an instant since 1970.
pub fn microseconds(at: Timestamp) -> i64 {
    i64::try_from(at.assume_utc().unix_timestamp_nanos() / 1000).unwrap_or_default()
}

fn truncate(now: OffsetDateTime) -> Timestamp {
    let now = PrimitiveDateTime::new(now.date(), now.time());
    now.replace_microsecond(now.microsecond()).unwrap_or(now)
}
