//! The durable outbox: a mail is a row, written in the transaction of the change it speaks of.
//!
//! A row holds a typed [`Message`]; `mail` renders and sends it after the commit, so a mail
//! outage loses nothing and a rolled-back change sends nothing.

mod backlog;
mod message;
mod waiting;

pub(super) use backlog::is_undelivered;
pub use backlog::{Backlog, backlog};
pub use message::{Class, ExpiringKey, LeakedKind, Measure, Message, QuotaOfKey};
pub use waiting::{InHand, next_awaited, next_of, waiting_organizations};

use diesel::prelude::*;
use time::Duration;

use super::{id::new_id, schema::outbox};
use crate::{
    clock::Timestamp,
    db::{Change, Connection, DbError, Tx},
};

pub use crate::vocabulary::MailState;

/// A mail in the outbox.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub struct QueuedMail {
    /// The row's id, and the local part of the mail's Message-ID.
    pub id: String,
    /// The address that it goes to.
    pub recipient: String,
    /// What it says.
    pub message: Message,
    /// Who waits for it.
    pub class: Class,
    /// Attempts made so far.
    pub attempts: i32,
    /// When it was queued.
    pub created_at: Timestamp,
}

/// A row of the outbox that cannot be read: damaged, or of another version.
#[derive(Clone, Debug)]
pub struct UnreadableMail {
    /// The row's id.
    pub id: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Attempts before a mail is given up: with the pauses below, about two days.
const MAX_ATTEMPTS: i32 = 12;

/// The pause before attempt `n + 1`: 30 s, doubled each time, six hours at most.
fn pause_after(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts.clamp(1, 12) - 1).unwrap_or_default();
    (Duration::seconds(30) * 2i32.saturating_pow(doublings)).min(Duration::hours(6))
}

/// After a mail that nobody or a stranger asked for, or that somebody asks for again and again, the
/// next one to the same address waits so long.
const QUIET: Duration = Duration::minutes(1);

/// Queues a mail in the transaction of the change that it speaks of.
pub(super) fn queue(
    tx: &mut Tx<'_>,
    recipient: &str,
    message: &Message,
    now: Timestamp,
) -> Result<(), DbError> {
    queue_row(tx, recipient, message, (message.organization_id(), None), now)
}

/// Queues the mail of an invitation to an organization, both by id; the members page shows its state.
pub(super) fn queue_for_invitation(
    tx: &mut Tx<'_>,
    (organization_id, invitation_id): (&str, &str),
    recipient: &str,
    message: &Message,
    now: Timestamp,
) -> Result<(), DbError> {
    queue_row(tx, recipient, message, (Some(organization_id), Some(invitation_id)), now)
}

fn queue_row(
    tx: &mut Tx<'_>,
    recipient: &str,
    message: &Message,
    (organization_id, invitation_id): (Option<&str>, Option<&str>),
    now: Timestamp,
) -> Result<(), DbError> {
    diesel::insert_into(outbox::table)
        .values((
            outbox::id.eq(new_id(now)),
            outbox::organization_id.eq(organization_id),
            outbox::invitation_id.eq(invitation_id),
            outbox::class.eq(message.class()),
            outbox::recipient.eq(recipient),
            outbox::message.eq(message),
            outbox::state.eq(MailState::Queued),
            outbox::next_attempt_at.eq(now),
            outbox::created_at.eq(now),
        ))
        .execute(tx.connection())?;
    tx.changed(Change::MailQueued);
    Ok(())
}

/// Has the mails of an invitation that is over stay here: its links open nothing any more.
pub(super) fn withdraw_for_invitation(
    tx: &mut Tx<'_>,
    invitation_id: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let ids = outbox::table
        .filter(outbox::invitation_id.eq(invitation_id).and(outbox::state.eq(MailState::Queued)))
        .select(outbox::id)
        .load(tx.connection())?;
    for mail in one_by_one(tx.connection(), ids)? {
        let reason = "The invitation was no longer open when the email was due.";
        match mail {
            Ok(mail) => finish(tx, &mail, MailState::Failed, Some(reason), now)?,
            Err(unreadable) => give_up(tx, &unreadable, now)?,
        }
    }
    Ok(())
}

/// Lets the next mail to an address go out at once: its owner has just shown to read what comes.
pub(super) fn end_quiet(tx: &mut Tx<'_>, recipient: &str) -> Result<(), DbError> {
    diesel::update(
        outbox::table.filter(outbox::recipient.eq(recipient).and(outbox::quiet_until.is_not_null())),
    )
    .set(outbox::quiet_until.eq(None::<Timestamp>))
    .execute(tx.connection())?;
    Ok(())
}

/// The newest mails, for the local mailbox.
pub fn newest(
    connection: &mut Connection,
    limit: i64,
) -> Result<Vec<Result<QueuedMail, UnreadableMail>>, DbError> {
    let ids = outbox::table.order(outbox::id.desc()).select(outbox::id).limit(limit).load(connection)?;
    one_by_one(connection, ids)
}

