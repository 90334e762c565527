//! Names that people give: to themselves, to organizations, keys and tokens.

use std::fmt;

use icu_normalizer::ComposingNormalizer;
use icu_properties::{
    CodePointMapData,
    props::{GeneralCategory, GeneralCategoryGroup},
};

use crate::folding;

/// A name in one line of printable text, composed (NFC), without space at its ends and without
/// signs that nobody sees.
///
/// Default-ignorable signs are dropped, not refused: they come along with text that is pasted, and
/// nobody finds what a refusal speaks of. With them go the joiners of some emoji and of Persian, at
/// whose place the name still reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

/// Why a text is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing to see.
    #[error("Enter a name.")]
    Empty,
    /// Longer than its place allows.
    #[error("Use at most {max} characters.")]
    TooLong {
        /// The limit in characters.
        max: usize,
    },
    /// Control characters, or marks that turn the direction of the text around them.
    #[error("Use only letters, digits, spaces and common symbols.")]
    Unprintable,
    /// Mail programs would make a link of it.
    #[error("Use a name without “://” or “www.”, since names appear in emails.")]
    Link,
}

/// Longest name of a person or an organization, in characters.
pub const MAX_NAME_LENGTH: usize = 80;
/// Longest name of a key or a token, in characters.
pub const MAX_KEY_NAME_LENGTH: usize = 60;

impl Name {
    /// Parses a name of at most `max` characters; runs of space become one space.
    ///
    /// # Errors
    /// [`NameError`] says what is wrong in words for the person who typed it.
    pub fn parse(text: &str, max: usize) -> Result<Self, NameError> {
        let name = Self::parse_text(text, max)?;
        if is_link(&name.0) { Err(NameError::Link) } else { Ok(name) }
    }

    /// Parses a line of text that may hold links, such as a description.
    ///
    /// # Errors
    /// [`NameError`] says what is wrong in words for the person who typed it.
    pub fn parse_text(text: &str, max: usize) -> Result<Self, NameError> {
        // Before anything that takes time: no letter has more than four bytes, and nobody types so
        // much space.
        if text.len() > 8 * max {
            return Err(NameError::TooLong { max });
        }
        if text.chars().any(is_unprintable) {
            return Err(NameError::Unprintable);
        }
        let name = folding::visible(text);
        match name.chars().count() {
            0 => Err(NameError::Empty),
            length if length > max => Err(NameError::TooLong { max }),
            _ if !name.chars().any(is_visible) => Err(NameError::Empty),
            _ => Ok(Self(name)),
        }
    }

    /// The form in which names are compared: see [`folding::fold`].
    pub fn key(&self) -> String {
        folding::fold(&self.0)
    }

