//! The durable outbox: a mail is a row, written in the transaction of the change it speaks of.
//!
//! A row holds a typed [`Message`]; `mail` renders and sends it after the commit, so a mail
//! outage loses nothing and a rolled-back change sends nothing.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use time::Duration;

use super::{id::new_id, schema::outbox, stored_text::stored_as_text};
use crate::{
    clock::Timestamp,
    db::{Change, Connection, DbError, Tx},
};

pub use crate::vocabulary::MailState;

/// What a mail says. Rendered by `mail::messages`, which knows the public address and the brand.
///
/// `token` fields are secrets: they are removed from the row once the mail is sent.
#[expect(missing_docs, reason = "the fields are what their names say; what is not plain has its line")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// Prove that the address is yours, after signing up.
    VerifyAddress { name: String, token: String, expires_at: Timestamp },
    /// Somebody signed up with an address that has an account already.
    AccountExists { name: String },
    /// Choose a new password.
    ResetPassword { name: String, token: String, expires_at: Timestamp },
    /// The password was changed or reset.
    PasswordChanged { name: String, changed_at: Timestamp, ip: Option<String> },
    /// Join an organization.
    Invitation {
        organization: String,
        inviter: String,
        /// Where to ask back; a machine that invites has no address.
        inviter_email: Option<String>,
        /// The role's label, for example `Administrator`.
        role: String,
        /// What the role may do, as the end of "you will be able to …".
        abilities: String,
        token: String,
        expires_at: Timestamp,
    },
    /// An invited person asks the administrators for a new invitation.
    RenewalAsked { organization: String, organization_id: String, invited: String },
    /// A master token was generated, replaced or activated.
    MasterTokenNotice {
        organization: String,
        organization_id: String,
        token_name: String,
        /// `generated`, `replaced` or `activated`.
        event: String,
        actor: String,
        /// What the token may do, as the end of "It can …". Empty in rows of earlier versions.
        #[serde(default)]
        abilities: String,
        #[serde(default)]
        expires_at: Option<Timestamp>,
        at: Timestamp,
        ip: Option<String>,
    },
    /// An API key ends soon.
    KeyExpires {
        organization: String,
        organization_id: String,
        key_name: String,
        key_id: String,
        masked: String,
        /// How many days before the end this mail is sent.
        days: i32,
        expires_at: Timestamp,
        last_used_at: Option<Timestamp>,
    },
    /// A secret was found in public.
    KeyLeaked {
        organization: String,
        organization_id: String,
        leaked: LeakedKind,
        /// The name of the key or token.
        name: String,
        /// Its id.
        id: String,
        /// The secret that was found, masked.
        masked: String,
        /// Where it was found; empty when the report did not say.
        url: String,
        /// Other places that were reported at the same time.
        more_places: usize,
        measure: Measure,
        at: Timestamp,
    },
    /// A webhook was switched off because nothing arrives.
    WebhookDeactivated {
        organization: String,
        organization_id: String,
        webhook_id: String,
        /// Without its query.
        address: String,
        /// A whole sentence.
        reason: String,
        at: Timestamp,
    },
}

impl Message {
    /// The same message without what opens anything.
    fn without_secrets(mut self) -> Self {
        match &mut self {
            Self::VerifyAddress { token, .. }
            | Self::ResetPassword { token, .. }
            | Self::Invitation { token, .. } => {
                token.clear();
            }
            Self::AccountExists { .. }
            | Self::PasswordChanged { .. }
            | Self::RenewalAsked { .. }
            | Self::MasterTokenNotice { .. }
            | Self::KeyExpires { .. }
            | Self::KeyLeaked { .. }
            | Self::WebhookDeactivated { .. } => {}
        }
        self
    }
}

/// What was found in public, as a mail calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeakedKind {
    /// An API key's present secret.
    ApiKey,
    /// The secret that an API key had before, during the grace period of a rotation. Mails that waited
    /// in the outbox before it had this name say `old_secret`.
    #[serde(alias = "old_secret")]
    PreviousSecret,
    /// A master token.
    MasterToken,
}

/// What was done about a leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The secret no longer works, by the organization's policy.
    Stopped,
    /// The secret did not work before either.
    StoppedBefore,
    /// Nothing: whoever has the secret can use it.
    None,
}

stored_as_text!(json Message);

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

/// Queues a mail in the transaction of the change that it speaks of.
pub(super) fn queue(
    tx: &mut Tx<'_>,
    recipient: &str,
    message: &Message,
    now: Timestamp,
) -> Result<(), DbError> {
    queue_row(tx, recipient, message, None, now)
}

/// Queues the mail of an invitation, whose state the members page shows.
pub(super) fn queue_for_invitation(
    tx: &mut Tx<'_>,
    invitation_id: &str,
    recipient: &str,
    message: &Message,
    now: Timestamp,
) -> Result<(), DbError> {
    queue_row(tx, recipient, message, Some(invitation_id), now)
}

fn queue_row(
    tx: &mut Tx<'_>,
    recipient: &str,
    message: &Message,
    invitation_id: Option<&str>,
    now: Timestamp,
) -> Result<(), DbError> {
    diesel::insert_into(outbox::table)
        .values((
            outbox::id.eq(new_id(now)),
            outbox::invitation_id.eq(invitation_id),
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

/// The mails whose next attempt is due, oldest first.
pub fn due(
    connection: &mut Connection,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Result<QueuedMail, UnreadableMail>>, DbError> {
    let ids = outbox::table
        .filter(outbox::state.eq(MailState::Queued))
        .filter(outbox::next_attempt_at.le(now))
        .order((outbox::next_attempt_at, outbox::id))
        .select(outbox::id)
        .limit(limit)
        .load(connection)?;
    one_by_one(connection, ids)
}

/// The newest mails, for the local mailbox.
pub fn newest(
    connection: &mut Connection,
    limit: i64,
) -> Result<Vec<Result<QueuedMail, UnreadableMail>>, DbError> {
    let ids = outbox::table.order(outbox::id.desc()).select(outbox::id).limit(limit).load(connection)?;
    one_by_one(connection, ids)
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
    finish(tx, mail, MailState::Sent, None, now)
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
            outbox::last_error.eq(Some(format!("the mail cannot be read: {}", mail.reason))),
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

/// How long a finished mail stays listed.
const KEEP_FINISHED: Duration = Duration::days(30);

/// Forgets mails that were finished long ago.
pub fn purge_expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, DbError> {
    let old = outbox::table.filter(outbox::finished_at.lt(now - KEEP_FINISHED));
    Ok(diesel::delete(old).execute(tx.connection())?)
}
