//! Addresses as people paste them: from a list, a spreadsheet, or the head of a mail.

use crate::domain::email::EmailAddress;

/// One address as it was typed, or what stood in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// It can be invited.
    Address(EmailAddress),
    /// It is no address.
    NotAnAddress(String),
}

impl Entry {
    /// The address, if it is one.
    pub(super) fn address(&self) -> Option<&EmailAddress> {
        match self {
            Self::Address(address) => Some(address),
            Self::NotAnAddress(_) => None,
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Address(address) => address.as_str(),
            Self::NotAnAddress(text) => text,
        }
    }
}

/// Splits `text` at commas, semicolons and space; from `Name <a@b>` it takes the address.
/// What stands there twice is taken once.
pub(super) fn split(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for piece in without_quoted_names(text).split([',', ';', '\n', '\r']) {
        for word in words(piece) {
            let entry = match EmailAddress::parse(word) {
                Ok(address) => Entry::Address(address),
                Err(_) => Entry::NotAnAddress(word.to_owned()),
            };
            if seen.insert(entry.as_str().to_owned()) {
                entries.push(entry);
            }
        }
    }
    entries
}

/// A quoted name may hold commas: `"Whitfield, Dana" <dana@lumen.example>`.
fn without_quoted_names(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let mut parts = line.split('"');
        kept.push_str(parts.next().unwrap_or_default());
        while let Some(quoted) = parts.next() {
            match parts.next() {
                Some(after) => kept.push_str(after),
                None => kept.push_str(quoted), // a quotation mark without its partner
            }
        }
    }
    kept
}

/// The words of a piece without commas. Words before `<` are a name, unless they are addresses.
fn words(piece: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = piece;
    while let Some((before, bracketed, after)) = bracketed(rest) {
        words.extend(before.split_whitespace().filter(|word| word.contains('@')));
        words.push(bracketed.trim());
        rest = after;
    }
    words.extend(rest.split_whitespace());
    words.retain(|word| !word.is_empty());
    words
}

fn bracketed(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('<')?;
    let (inside, after) = rest.split_once('>')?;
    Some((before, inside, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        split(text)
            .into_iter()
            .map(|entry| match entry {
                Entry::Address(address) => address.to_string(),
                Entry::NotAnAddress(text) => format!("not: {text}"),
            })
            .collect()
    }

    #[test]
    fn commas_semicolons_spaces_and_lines_separate() {
        assert_eq!(
            texts("a@x.example, b@x.example;c@x.example\r\nd@x.example\te@x.example ,, \n"),
            ["a@x.example", "b@x.example", "c@x.example", "d@x.example", "e@x.example"]
        );
        assert!(texts(" \n ,; ").is_empty());
    }

    #[test]
    fn duplicates_are_folded_whatever_their_case() {
        assert_eq!(texts("A@X.example a@x.example what what"), ["a@x.example", "not: what"]);
    }

    #[test]
    fn names_before_brackets_are_left_out() {
        assert_eq!(
            texts("Dana Whitfield <dana@x.example>, <ravi@x.example> ines@x.example Sofie <sofie@x.example>"),
            ["dana@x.example", "ravi@x.example", "ines@x.example", "sofie@x.example"]
        );
        assert_eq!(
            texts("\"Whitfield, Dana\" <dana@x.example>; b@x.example"),
            ["dana@x.example", "b@x.example"]
        );
    }

    #[test]
    fn nothing_that_was_typed_is_lost() {
        assert_eq!(texts("dana@, \"b@x.example <"), ["not: dana@", "b@x.example", "not: <"]);
        assert_eq!(texts("<b>hi</b> x"), ["not: b", "not: /b", "not: x"]);
    }
}
