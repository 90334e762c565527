//! The invited person's side: accept, decline, ask for a new one.

use std::net::IpAddr;

use diesel::prelude::*;
use time::Duration;

use super::{Found, Invitation, InvitationEnd, LinkKind, by_id, close, find, record};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
    domain::{
        access::{self, Actor},
        accounts::{self, AccountError, NewAccount},
        budgets,
        email::EmailAddress,
        events::{Action, Detail},
        members,
        names::Name,
        organization::{self, Organization},
        outbox::{self, Message},
        plans::{self, PlanLimit},
        schema::invitations,
        user::User,
    },
};

/// The administrators are asked at most this often about one invitation.
const RENEWAL_PAUSE: Duration = Duration::days(1);

/// Why an invitation is not answered.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// Unknown, spent, canceled, expired, or for somebody else. They look alike.
    #[error("this invitation cannot be used")]
    NotYours,
    /// The address has a proven account: its owner logs in and accepts.
    #[error("This email already has an account.")]
    HasAccount,
    /// The administrators were asked less than a day ago.
    #[error("You’ve already requested a new invitation. Give the administrators a day.")]
    AskedAlready,
    /// The organization’s plan allows no further member.
    #[error("{0} Ask an administrator to make room, and accept again.")]
    Full(PlanLimit),
    /// Nothing in the organization can be changed.
    #[error("This organization is suspended. You can join once it’s resumed.")]
    Suspended,
    /// Something about the account failed.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<PlanLimit> for AnswerError {
    fn from(error: PlanLimit) -> Self {
        match error {
            PlanLimit::Db(error) => Self::Db(error),
            limit => Self::Full(limit),
        }
    }
}

/// Accepts an invitation to the proven address of `user`.
///
/// # Errors
/// [`AnswerError::NotYours`].
pub fn accept(
    tx: &mut Tx<'_>,
    user: &User,
    ip: Option<IpAddr>,
    invitation_id: &str,
    now: Timestamp,
) -> Result<Organization, AnswerError> {
    let invitation = open_for(tx, user, invitation_id, now)?;
    join(tx, user, ip, &invitation, now)
}

/// Declines an invitation to the proven address of `user`.
///
/// # Errors
/// [`AnswerError::NotYours`].
pub fn decline(
    tx: &mut Tx<'_>,
    user: &User,
    ip: Option<IpAddr>,
    invitation_id: &str,
    now: Timestamp,
) -> Result<Organization, AnswerError> {
    let invitation = open_for(tx, user, invitation_id, now)?;
    close(tx, &invitation.id, InvitationEnd::Declined, now)?;
    record(tx, &invitation, &Actor::user(user, ip), Action::InvitationDeclined, None, now)?;
    organization::by_id(tx.connection(), &invitation.organization_id)?.ok_or(AnswerError::NotYours)
}

