//! What a key may do and how much: scopes, networks, limits. All of it is optional.
//!
//! Each part parses what people type and has one stored text, which is parsed again when it is
//! read: a row that was damaged is an error, never a key without restrictions.

mod limits;
mod metadata;
mod networks;
mod scopes;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
pub fn parse_description(text: &str) -> Result<Option<String>, NameError> {
    match Name::parse_text(text, MAX_DESCRIPTION_LENGTH) {
        Ok(description) => Ok(Some(description.into())),
        Err(NameError::Empty) => Ok(None),
        Err(error) => Err(error),
    }
}

impl KeySettings {
    /// What differs from `before`.
    pub fn changes_since(&self, before: &Self) -> Vec<KeySetting> {
        let parts = [
            (KeySetting::Description, self.description != before.description),
            (KeySetting::Scopes, self.scopes != before.scopes),
            (KeySetting::Networks, self.networks != before.networks),
            (KeySetting::RateLimit, self.rate_limit != before.rate_limit),
            (KeySetting::MonthlyQuota, self.monthly_quota != before.monthly_quota),
            (KeySetting::Metadata, self.metadata != before.metadata),
        ];
        parts.iter().filter(|(_, differs)| *differs).map(|(setting, _)| *setting).collect()
    }
}

/// A setting of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeySetting {
    /// The description.
    Description,
    /// The scopes.
    Scopes,
    /// The allowed networks.
    Networks,
    /// The rate limit.
    RateLimit,
    /// The monthly quota.
    MonthlyQuota,
    /// The metadata.
    Metadata,
}
