//! Which expiration a key can have.

use super::MAX_DURATION;
use crate::{clock::Timestamp, db::DbError, domain::managed::ManageError};

/// An expiration that was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChosenExpiration {
    /// The one that the key has, or none where it has none.
    Keep,
    /// None.
    Never,
    /// That one.
    At(Timestamp),
}

/// Why a key does not get the expiration that was chosen for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpirationError {
    /// The key has none, and a rotation gives it none.
    #[error("This key never expires, and rotating it doesn’t change that.")]
    NoExpiration,
    /// The key has expired: with the same end the new secret would be refused, too.
    #[error("This key has expired. Choose an expiration date.")]
    Expired,
    /// The key has expired, and its secret stays so: somebody may have it who was to lose it.
    #[error("This key has expired. Rotate it to choose a new expiration date.")]
    ExpiredSecret,
    /// It lies in the past.
    #[error("Choose an expiration date in the future.")]
    Past,
    /// It is more than [`MAX_DURATION`] away.
    #[error("Choose an expiration date within 10 years.")]
    TooFar,
}

/// Why a key is neither edited nor rotated.
#[derive(Debug, thiserror::Error)]
pub enum KeyChangeError {
    /// The key cannot be had, or not so.
    #[error(transparent)]
    Key(#[from] ManageError),
    /// The expiration that was chosen is none for this key.
    #[error(transparent)]
    Expiration(#[from] ExpirationError),
}

impl From<DbError> for KeyChangeError {
    fn from(error: DbError) -> Self {
        Self::Key(error.into())
    }
}

/// An end that a key can have.
pub(super) fn ahead(end: Timestamp, now: Timestamp) -> Result<Timestamp, ExpirationError> {
    if end <= now {
        return Err(ExpirationError::Past);
    }
    // A key works through the whole of its last day.
    if end.date() > (now + MAX_DURATION).date() {
        return Err(ExpirationError::TooFar);
    }
    Ok(end)
}
