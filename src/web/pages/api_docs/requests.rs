//! The request of each operation, of the examples in the description.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;

use super::{
    Reader,
    examples::{ExampleRequest, Returned, Text},
    shapes::Schemas,
    text,
};
use crate::domain::{instance_access::InstanceAccess, token_access::TokenAccess};

/// What a query takes as it is, beside letters and numbers.
const IN_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'$').add(b'&').add(b'+').add(b'%');

/// What an operation asks for.
pub(super) enum Needs {
    Token(TokenAccess),
    InstanceToken(InstanceAccess),
    Key,
    Reporter,
    Nothing,
}

/// An example of a request.
pub(super) fn request(
    schemas: &Schemas<'_>,
    reader: &Reader,
    (method, path, operation): (&str, &str, &Value),
) -> ExampleRequest {
    let parameters = || operation["parameters"].as_array().into_iter().flatten();
    let mut url = Text::default();
    url.push(&reader.base_url);
    for part in path.split('/').skip(1) {
        url.push("/");
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some("organization") => reader.push_organization(&mut url),
            Some(name) => {
                let parameter = parameters().find(|parameter| parameter["name"] == name);
                url.push(parameter.and_then(|one| one["example"].as_str()).unwrap_or(name));
            }
            None => url.push(part),
        }
    }
    let asked = parameters().filter(|one| one["in"] == "query" && one.get("example").is_some());
    for (index, parameter) in asked.enumerate() {
        url.push(if index == 0 { "?" } else { "&" });
        url.push(&text(parameter, "name"));
        url.push("=");
        let example = match &parameter["example"] {
            Value::Array(items) => items.first().unwrap_or(&Value::Null),
            one => one,
        };
        match example {
            _ if parameter["name"] == "organization" => reader.push_organization(&mut url),
            Value::String(word) => url.push(&utf8_percent_encode(word, IN_QUERY).to_string()),
            other => url.push(&other.to_string()),
        }
    }
    let content = operation.pointer("/requestBody/content/application~1json");
    let sent = |content: &Value| {
        let given = content.get("example").cloned();
        given.unwrap_or_else(|| schemas.sent(&content["schema"], reader.now))
    };
    let returned = success(operation).and_then(|response| response["content"].as_object());
    ExampleRequest {
        method: method.to_uppercase(),
        url,
        credential: Needs::of(operation).variable(),
        body: content.map(sent),
        returns: match returned.and_then(|content| content.keys().next()) {
            Some(kind) if kind == "application/json" => Returned::Json,
            Some(_) => Returned::Text,
            None => Returned::Nothing,
        },
    }
}

impl Needs {
    pub(super) fn of(operation: &Value) -> Self {
        let access = operation["x-access"].as_str().and_then(|word| word.parse::<TokenAccess>().ok());
        let instance_access =
            operation["x-instance-access"].as_str().and_then(|word| word.parse::<InstanceAccess>().ok());
        if let Some(access) = instance_access {
            return Self::InstanceToken(access);
        }
        let has = |scheme: &str| {
            let mut schemes = operation["security"].as_array().into_iter().flatten();
            schemes.any(|one| one.get(scheme).is_some())
        };
        match access {
            Some(access) => Self::Token(access),
            None if has("apiKey") => Self::Key,
            None if has("leakSecret") => Self::Reporter,
            None => Self::Nothing,
        }
    }

    /// The variable of the environment that holds it in examples.
    fn variable(&self) -> Option<&'static str> {
        match self {
            Self::Token(_) => Some("TESSERA_TOKEN"),
            Self::InstanceToken(_) => Some("TESSERA_INSTANCE_TOKEN"),
            Self::Key => Some("API_KEY"),
            Self::Reporter => Some("TESSERA_LEAK_SECRET"),
            Self::Nothing => None,
        }
    }
}

/// The response of an operation that succeeds.
pub(super) fn success(operation: &Value) -> Option<&Value> {
    let responses = operation["responses"].as_object().into_iter().flatten();
    responses.into_iter().find(|(status, _)| status.starts_with('2')).map(|(_, response)| response)
}
