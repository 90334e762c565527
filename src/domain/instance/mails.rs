//! Emails that have not arrived: those that wait for an attempt, and those that were given up.

use diesel::prelude::*;

use super::InstanceError;
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx, count_of},
    domain::{
        access::Operator,
        outbox::{self, MailState, Message, QueuedMail},
        page::{Cursor, CursorError, Page, PageRequest, Reach, Total, by_age},
        schema::outbox as mails,
    },
};

/// An email that has not arrived.
#[derive(Clone, Debug)]
pub struct UndeliveredMail {
    /// Its id.
    pub id: String,
    /// The address that it goes to.
    pub recipient: String,
    /// The email itself, where it can be read. It may hold secrets, so it is not shown.
    pub mail: Option<QueuedMail>,
    /// Attempts made so far.
    pub attempts: i32,
    /// When the next one is due, if there is one.
    pub next_attempt_at: Timestamp,
    /// Why the last one failed.
    pub last_error: Option<String>,
    /// When it was queued.
    pub created_at: Timestamp,
}

impl UndeliveredMail {
    /// Whether a failed one can be sent again: one with a link cannot, since the link is forgotten with the failure.
    pub fn can_be_resent(&self) -> bool {
        self.mail.as_ref().is_some_and(|mail| !mail.message.had_link())
    }
}

macro_rules! undelivered {
    ($state:expr) => {
        mails::table.filter(mails::state.eq($state)).filter(outbox::is_undelivered())
    };
}

/// One page of the emails in a state that is not "sent", the newest first.
pub fn page_of_mails(
    connection: &mut Connection,
    _: &Operator,
    state: MailState,
    request: &PageRequest,
) -> Result<Page<UndeliveredMail>, DbError> {
    let total = total_of_mails(connection, state)?;
    let cursor = |mail: &UndeliveredMail| Cursor::by_id(&mail.id);
    request.load(total, cursor, |reach| read(connection, state, reach))
}

fn total_of_mails(connection: &mut Connection, state: MailState) -> Result<Total, DbError> {
    Total::count(|most| count_of(connection, undelivered!(state).select(mails::id).limit(most)))
}

fn read(
    connection: &mut Connection,
    state: MailState,
    reach: &Reach,
) -> Result<Vec<UndeliveredMail>, CursorError> {
    type Row = (String, String, i32, Timestamp, Option<String>, Timestamp);
    let all = undelivered!(state).into_boxed();
    let rows: Vec<Row> = by_age!(all, reach, true, mails::id)
        .select((
            mails::id,
            mails::recipient,
            mails::attempts,
            mails::next_attempt_at,
            mails::last_error,
            mails::created_at,
        ))
        .load(connection)
        .map_err(DbError::from)?;
    let mut found = Vec::new();
    for (id, recipient, attempts, next_attempt_at, last_error, created_at) in rows {
        // Each by itself: one that cannot be read hides no other.
        let mail = match outbox::by_id(connection, &id) {
            Err(DbError::Unreadable(_)) => None,
            mail => mail?,
        };
        found.push(UndeliveredMail {
            id,
            recipient,
            mail,
            attempts,
            next_attempt_at,
            last_error,
            created_at,
        });
    }
    Ok(found)
}

/// Has an email that waits or failed sent now.
///
/// # Errors
/// [`InstanceError::NotFound`], also for one that arrived, or failed and had a link.
pub fn send_again(tx: &mut Tx<'_>, _: &Operator, mail_id: &str, now: Timestamp) -> Result<(), InstanceError> {
    let state: Option<MailState> =
        mails::table.find(mail_id).select(mails::state).first(tx.connection()).optional()?;
    let mail = outbox::by_id(tx.connection(), mail_id)?;
    let can_be_sent = |message: &Message| match state {
        Some(MailState::Queued) => true,
        Some(MailState::Failed) => !message.had_link(),
        Some(MailState::Sent) | None => false,
    };
    match mail.filter(|mail| can_be_sent(&mail.message)) {
        Some(mail) => Ok(outbox::send_now(tx, &mail, now)?),
        None => Err(InstanceError::NotFound),
    }
}
