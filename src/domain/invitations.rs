//! Invitations: somebody with an address is asked to join an organization in a role.
//!
//! An invitation binds to its address. Three things accept it: the mailed secret, which proves
//! the address; the list of an account whose proven address is the invited one; and a copied
//! link, which leads such an account there and grants nothing by itself.

mod answer;
mod beyond;
mod list;
mod send;

pub use answer::{
    AnswerError, accept, accept_with_new_account, ask_for_renewal, decline, decline_by_mail, sign_up_by_copy,
};
pub use beyond::beyond;
pub(super) use beyond::cancel_beyond;
pub use list::{
    MailStatus, Pending, Search, count_of_user, find_pending, list_after, number_pending, of_user, pending,
    pending_administrators, with_mails,
};
pub use send::{
    BudgetSpent, InvitationError, InviteOutcome, MAX_AT_ONCE, cancel, cancel_administrator,
    copy_administrators_link, copy_link, invite, invite_administrator, resend,
};

use diesel::prelude::*;
use strum::{EnumString, IntoStaticStr};
use time::Duration;

use super::{
    access::{Actor, Role, Standing},
    events::{self, Action, Detail, Event},
    organization::Organization,
    outbox,
    schema::{invitation_secrets, invitations, organizations, users},
    secret::SecretDigest,
    stored_text::stored_as_text,
};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
};

/// How long an invitation can be accepted.
pub const LIFETIME: Duration = Duration::days(7);

/// An invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The invitation's id, which opens nothing.
    pub id: String,
    /// The organization to join.
    pub organization_id: String,
    /// The invited address, normalised.
    pub email: String,
    /// The role that the person will have.
    pub role: Role,
    /// Who invited, by name at that time.
    pub invited_by_name: String,
    /// Who invited, by address at that time; a machine has none.
    pub invited_by_email: Option<String>,
    /// When the person was first invited.
    pub created_at: Timestamp,
    /// When it was sent last.
    pub sent_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// How it ended, unless it is pending.
    pub outcome: Option<InvitationEnd>,
}

impl Invitation {
    /// Whether it can be accepted.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.outcome.is_none() && self.expires_at > now
    }
}

/// Who invites, as the mail names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inviter {
    /// The name of the person or the machine.
    pub name: String,
    /// Where questions reach the person; a machine has no address.
    pub email: Option<String>,
}

impl Inviter {
    fn of(standing: &Standing) -> Self {
        Self {
            name: standing.actor().name().to_owned(),
            email: standing.user().map(|user| user.email.clone()),
        }
    }

    /// Whoever operates the instance.
    fn operator() -> Self {
        Self { name: "The operator of this server".to_owned(), email: None }
    }
}

/// How an invitation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum InvitationEnd {
    /// The person joined.
    Accepted,
    /// The person declined.
    Declined,
    /// The organization took it back.
    Canceled,
    /// It ran out and another one took its place.
    Expired,
}

/// What the secret in a link proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
pub enum LinkKind {
    /// It was mailed to the invited address: whoever has it reads that mailbox.
    #[strum(serialize = "mail")]
    Mailed,
    /// It was copied by an administrator and passed on: whoever has it may be anybody.
    #[strum(serialize = "link")]
    Copied,
}

stored_as_text!(word InvitationEnd, LinkKind);

/// An invitation found by a secret.
#[derive(Clone, Debug)]
pub struct Found {
    /// The invitation, in whatever state.
    pub invitation: Invitation,
    /// The organization to join.
    pub organization: Organization,
    /// What the secret proves.
    pub link: LinkKind,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = invitations)]
struct Row {
    id: String,
    organization_id: String,
    email: String,
    role: Role,
    invited_by_name: String,
    invited_by_email: String,
    created_at: Timestamp,
    sent_at: Timestamp,
    expires_at: Timestamp,
    outcome: Option<InvitationEnd>,
}

impl From<Row> for Invitation {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            organization_id: row.organization_id,
            email: row.email,
            role: row.role,
            invited_by_name: row.invited_by_name,
            // The column is NOT NULL: an empty text stands for no address.
            invited_by_email: Some(row.invited_by_email).filter(|email| !email.is_empty()),
            created_at: row.created_at,
            sent_at: row.sent_at,
            expires_at: row.expires_at,
            outcome: row.outcome,
        }
    }
}

/// Finds an invitation by the secret in a link. A look-up across organizations.
pub fn find(connection: &mut Connection, presented: &str) -> Result<Option<Found>, DbError> {
    let found: Option<(Row, Organization, LinkKind)> = invitation_secrets::table
        .inner_join(invitations::table.inner_join(organizations::table))
        .filter(invitation_secrets::token_digest.eq(SecretDigest::of(presented).as_bytes()))
        .filter(organizations::removed_at.is_null())
        .select((Row::as_select(), Organization::as_select(), invitation_secrets::kind))
        .first(connection)
        .optional()?;
    Ok(found.map(|(row, organization, link)| Found { invitation: row.into(), organization, link }))
}

/// Whether the invited address has a proven account. Only for whoever holds the mailed secret:
/// anybody else could learn who has an account (ASVS 6.3.8).
pub fn has_account(connection: &mut Connection, invitation: &Invitation) -> Result<bool, DbError> {
    let owners = users::table
        .filter(users::email.eq(&invitation.email).and(users::email_verified_at.is_not_null()))
        .count()
        .get_result::<i64>(connection)?;
    Ok(owners > 0)
}

fn by_id(connection: &mut Connection, id: &str) -> Result<Option<Invitation>, DbError> {
    let row: Option<Row> =
        invitations::table.find(id).select(Row::as_select()).first(connection).optional()?;
    Ok(row.map(Invitation::from))
}

fn close(
    tx: &mut Tx<'_>,
    invitation_id: &str,
    outcome: InvitationEnd,
    now: Timestamp,
) -> Result<(), DbError> {
    diesel::update(invitations::table.find(invitation_id))
        .set((invitations::outcome.eq(outcome), invitations::closed_at.eq(now)))
        .execute(tx.connection())?;
    outbox::withdraw_for_invitation(tx, invitation_id, now)
}

fn record(
    tx: &mut Tx<'_>,
    invitation: &Invitation,
    actor: &Actor,
    action: Action,
    detail: Option<Detail>,
    now: Timestamp,
) -> Result<(), DbError> {
    let event = Event {
        organization_id: Some(&invitation.organization_id),
        actor,
        action,
        subject_id: Some(&invitation.id),
        subject_name: &invitation.email,
        detail,
    };
    events::record(tx, &event, now)
}
