//! Single values as other systems write them.

use time::{Date, OffsetDateTime, PrimitiveDateTime, Time, format_description::well_known::Rfc3339};

use crate::clock::Timestamp;

/// Numbers of so much are milliseconds since 1970; as seconds they would be beyond the year 5000.
const FIRST_IN_MILLISECONDS: i64 = 100_000_000_000;

/// What databases and people write for yes and no.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" | "enabled" => Some(true),
        "false" | "f" | "no" | "n" | "0" | "disabled" => Some(false),
        _ => None,
    }
}

/// An instant: as RFC 3339 has it, as databases write it (in UTC where nothing is said), a date alone for its
/// beginning in UTC, or seconds or milliseconds since 1970.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(number) = text.parse::<i64>() {
        let milliseconds =
            if number.abs() < FIRST_IN_MILLISECONDS { number.checked_mul(1000)? } else { number };
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000).ok()?;
        return Some(in_utc(at));
    }
    let text = text.strip_suffix(" UTC").unwrap_or(text);
    let (date, rest) = text.split_at_checked(10)?;
    if rest.is_empty() {
        return Some(PrimitiveDateTime::new(parse_date(date)?, Time::MIDNIGHT));
    }
    let time = rest.strip_prefix(['T', 't', ' '])?;
    // PostgreSQL writes “+00”.
    let zone = time.find(['Z', 'z', '+', '-']).map_or("Z", |at| time.get(at..).unwrap_or("Z"));
    let time = time.get(..time.len() - if time.ends_with(zone) { zone.len() } else { 0 })?;
    let zone = match zone.len() {
        3 => format!("{zone}:00"),
        5 => format!("{}:{}", zone.get(..3)?, zone.get(3..)?),
        _ => zone.to_owned(),
    };
    let at = OffsetDateTime::parse(&format!("{date}T{time}{zone}"), &Rfc3339).ok()?;
    Some(in_utc(at))
}

fn parse_date(text: &str) -> Option<Date> {
    OffsetDateTime::parse(&format!("{text}T00:00:00Z"), &Rfc3339).ok().map(OffsetDateTime::date)
}

/// To the microsecond, which is what databases keep.
fn in_utc(at: OffsetDateTime) -> Timestamp {
    let at = at.to_offset(time::UtcOffset::UTC);
    let at = PrimitiveDateTime::new(at.date(), at.time());
    at.replace_microsecond(at.microsecond()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn an_instant_is_read_as_databases_and_people_write_it() {
        let expected = datetime!(2027-01-31 10:20:30);
        for text in [
            "2027-01-31T10:20:30Z",
            "2027-01-31T11:20:30+01:00",
            "2027-01-31 10:20:30",
            "2027-01-31 10:20:30.000",
            "2027-01-31 10:20:30+00",
            "2027-01-31 11:20:30+0100",
            "2027-01-31 10:20:30 UTC",
            "1801390830",
            "1801390830000",
        ] {
            assert_eq!(instant(text), Some(expected), "{text}");
        }
        assert_eq!(instant("2027-01-31"), Some(datetime!(2027-01-31 0:00)));
        assert_eq!(instant("2027-01-31 10:20:30.123456"), Some(datetime!(2027-01-31 10:20:30.123456)));
        for other in ["", "soon", "31.01.2027", "2027-02-30", "2027-01-31T25:00:00Z", "2027-01-31x"] {
            assert_eq!(instant(other), None, "{other}");
        }
    }

    #[test]
    fn yes_and_no_are_read_and_nothing_else() {
        assert_eq!(["true", "T", "1", "yes"].map(flag), [Some(true); 4]);
        assert_eq!(["FALSE", "f", "0", "no"].map(flag), [Some(false); 4]);
        assert_eq!(flag("perhaps"), None);
    }
}
