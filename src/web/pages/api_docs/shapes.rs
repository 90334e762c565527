//! JSON schemas in the words of a table, and an example of each.

use serde_json::{Map, Value, json};

/// How deep fields inside fields are told.
const DEPTH: usize = 4;

/// A field or a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// The way to it: `data[].name`.
    pub(super) name: String,
    /// Its type: "string", "integer or null".
    pub(super) kind: String,
    /// Whether it must be there.
    pub(super) is_required: bool,
    /// What it means.
    pub(super) description: String,
}

/// The schemas that others refer to by name.
pub(super) struct Schemas<'a>(Option<&'a Value>);

impl<'a> Schemas<'a> {
    pub(super) fn of(document: &'a Value) -> Self {
        Self(document.pointer("/components/schemas"))
    }

    /// The fields of a body, those inside other fields too.
    pub(super) fn fields(&self, schema: &Value) -> Vec<Field> {
        let mut fields = Vec::new();
        self.add_fields(schema, "", DEPTH, &mut fields);
        fields
    }

    fn add_fields(&self, schema: &Value, before: &str, depth: usize, fields: &mut Vec<Field>) {
        if depth == 0 {
            return;
        }
        let schema = self.resolved(schema);
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.add_fields(part, before, depth, fields);
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let required = schema["required"].as_array().into_iter().flatten();
            let name_here = format!("{before}{name}");
            fields.push(Field {
                kind: self.kind(property),
                is_required: required.into_iter().any(|each| each == name),
                description: description(property),
                name: name_here.clone(),
            });
            let inner = self.without_null(self.resolved(property));
            if inner["type"] == "array" || is_type(inner, "array") {
                self.add_fields(&inner["items"], &format!("{name_here}[]."), depth - 1, fields);
            } else {
                self.add_fields(inner, &format!("{name_here}."), depth - 1, fields);
                self.add_choices(inner, &format!("{name_here}."), fields);
            }
        }
        if before.is_empty() && is_type(schema, "array") {
            self.add_fields(&schema["items"], "[].", depth, fields);
        }
    }

    /// The fields of objects of which one is there, told apart by their `type`.
    fn add_choices(&self, schema: &Value, before: &str, fields: &mut Vec<Field>) {
        let choices = schema["oneOf"].as_array().into_iter().flatten();
        let choices: Vec<(&str, &Value)> = choices
            .filter_map(|choice| Some((choice.pointer("/properties/type/enum/0")?.as_str()?, choice)))
            .collect();
        if choices.is_empty() {
            return;
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        fields.push(Field {
            name: format!("{before}type"),
            kind: format!("one of {}", names.join(", ")),
            is_required: true,
            description: "Determines which of the following fields there are. New types may be added."
                .to_owned(),
        });
        for (name, choice) in choices {
            let required = choice["required"].as_array();
            let properties = choice["properties"].as_object().into_iter().flatten();
            fields.extend(properties.filter(|(field, _)| *field != "type").map(|(field, property)| Field {
                name: format!("{before}{field}"),
                kind: self.kind(property),
                is_required: required.into_iter().flatten().any(|each| each == field),
                description: format!("For `{name}`. {}", description(property)).trim_end().to_owned(),
            }));
        }
    }

    /// The schema itself, or the one that it names.
    fn resolved<'b>(&'b self, schema: &'b Value) -> &'b Value {
        let name = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next());
        name.and_then(|name| self.0?.get(name)).unwrap_or(schema)
    }

    /// Of "this or null", this.
    fn without_null<'b>(&'b self, schema: &'b Value) -> &'b Value {
        let choices = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
        let chosen = choices.into_iter().flatten().find(|choice| choice["type"] != "null");
        chosen.map_or(schema, |chosen| self.resolved(chosen))
    }

    fn kind(&self, schema: &Value) -> String {
        let resolved = self.resolved(schema);
        let inner = self.without_null(resolved);
        let has_null = is_type(resolved, "null")
            || resolved["oneOf"].as_array().into_iter().flatten().any(|choice| choice["type"] == "null");
        let words = if is_type(inner, "array") {
            format!("array of {}", plural(self.kind(&inner["items"])))
        } else if let Some(values) = enumeration(inner) {
            format!("one of {}", values.join(", "))
        } else if inner["format"] == "date-time" {
            "date-time".to_owned()
        } else if is_type(inner, "string") {
            "string".to_owned()
        } else if is_type(inner, "integer") {
            "integer".to_owned()
        } else if is_type(inner, "number") {
            "number".to_owned()
        } else if is_type(inner, "boolean") {
            "boolean".to_owned()
        } else {
            "object".to_owned()
        };
        if has_null { format!("{words} or null") } else { words }
    }

    /// An example of what a schema takes.
    pub(super) fn example(&self, schema: &Value) -> Value {
        self.example_within(schema, DEPTH + 1)
    }

    fn example_within(&self, schema: &Value, depth: usize) -> Value {
        if let Some(example) = schema.get("example") {
            return example.clone();
        }
        let schema = self.without_null(self.resolved(schema));
        if let Some(example) = schema.get("example") {
            return example.clone();
        }
        if depth == 0 {
            return Value::Null;
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let mut whole = Map::new();
            for part in parts {
                if let Value::Object(fields) = self.example_within(part, depth) {
                    whole.extend(fields);
                }
            }
            return Value::Object(whole);
        }
        if let Some(properties) = schema["properties"].as_object() {
            let fields = properties
                .iter()
                .map(|(name, property)| (name.clone(), self.example_within(property, depth - 1)));
            return Value::Object(fields.collect());
        }
        if is_type(schema, "array") {
            return json!([self.example_within(&schema["items"], depth - 1)]);
        }
        match enumeration(schema) {
            Some(values) => json!(values.first()),
            None if schema["format"] == "date-time" => json!("2027-01-31T09:12:00Z"),
            None if is_type(schema, "string") => json!("019a8f3e-7b1c-7d2e-9f40-5a6b7c8d9e0f"),
            None if is_type(schema, "integer") || is_type(schema, "number") => json!(1),
            None if is_type(schema, "boolean") => json!(true),
            None => json!({}),
        }
    }
}

