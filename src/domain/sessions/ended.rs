//! Sessions that have ended although the database could not be told so yet.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    db::{Db, DbError},
    domain::secret::SecretDigest,
};

/// Logging out works on a full disk, too: the session opens nothing from then on, and its row goes as
/// soon as the disk allows (ASVS 7.4.1). There are never more of these than sessions in the database.
/// Clones share them.
#[derive(Clone, Debug, Default)]
pub struct EndedSessions(Arc<Mutex<HashSet<SecretDigest>>>);

impl EndedSessions {
    /// Ends the session with this digest for as long as the process runs.
    pub fn note(&self, digest: SecretDigest) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(digest);
    }

    /// Whether the session is one of these.
    pub fn contains(&self, digest: &SecretDigest) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(digest)
    }

    /// Writes what could not be written before. What cannot be written is kept.
    pub async fn flush(&self, db: &Db) -> Result<(), DbError> {
        let digests: Vec<SecretDigest> =
            self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        if digests.is_empty() {
            return Ok(());
        }
        let ended = digests.clone();
        db.write_beside(move |tx| ended.iter().try_for_each(|digest| super::delete(tx, *digest))).await?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|digest| !digests.contains(digest));
        Ok(())
    }
}
