//! The organization's side: invite, send again, copy a link, cancel.

use std::collections::HashSet;

use diesel::prelude::*;
use time::Duration;

use super::{Invitation, InvitationEnd, Inviter, LIFETIME, LinkKind, Row, close, record};
use crate::{
    clock::Timestamp,
    config::InstanceRules,
    db::{DbError, Tx, columns_of},
    domain::{
        access::{Actor, Grant, ManageMembers, Operator, Role},
        budgets::{self, Allowance, Inviting, Left, Way},
        email::EmailAddress,
        events::{Action, Detail},
        grouped::grouped,
        id::new_id,
        organization::Organization,
        outbox::{self, Message},
        plans::{self, PlanLimit},
        schema::{invitation_secrets, invitations, memberships, users},
        search,
        secret::{NoRandomness, Secret},
    },
    folding::terms::Searched,
};

/// Addresses in one go.
pub const MAX_AT_ONCE: usize = 500;

/// The same mail goes out again after this pause at the earliest, so that nobody is flooded.
const RESEND_PAUSE: Duration = Duration::minutes(1);

/// Copied links that one invitation keeps; a further one ends the oldest.
const MAX_SECRETS: i64 = 20;

/// What became of one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InviteOutcome {
    /// This invitation is on its way.
    Sent(Invitation),
    /// The person belongs to the organization.
    AlreadyMember,
    /// This invitation is pending.
    AlreadyInvited(Invitation),
    /// The address got as many mails as it gets in a day.
    TooManyMails,
}

impl InviteOutcome {
    /// The invitation that the person has now.
    pub fn invitation(&self) -> Option<&Invitation> {
        match self {
            Self::Sent(invitation) | Self::AlreadyInvited(invitation) => Some(invitation),
            Self::AlreadyMember | Self::TooManyMails => None,
        }
    }
}

/// Why an invitation is not sent, copied or canceled.
#[derive(Debug, thiserror::Error)]
pub enum InvitationError {
    /// No such pending invitation in this organization.
    #[error("not found")]
    NotFound,
    /// The inviter does not reach that role.
    #[error("Only an administrator can do this.")]
    AboveYou,
    /// A master token would make an administrator.
    #[error("Only a person can invite an administrator.")]
    OnlyPeople,
    /// It was sent a moment ago.
    #[error("The invitation was sent less than a minute ago. Please wait a moment.")]
    TooSoon {
        /// Whole seconds until it can be sent again.
        retry_after_seconds: u64,
    },
    /// The address got as many mails as it gets in a day.
    #[error(
        "Too many emails were sent to this person today. Try again tomorrow, or copy the link of a pending invitation."
    )]
    TooManyMails,
    /// More invitations than the person, the token or the organization may send in a day.
    #[error("{}", .0.words())]
    BudgetSpent(BudgetSpent),
    /// The organization’s plan allows no further member.
    #[error("{0} Remove one, or ask the operator of this server for a larger plan.")]
    Full(PlanLimit),
    /// The person belongs to the organization and cannot log in.
    #[error("This person’s account is deactivated. Activate it first.")]
    Deactivated,
    /// The system gave no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<PlanLimit> for InvitationError {
    fn from(error: PlanLimit) -> Self {
        match error {
            PlanLimit::Db(error) => Self::Db(error),
            limit => Self::Full(limit),
        }
    }
}

/// Of which budget too little is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetSpent {
    /// The budget.
    pub budget: Inviting,
    /// What is left of it.
    pub left: Left,
}

impl BudgetSpent {
    /// Whether these are more than there ever are, so that waiting does not help.
    pub fn is_beyond_a_day(self) -> bool {
        self.left.number == self.left.max
    }

    fn words(self) -> String {
        let max = grouped(self.left.max);
        let sends = match self.budget {
            Inviting::InvitationsByPerson => "You can send",
            Inviting::InvitationsByToken => "A master token can send",
            Inviting::InvitationsByOrganization => "An organization can send",
        };
        let invitations = if self.left.max == 1 { "invitation" } else { "invitations" };
        if self.is_beyond_a_day() {
            return format!(
                "{sends} {max} {invitations} a day. Send fewer at a time. No invitations were sent."
            );
        }
        let when = match self.left.retry_after_seconds.div_ceil(3600) {
            0 | 1 => "within the hour".to_owned(),
            hours => format!("in {hours} hours"),
        };
        let left = match self.left.number {
            0 => "None are left".to_owned(),
            1 => "1 is left".to_owned(),
            number => format!("{} are left", grouped(number)),
        };
        format!(
            "{sends} {max} {invitations} a day. {left}; more will be available {when}. No invitations were sent."
        )
    }
}

