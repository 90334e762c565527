//! Rows of a file, whatever it is: CSV with a header, a JSON array, or a JSON object in each line.

use std::collections::BTreeSet;

use secrecy::zeroize::Zeroizing;
use serde_json::{Map, Value};

use super::{FileError, values};
use crate::clock::Timestamp;

/// A row by the names of its fields.
#[derive(Debug, Default)]
pub(super) struct Record {
    fields: Map<String, Value>,
}

/// All rows of a file.
#[derive(Debug)]
pub(super) struct Rows {
    /// Each with its number: the line, or its place among others.
    pub(super) records: Vec<(usize, Result<Record, String>)>,
    /// The names of the fields that a row has at least, as they are compared; `None` where each row has its own.
    header: Option<BTreeSet<String>>,
}

impl Rows {
    /// Refuses a file of which no row can have a field.
    pub(super) fn check_field(&self, name: &str) -> Result<(), FileError> {
        self.check(name, |has| has(name))
    }

    /// [`check_field`](Self::check_field) for one of several; `names` says which to people.
    pub(super) fn check(
        &self,
        names: &str,
        is_there: impl Fn(&dyn Fn(&str) -> bool) -> bool,
    ) -> Result<(), FileError> {
        let of_header =
            |name: &str| self.header.as_ref().is_some_and(|header| header.contains(&folded(name)));
        let in_records = |name: &str| {
            self.records.iter().any(|(_, record)| record.as_ref().is_ok_and(|record| record.has(name)))
        };
        let has: &dyn Fn(&str) -> bool = if self.header.is_some() { &of_header } else { &in_records };
        if self.records.is_empty() && self.header.is_none() {
            return Err(FileError("The file has no keys.".to_owned()));
        }
        if is_there(has) { Ok(()) } else { Err(FileError(format!("The file has no “{names}”."))) }
    }

    /// The names of fields that are none of `known`.
    pub(super) fn unknown_fields(&self, known: &[&str]) -> BTreeSet<String> {
        let known: BTreeSet<String> = known.iter().map(|name| folded(name)).collect();
        let of_records = self.records.iter().filter_map(|(_, record)| record.as_ref().ok());
        let names = of_records.flat_map(|record| record.fields.keys()).chain(self.header.iter().flatten());
        names.filter(|name| !known.contains(*name)).cloned().collect()
    }
}

/// A name as it is compared: letters and digits, small. So `expires_at` is `expiresAt`.
fn folded(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Reads the rows of a file.
pub(super) fn rows(text: &str) -> Result<Rows, FileError> {
    let start = text.trim_start();
    match start.chars().next() {
        None => Err(FileError("The file is empty.".to_owned())),
        Some('[') => {
            let values: Vec<Value> = serde_json::from_str(text).map_err(not_json)?;
            Ok(of_values(values))
        }
        Some('{') => Ok(of_json_lines(text)),
        Some(_) => of_csv(text),
    }
}

/// Rows that stand in a document.
pub(super) fn of_values(values: Vec<Value>) -> Rows {
    let records = values.into_iter().enumerate().map(|(place, value)| (place + 1, Record::of(value)));
    Rows { records: records.collect(), header: None }
}

fn of_json_lines(text: &str) -> Rows {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let records = lines.map(|(place, line)| {
        let value: Result<Value, _> = serde_json::from_str(line);
        (place + 1, value.map_err(|error| format!("This is no JSON object: {error}.")).and_then(Record::of))
    });
    Rows { records: records.collect(), header: None }
}

/// What stands between the cells of a CSV file: a comma, or where the header has none what spreadsheets write in
/// countries that use the comma for decimals, or a tab.
pub fn delimiter(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    // A comma in a quoted name stands between nothing.
    let names: String = header.split('"').step_by(2).collect();
    let number_of = |sign: &&u8| names.bytes().filter(|byte| byte == *sign).count();
    // Of several the first where they are as many.
    [b'\t', b';', b','].iter().max_by_key(number_of).copied().unwrap_or(b',')
}

fn of_csv(text: &str) -> Result<Rows, FileError> {
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).delimiter(delimiter(text)).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| FileError(format!("The file can’t be read: {error}.")))?;
    let names: Vec<String> = header.iter().map(folded).collect();
    let different: BTreeSet<String> = names.iter().cloned().collect();
    if let Some(twice) = names.iter().find(|name| names.iter().filter(|other| other == name).count() > 1) {
        return Err(FileError(format!("The column “{twice}” is in the file twice.")));
    }
    let mut records = Vec::new();
    let mut lines = Lines::of(text);
    for row in reader.records() {
        let row = row.map_err(|error| FileError(format!("The file can’t be read: {error}.")))?;
        let number = lines.number_at(row.position().map_or(0, csv::Position::byte));
        let record = if row.len() == names.len() {
            let cells = names.iter().cloned().zip(row.iter().map(|cell| Value::String(cell.to_owned())));
            Ok(Record { fields: cells.collect() })
        } else {
            Err(format!("This line has {} cells, and the header has {}.", row.len(), names.len()))
        };
        records.push((number, record));
    }
    Ok(Rows { records, header: Some(different) })
}

