//! What is printed: tables for people, the API's JSON for scripts.

use std::io::{self, Write};

use comfy_table::{Table, presets};
use serde_json::Value;

use super::{Failure, say};

/// How a command prints.
pub(super) struct Output {
    json: bool,
}

/// A column of a table: its heading, and the cell for an item.
pub(super) type Column = (&'static str, fn(&Value) -> String);

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// A list; `none` says for people that it is empty.
    pub(super) fn list(&self, items: &[Value], columns: &[Column], none: &str) -> Result<(), Failure> {
        if self.json {
            let texts: Vec<String> = items.iter().map(json).collect();
            return line(&format!("[{}]", texts.join(",")));
        }
        if items.is_empty() {
            say(none);
            return Ok(());
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(columns.iter().map(|(heading, _)| heading.to_uppercase()));
        for item in items {
            table.add_row(columns.iter().map(|(_, cell)| printable(&cell(item))));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        line(&table.trim_fmt())
    }

    /// One thing, a line for each column.
    pub(super) fn item(&self, item: &Value, columns: &[Column]) -> Result<(), Failure> {
        if self.json {
            return line(&json(item));
        }
        let width = columns.iter().map(|(heading, _)| heading.chars().count()).max().unwrap_or_default();
        let lines: Vec<String> = columns
            .iter()
            .map(|(heading, cell)| format!("{heading:width$}  {}", printable(&cell(item))))
            .collect();
        line(&lines.join("\n"))
    }

    /// What a change left: JSON for scripts, a sentence for people.
    pub(super) fn changed(&self, item: &Value, sentence: &str) -> Result<(), Failure> {
        if self.json {
            return line(&json(item));
        }
        say(printable(sentence));
        Ok(())
    }
}

/// Writes a line to standard output, at once.
pub(super) fn line(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    Ok(stdout.flush()?)
}

/// The text with everything escaped that would steer a terminal or turn its lines around
/// (OWASP ASVS 5.0, 16.4.1).
pub(super) fn printable(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut printable, c| {
        if steers(c) {
            printable.extend(c.escape_unicode())
        } else {
            printable.push(c)
        }
        printable
    })
}

/// JSON in one line. Its strings escape the controls of ASCII; those beyond are escaped here.
pub(super) fn json(value: &Value) -> String {
    value.to_string().chars().fold(String::new(), |mut json, c| {
        if steers(c) {
            json.push_str(&format!("\\u{:04x}", u32::from(c)))
        } else {
            json.push(c)
        }
        json
    })
}

fn steers(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// The text at a JSON pointer; empty where there is none.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The text or number at a JSON pointer, as a table shows it.
pub(super) fn shown(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => "-".to_owned(),
        Some(other) => json(other),
    }
}

/// The texts of a list with commas between them.
pub(super) fn joined(value: &Value, pointer: &str) -> String {
    let items = value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
    if texts.is_empty() { "-".to_owned() } else { texts.join(", ") }
}

/// A time to the minute, in UTC as the server tells it.
pub(super) fn minute(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer).and_then(Value::as_str) {
        Some(text) => {
            text.chars().take("2026-11-23T10:00".len()).map(|c| if c == 'T' { ' ' } else { c }).collect()
        }
        None => "never".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped_and_all_else_is_kept() {
        assert_eq!(printable("Größe “é” 鍵 🔑"), "Größe “é” 鍵 🔑");
        assert_eq!(printable("a\u{1b}[31mb\u{9b}c\u{7f}\n"), "a\\u{1b}[31mb\\u{9b}c\\u{7f}\\u{a}");
        assert_eq!(printable("a\u{202e}b"), "a\\u{202e}b");
    }

    #[test]
    fn escaped_json_is_the_same_json() {
        let value = serde_json::json!({ "name": "a\u{1b}b\u{9b}c\u{202e}d\u{7f}é" });
        let text = json(&value);
        assert!(!text.chars().any(steers), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), value);
    }

    #[test]
    fn times_are_shown_to_the_minute() {
        let value = serde_json::json!({ "at": "2026-11-23T10:00:59.5Z", "end": null });
        assert_eq!(minute(&value, "/at"), "2026-11-23 10:00");
        assert_eq!(minute(&value, "/end"), "never");
    }
}
