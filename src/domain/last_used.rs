//! When keys and tokens were last used: gathered in memory, written in batches, so that no verification
//! waits for a write.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use diesel::prelude::*;

use super::schema::{api_keys, master_tokens};
use crate::{
    clock::Timestamp,
    db::{Db, DbError, Tx},
};

/// What was used.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Used {
    Key(String),
    Token(String),
}

/// What was noted since the last [`LastUsed::flush`]; clones share it.
#[derive(Clone, Debug, Default)]
pub struct LastUsed {
    noted: Arc<Mutex<HashMap<Used, Timestamp>>>,
}

impl LastUsed {
    /// Notes that the key was accepted at `now`.
    pub fn note(&self, key_id: &str, now: Timestamp) {
        self.note_use(Used::Key(key_id.to_owned()), now);
    }

    /// Notes that the master token was accepted at `now`.
    pub fn note_token(&self, token_id: &str, now: Timestamp) {
        self.note_use(Used::Token(token_id.to_owned()), now);
    }

    fn note_use(&self, used: Used, now: Timestamp) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).insert(used, now);
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
                for (used, at) in &rows {
                    write(tx, used, *at)?;
                }
                Ok::<_, DbError>(())
            })
            .await;
        if written.is_err() {
            let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            for (used, at) in batch {
                noted.entry(used).or_insert(at);
            }
        }
        written
    }
}

fn write(tx: &mut Tx<'_>, used: &Used, at: Timestamp) -> Result<(), DbError> {
    match used {
        Used::Key(id) => diesel::update(api_keys::table.find(id))
            .set(api_keys::last_used_at.eq(at))
            .execute(tx.connection())?,
        Used::Token(id) => diesel::update(master_tokens::table.find(id))
            .set(master_tokens::last_used_at.eq(at))
            .execute(tx.connection())?,
    };
    Ok(())
}
