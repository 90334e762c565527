//! Metadata: what verification tells a backend about a key, such as a customer's number.

use std::{fmt, str::FromStr};

use diesel::{deserialize::FromSqlRow, expression::AsExpression, sql_types::Text};
use serde_json::{Map, Value};

use unique::Unique;

/// Bytes of the stored JSON.
const MAX_METADATA: usize = 4096;

/// Values within values, the object itself included. Responses carry metadata within some more, and
/// programs that read JSON stop at a depth of their own (`serde_json` at 128, Ruby's `json` at 100).
const MAX_DEPTH: usize = 16;

/// A JSON object of at most 4 KB.
#[derive(Clone, Debug, PartialEq, Eq, FromSqlRow, AsExpression)]
#[diesel(sql_type = Text)]
pub struct Metadata(Map<String, Value>);

/// Why a text is no metadata.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// It is no JSON.
    #[error("Invalid JSON: {0}.")]
    NotJson(String),
    /// It is JSON of another kind.
    #[error("Enter a JSON object, such as {{\"customer\": \"4711\"}}.")]
    NotAnObject,
    /// A name stands in an object twice, so one of its values would be lost.
    #[error("{0}.")]
    Twice(String),
    /// A number would be stored as another one.
    #[error("Put the number {0} in quotation marks. It has too many digits to be stored as a number.")]
    Inexact(String),
    /// Values within values within values.
    #[error("The JSON is nested too deeply.")]
    TooDeep,
    /// It is too large.
    #[error("Use at most 4 KB.")]
    TooLarge,
}

impl Metadata {
    /// Reads what was typed; `None` for nothing.
    pub fn parse(text: &str) -> Result<Option<Self>, MetadataError> {
        if text.trim().is_empty() { Ok(None) } else { text.parse().map(Some) }
    }

    /// The object.
    pub fn to_value(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// The object in lines, as it is edited.
    pub fn lines(&self) -> String {
        serde_json::to_string_pretty(&self.0).unwrap_or_default()
    }
}

impl FromStr for Metadata {
    type Err = MetadataError;

    fn from_str(text: &str) -> Result<Self, MetadataError> {
        // Room for spaces that are not stored; beyond it nothing is even read.
        if text.len() > 4 * MAX_METADATA {
            return Err(MetadataError::TooLarge);
        }
        if let Some(number) = numbers(text).find(|number| !is_kept(number)) {
            return Err(MetadataError::Inexact(number.chars().take(40).collect()));
        }
        let Unique(value) = serde_json::from_str(text).map_err(reason)?;
        if depth(&value) > MAX_DEPTH {
            return Err(MetadataError::TooDeep);
        }
        let Value::Object(object) = value else { return Err(MetadataError::NotAnObject) };
        let metadata = Self(object);
        if metadata.to_string().len() > MAX_METADATA {
            return Err(MetadataError::TooLarge);
        }
        Ok(metadata)
    }
}

/// How deep values stand in each other. The parser has stopped at 128.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or_default(),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

fn reason(error: serde_json::Error) -> MetadataError {
    let text = error.to_string();
    if text.starts_with("recursion limit") {
        MetadataError::TooDeep
    } else if error.is_data() {
        MetadataError::Twice(text.split(" at line ").next().unwrap_or_default().to_owned())
    } else {
        MetadataError::NotJson(text)
    }
}

/// The numbers in a JSON text, as they are written there.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit())?;
            let found = rest.get(start..)?;
            if let Some(string) = found.strip_prefix('"') {
                rest = string.get(string_length(string)..)?;
                continue;
            }
            let is_part = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
            let (number, after) = found.split_at(found.find(|c| !is_part(c)).unwrap_or(found.len()));
            rest = after;
            return Some(number);
        }
    })
}

/// How far it is behind the closing quotation mark.
fn string_length(string: &str) -> usize {
    let mut is_escaped = false;
    let end = string.find(|c| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    });
    end.map_or(string.len(), |end| end + 1)
}

/// Whether a number comes back as the same number: beyond 64 bits, or 17 digits with a fraction, it
/// would be another one. What is no number is left to the parser.
fn is_kept(number: &str) -> bool {
    match serde_json::from_str::<Value>(number) {
        Ok(stored) => decimal(&stored.to_string()) == decimal(number),
        Err(error) => !error.to_string().starts_with("number out of range"),
    }
}

/// The digits of a number without zeros at their ends, and the power of ten that they stand before.
fn decimal(number: &str) -> Option<(bool, String, i64)> {
    let (number, exponent) = match number.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse().unwrap_or(i64::MAX / 2)),
        None => (number, 0),
    };
    let is_negative = number.starts_with('-');
    let (whole, fraction) =
        number.trim_start_matches('-').split_once('.').unwrap_or((number.trim_start_matches('-'), ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Some((false, String::new(), 0));
    }
    let zeros = digits.len() - digits.trim_end_matches('0').len();
    let power = exponent + i64::try_from(zeros).ok()? - i64::try_from(fraction.len()).ok()?;
    Some((is_negative, significant.to_owned(), power))
}

