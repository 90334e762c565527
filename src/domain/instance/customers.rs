//! Organizations that those who operate the instance make for their customers: with a name, and with somebody who is
//! invited to administer them. Nobody is a member until then.

use super::{
    InstanceError, change_plan,
    from_outside::{find, record, record_for_instance},
};
use crate::{
    clock::Timestamp,
    config::InstanceRules,
    db::{DbError, Tx},
    domain::{
        access::{Operator, Role},
        email::EmailAddress,
        events::{Action, Detail},
        invitations::{self, Invitation, InvitationError, InviteOutcome},
        members::{self, Promotion},
        names::Name,
        organization::{self, Organization},
        organizations,
        secret::Secret,
    },
};

/// Which plan a new organization gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FirstPlan {
    /// The default plan, if there is one.
    #[default]
    Default,
    /// None.
    None,
    /// The one with this id.
    Plan(String),
}

/// An organization that is to be made for a customer.
#[derive(Clone, Debug)]
pub struct NewCustomer {
    /// Its name.
    pub name: Name,
    /// Its plan.
    pub plan: FirstPlan,
    /// Who is invited to administer it.
    pub administrator: Option<EmailAddress>,
}

/// Creates an organization without members, and invites its first administrator.
///
/// # Errors
/// [`InvitationError::NotFound`] for the plan, and as [`invite_administrator`].
pub fn create_organization(
    tx: &mut Tx<'_>,
    operator: &Operator,
    wanted: &NewCustomer,
    rules: &InstanceRules,
    now: Timestamp,
) -> Result<Organization, InvitationError> {
    let organization = organizations::insert(tx, &wanted.name, now)?;
    let actions = (Action::OrganizationCreated, Action::CreatedOrganization);
    record(tx, operator, &organization, actions, None, now)?;
    let plan = match &wanted.plan {
        FirstPlan::Default => None,
        FirstPlan::None => Some(None),
        FirstPlan::Plan(id) => Some(Some(id.as_str())),
    };
    if let Some(plan_id) = plan {
        change_plan(tx, operator, (&organization.id, plan_id), now).map_err(|error| match error {
            InstanceError::Db(error) => InvitationError::Db(error),
            _ => InvitationError::NotFound,
        })?;
    }
    if let Some(email) = &wanted.administrator {
        invite_administrator(tx, operator, (&organization.id, email), rules, now)?;
    }
    Ok(organization)
}

/// Gives an organization another name.
///
/// # Errors
/// [`InstanceError::NotFound`].
pub fn rename_organization(
    tx: &mut Tx<'_>,
    operator: &Operator,
    (organization_id, name): (&str, &Name),
    now: Timestamp,
) -> Result<Organization, InstanceError> {
    let before = find(tx, organization_id)?;
    if before.name == name.as_str() {
        return Ok(before);
    }
    let renamed = organizations::set_name(tx, organization_id, name)?;
    let detail = Detail::NameChange { from: before.name, to: renamed.name.clone() };
    let actions = (Action::OrganizationRenamed, Action::RenamedOrganization);
    record(tx, operator, &renamed, actions, Some(detail), now)?;
    Ok(renamed)
}

/// How somebody comes to administer an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Administering {
    /// By an invitation, or by what they are already.
    Invited(InviteOutcome),
    /// As a member who had another role until now.
    Promoted,
}

/// Has somebody administer an organization: a member gets the role, anybody else an invitation.
///
/// # Errors
/// [`InvitationError::NotFound`] for the organization, and as [`invitations::invite_administrator`].
pub fn invite_administrator(
    tx: &mut Tx<'_>,
    operator: &Operator,
    (organization_id, email): (&str, &EmailAddress),
    rules: &InstanceRules,
    now: Timestamp,
) -> Result<Administering, InvitationError> {
    let organization = customer(tx, organization_id)?;
    match members::promote(tx, &organization, email, now)? {
        Promotion::Done(Role::Administrator) => {
            return Ok(Administering::Invited(InviteOutcome::AlreadyMember));
        }
        Promotion::Done(_) => {
            let about = (&organization, email.as_str());
            record_about(tx, operator, about, Action::InvitedAdministrator, now)?;
            return Ok(Administering::Promoted);
        }
        Promotion::Deactivated => return Err(InvitationError::Deactivated),
        Promotion::NotThere => {}
    }
    let outcome = invitations::invite_administrator(tx, operator, (&organization, email), rules, now)?;
    if matches!(outcome, InviteOutcome::Sent(_)) {
        record_about(tx, operator, (&organization, email.as_str()), Action::InvitedAdministrator, now)?;
    }
    Ok(Administering::Invited(outcome))
}

/// Makes a link to pass on to somebody who is invited to administer an organization.
///
/// # Errors
/// [`InvitationError::NotFound`] for the organization and the invitation.
pub fn copy_administrators_link(
    tx: &mut Tx<'_>,
    operator: &Operator,
    (organization_id, invitation_id): (&str, &str),
    now: Timestamp,
) -> Result<(Invitation, Secret), InvitationError> {
    let organization = customer(tx, organization_id)?;
    let one = (organization_id, invitation_id);
    let (invitation, secret) = invitations::copy_administrators_link(tx, operator, one, now)?;
    record_about(tx, operator, (&organization, &invitation.email), Action::CopiedAdministratorsLink, now)?;
    Ok((invitation, secret))
}

/// Takes an invitation to administer an organization back.
///
/// # Errors
/// [`InvitationError::NotFound`] for the organization and the invitation.
pub fn cancel_administrator(
    tx: &mut Tx<'_>,
    operator: &Operator,
    (organization_id, invitation_id): (&str, &str),
    now: Timestamp,
) -> Result<Invitation, InvitationError> {
    let organization = customer(tx, organization_id)?;
    let one = (organization_id, invitation_id);
    let invitation = invitations::cancel_administrator(tx, operator, one, now)?;
    record_about(tx, operator, (&organization, &invitation.email), Action::CanceledAdministrator, now)?;
    Ok(invitation)
}

/// The organization with this id, unless it is removed.
fn customer(tx: &mut Tx<'_>, organization_id: &str) -> Result<Organization, InvitationError> {
    let found = organization::by_id(tx.connection(), organization_id)?;
    found.filter(|found| !found.is_removed()).ok_or(InvitationError::NotFound)
}

/// Notes for the instance what was done about somebody who is to administer an organization.
fn record_about(
    tx: &mut Tx<'_>,
    operator: &Operator,
    (organization, email): (&Organization, &str),
    action: Action,
    now: Timestamp,
) -> Result<(), DbError> {
    let detail = Some(Detail::Text { text: email.to_owned() });
    record_for_instance(tx, operator, organization, action, detail, now)
}
