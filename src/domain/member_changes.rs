//! What ends or lessens a membership, with what goes with it: whoever could no longer send an
//! invitation loses those that are pending, so that nobody comes back by one of their own.

use super::{
    access::{Actor, Grant, ManageMembers, Role, See},
    invitations::{self, Invitation},
    members::{self, MemberError, Person},
};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
};

/// What became of a member, and which of their invitations were canceled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The member, as they are now, or were before they were removed.
    pub person: Person,
    /// The invitations that are canceled.
    pub canceled: Vec<Invitation>,
}

/// Gives a member another role. Invitations that they sent and could no longer send are canceled.
///
/// # Errors
/// [`MemberError`]; a grant may reach neither the member's role nor the new one.
pub fn change_role(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageMembers>,
    user_id: &str,
    role: Role,
    now: Timestamp,
) -> Result<Changed, MemberError> {
    let person = members::change_role(tx, grant, user_id, role, now)?;
    let canceled = cancel(tx, grant, user_id, Some(role), now)?;
    Ok(Changed { person, canceled })
}

/// Removes a member, and cancels the invitations that they sent; keys that the member created keep
/// working.
pub fn remove(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageMembers>,
    user_id: &str,
    now: Timestamp,
) -> Result<Changed, MemberError> {
    let person = members::remove(tx, grant, user_id, now)?;
    let canceled = cancel(tx, grant, user_id, None, now)?;
    Ok(Changed { person, canceled })
}

/// Ends the actor's own membership, and cancels the invitations that they sent.
pub fn leave(tx: &mut Tx<'_>, grant: &Grant<See>, now: Timestamp) -> Result<(), MemberError> {
    members::leave(tx, grant, now)?;
    if let Actor::User { id, .. } = grant.actor() {
        cancel(tx, grant, id, None, now)?;
    }
    Ok(())
}

fn cancel(
    tx: &mut Tx<'_>,
    grant: &Grant<See>,
    user_id: &str,
    role: Option<Role>,
    now: Timestamp,
) -> Result<Vec<Invitation>, DbError> {
    invitations::cancel_beyond(tx, grant, user_id, role, now)
}
