//! Whole numbers as JSON has them: `2.0` is one as well, which programs send whose only numbers are floating ones.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected, Visitor},
};

/// Reads a whole number.
///
/// # Errors
/// When it is of another type, has a fraction or is too large.
pub(super) fn whole<'de, T: TryFrom<i128>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(Whole(PhantomData))
}

/// Reads a whole number or null.
///
/// # Errors
/// As [`whole`].
pub(super) fn whole_or_null<'de, T: TryFrom<i128>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let read = Option::<Read<T>>::deserialize(deserializer)?;
    Ok(read.map(|Read(number)| number))
}

struct Read<T>(T);

impl<'de, T: TryFrom<i128>> Deserialize<'de> for Read<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole(deserializer).map(Self)
    }
}

struct Whole<T>(PhantomData<T>);

impl<T: TryFrom<i128>> Visitor<'_> for Whole<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a whole number")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        T::try_from(number.into()).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        T::try_from(number.into()).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        let whole = format!("{number:.0}").parse::<i128>().ok().filter(|_| number.fract() == 0.0);
        let number = whole.ok_or_else(|| E::invalid_value(Unexpected::Float(number), &self))?;
        T::try_from(number).map_err(|_| E::custom("this number is too large"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Numbers {
        #[serde(deserialize_with = "whole")]
        one: u64,
        #[serde(default, deserialize_with = "whole_or_null")]
        two: Option<i32>,
    }

    #[test]
    fn a_number_without_a_fraction_is_whole_however_it_is_written() {
        let read = |text: &str| serde_json::from_str::<Numbers>(text).map_err(|error| error.to_string());
        let numbers = |one, two| Ok(Numbers { one, two });
        assert_eq!(read(r#"{"one": 2}"#), numbers(2, None));
        assert_eq!(read(r#"{"one": 2.0, "two": null}"#), numbers(2, None));
        assert_eq!(read(r#"{"one": 69641.0, "two": -1.0}"#), numbers(69_641, Some(-1)));
        assert_eq!(read(r#"{"one": 1e3, "two": 7}"#), numbers(1000, Some(7)));
        for wrong in [
            r#"{"one": 1.5}"#,
            r#"{"one": -1}"#,
            r#"{"one": -1.0}"#,
            r#"{"one": 1e300}"#,
            r#"{"one": "1"}"#,
            r#"{"one": 1, "two": 2147483648}"#,
            r#"{"one": null}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
