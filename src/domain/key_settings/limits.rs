//! How often and how much: rate limits and monthly quotas.

use std::{fmt, num::NonZeroU32, str::FromStr};

use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    sql_types::{BigInt, Text},
};

use crate::db;
pub use crate::vocabulary::Period;

/// The highest rate limit, in requests a period.
const HIGHEST_RATE: u32 = 1_000_000;
/// The highest monthly quota.
const HIGHEST_QUOTA: u64 = 1_000_000_000_000 - 1;

impl Period {
    /// Its length.
    pub fn seconds(self) -> u32 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
        }
    }
}

/// So many requests a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromSqlRow, AsExpression)]
#[diesel(sql_type = Text)]
pub struct RateLimit {
    /// How many.
    pub count: NonZeroU32,
    /// In what.
    pub period: Period,
}

/// Why a rate limit cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateLimitError {
    /// No number, or one out of range.
    #[error("Enter a whole number from 1 to 1,000,000, or leave it empty for no limit.")]
    Count,
    /// None of the periods on offer.
    #[error("Choose second, minute or hour.")]
    Period,
}

impl RateLimit {
    /// Reads what was typed and chosen; `None` for an empty number.
    pub fn parse(count: &str, period: &str) -> Result<Option<Self>, RateLimitError> {
        let count = count.trim();
        if count.is_empty() {
            return Ok(None);
        }
        format!("{count}/{period}").parse().map(Some)
    }
}

impl FromStr for RateLimit {
    type Err = RateLimitError;

    fn from_str(text: &str) -> Result<Self, RateLimitError> {
        let (count, period) = text.split_once('/').ok_or(RateLimitError::Period)?;
        let count: NonZeroU32 = count.parse().map_err(|_| RateLimitError::Count)?;
        if count.get() > HIGHEST_RATE {
            return Err(RateLimitError::Count);
        }
        Ok(Self { count, period: period.parse().map_err(|_| RateLimitError::Period)? })
    }
}

impl RateLimit {
    /// Whether more could come than `other` lets through, at once or over time.
    pub fn is_above(self, other: Self) -> bool {
        let (count, most) = (u64::from(self.count.get()), u64::from(other.count.get()));
        count > most || count * u64::from(other.period.seconds()) > most * u64::from(self.period.seconds())
    }
}

/// "100/minute".
impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.period.as_str())
    }
}

crate::domain::stored_text::stored_as_text!(RateLimit);

/// So many requests in a calendar month of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromSqlRow, AsExpression)]
#[diesel(sql_type = BigInt)]
pub struct MonthlyQuota(u64);

/// Why a quota cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Enter a whole number from 1 to 1,000,000,000,000, or leave it empty for no quota.")]
pub struct QuotaError;

impl MonthlyQuota {
    /// Reads what was typed; `None` for nothing.
    pub fn parse(text: &str) -> Result<Option<Self>, QuotaError> {
        match text.trim() {
            "" => Ok(None),
            text => Self::new(text.parse().map_err(|_| QuotaError)?).map(Some),
        }
    }

    /// A quota of `requests`.
    pub fn new(requests: u64) -> Result<Self, QuotaError> {
        if (1..=HIGHEST_QUOTA).contains(&requests) { Ok(Self(requests)) } else { Err(QuotaError) }
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl<DB: Backend> FromSql<BigInt, DB> for MonthlyQuota
where
    i64: FromSql<BigInt, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self::new(<i64 as FromSql<BigInt, DB>>::from_sql(bytes)?.try_into()?)?)
    }
}

db::to_sql!(MonthlyQuota, BigInt, |quota| i64::try_from(quota.0)?);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_limit_is_read_as_it_is_written() {
        let limit = RateLimit::parse(" 100 ", "minute").unwrap().unwrap();
        assert_eq!(limit.to_string(), "100/minute");
        assert_eq!(RateLimit::parse("", "minute"), Ok(None));
        for count in ["0", "-1", "1.5", "1000001", "many"] {
            assert_eq!(RateLimit::parse(count, "hour"), Err(RateLimitError::Count), "{count}");
        }
        assert_eq!(RateLimit::parse("1", "day"), Err(RateLimitError::Period));
    }

    #[test]
    fn a_limit_is_above_another_by_its_burst_or_by_its_flow() {
        let limit = |text: &str| text.parse::<RateLimit>().unwrap();
        for (one, other, is_above) in [
            ("60/minute", "60/minute", false),
            ("61/minute", "60/minute", true),
            ("2/second", "60/minute", true),
            ("1/second", "60/minute", false),
            ("3600/hour", "60/minute", true),
            ("60/hour", "60/minute", false),
        ] {
            assert_eq!(limit(one).is_above(limit(other)), is_above, "{one} and {other}");
        }
    }

    #[test]
    fn a_quota_is_a_whole_number() {
        assert_eq!(MonthlyQuota::parse("5000").unwrap().map(MonthlyQuota::get), Some(5000));
        assert_eq!(MonthlyQuota::parse(" "), Ok(None));
        assert_eq!(MonthlyQuota::parse("0"), Err(QuotaError));
        assert_eq!(MonthlyQuota::parse("5k"), Err(QuotaError));
    }
}