/// Counts the lines of a text, whichever way they end: the reader's own count is one too low where that is CRLF.
struct Lines<'a> {
    rest: &'a [u8],
    read: u64,
    number: usize,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        Self { rest: text.as_bytes(), read: 0, number: 1 }
    }

    /// The line of the row that begins at this byte, or behind the ends of lines that stand there. Rows come in order.
    fn number_at(&mut self, byte: u64) -> usize {
        while let [first, rest @ ..] = self.rest
            && (self.read < byte || matches!(first, b'\r' | b'\n'))
        {
            let is_end = *first == b'\n' || (*first == b'\r' && rest.first() != Some(&b'\n'));
            self.number += usize::from(is_end);
            self.rest = rest;
            self.read += 1;
        }
        self.number
    }
}

pub(super) fn not_json(error: serde_json::Error) -> FileError {
    FileError(format!("The file is no valid JSON: {error}."))
}

impl Record {
    /// An object by the names of its fields.
    pub(super) fn of(value: Value) -> Result<Self, String> {
        let Value::Object(given) = value else { return Err("This is no JSON object.".to_owned()) };
        let mut record = Self { fields: Map::new() };
        for (name, value) in given {
            if record.fields.insert(folded(&name), value).is_some() {
                return Err(format!("“{name}” is in it twice, written in two ways."));
            }
        }
        Ok(record)
    }

    fn has(&self, name: &str) -> bool {
        self.fields.contains_key(&folded(name))
    }

    /// A field that says something.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.fields.get(&folded(name)).filter(|value| match value {
            Value::Null => false,
            // What databases write for nothing.
            Value::String(text) => !matches!(text.trim(), "" | "NULL" | "\\N" | "null"),
            _ => true,
        })
    }

    /// A text or a number.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::String(text) => Some(text.trim().to_owned()),
            value @ (Value::Number(_) | Value::Bool(_)) => Some(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// The first of several fields that says something.
    pub(super) fn first_text(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.text(name))
    }

    /// A text that the record has to have.
    pub(super) fn needed(&self, name: &str) -> Result<String, String> {
        self.text(name).ok_or_else(|| format!("There is no “{name}”."))
    }

    /// A key in the clear. It stays in no record.
    pub(super) fn take_key(&mut self, name: &str) -> Result<Option<Zeroizing<String>>, String> {
        if self.value(name).is_none() {
            return Ok(None);
        }
        match self.fields.remove(&folded(name)) {
            Some(Value::String(key)) => {
                let key = Zeroizing::new(key);
                Ok(Some(Zeroizing::new(key.trim().to_owned())))
            }
            _ => Err(format!("Put “{name}” in quotation marks.")),
        }
    }

    /// Whether something is so; `default` where nothing is said.
    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, String> {
        let Some(text) = self.text(name) else { return Ok(default) };
        values::flag(&text).ok_or_else(|| format!("“{name}” is neither true nor false."))
    }

    /// An instant.
    pub(super) fn instant(&self, name: &str) -> Result<Option<Timestamp>, String> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let unreadable = || format!("“{name}” can’t be read. Use a time such as 2027-01-31T00:00:00Z.");
        values::instant(&text).ok_or_else(unreadable).map(Some)
    }

    /// A whole number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, String> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("“{name}” is no whole number."))
    }

    /// A value of JSON, which may stand in the field as a text, once or twice.
    pub(super) fn json(&self, name: &str) -> Result<Option<Value>, String> {
        let Some(mut value) = self.value(name).cloned() else { return Ok(None) };
        for _ in 0..2 {
            if let Value::String(text) = &value {
                value =
                    serde_json::from_str(text).map_err(|error| format!("“{name}” is no JSON: {error}."))?;
            }
        }
        Ok(Some(value).filter(|value| !value.is_null()))
    }

    /// An object of JSON; an empty one where there is none.
    pub(super) fn object(&self, name: &str) -> Result<Map<String, Value>, String> {
        match self.json(name)? {
            None => Ok(Map::new()),
            Some(Value::Object(object)) => Ok(object),
            Some(_) => Err(format!("“{name}” is no JSON object.")),
        }
    }

    /// Words: a JSON array, or separated by spaces or commas.
    pub(super) fn words(&self, name: &str) -> Result<Vec<String>, String> {
        let Some(value) = self.value(name) else { return Ok(Vec::new()) };
        match value {
            Value::String(text) if !text.trim_start().starts_with('[') => {
                let words = text.split(|sign: char| sign == ',' || sign.is_whitespace());
                Ok(words.filter(|word| !word.is_empty()).map(str::to_owned).collect())
            }
            _ => match self.json(name)? {
                Some(Value::Array(words)) => words
                    .into_iter()
                    .map(|word| match word {
                        Value::String(word) => Ok(word),
                        _ => Err(format!("“{name}” has something that is no text.")),
                    })
                    .collect(),
                _ => Err(format!("“{name}” is no list of texts.")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_number_of_its_line_however_lines_end() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["name,key", "a,1", "", "\"b\nc\",2", "d,3"].join(end);
            let numbers: Vec<usize> =
                rows(&text).unwrap().records.iter().map(|(number, _)| *number).collect();
            assert_eq!(numbers, [2, 4, 6], "{end:?}");
        }
    }
}
