//! Forms that must not be run twice.
//!
//! The page puts a fresh id into the form; the change spends it in its own transaction. A reload
//! or a double click then finds it spent. Nothing is stored for forms that are never sent.

use diesel::prelude::*;
use time::Duration;
use uuid::Uuid;

use super::{id::new_dated_id, schema::spent_forms};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
};

/// How long a form can be sent, and how long a spent one is remembered.
const FORM_LIFETIME: Duration = Duration::hours(24);

/// The id of one rendering of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormId(String);

/// Why a form is not run.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// It was run before.
    #[error("this form was sent before")]
    AlreadySent,
    /// Its id is missing, foreign or older than a day.
    #[error("this form is too old")]
    Stale,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl FormId {
    /// An id for a form that is about to be shown.
    pub fn new(now: Timestamp) -> Self {
        Self(new_dated_id(now))
    }

    /// The id that came back with a form; whether it is good shows when it is spent.
    pub fn from_form(text: String) -> Self {
        Self(text)
    }

    /// The id as it stands in the form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        let made = Uuid::try_parse(&self.0).ok().and_then(|id| id.get_timestamp());
        let Some((seconds, _)) = made.map(|made| made.to_unix()) else { return false };
        let age = now.assume_utc().unix_timestamp() - i64::try_from(seconds).unwrap_or(i64::MAX);
        (-60..FORM_LIFETIME.whole_seconds()).contains(&age)
    }
}

/// Spends `form` for this transaction's change.
///
/// # Errors
/// [`FormError::AlreadySent`], [`FormError::Stale`].
pub fn spend(tx: &mut Tx<'_>, form: &FormId, now: Timestamp) -> Result<(), FormError> {
    if !form.is_fresh(now) {
        return Err(FormError::Stale);
    }
    let inserted = diesel::insert_into(spent_forms::table)
        .values((spent_forms::id.eq(form.as_str()), spent_forms::spent_at.eq(now)))
        .execute(tx.connection())
        .map_err(DbError::from);
    match inserted {
        Ok(_) => Ok(()),
        Err(error) if error.is_unique_violation() => Err(FormError::AlreadySent),
        Err(error) => Err(error.into()),
    }
}

/// Forgets spent forms that are too old to be accepted again anyway.
///
/// # Errors
/// [`DbError`].
pub fn purge_expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, DbError> {
    let limit = now - FORM_LIFETIME - Duration::HOUR;
    Ok(diesel::delete(spent_forms::table.filter(spent_forms::spent_at.lt(limit))).execute(tx.connection())?)
}
