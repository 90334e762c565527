//! Instants in JSON, as RFC 3339 writes them. For `#[serde(with = "instants")]`.

use serde::{Deserialize, Deserializer, Serializer, de::Error};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use crate::clock::Timestamp;

/// "2026-11-26T09:12:00Z"; parts of a second follow where there are some.
pub(super) fn rfc3339(at: Timestamp) -> String {
    // Every instant of ours has a year that RFC 3339 can write.
    at.assume_utc().format(&Rfc3339).unwrap_or_default()
}

fn parse<E: Error>(text: &str) -> Result<Timestamp, E> {
    let at = OffsetDateTime::parse(text, &Rfc3339).map_err(E::custom)?;
    let at = at.checked_to_offset(UtcOffset::UTC).ok_or_else(|| E::custom("the year does not fit"))?;
    Ok(Timestamp::new(at.date(), at.time()))
}

pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*at))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    parse(&String::deserialize(deserializer)?)
}

/// The same for an instant that may be missing.
pub(super) mod option {
    use super::{Deserialize, Deserializer, Serializer, Timestamp, parse, rfc3339};

    pub(in crate::domain) fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serializer.serialize_str(&rfc3339(*at)),
            None => serializer.serialize_none(),
        }
    }

    pub(in crate::domain) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Option::<String>::deserialize(deserializer)?.map(|text| parse(&text)).transpose()
    }
}
