//! How much has not arrived, for whoever watches the server.

use diesel::{dsl::sql, expression::SqlLiteral, prelude::*, sql_types::Bool};

use super::MailState;
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, count_of},
    domain::schema::outbox,
};

/// What has not arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Emails that wait for an attempt.
    pub waiting: i64,
    /// When the one was queued that has waited for the longest.
    pub oldest: Option<Timestamp>,
    /// Emails that were given up, until they are forgotten.
    pub failed: i64,
}

/// Of emails in some other state, in the words of the index that has those: SQLite takes it for no others.
pub(in crate::domain) fn is_undelivered() -> SqlLiteral<Bool> {
    sql("outbox.state <> 'sent'")
}

macro_rules! undelivered {
    ($state:expr) => {
        outbox::table.filter(outbox::state.eq($state)).filter(is_undelivered())
    };
}

/// What has not arrived, counted up to `most`.
pub fn backlog(connection: &mut Connection, most: i64) -> Result<Backlog, DbError> {
    let oldest = undelivered!(MailState::Queued).order(outbox::id).select(outbox::created_at);
    let oldest = oldest.first(connection).optional()?;
    let mut count = |state| count_of(connection, undelivered!(state).select(outbox::id).limit(most));
    Ok(Backlog { waiting: count(MailState::Queued)?, oldest, failed: count(MailState::Failed)? })
}
