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
    master_tokens::{self, MasterToken},
    organizations::Organization,
    secret::{self, SecretDigest, SecretKind},
    usage::Tally,
};
use crate::{
    clock::Timestamp,
    db::{Change, Connection, Db, DbError},
};

/// Few machines hold master tokens.
const MOST_TOKENS_IN_MEMORY: usize = 10_000;

/// What verification knows of a key.
#[derive(Debug)]
pub struct KnownKey {
    /// The key.
    pub key: ApiKey,
    /// The organization that it belongs to.
    pub organization: Organization,
    pub(super) tally: Tally,
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

impl Verdict {
    /// The key, when there is one.
    pub fn known(&self) -> Option<&Arc<KnownKey>> {
        match self {
            Self::Valid(known) | Self::Expired(known) | Self::Deactivated(known) => Some(known),
            Self::Malformed | Self::NotFound => None,
        }
    }
}

/// What verification knows of an active master token.
#[derive(Debug)]
pub struct KnownToken {
    /// The token.
    pub token: MasterToken,
    /// The organization that it belongs to.
    pub organization: Organization,
    pub(super) tally: Tally,
}

/// Answers verifications; clones share the caches.
#[derive(Clone)]
pub struct Verifier {
    db: Db,
    keys: Arc<Cache<SecretDigest, Arc<KnownKey>>>,
    tokens: Arc<Cache<SecretDigest, Arc<KnownToken>>>,
    changes: Arc<AtomicU64>,
}

impl Verifier {
    /// A verifier that keeps `most_keys` in memory and hears of changes from `db`.
    pub fn new(db: &Db, most_keys: usize) -> Self {
        let verifier = Self {
            db: db.clone(),
            keys: Arc::new(Cache::new(most_keys)),
            tokens: Arc::new(Cache::new(MOST_TOKENS_IN_MEMORY)),
            changes: Arc::default(),
        };
        let Self { keys, tokens, changes, .. } = verifier.clone();
        db.on_change(move |change| {
            // Before the removal: a look-up that read the old row either sees this and drops what
            // it put in, or put it in before the removal below.
            changes.fetch_add(1, Ordering::SeqCst);
            match change {
                Change::Secret(digest) => {
                    if let Some(digest) = SecretDigest::from_bytes(digest) {
                        keys.remove(&digest);
                        tokens.remove(&digest);
                    }
                }
                Change::Everything => {
                    keys.clear();
                    tokens.clear();
                }
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
        let known = match self.keys.get(&digest) {
            Some(known) => known,
            None => {
                let look_up = move |connection: &mut Connection| api_keys::by_digest(connection, digest);
                match self.load(&self.keys, digest, look_up).await? {
                    Some(known) => known,
                    None => return Ok(Verdict::NotFound),
                }
            }
        };
        Ok(match known.key.status(now) {
            Status::Active => Verdict::Valid(known),
            Status::Expired => Verdict::Expired(known),
            Status::Deactivated => Verdict::Deactivated(known),
        })
    }

    /// The active master token that `presented` is.
    ///
    /// # Errors
    /// [`DbError`] when the token is not in memory and the database fails.
    pub async fn authenticate(&self, presented: &str) -> Result<Option<Arc<KnownToken>>, DbError> {
        if !secret::is_well_formed(SecretKind::MasterToken, presented) {
            return Ok(None);
        }
        let digest = SecretDigest::of(presented);
        if let Some(known) = self.tokens.get(&digest) {
            return Ok(Some(known));
        }
        let look_up = move |connection: &mut Connection| master_tokens::by_digest(connection, digest);
        self.load(&self.tokens, digest, look_up).await
    }

    /// Reads what a digest opens and keeps it, unless a change came between.
    async fn load<T: Send + Sync + 'static>(
        &self,
        cache: &Cache<SecretDigest, Arc<T>>,
        digest: SecretDigest,
        look_up: impl FnOnce(&mut Connection) -> Result<Option<T>, DbError> + Send + 'static,
    ) -> Result<Option<Arc<T>>, DbError> {
        let changes_before = self.changes.load(Ordering::SeqCst);
        let Some(known) = self.db.read(look_up).await?.map(Arc::new) else { return Ok(None) };
        cache.insert(digest, known.clone());
        if self.changes.load(Ordering::SeqCst) != changes_before {
            cache.remove(&digest);
        }
        Ok(Some(known))
    }
}
