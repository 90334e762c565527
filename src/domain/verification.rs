//! Verification: whether a presented key is accepted, answered from memory.
//!
//! A digest that was asked for before is found in a bounded cache, without the database. A change
//! of a key is told by [`Db`] after its commit and before its caller goes on, so it holds from the
//! first request after its answer. What is not there is read anew each time and not kept: keys
//! that somebody makes up cannot push out good ones.

mod clients;
mod dry_run;
mod known;
mod known_organization;
mod meters;
mod span;
mod tally;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use quick_cache::sync::Cache;

pub use crate::vocabulary::{Outcome, Span};
pub(super) use clients::Clients;
pub use clients::{Client, MAX_CLIENTS};
pub use dry_run::{DryRun, Tried};
pub use known::{KeyRequest, KnownKey, KnownToken, Limits, PARTS_OF_A_QUOTA};
pub use meters::QuotaLeft;
pub(super) use meters::used_this_month;
pub(super) use tally::{Pending, Sum, Tally};

use known::{Known, Rules};
pub use known_organization::KnownOrganization;
use known_organization::OrganizationRegistry;
use meters::{MeterRegistry, RotationRegistry};

use super::{
    api_keys::{self, StoredKey},
    master_tokens,
    rotation::Side,
    secret::{self, SecretDigest, SecretKind},
};
use crate::{
    clock::Timestamp,
    db::{Change, Connection, Db, DbError},
    folding::fold,
    vocabulary::KeyStatus,
};

/// Few machines hold master tokens.
const MAX_TOKENS_IN_MEMORY: usize = 10_000;

/// The answer to "is this key accepted?".
#[derive(Clone, Debug)]
pub enum Decision {
    /// The text has not the form or the checksum of a key.
    Malformed,
    /// No such key.
    NotFound,
    /// A key of another organization than the one demanded. Nothing of it was used.
    Foreign,
    /// A key that is known, with what came of the request.
    Known {
        /// The key.
        key: Arc<KnownKey>,
        /// Whether it is accepted, or why not.
        outcome: Outcome,
        /// What its limits leave.
        limits: Limits,
    },
}

/// Answers verifications; clones share the caches.
#[derive(Clone)]
pub struct Verifier {
    db: Db,
    keys: Arc<Cache<SecretDigest, Arc<KnownKey>>>,
    tokens: Arc<Cache<SecretDigest, Arc<KnownToken>>>,
    changes: Arc<AtomicU64>,
    meters: Arc<MeterRegistry>,
    rotations: Arc<RotationRegistry>,
    organizations: Arc<OrganizationRegistry>,
}

impl Verifier {
    /// A verifier that keeps `most_keys` in memory and hears of changes from `db`.
    pub fn new(db: &Db, most_keys: usize) -> Self {
        let verifier = Self {
            db: db.clone(),
            keys: Arc::new(Cache::new(most_keys)),
            tokens: Arc::new(Cache::new(MAX_TOKENS_IN_MEMORY)),
            changes: Arc::default(),
            meters: Arc::default(),
            rotations: Arc::default(),
            organizations: Arc::default(),
        };
        let Self { keys, tokens, changes, organizations, .. } = verifier.clone();
        db.on_change(move |change| {
            // Before the removal: a look-up that read the old row either sees this and keeps nothing, or has
            // put it in, or holds the place for it, before the removal below.
            changes.fetch_add(1, Ordering::SeqCst);
            match change {
                Change::Secret(digest) => {
                    if let Some(digest) = SecretDigest::from_bytes(digest) {
                        keys.remove(&digest);
                        tokens.remove(&digest);
                    }
                }
                Change::Organization(id) => organizations.invalidate(id),
                Change::MailQueued | Change::WebhookQueued => {}
            }
        });
        verifier
    }

    /// How many keys are in memory.
    pub fn keys_in_memory(&self) -> usize {
        self.keys.len()
    }

    /// Verifies `presented` at the instant `now`.
    ///
    /// # Errors
    /// [`DbError`] when the key is not in memory and the database fails.
    pub async fn verify(
        &self,
        presented: &str,
        wanted: &KeyRequest<'_>,
        now: Timestamp,
    ) -> Result<Decision, DbError> {
        if !secret::is_well_formed(SecretKind::ApiKey, presented) {
            return Ok(Decision::Malformed);
        }
        let Some(key) = self.key_with(SecretDigest::of(presented), now).await? else {
            return Ok(Decision::NotFound);
        };
        if let Some(decision) = reject_early(&key, wanted, now) {
            return Ok(decision);
        }
        let (outcome, limits) = key.evaluate(wanted, now);
        if outcome == Outcome::Valid {
            self.note_use(&key, now).await;
        }
        Ok(Decision::Known { key, outcome, limits })
    }