/// Compact JSON.
impl fmt::Display for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(&self.0).map_err(|_| fmt::Error)?)
    }
}

crate::domain::stored_text::stored_as_text!(Metadata);

/// JSON in which no object has a name twice.
mod unique {
    use std::fmt;

    use serde::{
        Deserialize, Deserializer,
        de::{Error, MapAccess, SeqAccess, Visitor},
    };
    use serde_json::{Map, Value};

    pub(super) struct Unique(pub(super) Value);

    impl<'de> Deserialize<'de> for Unique {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(Reader).map(Self)
        }
    }

    struct Reader;

    impl<'de> Visitor<'de> for Reader {
        type Value = Value;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("JSON")
        }

        fn visit_unit<E: Error>(self) -> Result<Value, E> {
            Ok(Value::Null)
        }

        fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
            Ok(value.into())
        }

        fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
            Ok(value.into())
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
            Ok(value.into())
        }

        fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
            Ok(value.into())
        }

        fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
            Ok(value.into())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
            let mut values = Vec::new();
            while let Some(Unique(value)) = items.next_element()? {
                values.push(value);
            }
            Ok(Value::Array(values))
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
            let mut object = Map::new();
            while let Some(name) = entries.next_key::<String>()? {
                if object.contains_key(&name) {
                    return Err(A::Error::custom(format!("“{name}” appears twice")));
                }
                let Unique(value) = entries.next_value()?;
                object.insert(name, value);
            }
            Ok(Value::Object(object))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_kept_without_its_spaces() {
        let metadata = Metadata::parse("{ \"customer\": \"4711\",\n \"tier\": 2 }").unwrap().unwrap();
        assert_eq!(metadata.to_string(), r#"{"customer":"4711","tier":2}"#);
        assert_eq!(Metadata::parse(" \n"), Ok(None));
    }

    /// Without serde_json's `float_roundtrip` a number moves a little with each reading. Found by
    /// the fuzzer.
    #[test]
    fn a_number_stays_the_same_however_often_it_is_saved() {
        let metadata: Metadata = r#"{"ct1":1.6666666666666667e-31}"#.parse().unwrap();
        assert_eq!(metadata.to_string().parse(), Ok(metadata));
    }

    #[test]
    fn a_number_that_would_become_another_one_is_refused() {
        for number in [
            "12345678901234567890123",
            "18446744073709551616",
            "-9223372036854775809",
            "1e400",
            "-1E+400",
            "1e-400",
            "1e99999999999999999999",
            "0.1234567890123456789",
            "1.00000000000000000001",
            "3.141592653589793238",
        ] {
            for text in
                [format!(r#"{{"a":{number}}}"#), format!(r#"{{"a":[{{"b\\\"":"\\","c":[1,{number}]}}]}}"#)]
            {
                assert_eq!(Metadata::parse(&text), Err(MetadataError::Inexact(number.into())), "{text}");
            }
            let quoted = format!(r#"{{"a":"{number}","\"{number}":true}}"#);
            assert!(Metadata::parse(&quoted).is_ok(), "{quoted}");
        }
    }

    #[test]
    fn a_number_that_is_kept_is_the_number_that_was_typed() {
        for (typed, kept) in [
            ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("1.0", "1.0"),
            ("-0", "-0.0"),
            ("0.0", "0.0"),
            ("1e2", "100.0"),
            ("1.50", "1.5"),
            ("0.1", "0.1"),
            ("1e22", "1e+22"),
            ("10000000000000000000000", "1e+22"),
            ("5e-324", "5e-324"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ] {
            let metadata = Metadata::parse(&format!(r#"{{"a":{typed}}}"#)).unwrap().unwrap();
            assert_eq!(metadata.to_string(), format!(r#"{{"a":{kept}}}"#));
        }
    }

    #[test]
    fn a_name_that_stands_there_twice_is_refused() {
        for text in [r#"{"a":1,"a":2}"#, r#"{"x":[{"a":1,"\u0061":2}]}"#] {
            assert_eq!(Metadata::parse(text), Err(MetadataError::Twice("“a” appears twice".into())));
        }
    }

    #[test]
    fn anything_else_is_refused_with_its_reason() {
        assert_eq!(Metadata::parse("[1]"), Err(MetadataError::NotAnObject));
        assert!(matches!(Metadata::parse("{customer: 1}"), Err(MetadataError::NotJson(_))));
        let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_METADATA));
        assert_eq!(Metadata::parse(&large), Err(MetadataError::TooLarge));
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(2000), "]".repeat(2000));
        assert_eq!(Metadata::parse(&deep), Err(MetadataError::TooDeep));
        let nested = |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(Metadata::parse(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(Metadata::parse(&nested(MAX_DEPTH + 1)), Err(MetadataError::TooDeep));
        for broken in
            [r#"{"a":1.2.3}"#, r#"{"a":01}"#, r#"{"a":1-}"#, r#"{"a":-}"#, r#"{"a":"b"#, "{\"a\":1}}"]
        {
            assert!(matches!(Metadata::parse(broken), Err(MetadataError::NotJson(_))), "{broken}");
        }
    }
}
