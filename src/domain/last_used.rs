//! When keys were last used: gathered in memory, written in batches, so that no verification
//! waits for a write.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use diesel::prelude::*;

use super::schema::api_keys;
use crate::{
    clock::Timestamp,
    db::{Db, DbError},
};

/// What was noted since the last [`LastUsed::flush`]; clones share it.
#[derive(Clone, Debug, Default)]
pub struct LastUsed {
    noted: Arc<Mutex<HashMap<String, Timestamp>>>,
}

impl LastUsed {
    /// Notes that the key was accepted at `now`.
    pub fn note(&self, key_id: &str, now: Timestamp) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.insert(key_id.to_owned(), now);
    }

    /// Writes what was noted. What cannot be written is noted again.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn flush(&self, db: &Db) -> Result<(), DbError> {
        let batch = mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner));
        if batch.is_empty() {
            return Ok(());
        }
        let rows = batch.clone();
        let written = db
            .write(move |tx| {
                for (key_id, at) in &rows {
                    diesel::update(api_keys::table.find(key_id))
                        .set(api_keys::last_used_at.eq(at))
                        .execute(tx.connection())?;
                }
                Ok::<_, DbError>(())
            })
            .await;
        if written.is_err() {
            let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            for (key_id, at) in batch {
                noted.entry(key_id).or_insert(at);
            }
        }
        written
    }
}
