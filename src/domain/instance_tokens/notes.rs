//! What those who operate the instance are told of a change to a token.

use diesel::prelude::*;

use super::InstanceToken;
use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
    domain::{
        access::InstanceAdministrator,
        outbox::{self, Message},
        schema::{instance_administrators, users},
    },
};

/// Tells all instance administrators of what makes a token work.
pub(super) fn tell_administrators(
    tx: &mut Tx<'_>,
    administrator: &InstanceAdministrator,
    event: &str,
    token: &InstanceToken,
    now: Timestamp,
) -> Result<(), DbError> {
    let message = Message::InstanceTokenNotice {
        token_name: token.name.clone(),
        event: event.to_owned(),
        actor: administrator.actor().name().to_owned(),
        abilities: token.access.abilities().to_owned(),
        expires_at: token.expires_at,
        at: now,
        ip: administrator.actor().ip().map(|ip| ip.to_string()),
    };
    let emails: Vec<String> = instance_administrators::table
        .inner_join(users::table)
        .order(users::email)
        .select(users::email)
        .load(tx.connection())?;
    emails.iter().try_for_each(|email| outbox::queue(tx, email, &message, now))
}
