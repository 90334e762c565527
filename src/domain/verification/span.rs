//! What verifications are counted over.

use time::{Duration, Time};

use crate::{clock::Timestamp, vocabulary::Span};

impl Span {
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
