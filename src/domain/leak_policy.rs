//! What an organization wants done with its keys that were found in public.

use std::{fmt, str::FromStr};

use diesel::{deserialize::FromSqlRow, expression::AsExpression, sql_types::Text};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::stored_text::stored_as_text;

/// What an organization has done with a key that was found in public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromSqlRow, AsExpression, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[diesel(sql_type = Text)]
pub enum LeakPolicy {
    /// The administrators are told.
    Notify,
    /// The key is switched off, too.
    Deactivate,
}

impl LeakPolicy {
    /// Both policies, the one that organizations begin with first.
    pub const ALL: [Self; 2] = [Self::Notify, Self::Deactivate];

    /// The word in the database and in forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::Deactivate => "deactivate",
        }
    }

    /// The words on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Notify => "Notify administrators",
            Self::Deactivate => "Deactivate the key and notify administrators",
        }
    }
}

/// The text names no policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Choose what happens to a leaked key.")]
pub struct UnknownLeakPolicy;

impl FromStr for LeakPolicy {
    type Err = UnknownLeakPolicy;

    fn from_str(text: &str) -> Result<Self, UnknownLeakPolicy> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == text).ok_or(UnknownLeakPolicy)
    }
}

impl fmt::Display for LeakPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

stored_as_text!(LeakPolicy);
