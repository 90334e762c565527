//! Organizations that are stopped for a while, such as one that does not pay. Their keys are rejected, and nothing in
//! them can be changed; pages stay readable and say why.

use super::{
    InstanceError,
    from_outside::{find, record},
};
use crate::{
    clock::Timestamp,
    db::Tx,
    domain::{
        access::Operator,
        events::{Action, Detail},
        names::{Name, NameError},
        organization::Organization,
        organizations,
    },
};

/// Longest reason, in characters.
pub const MAX_REASON_LENGTH: usize = 300;

/// Parses a reason as it was typed.
///
/// # Errors
/// A sentence for whoever typed it.
pub fn parse_reason(text: &str) -> Result<Name, String> {
    Name::parse_text(text, MAX_REASON_LENGTH).map_err(|error| match error {
        NameError::Empty => "Enter a reason.".to_owned(),
        error => error.to_string(),
    })
}

/// Suspends an organization; `reason` is what its members are told. One that is suspended gets the new reason.
///
/// # Errors
/// [`InstanceError::NotFound`].
pub fn suspend_organization(
    tx: &mut Tx<'_>,
    operator: &Operator,
    (organization_id, reason): (&str, &Name),
    now: Timestamp,
) -> Result<Organization, InstanceError> {
    let before = find(tx, organization_id)?;
    if before.suspension_reason.as_deref() == Some(reason.as_str()) {
        return Ok(before);
    }
    let since = before.suspended_at.unwrap_or(now);
    let suspended = organizations::set_suspension(tx, organization_id, Some((since, reason.as_str())))?;
    let detail = Detail::Text { text: reason.to_string() };
    let actions = (Action::OrganizationSuspended, Action::SuspendedOrganization);
    record(tx, operator, &suspended, actions, Some(detail), now)?;
    Ok(suspended)
}

/// Ends a suspension. An organization that is not suspended stays as it is.
///
/// # Errors
/// [`InstanceError::NotFound`].
pub fn resume_organization(
    tx: &mut Tx<'_>,
    operator: &Operator,
    organization_id: &str,
    now: Timestamp,
) -> Result<Organization, InstanceError> {
    let before = find(tx, organization_id)?;
    if !before.is_suspended() {
        return Ok(before);
    }
    let resumed = organizations::set_suspension(tx, organization_id, None)?;
    record(tx, operator, &resumed, (Action::OrganizationResumed, Action::ResumedOrganization), None, now)?;
    Ok(resumed)
}
