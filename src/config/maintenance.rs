//! `tessera maintenance`: what the operator asks for at the command line, beside the servers.

use clap::{Args, Subcommand};
use time::{Duration, OffsetDateTime, PrimitiveDateTime, UtcOffset, format_description::well_known::Rfc3339};

use super::{DatabaseUrl, Exit, Sources, serve::DatabaseFlag};
use crate::clock::Timestamp;

/// Characters of a message.
const MAX_MESSAGE: usize = 300;

/// What the operator does with maintenance.
#[derive(Debug)]
pub struct MaintenanceCall {
    /// The database of the servers.
    pub database: DatabaseUrl,
    /// What is done.
    pub verb: MaintenanceVerb,
}

/// Something done with maintenance.
#[derive(Debug)]
pub enum MaintenanceVerb {
    /// Switch it on.
    On {
        /// What people and machines are told.
        message: Option<String>,
        /// When it ends by itself.
        until: Option<Until>,
    },
    /// Switch it off.
    Off,
    /// Say whether it is on.
    Show,
}

/// The end of something that begins now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// So long from now.
    After(Duration),
    /// At this time, in UTC.
    At(Timestamp),
}

impl Until {
    /// Reads `30m`, `2h`, `1d` or `2027-03-31T22:00:00Z`.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = "must be a number followed by m, h or d, such as 2h, or a time with a time zone, such as \
                        2027-03-31T22:00:00Z";
        if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
            let at = at.to_offset(UtcOffset::UTC);
            return Ok(Self::At(PrimitiveDateTime::new(at.date(), at.time())));
        }
        let minutes = match text.chars().next_back() {
            Some('m') => 1,
            Some('h') => 60,
            Some('d') => 24 * 60,
            _ => return Err(expected.to_owned()),
        };
        let number = text.get(..text.len() - 1).and_then(|number| number.parse::<u16>().ok());
        let number = number.filter(|number| *number > 0).ok_or(expected)?;
        Ok(Self::After(Duration::minutes(i64::from(number) * minutes)))
    }

    /// The time itself.
    pub fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::After(time) => now.saturating_add(time),
            Self::At(at) => at,
        }
    }
}

#[derive(Args)]
pub(super) struct MaintenanceLine {
    #[command(subcommand)]
    action: MaintenanceAction,
}

#[derive(Subcommand)]
enum MaintenanceAction {
    /// Turn maintenance on, or change its message or end
    ///
    /// Keys are still verified and counted, and pages can be read. Forms and changes over the API get 503 with
    /// Retry-After. Running servers follow within two seconds.
    On {
        /// Text to show on pages and in API errors
        #[arg(long, value_name = "TEXT")]
        message: Option<String>,
        /// End it after this time (30m, 2h, 1d) or at this time (2027-03-31T22:00:00Z)
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        #[command(flatten)]
        database: DatabaseFlag,
    },
    /// Turn maintenance off
    Off(DatabaseFlag),
    /// Print whether maintenance is on
    Show(DatabaseFlag),
}

impl MaintenanceLine {
    pub(super) fn read(self, sources: &Sources<'_>) -> Result<MaintenanceCall, Exit> {
        let mistake = |expected| Exit::mistake(format_args!("{expected}"));
        let (database, verb) = match self.action {
            MaintenanceAction::On { message, until, database } => {
                let message = message.map(|text| parse_message(&text)).transpose();
                let message = message.map_err(|expected| mistake(format!("--message {expected}")))?;
                let until = until.map(|text| Until::parse(text.trim())).transpose();
                let until = until.map_err(|expected| mistake(format!("--until {expected}")))?;
                (database, MaintenanceVerb::On { message, until })
            }
            MaintenanceAction::Off(database) => (database, MaintenanceVerb::Off),
            MaintenanceAction::Show(database) => (database, MaintenanceVerb::Show),
        };
        Ok(MaintenanceCall { database: database.read(sources)?, verb })
    }
}

fn parse_message(text: &str) -> Result<String, String> {
    let text = text.trim();
    let length = text.chars().count();
    if length == 0 || length > MAX_MESSAGE || text.chars().any(char::is_control) {
        return Err(format!("must be 1 to {MAX_MESSAGE} characters on one line"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn an_end_is_a_time_from_now_or_a_time_of_day() {
        let now = datetime!(2026-11-27 18:00:00);
        for (text, at) in [
            ("30m", datetime!(2026-11-27 18:30:00)),
            ("2h", datetime!(2026-11-27 20:00:00)),
            ("1d", datetime!(2026-11-28 18:00:00)),
            ("2026-11-27T22:00:00+02:00", datetime!(2026-11-27 20:00:00)),
        ] {
            assert_eq!(Until::parse(text).map(|until| until.from(now)), Ok(at), "{text}");
        }
        for text in ["", "h", "2", "0h", "-2h", "2w", "2.5h", "70000h", "é", "tomorrow", "2026-11-27 22:00"]
        {
            assert!(Until::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_message_is_one_line() {
        assert_eq!(parse_message(" We move. "), Ok("We move.".to_owned()));
        for text in ["", " ", "two\nlines", &"a".repeat(301)] {
            assert!(parse_message(text).is_err(), "{text}");
        }
    }
}
