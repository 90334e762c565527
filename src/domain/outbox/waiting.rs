//! Which mail goes next: what somebody waits for before the rest, and of the rest each organization
//! in turn. Between two mails to one address, notices apart, there is a rest.

use diesel::{dsl::not, prelude::*, sql_types::Bool};

use super::{Class, MailState, QueuedMail, UnreadableMail, one_by_one};
use crate::{
    clock::Timestamp,
    db::{Backend, Connection, DbError},
    domain::schema::outbox,
};

/// The mails under way.
#[derive(Clone, Debug, Default)]
pub struct InHand {
    /// Their ids.
    pub ids: Vec<String>,
    /// Where they go, notices apart.
    pub recipients: Vec<String>,
}

diesel::alias!(const earlier: Alias<Earlier> = outbox as earlier);

type Condition = Box<dyn BoxableExpression<outbox::table, Backend, SqlType = Bool>>;

/// The mail that somebody has waited for the longest at the screen.
pub fn next_awaited(
    connection: &mut Connection,
    in_hand: &InHand,
    now: Timestamp,
) -> Result<Option<Result<QueuedMail, UnreadableMail>>, DbError> {
    first(connection, Box::new(outbox::class.eq(Class::Awaited)), in_hand, now)
}

/// For which organizations other mails are due; `None` stands for those about accounts.
pub fn waiting_organizations(
    connection: &mut Connection,
    in_hand: &InHand,
    now: Timestamp,
) -> Result<Vec<Option<String>>, DbError> {
    Ok(outbox::table
        .filter(is_due(in_hand, now).and(outbox::class.ne(Class::Awaited)))
        .select(outbox::organization_id)
        .distinct()
        .load(connection)?)
}

/// The oldest of the other mails that are due for an organization.
pub fn next_of(
    connection: &mut Connection,
    organization_id: Option<&str>,
    in_hand: &InHand,
    now: Timestamp,
) -> Result<Option<Result<QueuedMail, UnreadableMail>>, DbError> {
    let is_rest = outbox::class.ne(Class::Awaited);
    let of_it: Condition = match organization_id {
        Some(id) => Box::new(
            is_rest
                .and(outbox::organization_id.is_not_null())
                .and(outbox::organization_id.assume_not_null().eq(id.to_owned())),
        ),
        None => Box::new(is_rest.and(outbox::organization_id.is_null())),
    };
    first(connection, of_it, in_hand, now)
}

fn first(
    connection: &mut Connection,
    which: Condition,
    in_hand: &InHand,
    now: Timestamp,
) -> Result<Option<Result<QueuedMail, UnreadableMail>>, DbError> {
    let ids = outbox::table
        .filter(is_due(in_hand, now).and(which))
        .order((outbox::next_attempt_at, outbox::id))
        .select(outbox::id)
        .limit(1)
        .load(connection)?;
    Ok(one_by_one(connection, ids)?.pop())
}

/// Queued, its time has come, it is not under way, and its address may be written to again.
fn is_due(in_hand: &InHand, now: Timestamp) -> Condition {
    let quiet =
        earlier.filter(earlier.field(outbox::quiet_until).gt(now)).select(earlier.field(outbox::recipient));
    let may_be_written_to = outbox::class
        .eq(Class::Notice)
        .or(not(outbox::recipient.eq_any(quiet)).and(outbox::recipient.ne_all(in_hand.recipients.clone())));
    Box::new(
        outbox::state
            .eq(MailState::Queued)
            .and(outbox::next_attempt_at.le(now))
            .and(outbox::id.ne_all(in_hand.ids.clone()))
            .and(may_be_written_to),
    )
}