    /// Notes that a new secret was accepted. Where its first use ends the previous secret, that use is
    /// written before it is answered: otherwise the end of the process would open to the previous
    /// secret what was closed to it. While it cannot be written the previous secret goes on.
    async fn note_use(&self, key: &KnownKey, now: Timestamp) {
        let Some((Side::Current, live)) = key.rotation.as_deref() else { return };
        if !live.waits_for_first_use() {
            return live.note_use(now);
        }
        let (db, live) = (self.db.clone(), live.clone());
        let written = async {
            let _first = live.first_use().await;
            if !live.waits_for_first_use() {
                return Ok(());
            }
            let (db, live) = (db.clone(), live.clone());
            // Goes on by itself: whoever asked may not wait so long.
            tokio::spawn(async move {
                let previous = live.get().previous_digest;
                db.write(move |tx| api_keys::write_first_use(tx, previous, now)).await?;
                live.note_use(now);
                Ok(())
            })
            .await?
        };
        db.beside("the first use of a new secret could not be written", written).await;
    }

    /// The key that a secret opens, from memory or else from the database.
    async fn key_with(&self, digest: SecretDigest, now: Timestamp) -> Result<Option<Arc<KnownKey>>, DbError> {
        if let Some(known) = self.keys.get(&digest).filter(|known| known.is_current()) {
            return Ok(Some(known));
        }
        let verifier = self.clone();
        let look_up = move |connection: &mut Connection| {
            let found = api_keys::by_digest(connection, digest)?;
            found.map(|stored| verifier.known_key(connection, stored, now)).transpose()
        };
        self.load(&self.keys, digest, look_up).await
    }

    fn known_key(
        &self,
        connection: &mut Connection,
        stored: StoredKey,
        now: Timestamp,
    ) -> Result<KnownKey, DbError> {
        let id = stored.id.parse().map_err(DbError::unreadable)?;
        let used = match stored.settings.monthly_quota {
            Some(_) => used_this_month(connection, &stored.id, now)?,
            None => 0,
        };
        let meters = self.meters.of(&stored.id, &stored.settings, used, now);
        let rotation =
            stored.rotation.map(|(side, rotation)| Box::new((side, self.rotations.of(&stored.id, rotation))));
        Ok(KnownKey {
            rotation,
            id,
            name: stored.name.into(),
            organization: self.organizations.of(stored.organization),
            expires_at: stored.expires_at,
            is_deactivated: stored.deactivated_at.is_some(),
            rules: Rules::of(stored.settings, meters),
            tally: Tally::default(),
        })
    }

    /// The master token that `presented` is, if it is accepted at the instant `now`. The copy in
    /// memory outlives the token's end, so the end is looked at each time.
    ///
    /// # Errors
    /// [`DbError`] when the token is not in memory and the database fails.
    pub async fn authenticate(
        &self,
        presented: &str,
        now: Timestamp,
    ) -> Result<Option<Arc<KnownToken>>, DbError> {
        if !secret::is_well_formed(SecretKind::MasterToken, presented) {
            return Ok(None);
        }
        self.token(SecretDigest::of(presented), now).await
    }

    /// The active master token with this digest.
    ///
    /// # Errors
    /// As [`authenticate`](Self::authenticate).
    pub async fn token(
        &self,
        digest: SecretDigest,
        now: Timestamp,
    ) -> Result<Option<Arc<KnownToken>>, DbError> {
        let known = match self.tokens.get(&digest).filter(|known| known.is_current()) {
            Some(known) => Some(known),
            None => {
                let organizations = self.organizations.clone();
                let look_up = move |connection: &mut Connection| {
                    let found = master_tokens::by_digest(connection, digest)?;
                    Ok(found
                        .map(|(token, organization)| KnownToken::new(token, organizations.of(organization))))
                };
                self.load(&self.tokens, digest, look_up).await?
            }
        };
        Ok(known.filter(|known| known.token.status(now) == KeyStatus::Active))
    }

    /// Reads what a digest opens and keeps it, unless a change came between. However many ask for it at
    /// once, one reads, and the others get what it read; where it found nothing each reads in turn.
    async fn load<T: Known>(
        &self,
        cache: &Cache<SecretDigest, Arc<T>>,
        digest: SecretDigest,
        look_up: impl FnOnce(&mut Connection) -> Result<Option<T>, DbError> + Send + 'static,
    ) -> Result<Option<Arc<T>>, DbError> {
        let place = loop {
            match cache.get_value_or_guard_async(&digest).await {
                Ok(known) if known.is_current() => return Ok(Some(known)),
                Ok(stale) => drop(cache.remove_if(&digest, |kept| Arc::ptr_eq(kept, &stale))),
                Err(place) => break place,
            }
        };
        let changes_before = self.changes.load(Ordering::SeqCst);
        let Some(known) = self.db.read_for_verification(look_up).await?.map(Arc::new) else {
            return Ok(None);
        };
        // Others may have begun to wait after a change that this did not see yet. A change from here on either
        // takes the place away, so that nothing is put there, or marks the organization as changed.
        if self.changes.load(Ordering::SeqCst) == changes_before {
            let _ = place.insert(known.clone());
        }
        Ok(Some(known))
    }
}

