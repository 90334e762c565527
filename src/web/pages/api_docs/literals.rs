//! JSON as the literals of a language.

use serde_json::Value;

/// How a language writes JSON.
pub(super) struct Notation {
    null: &'static str,
    yes: &'static str,
    no: &'static str,
    object: &'static str,
    array: &'static str,
    indent: &'static str,
    /// Whether a comma follows the last item of several lines.
    ends_with_comma: bool,
    /// Whether values of neighboring lines begin in one column, as `gofmt` has it.
    aligns: bool,
}

pub(super) const JSON: Notation = Notation {
    null: "null",
    yes: "true",
    no: "false",
    object: "{",
    array: "[",
    indent: "  ",
    ends_with_comma: false,
    aligns: false,
};
pub(super) const JAVASCRIPT: Notation = Notation { ends_with_comma: true, ..JSON };
pub(super) const PYTHON: Notation =
    Notation { null: "None", yes: "True", no: "False", indent: "    ", ends_with_comma: true, ..JSON };
pub(super) const GO: Notation = Notation {
    null: "nil",
    object: "map[string]any{",
    array: "[]any{",
    indent: "\t",
    ends_with_comma: true,
    aligns: true,
    ..JSON
};

/// JSON with one line for each field; arrays of plain values are in one line.
pub(super) fn json(value: &Value) -> String {
    literal(value, &JSON, 0)
}

pub(super) fn literal(value: &Value, notation: &Notation, level: usize) -> String {
    match value {
        Value::Null => notation.null.to_owned(),
        Value::Bool(true) => notation.yes.to_owned(),
        Value::Bool(false) => notation.no.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let end = if notation.array.ends_with('{') { "}" } else { "]" };
            let is_plain = |item: &Value| !item.is_array() && !item.is_object();
            let written: Vec<String> = items.iter().map(|item| literal(item, notation, level + 1)).collect();
            if items.iter().all(is_plain) {
                return format!("{}{}{end}", notation.array, written.join(", "));
            }
            block(notation.array, &written, end, notation, level)
        }
        Value::Object(fields) if fields.is_empty() => format!("{}}}", notation.object),
        Value::Object(fields) => {
            let written: Vec<(String, String)> = fields
                .iter()
                .map(|(name, value)| (quoted(name) + ":", literal(value, notation, level + 1)))
                .collect();
            let entry = |index: usize| {
                let width = if notation.aligns { width_of_run(&written, index) } else { 0 };
                written.get(index).map(|(name, value)| format!("{name:width$} {value}"))
            };
            let entries: Vec<String> = (0..written.len()).filter_map(entry).collect();
            block(notation.object, &entries, "}", notation, level)
        }
    }
}

/// The width of the longest name among neighbors whose values take one line each.
fn width_of_run(entries: &[(String, String)], index: usize) -> usize {
    let is_one_line = |(_, value): &&(String, String)| !value.contains('\n');
    let (before, after) = entries.split_at(index);
    if !after.first().as_ref().is_some_and(is_one_line) {
        return 0;
    }
    let before = before.iter().rev().take_while(is_one_line);
    let run = before.chain(after.iter().take_while(is_one_line));
    run.map(|(name, _)| name.chars().count()).max().unwrap_or_default()
}

fn block(start: &str, entries: &[String], end: &str, notation: &Notation, level: usize) -> String {
    let (outer, inner) = (notation.indent.repeat(level), notation.indent.repeat(level + 1));
    let entries = entries.join(&format!(",\n{inner}"));
    let comma = if notation.ends_with_comma { "," } else { "" };
    format!("{start}\n{inner}{entries}{comma}\n{outer}{end}")
}

/// A text between quotation marks: all four languages escape as JSON does.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
