//! Metadata: what verification tells a backend about a key, such as a customer's number.

use std::{fmt, str::FromStr};

use diesel::{deserialize::FromSqlRow, expression::AsExpression, sql_types::Text};
use serde_json::{Map, Value};

/// Bytes of the stored JSON.
const MAX_METADATA: usize = 4096;

/// A JSON object of at most 4 KB.
#[derive(Clone, Debug, PartialEq, Eq, FromSqlRow, AsExpression)]
#[diesel(sql_type = Text)]
pub struct Metadata(Map<String, Value>);

/// Why a text is no metadata.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// It is no JSON.
    #[error("This is not JSON: {0}.")]
    NotJson(String),
    /// It is JSON of another kind.
    #[error("Write a JSON object, such as {{\"customer\": \"4711\"}}.")]
    NotAnObject,
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
        let value: Value =
            serde_json::from_str(text).map_err(|error| MetadataError::NotJson(error.to_string()))?;
        let Value::Object(object) = value else { return Err(MetadataError::NotAnObject) };
        let metadata = Self(object);
        if metadata.to_string().len() > MAX_METADATA {
            return Err(MetadataError::TooLarge);
        }
        Ok(metadata)
    }
}

/// Compact JSON.
impl fmt::Display for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(&self.0).map_err(|_| fmt::Error)?)
    }
}

crate::domain::stored_text::stored_as_text!(Metadata);

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
        let digits = format!("{{\"ct1\":1{}e-78}}", "6".repeat(47));
        let metadata: Metadata = digits.parse().unwrap();
        assert_eq!(metadata.to_string().parse(), Ok(metadata));
    }

    #[test]
    fn anything_else_is_refused_with_its_reason() {
        assert_eq!(Metadata::parse("[1]"), Err(MetadataError::NotAnObject));
        assert!(matches!(Metadata::parse("{customer: 1}"), Err(MetadataError::NotJson(_))));
        let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_METADATA));
        assert_eq!(Metadata::parse(&large), Err(MetadataError::TooLarge));
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(2000), "]".repeat(2000));
        assert!(matches!(Metadata::parse(&deep), Err(MetadataError::NotJson(_))));
    }
}