/// The decision on a key that is none for this wanted; `None` for one that has to be evaluated.
fn reject_early(key: &KnownKey, wanted: &KeyRequest<'_>, now: Timestamp) -> Option<Decision> {
    if key.is_over(now) {
        return Some(Decision::NotFound);
    }
    if wanted.organization.is_some_and(|wanted| wanted != key.organization.id) {
        return Some(Decision::Foreign);
    }
    // Folding takes its time, and few write the name otherwise than it is.
    let is_name = |wanted: &str| wanted == &*key.name || fold(wanted) == fold(&key.name);
    wanted.name.is_some_and(|wanted| !is_name(wanted)).then_some(Decision::NotFound)
}

#[cfg(test)]
mod tests {
    use std::sync::{atomic::AtomicUsize, mpsc};

    use quick_cache::sync::GuardResult;
    use tokio::task::JoinSet;

    use super::*;

    /// What is read, with the number of the reading.
    #[derive(Debug)]
    struct Read(usize);

    impl Known for Read {
        fn is_current(&self) -> bool {
            true
        }
    }

    struct Ground {
        _folder: tempfile::TempDir,
        db: Db,
        verifier: Verifier,
        cache: Arc<Cache<SecretDigest, Arc<Read>>>,
        readings: Arc<AtomicUsize>,
    }

    impl Ground {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let db = Db::open(&folder.path().join("tessera.db")).unwrap();
            let verifier = Verifier::new(&db, 100);
            let cache = Arc::new(Cache::new(100));
            let readings = Arc::default();
            Self { _folder: folder, db, verifier, cache, readings }
        }

        /// Asks for what `digest` opens; a reading of it begins with `pause` and finds something if `found`.
        fn ask(
            &self,
            digest: SecretDigest,
            found: bool,
            pause: impl FnOnce() + Send + 'static,
        ) -> impl Future<Output = Option<usize>> + Send + 'static {
            let (verifier, cache, readings) =
                (self.verifier.clone(), self.cache.clone(), self.readings.clone());
            let look_up = move |_: &mut Connection| {
                let reading = readings.fetch_add(1, Ordering::SeqCst) + 1;
                pause();
                Ok(found.then_some(Read(reading)))
            };
            async move { verifier.load(&cache, digest, look_up).await.unwrap().map(|read| read.0) }
        }
    }

    #[tokio::test]
    async fn however_many_ask_at_once_one_reads() {
        let ground = Ground::new();
        let digest = SecretDigest::of("tess_x");
        let (open, gate) = mpsc::channel::<()>();
        let first = tokio::spawn(ground.ask(digest, true, move || gate.recv().unwrap()));
        while ground.readings.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let mut others = JoinSet::new();
        for _ in 0..50 {
            others.spawn(ground.ask(digest, true, || {}));
        }
        tokio::task::yield_now().await;
        open.send(()).unwrap();
        assert_eq!(first.await.unwrap(), Some(1));
        assert_eq!(others.join_all().await, [Some(1); 50]);
    }

    #[tokio::test]
    async fn nothing_found_is_kept_for_nobody() {
        let ground = Ground::new();
        let digest = SecretDigest::of("tess_x");
        let mut all = JoinSet::new();
        for _ in 0..5 {
            all.spawn(ground.ask(digest, false, || {}));
        }
        assert_eq!(all.join_all().await, [None; 5]);
        assert_eq!(ground.readings.load(Ordering::SeqCst), 5);
        assert_eq!(ground.cache.len(), 0);
    }

    /// Of a change of the secret itself, and of one of anything else: who asks after it gets nothing that
    /// was read before.
    #[tokio::test]
    async fn who_asks_after_a_change_waits_for_no_reading_of_before() {
        let digest = SecretDigest::of("tess_x");
        for change in [Change::Secret(digest.as_bytes().to_vec()), Change::Organization("lumen".into())] {
            let ground = Ground::new();
            let (open, gate) = mpsc::channel::<()>();
            let before = tokio::spawn(ground.ask(digest, true, move || gate.recv().unwrap()));
            while ground.readings.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
            ground
                .db
                .write(move |tx| {
                    tx.changed(change);
                    Ok::<_, DbError>(())
                })
                .await
                .unwrap();
            let after = tokio::spawn(ground.ask(digest, true, || {}));
            tokio::task::yield_now().await;
            open.send(()).unwrap();
            assert_eq!(before.await.unwrap(), Some(1));
            assert_eq!(after.await.unwrap(), Some(2));
            assert_eq!(ground.ask(digest, true, || {}).await, Some(2), "it is kept");
        }
    }

    /// [`Verifier::load`] relies on it.
    #[test]
    fn a_place_that_was_taken_away_takes_nothing() {
        let cache: Cache<u8, u8> = Cache::new(10);
        let GuardResult::Guard(place) = cache.get_value_or_guard(&1, None) else {
            panic!("nothing is there")
        };
        cache.remove(&1);
        assert!(place.insert(7).is_err());
        assert_eq!(cache.get(&1), None);
    }
}
