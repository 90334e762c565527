//! Organizations that those remove who operate the instance, and that they bring back, whoever removed them.

use super::{
    InstanceError,
    from_outside::{find, record},
};
use crate::{
    clock::Timestamp,
    db::Tx,
    domain::{
        access::Operator,
        events::Action,
        managed::RESTORABLE_FOR,
        organization::{self, Organization},
        organizations,
    },
};

/// Removes an organization. Its administrators can't restore it; those who operate the instance can.
///
/// # Errors
/// [`InstanceError::NotFound`].
pub fn remove_organization(
    tx: &mut Tx<'_>,
    operator: &Operator,
    organization_id: &str,
    now: Timestamp,
) -> Result<(), InstanceError> {
    let organization = find(tx, organization_id)?;
    let actions = (Action::OrganizationRemoved, Action::RemovedOrganization);
    record(tx, operator, &organization, actions, None, now)?;
    organizations::put_aside(tx, &organization.id, None, now)?;
    Ok(())
}

/// Restores an organization with its members, keys and settings as they were. One that is not removed stays as it is.
///
/// # Errors
/// [`InstanceError::NotFound`], also for one that was removed too long ago.
pub fn restore_organization(
    tx: &mut Tx<'_>,
    operator: &Operator,
    organization_id: &str,
    now: Timestamp,
) -> Result<Organization, InstanceError> {
    let organization =
        organization::by_id(tx.connection(), organization_id)?.ok_or(InstanceError::NotFound)?;
    match organization.removed_at {
        None => return Ok(organization),
        Some(at) if at <= now - RESTORABLE_FOR => return Err(InstanceError::NotFound),
        Some(_) => {}
    }
    let restored = organizations::take_back(tx, organization_id)?;
    let actions = (Action::OrganizationRestored, Action::RestoredOrganization);
    record(tx, operator, &restored, actions, None, now)?;
    Ok(restored)
}