    /// The form in which names are searched and sorted: see [`folding::search_key`].
    pub fn search_key(&self) -> String {
        folding::search_key(&self.0)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

/// Whether a character shows nothing, or turns around or hides what stands beside it.
pub fn is_unprintable(c: char) -> bool {
    let is_control = c.is_control() && !c.is_whitespace();
    is_control || is_direction_mark(c) || is_annotation(c) || has_no_meaning(c)
}

/// Bidirectional overrides and isolates (Unicode TR9) can make a name look like another text. Names
/// that are written from right to left need none.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Marks around a text that is not shown in its line, and the place of an object that is not there.
fn is_annotation(c: char) -> bool {
    matches!(c, '\u{FFF9}'..='\u{FFFC}')
}

/// Signs that nobody has given a meaning, or that have one between some programs only (Unicode 23.5 and
/// 23.7): what they show is for each font to say, and most show nothing or a box.
fn has_no_meaning(c: char) -> bool {
    matches!(category(c), GeneralCategory::PrivateUse | GeneralCategory::Unassigned)
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

/// A letter, digit, sign or symbol. Marks need a letter before them.
fn is_visible(c: char) -> bool {
    let category = category(c);
    let shown = [
        GeneralCategoryGroup::Letter,
        GeneralCategoryGroup::Number,
        GeneralCategoryGroup::Punctuation,
        GeneralCategoryGroup::Symbol,
    ];
    shown.iter().any(|group| group.contains(category))
}

/// Whether a mail program would make a link of it; so it would of full-width letters.
fn is_link(name: &str) -> bool {
    let plain = ComposingNormalizer::new_nfkc().normalize(name).to_lowercase();
    plain.contains("://") || plain.contains("www.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, NameError> {
        Name::parse(text, 60).map(String::from)
    }

    #[test]
    fn space_is_folded_and_case_is_kept() {
        let name = Name::parse("  Billing \t worker\n", 60).unwrap();
        assert_eq!(name.as_str(), "Billing worker");
        assert_eq!(name.key(), "billing worker");
    }

    #[test]
    fn a_name_without_a_visible_sign_is_none() {
        for blank in [
            "",
            " \u{200B} ",
            "\u{3164}",
            "\u{2800}",
            "\u{FFA0}",
            "\u{E0041}",
            "\u{115F}\u{1160}",
            "\u{AD}",
            "\u{34F}",
            "\u{17B4}",
            "\u{180E}",
            "\u{FE0F}",
            "\u{301}",
            "\u{20DD}",
            "\u{1D159}",
            "\u{2028}",
            "\u{200E}",
            "\u{A0}",
            "\u{3000}",
            "\u{13441}",
        ] {
            assert_eq!(parse(blank), Err(NameError::Empty), "{blank:?}");
        }
        for visible in ["x", "7", "!", "€", "字", "☂", "ا", "ॐ", "-"] {
            assert_eq!(parse(visible).as_deref(), Ok(visible));
        }
    }

    #[test]
    fn what_cannot_be_seen_is_dropped() {
        assert_eq!(parse("Dana\u{2060} Whit\u{AD}field\u{E0041}").as_deref(), Ok("Dana Whitfield"));
        for hidden in ["\u{1D159}", "\u{13441}", "\u{13430}", "\u{1343F}", "\u{16FE4}"] {
            assert_eq!(
                parse(&format!("Dana{hidden} Whitfield")).as_deref(),
                Ok("Dana Whitfield"),
                "{hidden:?}"
            );
        }
        for meaningless in ["\u{E000}", "\u{F8FF}", "\u{378}", "\u{10FFFD}"] {
            let name = format!("Dana{meaningless} Whitfield");
            assert_eq!(parse(&name), Err(NameError::Unprintable), "{meaningless:?}");
        }
        assert_eq!(parse("Dana\u{2800}Whitfield").as_deref(), Ok("Dana Whitfield"));
        assert_eq!(parse("Cafe\u{301}").as_deref(), Ok("Café"));
        assert_eq!(parse("e\u{200B}\u{301}").as_deref(), Ok("é"));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for text in ["a\u{0}b", "gnp\u{202E}.exe", "a\u{2066}b", "a\u{FFF9}b", "a\u{FFFF}", "a\u{1FFFE}"] {
            assert_eq!(parse(text), Err(NameError::Unprintable), "{text:?}");
        }
        assert_eq!(parse(&"x".repeat(61)), Err(NameError::TooLong { max: 60 }));
        assert!(parse("مؤسسة النور").is_ok());
        assert!(parse("עמותת האור").is_ok());
    }

    #[test]
    fn a_link_is_no_name() {
        for text in [
            "Sign in at https://evil.example",
            "ftp://x",
            "WWW.evil.example",
            "a：／／b",
            "ｗｗｗ．evil",
            "w\u{200B}ww.x",
        ] {
            assert_eq!(parse(text), Err(NameError::Link), "{text}");
            assert!(Name::parse_text(text, 60).is_ok());
        }
        assert!(parse("Node.js / evil.example: 1").is_ok());
    }
}
