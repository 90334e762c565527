//! What the secrets that a server makes begin with.

use std::{borrow::Cow, fmt};

/// The first part of each key and token, up to its first underscore: leak scanners and people tell by it whose secret
/// it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyPrefix {
    letters: [u8; Self::MAX_LENGTH],
    length: usize,
}

impl KeyPrefix {
    const MIN_LENGTH: usize = 2;
    /// The most letters and digits.
    pub const MAX_LENGTH: usize = 16;
    /// Where nothing is set. Examples are written with it.
    const DEFAULT: &str = "tess";

    /// # Errors
    /// What a prefix may be.
    pub fn parse(text: &str) -> Result<Self, String> {
        let prefix = Self::read(text);
        prefix
            .ok_or_else(|| "must be 2 to 16 of the characters a to z and 0 to 9, for example acme".to_owned())
    }

    fn read(text: &str) -> Option<Self> {
        let mut letters = [0; Self::MAX_LENGTH];
        Self::is_one(text).then_some(())?;
        letters.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self { letters, length: text.len() })
    }

    /// Whether a server can have this prefix.
    pub fn is_one(text: &str) -> bool {
        (Self::MIN_LENGTH..=Self::MAX_LENGTH).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    }

    /// The letters, without the underscore behind them.
    pub fn as_str(&self) -> &str {
        self.letters
            .get(..self.length)
            .and_then(|used| std::str::from_utf8(used).ok())
            .unwrap_or(Self::DEFAULT)
    }

    /// An example that is written with the default prefix, with this one.
    pub fn in_example<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.as_str() == Self::DEFAULT {
            return Cow::Borrowed(text);
        }
        Cow::Owned(text.replace("tess_", &format!("{self}_")))
    }

    /// A regular expression for scanners that finds every key and token of this server.
    pub fn pattern(&self) -> String {
        format!(r"\b{self}_(?:(?:m|i|live|test)_)?[0-9A-Za-z]{{36}}\b")
    }
}

impl Default for KeyPrefix {
    fn default() -> Self {
        let mut letters = [0; Self::MAX_LENGTH];
        let (used, _) = letters.split_at_mut(Self::DEFAULT.len());
        used.copy_from_slice(Self::DEFAULT.as_bytes());
        Self { letters, length: Self::DEFAULT.len() }
    }
}

impl fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPrefix({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_short_and_plain() {
        for good in ["ab", "acme", "a1b2", "abcdefghijklmnop"] {
            assert_eq!(KeyPrefix::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a", "abcdefghijklmnopq", "Acme", "ac_me", "ac-me", "acmé", "ac me"] {
            assert!(KeyPrefix::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn examples_follow_the_prefix() {
        assert_eq!(KeyPrefix::default().in_example("Bearer tess_m_…"), "Bearer tess_m_…");
        assert_eq!(KeyPrefix::parse("acme").unwrap().in_example("tess_… or tess_m_…"), "acme_… or acme_m_…");
    }
}
