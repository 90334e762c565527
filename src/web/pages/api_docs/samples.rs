//! An example of what a schema takes, of the examples of its fields.

use serde_json::{Map, Value, json};
use time::Duration;

use super::{
    json_types::{enumeration, is_date, is_type, strings},
    shapes::{DEPTH, Schemas},
};
use crate::{clock::Timestamp, web::display};

impl Schemas<'_> {
    /// An example of a body that is sent: what must be there, and what has an example. Dates lie ahead of `now`.
    pub(super) fn sent(&self, schema: &Value, now: Timestamp) -> Value {
        self.example(schema, Some(now), DEPTH + 1)
    }

    /// An example of a body that is returned: all that is always there.
    pub(super) fn returned(&self, schema: &Value) -> Value {
        self.example(schema, None, DEPTH + 1)
    }

    /// `sent` is the time, for a body that is sent.
    fn example(&self, schema: &Value, sent: Option<Timestamp>, depth: usize) -> Value {
        let resolved = self.resolved(schema);
        let inner = self.without_null(resolved);
        let given = [schema, resolved, inner].into_iter().find_map(|schema| schema.get("example"));
        if let Some(example) = given {
            return example.clone();
        }
        if depth == 0 {
            return Value::Null;
        }
        if let Some(parts) = inner["allOf"].as_array() {
            let mut whole = Map::new();
            for part in parts.iter().rev() {
                if let Value::Object(fields) = self.example(part, sent, depth) {
                    fields.into_iter().for_each(|(name, value)| _ = whole.entry(name).or_insert(value));
                }
            }
            return Value::Object(whole);
        }
        if let Some(properties) = inner["properties"].as_object() {
            let required = strings(&inner["required"]);
            let is_shown = |name: &str, property: &Value| {
                let is_date = is_date(self.without_null(self.resolved(property)));
                required.contains(&name) || (sent.is_some() && (self.has_example(property) || is_date))
            };
            let fields = properties.iter().filter(|(name, property)| is_shown(name, property));
            let value = |property: &Value| match sent {
                // What is null for most is null here, unless an example says otherwise.
                None if self.kind(property).after.ends_with(" or null") && !self.has_example(property) => {
                    Value::Null
                }
                _ => self.example(property, sent, depth - 1),
            };
            return Value::Object(fields.map(|(name, property)| (name.clone(), value(property))).collect());
        }
        if is_type(inner, "array") {
            return json!([self.example(&inner["items"], sent, depth - 1)]);
        }
        match (enumeration(inner), sent) {
            (Some(values), _) => json!(values.first()),
            (None, Some(now)) if is_date(inner) => json!(in_ninety_days(now)),
            (None, None) if is_date(inner) => json!("2026-11-23T10:00:00Z"),
            _ if is_type(inner, "string") => json!("019a8f3e-7b1c-7d2e-9f40-5a6b7c8d9e0f"),
            _ if is_type(inner, "integer") || is_type(inner, "number") => json!(1),
            _ if is_type(inner, "boolean") => json!(true),
            _ => json!({}),
        }
    }

    /// Whether an example is given for a schema, or for the fields that it must have.
    fn has_example(&self, schema: &Value) -> bool {
        let resolved = self.resolved(schema);
        let inner = self.without_null(resolved);
        [schema, resolved, inner].iter().any(|schema| schema.get("example").is_some())
            || inner["properties"].as_object().is_some_and(|properties| {
                properties.values().any(|property| property.get("example").is_some())
            })
    }
}

/// Midnight in UTC, some three months ahead.
fn in_ninety_days(now: Timestamp) -> String {
    display::iso(&(now + Duration::days(90))).split('T').next().unwrap_or_default().to_owned() + "T00:00:00Z"
}
