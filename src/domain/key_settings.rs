//! What a key may do and how much: scopes, networks, limits. All of it is optional.
//!
//! Each part parses what people type and has one stored text, which is parsed again when it is
//! read: a row that was damaged is an error, never a key without restrictions.

mod limits;
mod metadata;
mod networks;
mod scopes;

use diesel::prelude::*;

pub use limits::{MonthlyQuota, Period, QuotaError, RateLimit, RateLimitError};
pub use metadata::{Metadata, MetadataError};
pub use networks::{Networks, NetworksError};
pub use scopes::{Scopes, ScopesError};

use super::{
    names::{Name, NameError},
    schema::api_keys,
};

/// Longest description, in characters.
pub const MAX_DESCRIPTION_LENGTH: usize = 200;

/// The settings of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = api_keys, treat_none_as_null = true)]
pub struct KeySettings {
    /// What the key is for, in a sentence.
    pub description: Option<String>,
    /// What it may be used for; empty for nothing in particular.
    pub scopes: Scopes,
    /// Where it may be used from; empty for everywhere.
    pub networks: Networks,
    /// How often it may be used.
    pub rate_limit: Option<RateLimit>,
    /// How much it may be used in a calendar month of UTC.
    pub monthly_quota: Option<MonthlyQuota>,
    /// What verification tells about it.
    pub metadata: Option<Metadata>,
}

/// A description as it was typed; `None` for an empty one.
///
/// # Errors
/// [`NameError`].
pub fn parse_description(text: &str) -> Result<Option<String>, NameError> {
    match Name::parse(text, MAX_DESCRIPTION_LENGTH) {
        Ok(description) => Ok(Some(description.into())),
        Err(NameError::Empty) => Ok(None),
        Err(error) => Err(error),
    }
}

impl KeySettings {
    /// Names what differs from `before`: "scopes, rate limit".
    pub fn changes_since(&self, before: &Self) -> String {
        let parts = [
            ("description", self.description != before.description),
            ("scopes", self.scopes != before.scopes),
            ("allowed networks", self.networks != before.networks),
            ("rate limit", self.rate_limit != before.rate_limit),
            ("monthly quota", self.monthly_quota != before.monthly_quota),
            ("metadata", self.metadata != before.metadata),
        ];
        let changed: Vec<&str> =
            parts.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name).collect();
        changed.join(", ")
    }
}
