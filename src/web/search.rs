//! The text that somebody looks for, as it stands in an address.

use serde::{Deserialize, Deserializer, de::Error};

use super::display;
use crate::{domain::page::Total, folding::terms::Sought};

/// In characters: more than any name has. SQLite refuses patterns of 50,000 bytes.
pub const MAX_SEARCH_LENGTH: usize = 200;

/// A program is told when its text is too long.
///
/// # Errors
/// More than [`MAX_SEARCH_LENGTH`] characters.
pub fn strict<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match cut(&text) {
        kept if kept.chars().count() == clean(&text).chars().count() => Ok(kept),
        _ => Err(D::Error::custom(format!("use at most {MAX_SEARCH_LENGTH} characters to search"))),
    }
}

/// A person sees in the field what is looked for, and goes on from there.
///
/// # Errors
/// As the format has them.
pub fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(|text| cut(&text))
}

/// "12 of 340", for beside the field: how many of all a search for `text` or another choice found. It says what is
/// passed over of the text, too.
pub fn found(found: &Total, all: &Total, text: &str) -> String {
    let of_all = format!("{} of {}", display::total(found), display::total(all));
    match passed_over(text) {
        "" => of_all,
        words => format!("{of_all}. {words}"),
    }
}

/// What is passed over of `text`, in words; empty for nothing.
pub fn passed_over(text: &str) -> &'static str {
    if Sought::passes_over_signs_of(text) { "Punctuation at the start is ignored." } else { "" }
}

fn cut(text: &str) -> String {
    clean(text).chars().take(MAX_SEARCH_LENGTH).collect()
}

/// In one line, without signs that no name has.
fn clean(text: &str) -> String {
    text.replace(char::is_control, " ").trim().to_owned()
}
