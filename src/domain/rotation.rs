//! Rotation: a key with a new secret while the old one goes on for a while.
//!
//! How long that is depends on nothing but the plan, when it was made and when the new secret was
//! first used, so that a restart changes nothing. The old secret always has an end.

use std::sync::atomic::{AtomicI64, Ordering};

use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use super::secret::SecretDigest;
use crate::clock::Timestamp;

#[cfg(test)]
mod tests;

/// How long an old secret waits at most for the new one to be used.
pub const MAX_WAIT: Duration = Duration::days(30);

/// How long the old secret goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// Not at all.
    None,
    /// For an hour.
    Hour,
    /// For 24 hours.
    Day,
    /// For seven days.
    Week,
}

impl Overlap {
    /// All overlaps, the shortest first.
    pub const ALL: [Self; 4] = [Self::None, Self::Hour, Self::Day, Self::Week];

    /// The word in forms and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "now",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
        }
    }

    /// The words on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::None => "Now",
            Self::Hour => "1 hour",
            Self::Day => "24 hours",
            Self::Week => "7 days",
        }
    }

    /// The overlap with a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|overlap| overlap.as_str() == word)
    }

    fn length(self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Hour => Duration::HOUR,
            Self::Day => Duration::DAY,
            Self::Week => Duration::WEEK,
        }
    }
}

/// When the overlap begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// When the new secret is first used, [`MAX_WAIT`] after the rotation at the latest.
    FirstUse,
    /// With the rotation.
    AtOnce,
}

impl Begin {
    /// Both beginnings.
    pub const ALL: [Self; 2] = [Self::FirstUse, Self::AtOnce];

    /// The word in forms and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FirstUse => "first_use",
            Self::AtOnce => "at_once",
        }
    }

    /// The words on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::FirstUse => "When the new secret is first used",
            Self::AtOnce => "At once",
        }
    }

    /// The beginning with a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|begin| begin.as_str() == word)
    }
}

/// What was chosen for a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How long the old secret goes on.
    pub overlap: Overlap,
    /// From when.
    pub begin: Begin,
}

impl Plan {
    /// Whether the old secret goes on at all.
    pub fn has_overlap(self) -> bool {
        self != Self { overlap: Overlap::None, begin: Begin::AtOnce }
    }

    /// The plan in words, for the audit log.
    pub fn words(self) -> String {
        match (self.begin, self.overlap) {
            (Begin::AtOnce, Overlap::None) => "the old secret ended at once".to_owned(),
            (Begin::FirstUse, Overlap::None) => {
                "the old secret ends with the first use of the new one".to_owned()
            }
            (Begin::AtOnce, overlap) => format!("the old secret goes on for {}", overlap.label()),
            (Begin::FirstUse, overlap) => {
                format!("the old secret goes on for {} after the first use of the new one", overlap.label())
            }
        }
    }
}

/// Which secret of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that stays.
    New,
    /// The one that ends.
    Old,
}

/// A rotation under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The secret that ends. No two rotations have the same.
    pub old_digest: SecretDigest,
    /// What was chosen.
    pub plan: Plan,
    /// When the key got its new secret.
    pub rotated_at: Timestamp,
    /// When the new secret was first accepted.
    pub first_used_at: Option<Timestamp>,
    /// The end that the key had before, where the rotation gave it a later one.
    pub old_ends_by: Option<Timestamp>,
}

impl Rotation {
    /// When the old secret ends; earlier once the new one is used, never later. An end that the
    /// rotation gave the key is the new secret's alone: whoever has the old one gains no time.
    pub fn ends_at(&self) -> Timestamp {
        let length = self.plan.overlap.length();
        let as_planned = match (self.plan.begin, self.first_used_at) {
            (Begin::AtOnce, _) => self.rotated_at + length,
            (Begin::FirstUse, Some(used)) => used.min(self.rotated_at + MAX_WAIT) + length,
            (Begin::FirstUse, None) => self.rotated_at + MAX_WAIT + length,
        };
        self.old_ends_by.map_or(as_planned, |end| end.min(as_planned))
    }

    /// Whether the old secret still opens what the key opens.
    pub fn is_under_way(&self, now: Timestamp) -> bool {
        now < self.ends_at()
    }
}

/// A rotation in memory, shared by the copies of the key under both secrets.
#[derive(Debug)]
pub struct LiveRotation {
    old_digest: SecretDigest,
    plan: Plan,
    rotated_at: Timestamp,
    old_ends_by: Option<Timestamp>,
    /// Microseconds since 1970; 0 for never.
    first_used: AtomicI64,
}

impl LiveRotation {
    /// A rotation as the database knows it.
    pub fn new(rotation: Rotation) -> Self {
        let Rotation { old_digest, plan, rotated_at, first_used_at, old_ends_by } = rotation;
        let first_used = AtomicI64::new(first_used_at.map_or(0, microseconds));
        Self { old_digest, plan, rotated_at, old_ends_by, first_used }
    }

    /// The rotation as it stands.
    pub fn get(&self) -> Rotation {
        let used = self.first_used.load(Ordering::Acquire);
        let at = OffsetDateTime::UNIX_EPOCH + Duration::microseconds(used);
        let first_used_at = (used > 0).then(|| PrimitiveDateTime::new(at.date(), at.time()));
        Rotation {
            old_digest: self.old_digest,
            plan: self.plan,
            rotated_at: self.rotated_at,
            first_used_at,
            old_ends_by: self.old_ends_by,
        }
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

fn microseconds(at: Timestamp) -> i64 {
    i64::try_from(at.assume_utc().unix_timestamp_nanos() / 1000).unwrap_or_default()
}
