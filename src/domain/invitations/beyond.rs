//! Pending invitations that whoever sent them could no longer send.

use diesel::prelude::*;

use super::{Invitation, InvitationEnd, Row, close, record};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
    domain::{
        access::{Grant, Role, See},
        events::Action,
        schema::invitations,
    },
};

/// The pending invitations that the account or token `sender_id` sent and could not send as `role`;
/// `None` for somebody who does not belong to the organization any more. The oldest first.
pub fn beyond(
    connection: &mut Connection,
    grant: &Grant<See>,
    sender_id: &str,
    role: Option<Role>,
) -> Result<Vec<Invitation>, DbError> {
    let sent: Vec<Row> = invitations::table
        .filter(invitations::organization_id.eq(&grant.id).and(invitations::invited_by_id.eq(sender_id)))
        .filter(invitations::outcome.is_null())
        .order(invitations::id)
        .select(Row::as_select())
        .load(connection)?;
    let could_send = |invited: Role| role.is_some_and(|role| role.reach().contains(&invited));
    Ok(sent.into_iter().map(Invitation::from).filter(|invitation| !could_send(invitation.role)).collect())
}

/// Cancels them. Their links stop working, those that were copied among them.
pub(in crate::domain) fn cancel_beyond(
    tx: &mut Tx<'_>,
    grant: &Grant<See>,
    sender_id: &str,
    role: Option<Role>,
    now: Timestamp,
) -> Result<Vec<Invitation>, DbError> {
    let beyond = beyond(tx.connection(), grant, sender_id, role)?;
    for invitation in &beyond {
        close(tx, &invitation.id, InvitationEnd::Canceled, now)?;
        record(tx, invitation, grant.actor(), Action::InvitationCanceled, None, now)?;
    }
    Ok(beyond)
}
