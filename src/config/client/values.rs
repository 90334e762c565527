//! Values of the client's flags that are more than text or a number.

use std::{fmt, net::IpAddr};

use serde_json::value::RawValue;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::vocabulary::Period;

/// What a flag takes, in words that follow its name.
#[derive(Debug, PartialEq, Eq)]
pub struct Expected(&'static str);

/// After what time a key ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry(pub Duration);

/// A time as RFC 3339 writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment(String);

/// So many requests a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Number of requests.
    pub requests: u32,
    /// Period.
    pub period: Period,
}

/// A JSON object, as it was typed.
#[derive(Clone, Debug)]
pub struct Metadata(pub Box<RawValue>);

impl Expiry {
    /// Reads `12h`, `90d` or `52w`.
    ///
    /// # Errors
    /// Any other text, and what no calendar holds.
    pub fn parse(text: &str) -> Result<Self, Expected> {
        const EXPECTED: Expected = Expected("must be a number followed by h, d or w, such as 90d");
        let unit = text.chars().next_back().ok_or(EXPECTED)?;
        let hours = match unit {
            'h' => 1,
            'd' => 24,
            'w' => 7 * 24,
            _ => return Err(EXPECTED),
        };
        let number = whole_number(text.strip_suffix(unit).unwrap_or_default()).ok_or(EXPECTED)?;
        // A hundred years are more than any server takes, and less than the calendar's end.
        match i64::from(number).checked_mul(hours) {
            Some(hours @ 1..=876_000) => Ok(Self(Duration::hours(hours))),
            _ => Err(EXPECTED),
        }
    }
}

impl Moment {
    /// Reads `2027-03-31T22:00:00Z`.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse(text: &str) -> Result<Self, Expected> {
        OffsetDateTime::parse(text, &Rfc3339)
            .map_err(|_| Expected("must be a time with a time zone, such as 2027-03-31T22:00:00Z"))?;
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Rate {
    /// Reads `100/minute`.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse(text: &str) -> Result<Self, Expected> {
        const EXPECTED: Expected =
            Expected("must be a number and second, minute or hour, such as 100/minute");
        let (requests, period) = text.split_once('/').ok_or(EXPECTED)?;
        let period = period.trim().parse().map_err(|_| EXPECTED)?;
        let requests = whole_number(requests.trim()).filter(|number| *number > 0).ok_or(EXPECTED)?;
        Ok(Self { requests, period })
    }
}

impl Metadata {
    /// Reads a JSON object.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse(text: &str) -> Result<Self, Expected> {
        // The server tells what is wrong within it.
        let read: Result<Box<RawValue>, _> = serde_json::from_str(text);
        read.ok()
            .filter(|object| object.get().starts_with('{'))
            .map(Self)
            .ok_or(Expected("must be a JSON object, such as {\"team\":\"billing\"}"))
    }
}

pub(super) fn address(text: &str) -> Result<IpAddr, Expected> {
    text.parse().map_err(|_| Expected("must be an IP address, such as 203.0.113.7"))
}

/// Digits alone: `parse` would take a sign, too.
fn whole_number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Expected {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_until_the_end_is_read_in_hours_days_and_weeks() {
        for (text, hours) in
            [("1h", 1), ("12h", 12), ("90d", 90 * 24), ("52w", 52 * 7 * 24), ("876000h", 876_000)]
        {
            assert_eq!(Expiry::parse(text), Ok(Expiry(Duration::hours(hours))), "{text}");
        }
    }

    #[test]
    fn a_time_without_its_unit_or_out_of_range_is_refused() {
        for text in
            ["", "d", "90", "0d", "-1d", "+1d", "1.5d", "90 d", "90D", "90m", "4294967296h", "876001h", "9ö"]
        {
            assert!(Expiry::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_rate_is_a_number_and_a_period() {
        for (text, requests, period) in [
            ("100/minute", 100, Period::Minute),
            ("1/second", 1, Period::Second),
            ("5000 / hour", 5000, Period::Hour),
        ] {
            assert_eq!(Rate::parse(text), Ok(Rate { requests, period }), "{text}");
        }
        for text in
            ["", "100", "/minute", "100/", "0/minute", "-5/minute", "100/day", "100/minutes", "1/2/hour"]
        {
            assert!(Rate::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn metadata_is_an_object() {
        assert!(Metadata::parse("{\"team\":\"billing\"}").is_ok());
        for text in ["", "[]", "\"billing\"", "null", "{team:1}"] {
            assert!(Metadata::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_moment_has_a_zone() {
        for text in ["2027-03-31T22:00:00Z", "2027-03-31T22:00:00.5+02:00"] {
            assert_eq!(Moment::parse(text).expect(text).as_str(), text);
        }
        for text in ["2027-03-31", "2027-03-31T22:00:00", "tomorrow", ""] {
            assert!(Moment::parse(text).is_err(), "{text}");
        }
    }
}