impl From<diesel::result::Error> for InvitationError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// Invites `emails` as `role`, and tells for each what became of it. `inviter` is who stands
/// behind the grant; the mail names them.
///
/// # Errors
/// [`InvitationError::AboveYou`] when the inviter does not reach the role, [`InvitationError::Full`],
/// [`InvitationError::BudgetSpent`] when these are more than are left; nobody is invited then.
pub fn invite(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageMembers>,
    role: Role,
    emails: &[EmailAddress],
    rules: &InstanceRules,
    now: Timestamp,
) -> Result<Vec<(EmailAddress, InviteOutcome)>, InvitationError> {
    if !grant.reach().contains(&role) {
        return Err(InvitationError::AboveYou);
    }
    if !grant.may_make(role) {
        return Err(InvitationError::OnlyPeople);
    }
    invite_all(tx, (grant, grant.actor(), &Inviter::of(grant)), (role, emails), rules, now)
}

/// Invites somebody to administer an organization, from outside of it. The organization does not learn who works for
/// the operator.
///
/// # Errors
/// As [`invite`], and [`InvitationError::TooManyMails`].
pub fn invite_administrator(
    tx: &mut Tx<'_>,
    _: &Operator,
    (organization, email): (&Organization, &EmailAddress),
    rules: &InstanceRules,
    now: Timestamp,
) -> Result<InviteOutcome, InvitationError> {
    let (system, inviter) = (Actor::System { ip: None }, Inviter::operator());
    let wanted = (Role::Administrator, std::slice::from_ref(email));
    // One for another role would stand in the way.
    let pending: Option<Row> = invitations::table
        .filter(invitations::organization_id.eq(&organization.id).and(invitations::email.eq(email.as_str())))
        .filter(invitations::outcome.is_null().and(invitations::role.ne(Role::Administrator)))
        .select(Row::as_select())
        .first(tx.connection())
        .optional()?;
    if let Some(pending) = pending.map(Invitation::from) {
        take_back(tx, &pending, &system, now)?;
    }
    let outcomes = invite_all(tx, (organization, &system, &inviter), wanted, rules, now)?;
    match outcomes.into_iter().next() {
        Some((_, InviteOutcome::TooManyMails)) | None => Err(InvitationError::TooManyMails),
        Some((_, outcome)) => Ok(outcome),
    }
}

/// Where to, by whom, and how the mail names them.
type Origin<'a> = (&'a Organization, &'a Actor, &'a Inviter);

fn invite_all(
    tx: &mut Tx<'_>,
    origin: Origin<'_>,
    (role, emails): (Role, &[EmailAddress]),
    rules: &InstanceRules,
    now: Timestamp,
) -> Result<Vec<(EmailAddress, InviteOutcome)>, InvitationError> {
    let (organization, actor, _) = origin;
    plans::check_members(tx.connection(), organization, now)?;
    let texts: Vec<&str> = emails.iter().map(EmailAddress::as_str).collect();
    let members: HashSet<String> = memberships::table
        .inner_join(users::table)
        .filter(memberships::organization_id.eq(&organization.id).and(users::email.eq_any(&texts)))
        .filter(users::email_verified_at.is_not_null())
        .select(users::email)
        .load(tx.connection())?
        .into_iter()
        .collect();
    let mut outcomes = Vec::with_capacity(emails.len());
    for email in emails {
        let outcome = if members.contains(email.as_str()) {
            InviteOutcome::AlreadyMember
        } else {
            invite_one(tx, origin, role, email, now)?
        };
        outcomes.push((email.clone(), outcome));
    }
    let sent = outcomes.iter().filter(|(_, outcome)| matches!(outcome, InviteOutcome::Sent(_))).count();
    spend(tx, (organization, actor), i64::try_from(sent).unwrap_or(i64::MAX), rules, now)?;
    Ok(outcomes)
}

/// Takes invitations from every budget that they come from, or none.
fn spend(
    tx: &mut Tx<'_>,
    (organization, actor): (&Organization, &Actor),
    number: i64,
    rules: &InstanceRules,
    now: Timestamp,
) -> Result<(), InvitationError> {
    if number == 0 {
        return Ok(());
    }
    let own = match actor {
        Actor::User { id, .. } => Some((Inviting::InvitationsByPerson, id.as_str())),
        Actor::MasterToken { id, .. } => Some((Inviting::InvitationsByToken, id.as_str())),
        // Whoever operates the instance has none of their own.
        Actor::InstanceToken { .. } | Actor::System { .. } => None,
    };
    let of_organization = Some((Inviting::InvitationsByOrganization, organization.id.as_str()));
    for (budget, spender) in [own, of_organization].into_iter().flatten() {
        let left = budgets::left(tx.connection(), budget, spender, rules, now)?;
        if number > left.number {
            return Err(InvitationError::BudgetSpent(BudgetSpent { budget, left }));
        }
        budgets::spend(tx, budget, spender, number, now)?;
    }
    Ok(())
}

