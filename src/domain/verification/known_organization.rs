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

use crate::domain::organization::Organization;

/// An organization as it was read.
#[derive(Debug)]
pub struct KnownOrganization {
    organization: Organization,
    has_changed: AtomicBool,
}

impl KnownOrganization {
    /// An organization that was just read.
    pub(super) fn new(organization: Organization) -> Self {
        Self { organization, has_changed: AtomicBool::new(false) }
    }

    /// Whether it is still as it was read. What shares it has to be read anew otherwise.
    pub(super) fn is_current(&self) -> bool {
        !self.has_changed.load(Ordering::Acquire)
    }
}

impl Deref for KnownOrganization {
    type Target = Organization;

    fn deref(&self) -> &Organization {
        &self.organization
    }
}

/// The organizations in memory, by their ids.
#[derive(Debug, Default)]
pub(super) struct OrganizationRegistry(Mutex<HashMap<String, Weak<KnownOrganization>>>);

impl OrganizationRegistry {
    /// The one copy that all share.
    pub(super) fn of(&self, organization: Organization) -> Arc<KnownOrganization> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = known.get(&organization.id).and_then(Weak::upgrade)
            && **shared == organization
        {
            return shared;
        }
        if known.len().is_power_of_two() {
            known.retain(|_, shared| shared.strong_count() > 0);
        }
        let shared = Arc::new(KnownOrganization::new(organization));
        // Another copy is of before a change, or of after one that this look-up did not see.
        if let Some(other) =
            known.insert(shared.id.clone(), Arc::downgrade(&shared)).and_then(|it| it.upgrade())
        {
            other.has_changed.store(true, Ordering::Release);
        }
        shared
    }

    /// Has everything read anew.
    pub(super) fn invalidate_all(&self) {
        for (_, known) in self.0.lock().unwrap_or_else(PoisonError::into_inner).drain() {
            if let Some(shared) = known.upgrade() {
                shared.has_changed.store(true, Ordering::Release);
            }
        }
    }

    /// Has everything of the organization read anew.
    pub(super) fn invalidate(&self, organization_id: &str) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(organization_id);
        if let Some(shared) = known.and_then(|shared| shared.upgrade()) {
            shared.has_changed.store(true, Ordering::Release);
        }
    }
}
