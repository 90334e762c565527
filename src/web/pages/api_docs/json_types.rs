//! What a JSON schema says, whatever it is shown as.

use serde_json::Value;

/// The name by which a schema refers to another.
pub(super) fn name_of(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str().and_then(|name| name.rsplit('/').next())
}

/// Of "this or null", this.
pub(super) fn chosen(schema: &Value) -> &Value {
    let choices = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
    let is_choice = choices.is_some_and(|choices| choices.iter().any(|choice| is_type(choice, "null")));
    let chosen = choices.into_iter().flatten().find(|choice| !is_type(choice, "null"));
    chosen.filter(|_| is_choice).unwrap_or(schema)
}

pub(super) fn word_of(schema: &Value) -> &'static str {
    match schema["format"].as_str() {
        Some("date-time") => "date-time",
        Some("email") => "email",
        Some("uri") => "URL",
        _ if is_type(schema, "string") || enumeration(schema).is_some() => "string",
        _ if is_type(schema, "integer") => "integer",
        _ if is_type(schema, "number") => "number",
        _ if is_type(schema, "boolean") => "boolean",
        _ => "object",
    }
}

pub(super) fn is_date(schema: &Value) -> bool {
    schema["format"] == "date-time"
}

pub(super) fn is_type(schema: &Value, name: &str) -> bool {
    match &schema["type"] {
        Value::String(one) => one == name,
        Value::Array(several) => several.iter().any(|each| each == name),
        _ => false,
    }
}

pub(super) fn strings(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The values of a schema that lists them.
pub(super) fn enumeration(schema: &Value) -> Option<Vec<&str>> {
    if schema["enum"].is_array() {
        return Some(strings(&schema["enum"]));
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

pub(super) fn description(schema: &Value) -> String {
    // Of "this or null", it stands with this.
    let description =
        schema["description"].as_str().or_else(|| schema.pointer("/oneOf/0/description")?.as_str());
    description.unwrap_or_default().replace('\n', " ")
}