/// Declines by the mailed secret `token`, which proves the address; no account is needed.
///
/// # Errors
/// [`AnswerError::NotYours`] for any other secret.
pub fn decline_by_mail(
    tx: &mut Tx<'_>,
    token: &str,
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<Organization, AnswerError> {
    let found = open_by_mail(tx, token, now)?;
    close(tx, &found.invitation.id, InvitationEnd::Declined, now)?;
    record(tx, &found.invitation, &Actor::System { ip }, Action::InvitationDeclined, None, now)?;
    Ok(found.organization)
}

/// Accepts by the mailed secret `token` for somebody without an account: the secret proves the
/// address, so the account is made with it proven. An account that nobody proved is taken over.
///
/// # Errors
/// [`AnswerError::HasAccount`] when the address has a proven account,
/// [`AnswerError::NotYours`] for any other secret.
pub fn accept_with_new_account(
    tx: &mut Tx<'_>,
    token: &str,
    name: Name,
    password_hash: String,
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<(User, Organization), AnswerError> {
    let found = open_by_mail(tx, token, now)?;
    let email = EmailAddress::of_account(&found.invitation.email).map_err(|_| AnswerError::NotYours)?;
    let new = NewAccount { email, name, password_hash };
    let user = match accounts::by_email(tx.connection(), &new.email)? {
        Some(user) if user.is_verified() => return Err(AnswerError::HasAccount),
        Some(user) => accounts::take_over(tx, &user.id, &new)?,
        None => accounts::insert(tx, &new, now)?,
    };
    let user = accounts::mark_verified(tx, &user, ip, now)?;
    let organization = join(tx, &user, ip, &found.invitation, now)?;
    Ok((user, organization))
}

/// Signs up the invited person by the copied secret `token`, which proves nothing: the link that proves the address is
/// mailed there. As with any sign-up, the caller learns nothing of whether the address has an account.
///
/// # Errors
/// [`AnswerError::NotYours`] for any other secret.
pub fn sign_up_by_copy(
    tx: &mut Tx<'_>,
    token: &str,
    name: Name,
    password_hash: String,
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<(), AnswerError> {
    let found = find(tx.connection(), token)?.ok_or(AnswerError::NotYours)?;
    if found.link != LinkKind::Copied || !found.invitation.is_open(now) {
        return Err(AnswerError::NotYours);
    }
    let email = EmailAddress::of_account(&found.invitation.email).map_err(|_| AnswerError::NotYours)?;
    Ok(accounts::sign_up(tx, &NewAccount { email, name, password_hash }, ip, now)?)
}

/// Asks the organization's administrators, by mail, to invite `user` again.
///
/// # Errors
/// [`AnswerError::NotYours`], [`AnswerError::AskedAlready`].
pub fn ask_for_renewal(
    tx: &mut Tx<'_>,
    user: &User,
    ip: Option<IpAddr>,
    invitation_id: &str,
    now: Timestamp,
) -> Result<(), AnswerError> {
    let invitation = for_user(tx, user, invitation_id)?;
    if invitation.is_open(now) || invitation.outcome == Some(InvitationEnd::Accepted) {
        return Err(AnswerError::NotYours);
    }
    let asked_at: Option<Timestamp> = invitations::table
        .find(invitation_id)
        .select(invitations::renewal_asked_at)
        .first(tx.connection())
        .map_err(DbError::from)?;
    if asked_at.is_some_and(|asked_at| now - asked_at < RENEWAL_PAUSE) {
        return Err(AnswerError::AskedAlready);
    }
    diesel::update(invitations::table.find(invitation_id))
        .set(invitations::renewal_asked_at.eq(now))
        .execute(tx.connection())
        .map_err(DbError::from)?;
    let organization =
        organization::by_id(tx.connection(), &invitation.organization_id)?.ok_or(AnswerError::NotYours)?;
    let message = Message::RenewalAsked {
        organization: organization.name,
        organization_id: organization.id,
        invited: user.email.clone(),
    };
    for administrator in members::administrators(tx.connection(), &invitation.organization_id)? {
        outbox::queue(tx, &administrator, &message, now)?;
    }
    record(tx, &invitation, &Actor::user(user, ip), Action::InvitationRenewalAsked, None, now)?;
    Ok(())
}

fn open_by_mail(tx: &mut Tx<'_>, token: &str, now: Timestamp) -> Result<Found, AnswerError> {
    let found = find(tx.connection(), token)?.ok_or(AnswerError::NotYours)?;
    let is_good = found.link == LinkKind::Mailed && found.invitation.is_open(now);
    if is_good { Ok(found) } else { Err(AnswerError::NotYours) }
}

fn for_user(tx: &mut Tx<'_>, user: &User, invitation_id: &str) -> Result<Invitation, AnswerError> {
    let invitation = by_id(tx.connection(), invitation_id)?.ok_or(AnswerError::NotYours)?;
    if !user.is_verified() || invitation.email != user.email {
        return Err(AnswerError::NotYours);
    }
    let organization = organization::by_id(tx.connection(), &invitation.organization_id)?;
    if organization.is_none_or(|organization| organization.is_removed()) {
        return Err(AnswerError::NotYours);
    }
    Ok(invitation)
}

fn open_for(
    tx: &mut Tx<'_>,
    user: &User,
    invitation_id: &str,
    now: Timestamp,
) -> Result<Invitation, AnswerError> {
    let invitation = for_user(tx, user, invitation_id)?;
    if invitation.is_open(now) { Ok(invitation) } else { Err(AnswerError::NotYours) }
}

/// The invitation is read and closed in this one transaction, so that two answers in a race
/// cannot both count.
fn join(
    tx: &mut Tx<'_>,
    user: &User,
    ip: Option<IpAddr>,
    invitation: &Invitation,
    now: Timestamp,
) -> Result<Organization, AnswerError> {
    let organization =
        organization::by_id(tx.connection(), &invitation.organization_id)?.ok_or(AnswerError::NotYours)?;
    if organization.is_suspended() {
        return Err(AnswerError::Suspended);
    }
    close(tx, &invitation.id, InvitationEnd::Accepted, now)?;
    // Whoever joins wanted the mails.
    budgets::forget_mails(tx, &user.email)?;
    if access::role_of(tx.connection(), &organization.id, &user.id)?.is_none() {
        plans::check_members(tx.connection(), &organization, now)?;
        members::insert(tx, &organization.id, &user.id, invitation.role, now)?;
        let detail = Detail::Role { role: invitation.role };
        record(tx, invitation, &Actor::user(user, ip), Action::Joined, Some(detail), now)?;
    }
    Ok(organization)
}
