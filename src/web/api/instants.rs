//! Instants as RFC 3339 writes them.

use time::{
    OffsetDateTime, PrimitiveDateTime, UtcOffset,
    format_description::{StaticFormatDescription, well_known::Rfc3339},
    macros::format_description,
};

use crate::clock::Timestamp;

const EXACT: StaticFormatDescription =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// Reads an instant of any offset, cut off to the microseconds that are kept.
pub fn parse(text: &str) -> Result<Timestamp, &'static str> {
    let at = OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .and_then(|at| at.checked_to_offset(UtcOffset::UTC))
        .ok_or("Use an RFC 3339 date and time, for example 2027-01-31T00:00:00Z.")?;
    let at = PrimitiveDateTime::new(at.date(), at.time());
    Ok(at.replace_microsecond(at.microsecond()).unwrap_or(at))
}

/// "2026-11-26T09:12:00.000250Z", for what must not lose its order.
pub fn exact(at: &Timestamp) -> String {
    at.format(EXACT).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_in_any_offset_and_written_in_utc() {
        let at = parse("2027-01-31T12:00:00.123456789+02:00").unwrap();
        assert_eq!(exact(&at), "2027-01-31T10:00:00.123456Z");
        for text in ["", "2027-01-31", "tomorrow", "9999-12-31T23:59:59-23:59"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