fn invite_one(
    tx: &mut Tx<'_>,
    (organization, actor, inviter): Origin<'_>,
    role: Role,
    email: &EmailAddress,
    now: Timestamp,
) -> Result<InviteOutcome, InvitationError> {
    let pending: Option<Row> = invitations::table
        .filter(invitations::organization_id.eq(&organization.id).and(invitations::email.eq(email.as_str())))
        .filter(invitations::outcome.is_null())
        .select(Row::as_select())
        .first(tx.connection())
        .optional()?;
    match pending {
        Some(row) if row.expires_at > now => return Ok(InviteOutcome::AlreadyInvited(row.into())),
        pending => {
            if budgets::ask_for_mail(tx, email, Way::MailInvitation, now)? != Allowance::Granted {
                return Ok(InviteOutcome::TooManyMails);
            }
            if let Some(row) = pending {
                close(tx, &row.id, InvitationEnd::Expired, now)?;
            }
        }
    }
    let row: Row = diesel::insert_into(invitations::table)
        .values((
            invitations::id.eq(new_id(now)),
            invitations::organization_id.eq(&organization.id),
            invitations::email.eq(email.as_str()),
            invitations::role.eq(role),
            invitations::invited_by_id.eq(actor.id()),
            invitations::invited_by_name.eq(&inviter.name),
            invitations::invited_by_email.eq(inviter.email.as_deref().unwrap_or_default()),
            invitations::created_at.eq(now),
            invitations::sent_at.eq(now),
            invitations::expires_at.eq(now + LIFETIME),
        ))
        .returning(columns_of::<Row>())
        .get_result(tx.connection())?;
    let invitation = Invitation::from(row);
    let searched = Searched::Invitation { email: &invitation.email };
    search::write(tx.connection(), &organization.id, &invitation.id, &searched)?;
    mail(tx, organization, &invitation, now)?;
    record(tx, &invitation, actor, Action::Invited, Some(Detail::Role { role }), now)?;
    Ok(InviteOutcome::Sent(invitation))
}

/// Mails the invitation again and starts its seven days anew. Links of earlier mails keep working.
pub fn resend(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageMembers>,
    invitation_id: &str,
    rules: &InstanceRules,
    now: Timestamp,
) -> Result<Invitation, InvitationError> {
    let invitation = pending_one(tx, grant, invitation_id)?;
    let wait = RESEND_PAUSE - (now - invitation.sent_at);
    if wait.is_positive() {
        let rounded_up = (wait + Duration::SECOND - Duration::NANOSECOND).whole_seconds();
        return Err(InvitationError::TooSoon { retry_after_seconds: rounded_up.unsigned_abs() });
    }
    let email = EmailAddress::parse(&invitation.email).map_err(|_| InvitationError::NotFound)?;
    if budgets::ask_for_mail(tx, &email, Way::MailInvitation, now)? != Allowance::Granted {
        return Err(InvitationError::TooManyMails);
    }
    spend(tx, (grant, grant.actor()), 1, rules, now)?;
    let row: Row = diesel::update(invitations::table.find(invitation_id))
        .set((invitations::sent_at.eq(now), invitations::expires_at.eq(now + LIFETIME)))
        .returning(columns_of::<Row>())
        .get_result(tx.connection())?;
    let invitation = Invitation::from(row);
    mail(tx, grant, &invitation, now)?;
    record(tx, &invitation, grant.actor(), Action::InvitationResent, None, now)?;
    Ok(invitation)
}

/// Makes a link to pass on by other ways than mail. It proves no address.
pub fn copy_link(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageMembers>,
    invitation_id: &str,
    now: Timestamp,
) -> Result<(Invitation, Secret), InvitationError> {
    let invitation = pending_one(tx, grant, invitation_id)?;
    let secret = link_to(tx, &invitation, grant.actor(), now)?;
    Ok((invitation, secret))
}

/// [`copy_link`] for whoever operates the instance: of an invitation that makes an administrator.
pub fn copy_administrators_link(
    tx: &mut Tx<'_>,
    _: &Operator,
    (organization_id, invitation_id): (&str, &str),
    now: Timestamp,
) -> Result<(Invitation, Secret), InvitationError> {
    let invitation = pending_administrator(tx, organization_id, invitation_id)?;
    let secret = link_to(tx, &invitation, &Actor::System { ip: None }, now)?;
    Ok((invitation, secret))
}