/// The newest mail to an address.
pub fn newest_to(connection: &mut Connection, email: &str) -> Result<Option<String>, DbError> {
    Ok(outbox::table
        .filter(outbox::recipient.eq(email))
        .order(outbox::id.desc())
        .select(outbox::id)
        .first(connection)
        .optional()?)
}

/// Each by itself, so that one which cannot be read hides no other.
fn one_by_one(
    connection: &mut Connection,
    ids: Vec<String>,
) -> Result<Vec<Result<QueuedMail, UnreadableMail>>, DbError> {
    let read = |id: String| match by_id(connection, &id) {
        Err(DbError::Unreadable(reason)) => Some(Ok(Err(UnreadableMail { id, reason }))),
        found => found.transpose().map(|mail| mail.map(Ok)),
    };
    ids.into_iter().filter_map(read).collect()
}

/// One mail, for the local mailbox.
pub fn by_id(connection: &mut Connection, id: &str) -> Result<Option<QueuedMail>, DbError> {
    Ok(outbox::table.find(id).select(QueuedMail::as_select()).first(connection).optional()?)
}

/// Notes that the mail server took the mail, and forgets its secrets.
pub fn mark_sent(tx: &mut Tx<'_>, mail: &QueuedMail, now: Timestamp) -> Result<(), DbError> {
    finish(tx, mail, MailState::Sent, None, now)?;
    if mail.class != Class::Notice {
        diesel::update(outbox::table.find(&mail.id))
            .set(outbox::quiet_until.eq(Some(now + QUIET)))
            .execute(tx.connection())?;
    }
    Ok(())
}

/// Takes every queued mail for sent: those of the example go to nobody.
pub(super) fn finish_all(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), DbError> {
    let queued: Vec<QueuedMail> = outbox::table
        .filter(outbox::state.eq(MailState::Queued))
        .select(QueuedMail::as_select())
        .load(tx.connection())?;
    queued.iter().try_for_each(|mail| mark_sent(tx, mail, now))
}

/// Notes a failed attempt with its reason: another one follows after a pause, unless the failure
/// is `permanent` or the attempts are used up.
pub fn mark_attempt_failed(
    tx: &mut Tx<'_>,
    mail: &QueuedMail,
    reason: &str,
    permanent: bool,
    now: Timestamp,
) -> Result<(), DbError> {
    let attempts = mail.attempts + 1;
    if permanent || attempts >= MAX_ATTEMPTS {
        return finish(tx, mail, MailState::Failed, Some(reason), now);
    }
    diesel::update(outbox::table.find(&mail.id))
        .set((
            outbox::attempts.eq(attempts),
            outbox::next_attempt_at.eq(now + pause_after(attempts)),
            outbox::last_error.eq(Some(reason)),
        ))
        .execute(tx.connection())?;
    Ok(())
}

/// Gives up a mail that cannot be read, so that it makes room for others. What it says stays as it
/// is, for whoever finds out why, until the row is purged.
pub fn give_up(tx: &mut Tx<'_>, mail: &UnreadableMail, now: Timestamp) -> Result<(), DbError> {
    diesel::update(outbox::table.find(&mail.id))
        .set((
            outbox::state.eq(MailState::Failed),
            outbox::last_error.eq(Some(format!("the email can’t be read: {}", mail.reason))),
            outbox::finished_at.eq(Some(now)),
        ))
        .execute(tx.connection())?;
    Ok(())
}

fn finish(
    tx: &mut Tx<'_>,
    mail: &QueuedMail,
    state: MailState,
    error: Option<&str>,
    now: Timestamp,
) -> Result<(), DbError> {
    diesel::update(outbox::table.find(&mail.id))
        .set((
            outbox::state.eq(state),
            outbox::message.eq(mail.message.clone().without_secrets()),
            outbox::attempts.eq(mail.attempts + 1),
            outbox::last_error.eq(error),
            outbox::finished_at.eq(Some(now)),
        ))
        .execute(tx.connection())?;
    Ok(())
}

/// Has a mail tried at once, with all its attempts before it. What its receiver asked for stays as it is.
pub(super) fn send_now(tx: &mut Tx<'_>, mail: &QueuedMail, now: Timestamp) -> Result<(), DbError> {
    diesel::update(outbox::table.find(&mail.id))
        .set((
            outbox::state.eq(MailState::Queued),
            outbox::attempts.eq(0),
            outbox::next_attempt_at.eq(now),
            outbox::finished_at.eq(None::<Timestamp>),
        ))
        .execute(tx.connection())?;
    tx.changed(Change::MailQueued);
    Ok(())
}

/// How long a finished mail stays listed.
const KEEP_FINISHED: Duration = Duration::days(30);

/// Forgets mails that were finished long ago.
pub fn purge_expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, DbError> {
    let old = outbox::table.filter(outbox::finished_at.lt(now - KEEP_FINISHED));
    Ok(diesel::delete(old).execute(tx.connection())?)
}
