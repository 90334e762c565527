//! Row ids: UUID v7, so that they sort by age.

use std::sync::Mutex;

use uuid::{ContextV7, NoContext, Timestamp as UuidTimestamp, Uuid};

use crate::clock::Timestamp;

/// Keeps ids of one millisecond in the order in which they were made.
static CONTEXT: Mutex<ContextV7> = Mutex::new(ContextV7::new());

/// A new id that sorts after those made before, even when the clock was set back meanwhile.
pub fn new_id(now: Timestamp) -> String {
    let (seconds, nanoseconds) = unix(now);
    Uuid::new_v7(UuidTimestamp::from_unix(&CONTEXT, seconds, nanoseconds)).to_string()
}

/// A new id that tells exactly when it was made; those of one millisecond are in no order.
pub fn new_dated_id(now: Timestamp) -> String {
    let (seconds, nanoseconds) = unix(now);
    Uuid::new_v7(UuidTimestamp::from_unix(NoContext, seconds, nanoseconds)).to_string()
}

fn unix(now: Timestamp) -> (u64, u32) {
    let now = now.assume_utc();
    (u64::try_from(now.unix_timestamp()).unwrap_or_default(), now.nanosecond())
}
