//! Documents of gateways: YAML, or JSON, which is read as such since it is faster and as large as one likes.

use serde_json::{Map, Value};

use super::FileError;

/// Values in a document at most: ten for each of a million keys. What refers to others is counted as often as it does.
const MAX_NODES: usize = 10_000_000;

/// So many for each byte: what is written out has fewer than one, and a document that refers to itself over and over is
/// ended before it has cost anything.
const MAX_NODES_PER_BYTE: usize = 4;

/// Reads a document that is an object.
pub(super) fn document(text: &str) -> Result<Map<String, Value>, FileError> {
    let value: Value = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(super::record::not_json)?
    } else {
        let most = MAX_NODES.min(MAX_NODES_PER_BYTE * text.len());
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! {
                max_nodes: most,
                max_events: 2 * most,
            },
        };
        serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            FileError(format!("The file is no valid YAML: {}.", first_line(&error.to_string())))
        })?
    };
    match value {
        Value::Object(document) => Ok(document),
        _ => Err(FileError("The file isn’t a document of consumers and their keys.".to_owned())),
    }
}

/// Takes a list out of an object; an empty one where there is none.
pub(super) fn take_list(object: &mut Map<String, Value>, name: &str) -> Vec<Value> {
    match object.remove(name) {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    }
}

/// A text of an object.
pub(super) fn text(object: &Map<String, Value>, name: &str) -> Option<String> {
    match object.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What the parser shows of the document behind it may hold keys.
fn first_line(error: &str) -> &str {
    error.lines().next().unwrap_or_default().trim_end_matches(['.', ':'])
}
