//! Keys of other systems, which look like nothing of ours.
//!
//! While there are none, a text that has not our form is refused by that alone, as it was before. With them it is
//! looked for by its digest, as any key; and while some were not used yet, by what their own systems kept. Whoever
//! is the first to present such a key has it written down by its digest, and from then on it costs what any key does.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::{Mutex as Turn, Semaphore},
    time::timeout,
};

use super::{KnownKey, Verifier};
use crate::{
    clock::Timestamp,
    db::DbError,
    domain::{
        api_keys::{self, Presence, Waiting},
        passwords,
        secret::SecretDigest,
    },
    import::{Check, MAX_LENGTH, Scheme},
    machine,
};

/// How old it may be what is known of whether there are such keys. An import is another process, which tells a server
/// on a SQLite file nothing.
const FRESH: Duration = Duration::from_secs(1);

/// How long somebody waits whose key was hashed slowly, while others are compared.
const HASH_TIMEOUT: Duration = Duration::from_secs(5);

/// Slow hashes at one time. Each is computed once for a key, but whoever knows the beginning of one that nobody has used
/// yet can have it computed again and again; keys are verified beside that.
const HASHES_AT_ONCE: usize = 1;

/// Why a key is not verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The key is not in memory, and the database fails.
    #[error(transparent)]
    Db(#[from] DbError),
    /// Others wait for slow hashes of other systems, too.
    #[error("too many keys with slow hashes are being compared")]
    Busy,
}

impl VerifyError {
    /// Whether it passes by itself.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Db(error) => error.is_temporary(),
            Self::Busy => true,
        }
    }
}

/// What is known of imported keys.
pub(super) struct ImportedKeys {
    any: AtomicBool,
    waiting: AtomicBool,
    read_at: Mutex<Option<Instant>>,
    turn: Turn<()>,
    hashes: Arc<Semaphore>,
}

impl Default for ImportedKeys {
    fn default() -> Self {
        Self {
            any: AtomicBool::new(false),
            waiting: AtomicBool::new(false),
            read_at: Mutex::new(None),
            turn: Turn::new(()),
            hashes: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
        }
    }
}

impl ImportedKeys {
    fn known(&self) -> Presence {
        Presence { any: self.any.load(Ordering::Acquire), waiting: self.waiting.load(Ordering::Acquire) }
    }

    fn is_fresh(&self) -> bool {
        let read_at = self.read_at.lock().unwrap_or_else(PoisonError::into_inner);
        read_at.is_some_and(|at| at.elapsed() < FRESH)
    }

    fn note(&self, presence: Presence) {
        self.any.store(presence.any, Ordering::Release);
        self.waiting.store(presence.waiting, Ordering::Release);
        *self.read_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// The one of `candidates` that `presented` is.
    async fn opened(
        &self,
        candidates: Vec<Waiting>,
        presented: &str,
    ) -> Result<Option<Waiting>, VerifyError> {
        for candidate in candidates {
            let is_it = match candidate.scheme.check(candidate.verifier.as_deref(), presented) {
                Check::Opens => true,
                Check::Differs => false,
                Check::Hash(stored) => self.fits_hash(presented.to_owned(), stored.to_owned()).await?,
            };
            if is_it {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    async fn fits_hash(&self, presented: String, stored: String) -> Result<bool, VerifyError> {
        let permit = timeout(HASH_TIMEOUT, self.hashes.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = permit else { return Err(VerifyError::Busy) };
        let compare = move || {
            // Held by the work itself, which goes on when whoever waits for it is gone.
            let _permit = permit;
            machine::let_others_go_first();
            passwords::fits_hash_of_django(&presented, &stored)
        };
        let compared = tokio::task::spawn_blocking(compare).await.map_err(DbError::from)?;
        compared.map_err(|_| VerifyError::Busy)
    }
}

impl Verifier {
    /// Whether there are keys of other systems, so that clients may present them as they did there.
    pub async fn has_imported_keys(&self) -> bool {
        self.imported_keys().await.any
    }

    /// Whether a text without our form may be a key of another system that is here. One that nobody had used yet is
    /// known by its digest from now on.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub async fn may_be_imported(&self, text: &str, now: Timestamp) -> Result<bool, VerifyError> {
        Ok(self.imported_key(text, now).await?.is_some())
    }

    async fn imported_keys(&self) -> Presence {
        let known = &self.imported;
        if !known.is_fresh() {
            let _turn = known.turn.lock().await;
            if !known.is_fresh() {
                match self.db.read_for_verification(api_keys::presence).await {
                    Ok(presence) => known.note(presence),
                    Err(error) => {
                        // What was known goes on; a database in trouble is not asked by everybody.
                        tracing::error!(%error, "could not read whether there are imported keys");
                        known.note(known.known());
                    }
                }
            }
        }
        known.known()
    }

    /// The key that a text without our form is; the outer `None` where there are no such keys.
    pub(super) async fn imported_key(
        &self,
        presented: &str,
        now: Timestamp,
    ) -> Result<Option<Option<Arc<KnownKey>>>, VerifyError> {
        let may_be_one =
            presented.len() <= MAX_LENGTH && presented.bytes().all(|byte| byte.is_ascii_graphic());
        // What was known last will do for a key that is in memory.
        if !may_be_one || !(self.imported.known().any || self.imported_keys().await.any) {
            return Ok(None);
        }
        let digest = SecretDigest::of(presented);
        if let Some(key) = self.key_in_memory(digest, now) {
            return Ok(Some(Some(key)));
        }
        // Before it is looked for by its digest: whoever else presents it may give it that at any time.
        let waiting = match self.imported_keys().await.waiting {
            true => self.waiting_key(presented).await?,
            false => None,
        };
        let Some(waiting) = waiting else { return Ok(Some(self.key_with(digest, now).await?)) };
        let stand_in = waiting.stand_in;
        let settle = self.db.write(move |tx| api_keys::settle(tx, &waiting, digest));
        let is_settled =
            self.db.beside("the first use of an imported key could not be written", settle).await;
        // As long as it is not, the key is found as it was.
        let known = if is_settled { None } else { self.key_with(stand_in, now).await? };
        match known {
            Some(key) => Ok(Some(Some(key))),
            None => Ok(Some(self.key_with(digest, now).await?)),
        }
    }

    /// The key that `presented` is, of those whose own digest is not known yet.
    async fn waiting_key(&self, presented: &str) -> Result<Option<Waiting>, VerifyError> {
        let readings = Scheme::readings(presented);
        let candidates =
            self.db.read_for_verification(move |connection| api_keys::waiting(connection, &readings)).await?;
        self.imported.opened(candidates, presented).await
    }
}
