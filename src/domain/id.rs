//! Row ids: UUID v7, so that they sort by age.

use std::sync::Mutex;

use uuid::{ContextV7, Timestamp as UuidTimestamp, Uuid};

use crate::clock::Timestamp;

/// Keeps ids of one millisecond in the order in which they were made.
static CONTEXT: Mutex<ContextV7> = Mutex::new(ContextV7::new());

/// A new id that sorts after those made before `now`.
pub fn new_id(now: Timestamp) -> String {
    let now = now.assume_utc();
    let seconds = u64::try_from(now.unix_timestamp()).unwrap_or_default();
    Uuid::new_v7(UuidTimestamp::from_unix(&CONTEXT, seconds, now.nanosecond())).to_string()
}
