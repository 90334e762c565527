//! Names that people give: to themselves, to organizations, keys and tokens.

use std::fmt;

/// A name in one line of printable text, without space at its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

/// Why a text is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing but space.
    #[error("Enter a name.")]
    Empty,
    /// Longer than its place allows.
    #[error("Use at most {max} characters.")]
    TooLong {
        /// The limit in characters.
        max: usize,
    },
    /// Control characters, or marks that turn the direction of the text around them.
    #[error("Use letters, digits, spaces and common signs only.")]
    Unprintable,
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
        // Before anything that takes time: no letter has more than four bytes, and nobody types so
        // much space.
        if text.len() > 8 * max {
            return Err(NameError::TooLong { max });
        }
        if text.chars().any(|c| (c.is_control() && !c.is_whitespace()) || is_direction_mark(c)) {
            return Err(NameError::Unprintable);
        }
        let name = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match name.chars().count() {
            0 => Err(NameError::Empty),
            length if length > max => Err(NameError::TooLong { max }),
            _ if name.chars().all(is_invisible) => Err(NameError::Empty),
            _ => Ok(Self(name)),
        }
    }

    /// The form in which names are compared: two names that differ in case only are one name.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
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

/// Bidirectional overrides and isolates (Unicode TR9) can make a name look like another text.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}' | '\u{00AD}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_folded_and_case_is_kept() {
        let name = Name::parse("  Billing \t worker\n", 60).unwrap();
        assert_eq!(name.as_str(), "Billing worker");
        assert_eq!(name.key(), "billing worker");
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        assert_eq!(Name::parse(" \u{200B} ", 60), Err(NameError::Empty));
        assert_eq!(Name::parse("a\u{0}b", 60), Err(NameError::Unprintable));
        assert_eq!(Name::parse("gnp\u{202E}.exe", 60), Err(NameError::Unprintable));
        assert_eq!(Name::parse(&"x".repeat(61), 60), Err(NameError::TooLong { max: 60 }));
        assert!(Name::parse("مؤسسة النور", 60).is_ok());
    }
}