fn link_to(
    tx: &mut Tx<'_>,
    invitation: &Invitation,
    actor: &Actor,
    now: Timestamp,
) -> Result<Secret, InvitationError> {
    let secret = add_secret(tx, &invitation.id, LinkKind::Copied, now)?;
    record(tx, invitation, actor, Action::InvitationLinkCopied, None, now)?;
    Ok(secret)
}

/// Takes the invitation back: its links stop working at once.
pub fn cancel(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageMembers>,
    invitation_id: &str,
    now: Timestamp,
) -> Result<Invitation, InvitationError> {
    let invitation = pending_one(tx, grant, invitation_id)?;
    take_back(tx, &invitation, grant.actor(), now)?;
    Ok(invitation)
}

/// [`cancel`] for whoever operates the instance: of an invitation that makes an administrator.
pub fn cancel_administrator(
    tx: &mut Tx<'_>,
    _: &Operator,
    (organization_id, invitation_id): (&str, &str),
    now: Timestamp,
) -> Result<Invitation, InvitationError> {
    let invitation = pending_administrator(tx, organization_id, invitation_id)?;
    take_back(tx, &invitation, &Actor::System { ip: None }, now)?;
    Ok(invitation)
}

fn take_back(
    tx: &mut Tx<'_>,
    invitation: &Invitation,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), InvitationError> {
    close(tx, &invitation.id, InvitationEnd::Canceled, now)?;
    Ok(record(tx, invitation, actor, Action::InvitationCanceled, None, now)?)
}

fn pending_one(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageMembers>,
    invitation_id: &str,
) -> Result<Invitation, InvitationError> {
    let invitation = pending_in(tx, &grant.id, invitation_id)?;
    if !grant.reach().contains(&invitation.role) {
        return Err(InvitationError::AboveYou);
    }
    Ok(invitation)
}

/// One that makes an administrator; the others are not those of whoever operates the instance.
fn pending_administrator(
    tx: &mut Tx<'_>,
    organization_id: &str,
    invitation_id: &str,
) -> Result<Invitation, InvitationError> {
    let invitation = pending_in(tx, organization_id, invitation_id)?;
    if invitation.role != Role::Administrator {
        return Err(InvitationError::NotFound);
    }
    Ok(invitation)
}

fn pending_in(
    tx: &mut Tx<'_>,
    organization_id: &str,
    invitation_id: &str,
) -> Result<Invitation, InvitationError> {
    let row: Option<Row> = invitations::table
        .filter(invitations::id.eq(invitation_id).and(invitations::organization_id.eq(organization_id)))
        .filter(invitations::outcome.is_null())
        .select(Row::as_select())
        .first(tx.connection())
        .optional()?;
    row.map(Invitation::from).ok_or(InvitationError::NotFound)
}

fn mail(
    tx: &mut Tx<'_>,
    organization: &Organization,
    invitation: &Invitation,
    now: Timestamp,
) -> Result<(), InvitationError> {
    let secret = add_secret(tx, &invitation.id, LinkKind::Mailed, now)?;
    let message = Message::Invitation {
        organization: organization.name.clone(),
        inviter: invitation.invited_by_name.clone(),
        inviter_email: invitation.invited_by_email.clone(),
        role: invitation.role.label().to_owned(),
        abilities: invitation.role.abilities().to_owned(),
        token: secret.expose().to_owned(),
        expires_at: invitation.expires_at,
    };
    Ok(outbox::queue_for_invitation(
        tx,
        (&organization.id, &invitation.id),
        &invitation.email,
        &message,
        now,
    )?)
}

fn add_secret(
    tx: &mut Tx<'_>,
    invitation_id: &str,
    kind: LinkKind,
    now: Timestamp,
) -> Result<Secret, InvitationError> {
    let of_kind = invitation_secrets::table
        .filter(invitation_secrets::invitation_id.eq(invitation_id).and(invitation_secrets::kind.eq(kind)));
    let too_old: Vec<Vec<u8>> = of_kind
        .order(invitation_secrets::created_at.desc())
        .select(invitation_secrets::token_digest)
        .offset(MAX_SECRETS - 1)
        .limit(MAX_SECRETS)
        .load(tx.connection())?;
    diesel::delete(invitation_secrets::table.filter(invitation_secrets::token_digest.eq_any(too_old)))
        .execute(tx.connection())?;
    let secret = Secret::generate_link()?;
    diesel::insert_into(invitation_secrets::table)
        .values((
            invitation_secrets::token_digest.eq(secret.digest().as_bytes()),
            invitation_secrets::invitation_id.eq(invitation_id),
            invitation_secrets::kind.eq(kind),
            invitation_secrets::created_at.eq(now),
        ))
        .execute(tx.connection())?;
    Ok(secret)
}
