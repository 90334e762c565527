//! Organizations that those who operate the instance make for their customers: with a name, and with somebody who is
//! invited to administer them. Nobody is a member until then.

use super::{
    InstanceError,
    from_outside::{find, record, record_for_instance},
};
use crate::{
    clock::Timestamp,
    config::InstanceRules,
    db::{DbError, Tx},
    domain::{
        access::Operator,
        email::EmailAddress,
        events::{Action, Detail},
        invitations::{self, InvitationError, InviteOutcome},
        names::Name,
        organization::{self, Organization},
        organizations,
    },
};

/// Creates an organization without members, on the default plan if there is one.
pub fn create_organization(
    tx: &mut Tx<'_>,
    operator: &Operator,
    name: &Name,
    now: Timestamp,
) -> Result<Organization, DbError> {
    let organization = organizations::insert(tx, name, now)?;
    let actions = (Action::OrganizationCreated, Action::CreatedOrganization);
    record(tx, operator, &organization, actions, None, now)?;
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

/// Invites somebody to administer an organization.
///
/// # Errors
/// [`InvitationError::NotFound`] for the organization, and as [`invitations::invite_administrator`].
pub fn invite_administrator(
    tx: &mut Tx<'_>,
    operator: &Operator,
    (organization_id, email): (&str, &EmailAddress),
    rules: &InstanceRules,
    now: Timestamp,
) -> Result<InviteOutcome, InvitationError> {
    let found = organization::by_id(tx.connection(), organization_id)?;
    let organization = found.ok_or(InvitationError::NotFound)?;
    let outcome = invitations::invite_administrator(tx, operator, (&organization, email), rules, now)?;
    if matches!(outcome, InviteOutcome::Sent(_)) {
        let detail = Some(Detail::Text { text: email.as_str().to_owned() });
        record_for_instance(tx, operator, &organization, Action::InvitedAdministrator, detail, now)?;
    }
    Ok(outcome)
}
