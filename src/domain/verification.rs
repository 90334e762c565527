//! Verification: whether a presented key is accepted, answered from memory.
//!
//! A digest that was asked for before is found in a bounded cache, without the database. A change
//! of a key is told by [`Db`] after its commit and before its caller goes on, so it holds from the
//! first request after its answer. What is not there is read anew each time and not kept: keys
//! that somebody makes up cannot push out good ones.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use quick_cache::sync::Cache;

use super::{
    api_keys::{self, ApiKey, Status},
    organizations::Organization,
    secret::{self, SecretDigest, SecretKind},
};
use crate::{
    clock::Timestamp,
    db::{Change, Db, DbError},
};

/// What verification knows of a key.
#[derive(Debug)]
pub struct KnownKey {
    /// The key.
    pub key: ApiKey,
    /// The organization that it belongs to.
    pub organization: Organization,
}

/// The answer to "is this key accepted?".
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It is.
    Valid(Arc<KnownKey>),
    /// The text has not the form or the checksum of a key.
    Malformed,
    /// No such key.
    NotFound,
    /// Its end has passed.
    Expired(Arc<KnownKey>),
    /// It is switched off.
    Deactivated(Arc<KnownKey>),
}

/// Answers verifications; clones share the cache.
#[derive(Clone)]
pub struct Verifier {
    db: Db,
    cache: Arc<Cache<SecretDigest, Arc<KnownKey>>>,
    changes: Arc<AtomicU64>,
}

impl Verifier {
    /// A verifier that keeps `most_keys` in memory and hears of changes from `db`.
    pub fn new(db: &Db, most_keys: usize) -> Self {
        let verifier =
            Self { db: db.clone(), cache: Arc::new(Cache::new(most_keys)), changes: Arc::default() };
        let (cache, changes) = (verifier.cache.clone(), verifier.changes.clone());
        db.on_change(move |change| {
            // Before the removal: a look-up that read the old row either sees this and drops what
            // it put in, or put it in before the removal below.
            changes.fetch_add(1, Ordering::SeqCst);
            match change {
                Change::Secret(digest) => match SecretDigest::from_bytes(digest) {
                    Some(digest) => drop(cache.remove(&digest)),
                    None => cache.clear(),
                },
                Change::Everything => cache.clear(),
            }
        });
        verifier
    }

    /// Verifies `presented` at the instant `now`.
    ///
    /// # Errors
    /// [`DbError`] when the key is not in memory and the database fails.
    pub async fn verify(&self, presented: &str, now: Timestamp) -> Result<Verdict, DbError> {
        if !secret::is_well_formed(SecretKind::ApiKey, presented) {
            return Ok(Verdict::Malformed);
        }
        let digest = SecretDigest::of(presented);
        let known = match self.cache.get(&digest) {
            Some(known) => known,
            None => match self.load(digest).await? {
                Some(known) => known,
                None => return Ok(Verdict::NotFound),
            },
        };
        Ok(match known.key.status(now) {
            Status::Active => Verdict::Valid(known),
            Status::Expired => Verdict::Expired(known),
            Status::Deactivated => Verdict::Deactivated(known),
        })
    }

    async fn load(&self, digest: SecretDigest) -> Result<Option<Arc<KnownKey>>, DbError> {
        let changes_before = self.changes.load(Ordering::SeqCst);
        let found = self.db.read(move |connection| api_keys::by_digest(connection, digest)).await?;
        let Some((key, organization)) = found else { return Ok(None) };
        let known = Arc::new(KnownKey { key, organization });
        self.cache.insert(digest, known.clone());
        if self.changes.load(Ordering::SeqCst) != changes_before {
            self.cache.remove(&digest);
        }
        Ok(Some(known))
    }
}
