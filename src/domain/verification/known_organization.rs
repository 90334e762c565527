//! The organizations of what is in memory: one copy of each, shared by all its keys and tokens. A
//! change marks the copy, and with it everything that shares it, without looking for that.

use std::{
    collections::HashMap,
    ops::Deref,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    MonthlyUse,
    meters::{MeterRegistry, Metered, Meters},
    monthly_use::PARTS_OF_A_QUOTA,
    portions::{Owner, used_this_month},
};
use crate::{
    clock::Timestamp,
    db::{Connection, Db, DbError},
    domain::{
        gcra::Gcra,
        key_settings::MonthlyQuota,
        organization::Organization,
        plans::{self, Bounds},
    },
};

/// An organization as it was read.
#[derive(Debug)]
pub struct KnownOrganization {
    organization: Organization,
    bounds: Bounds,
    meters: Meters,
    has_changed: AtomicBool,
}

impl KnownOrganization {
    /// An organization that was just read, with what bounds it.
    pub(super) fn new(organization: Organization, bounds: Bounds, meters: Meters) -> Self {
        Self { organization, bounds, meters, has_changed: AtomicBool::new(false) }
    }

    /// Whether it is still as it was read. What shares it has to be read anew otherwise.
    pub(super) fn is_current(&self, now: Timestamp) -> bool {
        !self.has_changed.load(Ordering::Acquire) && self.bounds.until.is_none_or(|until| now < until)
    }

    /// What bounds all its keys together.
    pub(super) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// The rate limit of all its keys together.
    pub(super) fn rate(&self) -> Option<&Gcra> {
        self.meters.rate.as_deref()
    }

    /// The monthly quota of all its keys together, and what is used of it.
    pub(in crate::domain) fn quota(&self) -> Option<(MonthlyQuota, &MonthlyUse)> {
        self.bounds.ceilings.monthly_quota.zip(self.meters.month.as_deref())
    }

    /// Counts what an accepted request cost; tells whether so much of the quota waits to be written that nothing
    /// more should be answered before it is.
    pub(in crate::domain) fn note_units(&self, cost: u32) -> bool {
        self.quota().is_some_and(|(quota, month)| {
            month.note_unwritten(cost) >= (quota.get() / PARTS_OF_A_QUOTA).max(1)
        })
    }

    /// Whose quota it is.
    pub(in crate::domain) fn owner(&self) -> Owner {
        Owner::Organization(self.organization.id.clone())
    }
}

impl Deref for KnownOrganization {
    type Target = Organization;

    fn deref(&self) -> &Organization {
        &self.organization
    }
}

/// The organizations in memory, by their ids.
#[derive(Debug)]
pub(super) struct OrganizationRegistry {
    known: Mutex<HashMap<String, Weak<KnownOrganization>>>,
    meters: MeterRegistry,
}

impl OrganizationRegistry {
    /// The organizations of this process among those that use `db`.
    pub(super) fn of_one_on(db: &Db) -> Self {
        Self { known: Mutex::default(), meters: MeterRegistry::of_one_on(db) }
    }

    /// The one copy that all share; `organization` was just read.
    pub(super) fn of(
        &self,
        connection: &mut Connection,
        organization: Organization,
        now: Timestamp,
    ) -> Result<Arc<KnownOrganization>, DbError> {
        let bounds = plans::bounds_of(connection, &organization, now)?;
        let metered = Metered { rate: bounds.ceilings.rate_limit, quota: bounds.ceilings.monthly_quota };
        let used = match metered.quota {
            Some(_) => used_this_month(connection, &Owner::Organization(organization.id.clone()), now)?,
            None => 0,
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = known.get(&organization.id).and_then(Weak::upgrade)
            && **shared == organization
            && shared.bounds == bounds
        {
            return Ok(shared);
        }
        if known.len().is_power_of_two() {
            known.retain(|_, shared| shared.strong_count() > 0);
        }
        let meters = self.meters.of(&organization.id, metered, used, now);
        let shared = Arc::new(KnownOrganization::new(organization, bounds, meters));
        // Another copy is of before a change, or of after one that this look-up did not see.
        if let Some(other) =
            known.insert(shared.id.clone(), Arc::downgrade(&shared)).and_then(|it| it.upgrade())
        {
            other.has_changed.store(true, Ordering::Release);
        }
        Ok(shared)
    }

    /// Has everything read anew.
    pub(super) fn invalidate_all(&self) {
        for (_, known) in self.known.lock().unwrap_or_else(PoisonError::into_inner).drain() {
            if let Some(shared) = known.upgrade() {
                shared.has_changed.store(true, Ordering::Release);
            }
        }
    }

    /// Has everything of the organization read anew.
    pub(super) fn invalidate(&self, organization_id: &str) {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(organization_id);
        if let Some(shared) = known.and_then(|shared| shared.upgrade()) {
            shared.has_changed.store(true, Ordering::Release);
        }
    }
}
