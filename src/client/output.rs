//! What is printed: tables for people, the API's JSON for scripts.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::{
        fd::AsFd,
        unix::fs::{FileTypeExt, MetadataExt},
    },
};

use comfy_table::{Table, presets};
use serde::Serialize;

use super::{Failure, say};

/// How a command prints.
pub(super) struct Output {
    json: bool,
}

/// A column of a table: its heading, and the cell for an item.
pub type Column<T> = (&'static str, fn(&T) -> String);

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// A list; `none` says for people that it is empty.
    pub(super) fn list<T: Serialize>(
        &self,
        items: &[T],
        columns: &[Column<T>],
        none: &str,
    ) -> Result<(), Failure> {
        if self.json {
            return line(&json(&items)?);
        }
        if items.is_empty() {
            say(none);
            return Ok(());
        }
        line(&table(items, columns))
    }

    /// One thing, a line for each column.
    pub(super) fn item<T: Serialize>(&self, item: &T, columns: &[Column<T>]) -> Result<(), Failure> {
        if self.json {
            return line(&json(item)?);
        }
        let width = columns.iter().map(|(heading, _)| heading.chars().count()).max().unwrap_or_default();
        let lines: Vec<String> = columns
            .iter()
            .map(|(heading, cell)| format!("{heading:width$}  {}", printable(&cell(item))))
            .collect();
        line(&lines.join("\n"))
    }

    /// What a change left: JSON for scripts, a sentence for people.
    pub(super) fn changed(&self, item: &impl Serialize, sentence: &str) -> Result<(), Failure> {
        if self.json {
            return line(&json(item)?);
        }
        say(printable(sentence));
        Ok(())
    }
}

/// What is told once must reach somebody. A standard output that is closed is the null device by the
/// time that a program runs, and takes everything.
pub(super) fn must_lead_somewhere() -> Result<(), Failure> {
    if stdout_leads_nowhere() {
        return Err(Failure::Usage(
            "standard output is closed or /dev/null, but the secret is shown only once; nothing was done"
                .to_owned(),
        ));
    }
    Ok(())
}

/// A line for each item, for people.
pub fn table<T>(items: &[T], columns: &[Column<T>]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(columns.iter().map(|(heading, _)| heading.to_uppercase()));
    for item in items {
        table.add_row(columns.iter().map(|(_, cell)| printable(&cell(item))));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// Whether standard output is closed or the null device.
pub fn stdout_leads_nowhere() -> bool {
    let is_null = || {
        let output = File::from(io::stdout().as_fd().try_clone_to_owned()?).metadata()?;
        let null = fs::metadata("/dev/null")?;
        Ok::<_, io::Error>(output.file_type().is_char_device() && output.rdev() == null.rdev())
    };
    is_null().unwrap_or_default()
}

/// Writes a line to standard output, immediately.
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
pub(super) fn json(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string(value).map_err(io::Error::from)?;
    Ok(text.chars().fold(String::new(), |mut json, c| {
        if steers(c) {
            json.push_str(&format!("\\u{:04x}", u32::from(c)))
        } else {
            json.push(c)
        }
        json
    }))
}

fn steers(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// What a table shows of what may not be there.
pub(super) fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// The texts of a list with commas between them.
pub(super) fn joined(texts: &[String]) -> String {
    or_dash(Some(texts.join(", ")).filter(|texts| !texts.is_empty()))
}

/// A time to the minute, in UTC as the server tells it.
pub(super) fn minute(at: Option<&String>) -> String {
    let to_minute = at.map(|at| at.chars().take("2026-11-23T10:00".len()));
    to_minute.map_or_else(|| "never".to_owned(), |at| at.map(|c| if c == 'T' { ' ' } else { c }).collect())
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
        let text = json(&value).expect("JSON");
        assert!(!text.chars().any(steers), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).expect("JSON"), value);
    }

    #[test]
    fn times_are_shown_to_the_minute() {
        assert_eq!(minute(Some(&"2026-11-23T10:00:59.5Z".to_owned())), "2026-11-23 10:00");
        assert_eq!(minute(None), "never");
    }
}
