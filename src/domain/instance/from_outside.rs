//! What is done to an organization by those who operate the instance: found without a membership, and noted twice.

use super::InstanceError;
use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
    domain::{
        access::{Actor, Operator},
        events::{self, Action, Detail, Event},
        organization::{self, Organization},
    },
};

/// The organization with this id, unless it is removed.
pub(super) fn find(tx: &mut Tx<'_>, organization_id: &str) -> Result<Organization, InstanceError> {
    let found = organization::by_id(tx.connection(), organization_id)?;
    found.filter(|organization| !organization.is_removed()).ok_or(InstanceError::NotFound)
}

/// Notes it twice: for the organization, which does not learn who works for the operator, and for the instance.
pub(super) fn record(
    tx: &mut Tx<'_>,
    operator: &Operator,
    organization: &Organization,
    (for_organization, for_instance): (Action, Action),
    detail: Option<Detail>,
    now: Timestamp,
) -> Result<(), DbError> {
    let event = Event {
        organization_id: Some(&organization.id),
        actor: &Actor::System { ip: None },
        action: for_organization,
        subject_id: Some(&organization.id),
        subject_name: &organization.name,
        detail: detail.clone(),
    };
    events::record(tx, &event, now)?;
    record_for_instance(tx, operator, organization, for_instance, detail, now)
}

/// Notes for the instance what the organization has a note of.
pub(super) fn record_for_instance(
    tx: &mut Tx<'_>,
    operator: &Operator,
    organization: &Organization,
    action: Action,
    detail: Option<Detail>,
    now: Timestamp,
) -> Result<(), DbError> {
    let event = Event {
        organization_id: None,
        actor: operator.actor(),
        action,
        subject_id: Some(&organization.id),
        subject_name: &organization.name,
        detail,
    };
    events::record(tx, &event, now)
}
