//! Scopes: words for what a key may be used for.

use std::{fmt, str::FromStr};

use diesel::{deserialize::FromSqlRow, expression::AsExpression, sql_types::Text};

/// Scopes of one key.
const MAX_SCOPES: usize = 50;
/// Characters of one scope.
const MAX_SCOPE_LENGTH: usize = 64;

/// Words such as `invoices:read`, each once, in the order in which they were typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromSqlRow, AsExpression)]
#[diesel(sql_type = Text)]
pub struct Scopes(Vec<String>);

/// Why a text is no list of scopes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopesError {
    /// A word has other signs or is too long.
    #[error(
        "“{0}” isn’t a valid scope. Use only letters, digits, and : . _ -, up to {MAX_SCOPE_LENGTH} characters."
    )]
    NotAScope(String),
    /// There are too many.
    #[error("Use at most {MAX_SCOPES} scopes.")]
    TooMany,
}

impl Scopes {
    /// Whether every one of `demanded` is among them.
    pub fn cover(&self, demanded: &[String]) -> bool {
        demanded.iter().all(|scope| self.0.contains(scope))
    }

    /// Those of them that are among `allowed`, or all where that is empty.
    #[must_use]
    pub fn within(self, allowed: &Self) -> Self {
        if allowed.is_empty() {
            return self;
        }
        Self(self.0.into_iter().filter(|scope| allowed.0.contains(scope)).collect())
    }

    /// The words.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Words are separated by spaces, commas or new lines.
impl FromStr for Scopes {
    type Err = ScopesError;

    fn from_str(text: &str) -> Result<Self, ScopesError> {
        let mut scopes: Vec<String> = Vec::new();
        for word in text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()) {
            let is_scope = word.len() <= MAX_SCOPE_LENGTH
                && word.bytes().all(|b| b.is_ascii_alphanumeric() || b":._-".contains(&b));
            if !is_scope {
                return Err(ScopesError::NotAScope(word.chars().take(MAX_SCOPE_LENGTH).collect()));
            }
            if !scopes.iter().any(|scope| scope == word) {
                scopes.push(word.to_owned());
            }
        }
        if scopes.len() > MAX_SCOPES { Err(ScopesError::TooMany) } else { Ok(Self(scopes)) }
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

crate::domain::stored_text::stored_as_text!(Scopes);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_apart_and_each_is_kept_once() {
        let scopes: Scopes = " invoices:read,\ninvoices:write invoices:read ".parse().unwrap();
        assert_eq!(scopes.to_string(), "invoices:read invoices:write");
        assert!(scopes.cover(&["invoices:read".to_owned()]) && scopes.cover(&[]));
        assert!(!scopes.cover(&["invoices:read".to_owned(), "users:read".to_owned()]));
        assert!("".parse::<Scopes>().unwrap().is_empty());
    }

    #[test]
    fn what_is_no_scope_is_named() {
        let error = "read; write".parse::<Scopes>().unwrap_err().to_string();
        assert!(error.starts_with("“read;” isn’t a valid scope"), "{error}");
        let many: Vec<String> = (0..51).map(|number| format!("s{number}")).collect();
        assert_eq!(many.join(" ").parse::<Scopes>(), Err(ScopesError::TooMany));
    }
}
