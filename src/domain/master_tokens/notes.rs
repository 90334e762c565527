//! What is kept and told of a change to a token.

use super::MasterToken;
use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
    domain::{
        access::{Grant, ManageTokens},
        events::{self, Action, Event},
        members,
        outbox::{self, Message},
    },
};

pub(super) fn record(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageTokens>,
    action: Action,
    token: &MasterToken,
    now: Timestamp,
) -> Result<(), DbError> {
    let event = Event {
        organization_id: Some(&grant.id),
        actor: grant.actor(),
        action,
        subject_id: Some(&token.id),
        subject_name: &token.name,
        detail: Some(token.fact()),
    };
    events::record(tx, &event, now)
}

pub(super) fn tell_administrators(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageTokens>,
    event: &str,
    token: &MasterToken,
    now: Timestamp,
) -> Result<(), DbError> {
    let message = Message::MasterTokenNotice {
        organization: grant.name.clone(),
        organization_id: grant.id.clone(),
        token_name: token.name.clone(),
        event: event.to_owned(),
        actor: grant.actor().name().to_owned(),
        abilities: token.access.abilities().to_owned(),
        expires_at: token.expires_at,
        at: now,
        ip: grant.actor().ip().map(|ip| ip.to_string()),
    };
    for administrator in members::administrators(tx.connection(), &grant.id)? {
        outbox::queue(tx, &administrator, &message, now)?;
    }
    Ok(())
}
