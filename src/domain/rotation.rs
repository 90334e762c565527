//! Rotation: a key with a new secret while the previous one keeps working for a while.
//!
//! How long that is depends on nothing but the plan, when it was made and when the new secret was
//! first used, so that a restart changes nothing. The previous secret always has an end.

use std::sync::atomic::{AtomicI64, Ordering};

use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use super::secret::SecretDigest;
use crate::clock::{Timestamp, microseconds};
pub use crate::vocabulary::{GracePeriod, Starts};

#[cfg(test)]
mod tests;

/// How long a previous secret waits at most for the new one to be used.
pub const MAX_WAIT: Duration = Duration::days(30);

impl GracePeriod {
    fn length(self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Hour => Duration::HOUR,
            Self::Day => Duration::DAY,
            Self::Week => Duration::WEEK,
        }
    }
}

/// What was chosen for a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How long the previous secret goes on.
    pub grace_period: GracePeriod,
    /// From when.
    pub starts: Starts,
}

impl Plan {
    /// Whether the previous secret goes on at all.
    pub fn has_grace_period(self) -> bool {
        self != Self { grace_period: GracePeriod::None, starts: Starts::Immediately }
    }
}

/// Which secret of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that stays.
    Current,
    /// The one that ends.
    Previous,
}

/// A rotation under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The secret that ends. No two rotations have the same.
    pub previous_digest: SecretDigest,
    /// What was chosen.
    pub plan: Plan,
    /// When the key got its new secret.
    pub rotated_at: Timestamp,
    /// When the new secret was first accepted.
    pub first_used_at: Option<Timestamp>,
    /// The end that the key had while the previous secret was its own, or a later edit of the key
    /// found, where it has another one since.
    pub previous_expires_at: Option<Timestamp>,
}

impl Rotation {
    /// When the previous secret ends; earlier once the new one is used, never later. An end that the
    /// key was given since is the new secret's alone: whoever has the previous one gains no time.
    pub fn ends_at(&self) -> Timestamp {
        let length = self.plan.grace_period.length();
        let as_planned = match (self.plan.starts, self.first_used_at) {
            (Starts::Immediately, _) => self.rotated_at + length,
            (Starts::OnFirstUse, Some(used)) => used.min(self.rotated_at + MAX_WAIT) + length,
            (Starts::OnFirstUse, None) => self.rotated_at + MAX_WAIT + length,
        };
        self.previous_expires_at.map_or(as_planned, |end| end.min(as_planned))
    }

    /// Whether the previous secret still opens what the key opens.
    pub fn is_under_way(&self, now: Timestamp) -> bool {
        now < self.ends_at()
    }
}

/// A rotation in memory, shared by the copies of the key under both secrets.
#[derive(Debug)]
pub struct LiveRotation {
    previous_digest: SecretDigest,
    plan: Plan,
    rotated_at: Timestamp,
    /// Microseconds since 1970; [`i64::MAX`] for never. It only comes nearer.
    previous_expires: AtomicI64,
    /// Microseconds since 1970; 0 for never.
    first_used: AtomicI64,
    first_use: tokio::sync::Mutex<()>,
}

impl LiveRotation {
    /// A rotation as the database knows it.
    pub fn new(rotation: Rotation) -> Self {
        let Rotation { previous_digest, plan, rotated_at, first_used_at, previous_expires_at } = rotation;
        let first_used = AtomicI64::new(first_used_at.map_or(0, microseconds));
        let previous_expires = AtomicI64::new(previous_expires_at.map_or(i64::MAX, microseconds));
        let first_use = tokio::sync::Mutex::default();
        Self { previous_digest, plan, rotated_at, previous_expires, first_used, first_use }
    }

    /// The rotation as it stands.
    pub fn get(&self) -> Rotation {
        let used = self.first_used.load(Ordering::Acquire);
        let expires = self.previous_expires.load(Ordering::Acquire);
        Rotation {
            previous_digest: self.previous_digest,
            plan: self.plan,
            rotated_at: self.rotated_at,
            first_used_at: (used > 0).then(|| instant(used)),
            previous_expires_at: (expires < i64::MAX).then(|| instant(expires)),
        }
    }

    /// Hears when the previous secret ends at the latest. An answer that was read before another
    /// one, and comes after it, changes nothing.
    pub fn cap_previous_secret(&self, end: Option<Timestamp>) {
        if let Some(end) = end {
            self.previous_expires.fetch_min(microseconds(end), Ordering::AcqRel);
        }
    }

    /// Whether a use of the new secret is the first, with which the previous one begins to end.
    pub fn waits_for_first_use(&self) -> bool {
        self.plan.starts == Starts::OnFirstUse && self.first_used.load(Ordering::Acquire) == 0
    }

    /// Whoever holds this notes the first use; others wait until that is done.
    pub async fn first_use(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.first_use.lock().await
    }

    /// Notes that the new secret was accepted; only the first time counts.
    pub fn note_use(&self, now: Timestamp) {
        if self.first_used.load(Ordering::Relaxed) == 0 {
            // Somebody else was first otherwise.
            let _ =
                self.first_used.compare_exchange(0, microseconds(now), Ordering::AcqRel, Ordering::Relaxed);
        }
    }
}

fn instant(microseconds: i64) -> Timestamp {
    let at = OffsetDateTime::UNIX_EPOCH + Duration::microseconds(microseconds);
    PrimitiveDateTime::new(at.date(), at.time())
}
