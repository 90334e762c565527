//! Row ids: UUID v7, so that they sort by age.

use std::sync::Mutex;

use uuid::{ContextV7, NoContext, Timestamp as UuidTimestamp, Uuid};

use crate::{clock::Timestamp, db};

const HYPHENATED_LENGTH: usize = uuid::fmt::Hyphenated::LENGTH;

/// Keeps ids of one millisecond in the order in which they were made.
static CONTEXT: Mutex<ContextV7> = Mutex::new(ContextV7::new());

/// The same, for transactions that take their millisecond from the database.
static CONTEXT_OF_TRANSACTIONS: Mutex<ContextV7> = Mutex::new(ContextV7::new());

/// A new id that sorts after those made before, even when the clock was set back meanwhile, and after those of every
/// other node that were committed before.
pub fn new_id(now: Timestamp) -> String {
    let at = match db::millisecond_of_ids() {
        Some(milliseconds) => UuidTimestamp::from_unix(
            &CONTEXT_OF_TRANSACTIONS,
            milliseconds / 1000,
            u32::try_from(milliseconds % 1000 * 1_000_000).unwrap_or_default(),
        ),
        None => {
            let (seconds, nanoseconds) = unix(now);
            UuidTimestamp::from_unix(&CONTEXT, seconds, nanoseconds)
        }
    };
    Uuid::new_v7(at).to_string()
}

/// A new id that tells exactly when it was made; those of one millisecond are in no order.
pub fn new_dated_id(now: Timestamp) -> String {
    let (seconds, nanoseconds) = unix(now);
    Uuid::new_v7(UuidTimestamp::from_unix(NoContext, seconds, nanoseconds)).to_string()
}

/// An id that somebody presents as it is stored: its letters may come in capitals (RFC 9562, 4). What
/// has not the form of an id stays as it is.
pub fn as_stored(text: &str) -> String {
    // The id of a delivery has a word before it. The other forms that the crate reads are none of ours.
    let (word, id) = text.split_at(text.rfind('_').map_or(0, |at| at + 1));
    let is_id = id.len() == HYPHENATED_LENGTH && Uuid::try_parse(id).is_ok();
    if is_id { format!("{word}{}", id.to_ascii_lowercase()) } else { text.to_owned() }
}

fn unix(now: Timestamp) -> (u64, u32) {
    let now = now.assume_utc();
    (u64::try_from(now.unix_timestamp()).unwrap_or_default(), now.nanosecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_known_in_capitals_and_nothing_else_is_changed() {
        let id = "0198a8f3-7b1c-7d2e-9f40-5a6b7c8d9e0f";
        assert_eq!(as_stored(&id.to_uppercase()), id);
        assert_eq!(as_stored(&format!("msg_{}", id.to_uppercase())), format!("msg_{id}"));
        assert_eq!(as_stored("0198A8f3-7b1c-7D2e-9f40-5A6b7c8d9e0F"), id);
        for other in ["", "Ab", "0198A8F37B1C7D2E9F405A6B7C8D9E0F", "tess_AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEf"] {
            assert_eq!(as_stored(other), other);
        }
    }
}
