//! A calendar month of UTC.

use std::{fmt, str::FromStr};

use time::{Date, PrimitiveDateTime, Time};

use crate::clock::Timestamp;

/// A calendar month of UTC: `2026-11`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month {
    year: i32,
    month: time::Month,
}

/// The text is no month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Enter a month as year and month, such as 2026-11.")]
pub struct NotAMonth;

impl Month {
    /// The month of an instant.
    pub fn of(at: Timestamp) -> Self {
        Self { year: at.year(), month: at.month() }
    }

    /// The month before.
    pub fn previous(self) -> Self {
        let year = if self.month == time::Month::January { self.year - 1 } else { self.year };
        Self { year, month: self.month.previous() }
    }

    /// "November 2026".
    pub fn name(self) -> String {
        format!("{} {}", self.month, self.year)
    }

    /// When it begins and when the next one does; `None` beyond what a calendar has.
    pub(super) fn bounds(self) -> Option<(Timestamp, Timestamp)> {
        let next_year = if self.month == time::Month::December { self.year + 1 } else { self.year };
        let first = |year, month| Date::from_calendar_date(year, month, 1).ok();
        let begin = first(self.year, self.month)?;
        let end = first(next_year, self.month.next())?;
        Some((PrimitiveDateTime::new(begin, Time::MIDNIGHT), PrimitiveDateTime::new(end, Time::MIDNIGHT)))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}-{:02}", self.year, u8::from(self.month))
    }
}

impl FromStr for Month {
    type Err = NotAMonth;

    fn from_str(text: &str) -> Result<Self, NotAMonth> {
        let (year, month) = text.split_once('-').ok_or(NotAMonth)?;
        let is_number = |text: &str, digits| text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
        if !is_number(year, 4) || !is_number(month, 2) {
            return Err(NotAMonth);
        }
        let month: u8 = month.parse().map_err(|_| NotAMonth)?;
        let month = time::Month::try_from(month).map_err(|_| NotAMonth)?;
        Ok(Self { year: year.parse().map_err(|_| NotAMonth)?, month })
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_month_is_read_as_it_is_written_and_ends_where_the_next_one_begins() {
        let month: Month = "2026-12".parse().unwrap();
        assert_eq!(month.to_string(), "2026-12");
        assert_eq!(month.bounds(), Some((datetime!(2026-12-01 0:00), datetime!(2027-01-01 0:00))));
        assert_eq!(Month::of(datetime!(2027-01-31 23:59)).previous(), month);
        for text in
            ["", "2026", "2026-13", "2026-00", "2026-1", "26-11", "2026-11-01", "+026-11", "２０２６-11"]
        {
            assert_eq!(text.parse::<Month>(), Err(NotAMonth), "{text}");
        }
    }
}