/// A parameter in the address or among the headers.
pub(super) fn parameter(parameter: &Value) -> Field {
    let word = |name: &str| parameter[name].as_str().unwrap_or_default().to_owned();
    Field {
        name: word("name"),
        kind: format!("in the {}", if word("in") == "query" { "query".to_owned() } else { word("in") }),
        is_required: parameter["required"] == true,
        description: word("description"),
    }
}

fn is_type(schema: &Value, name: &str) -> bool {
    match &schema["type"] {
        Value::String(one) => one == name,
        Value::Array(several) => several.iter().any(|each| each == name),
        _ => false,
    }
}

/// Several of a kind: "strings", but "one of user, supervisor".
fn plural(kind: String) -> String {
    if kind.contains(' ') { kind } else { kind + "s" }
}

/// The values of a schema that lists them.
fn enumeration(schema: &Value) -> Option<Vec<&str>> {
    if let Some(values) = schema["enum"].as_array() {
        return Some(values.iter().filter_map(Value::as_str).collect());
    }
    // Values with a description each.
    let choices = schema["oneOf"].as_array()?;
    let values: Option<Vec<&str>> = choices
        .iter()
        .map(|choice| {
            choice
                .get("const")
                .and_then(Value::as_str)
                .or_else(|| choice.pointer("/enum/0").and_then(Value::as_str))
        })
        .collect();
    values.filter(|values| !values.is_empty())
}

fn description(schema: &Value) -> String {
    // Of "this or null", it stands with this.
    let description =
        schema["description"].as_str().or_else(|| schema.pointer("/oneOf/0/description")?.as_str());
    description.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::{api::openapi, routes::ROUTES};

    #[test]
    fn what_differs_by_type_is_told_field_by_field() {
        let document = &openapi::describe(ROUTES, "/");
        let schemas = Schemas::of(document);
        let event = json!({ "$ref": "#/components/schemas/Event" });
        let fields = schemas.fields(&event);
        let of = |name: &str| -> Vec<String> {
            let named = fields.iter().filter(|field| field.name == name);
            named.map(|field| format!("{}: {}", field.kind, field.description)).collect()
        };
        assert!(of("details")[0].starts_with("object or null: The details"), "{fields:#?}");
        assert!(of("details.type")[0].starts_with("one of text, name_change,"), "{fields:#?}");
        let to = of("details.to");
        let role =
            "one of administrator, supervisor, developer, user: For `role_change`. The role of a member.";
        assert!(to.iter().any(|line| line.starts_with(role)), "{to:#?}");
        assert!(to.contains(&"string: For `name_change`. The new name.".to_owned()), "{to:#?}");
        assert_eq!(schemas.example(&event)["details"]["type"], "role_change");
    }
}
