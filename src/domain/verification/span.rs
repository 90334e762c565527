//! What verifications are counted over.

use time::{Duration, Time};

use crate::clock::Timestamp;

/// What a sum spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// An hour of UTC.
    Hour,
    /// A day of UTC.
    Day,
}

impl Span {
    /// The word in the database.
    pub(in crate::domain) fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// When the one begins that an instant lies in.
    pub(in crate::domain) fn begin(self, at: Timestamp) -> Timestamp {
        match self {
            Self::Hour => at.replace_time(Time::from_hms(at.hour(), 0, 0).unwrap_or(Time::MIDNIGHT)),
            Self::Day => at.replace_time(Time::MIDNIGHT),
        }
    }

    /// Its length.
    pub fn length(self) -> Duration {
        match self {
            Self::Hour => Duration::HOUR,
            Self::Day => Duration::DAY,
        }
    }
}
