//! What is kept in memory of one kind, and read once however many ask for it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use quick_cache::sync::Cache;
use tokio::sync::watch::{self, Receiver};

use super::known::Known;
use crate::{clock::Timestamp, db::DbError, domain::secret::SecretDigest};

/// What the secrets of one kind open, by their digests. What is not there is kept for nobody: keys that
/// somebody makes up cannot push out good ones.
pub(super) struct Kept<T> {
    cache: Cache<SecretDigest, Arc<T>>,
    readings: Mutex<Readings<T>>,
}

struct Readings<T> {
    /// Goes up with every change.
    changes: u64,
    /// Each with what it finds, once it has.
    under_way: HashMap<SecretDigest, Receiver<Option<Found<T>>>>,
}

type Found<T> = Option<Arc<T>>;

impl<T: Known> Kept<T> {
    /// Keeps `most` of them.
    pub(super) fn new(most: usize) -> Self {
        let readings = Readings { changes: 0, under_way: HashMap::new() };
        Self { cache: Cache::new(most), readings: Mutex::new(readings) }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.cache.len()
    }

    /// What a digest opens, if that is in memory.
    pub(super) fn get(&self, digest: &SecretDigest, now: Timestamp) -> Found<T> {
        self.cache.get(digest).filter(|known| known.is_current(now))
    }

    /// Something has changed, such as what `digest` opens: whoever asks from now on gets nothing that was
    /// read before.
    pub(super) fn changed(&self, digest: Option<&SecretDigest>) {
        let mut readings = self.readings();
        readings.changes += 1;
        readings.under_way.clear();
        if let Some(digest) = digest {
            self.cache.remove(digest);
        }
    }

    /// Anything may have changed.
    pub(super) fn forget_all(&self) {
        self.changed(None);
        self.cache.clear();
    }

    /// What a digest opens, by `read` or, where `is_shared`, by a reading of the same that is under way. Whoever
    /// hears of no changes shares none: one that another began earlier may be of before a change.
    ///
    /// # Errors
    /// Those of `read`. Where the reading of another one fails, each reads for itself.
    pub(super) async fn read(
        &self,
        digest: SecretDigest,
        is_shared: bool,
        read: impl Future<Output = Result<Option<T>, DbError>>,
    ) -> Result<Found<T>, DbError> {
        if !is_shared {
            return Ok(read.await?.map(Arc::new));
        }
        let reading = match self.begin(digest) {
            Ok(reading) => reading,
            Err(mut other) => {
                let told = other.wait_for(Option::is_some).await.ok().and_then(|found| found.clone());
                return match told {
                    Some(found) => Ok(found),
                    None => Ok(read.await?.map(Arc::new)),
                };
            }
        };
        let found = read.await?.map(Arc::new);
        reading.finish(found.as_ref());
        Ok(found)
    }

    /// A reading, or the one that is under way.
    fn begin(&self, digest: SecretDigest) -> Result<Reading<'_, T>, Receiver<Option<Found<T>>>> {
        let mut readings = self.readings();
        if let Some(other) = readings.under_way.get(&digest) {
            return Err(other.clone());
        }
        let (result, waiting) = watch::channel(None);
        readings.under_way.insert(digest, waiting.clone());
        Ok(Reading { kept: self, digest, changes_before: readings.changes, result, waiting })
    }

    fn readings(&self) -> MutexGuard<'_, Readings<T>> {
        self.readings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reading under way. When it goes without a result, those who wait for it learn that.
struct Reading<'a, T: Known> {
    kept: &'a Kept<T>,
    digest: SecretDigest,
    changes_before: u64,
    result: watch::Sender<Option<Found<T>>>,
    waiting: Receiver<Option<Found<T>>>,
}

impl<T: Known> Reading<'_, T> {
    /// Keeps what was found, unless something changed meanwhile, and tells those who wait.
    fn finish(self, found: Option<&Arc<T>>) {
        {
            let readings = self.kept.readings();
            if let Some(known) = found.filter(|_| readings.changes == self.changes_before) {
                self.kept.cache.insert(self.digest, known.clone());
            }
        }
        self.result.send_replace(Some(found.cloned()));
    }
}

impl<T: Known> Drop for Reading<'_, T> {
    fn drop(&mut self) {
        let mut readings = self.kept.readings();
        if readings.under_way.get(&self.digest).is_some_and(|other| other.same_channel(&self.waiting)) {
            readings.under_way.remove(&self.digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use time::macros::datetime;
    use tokio::{sync::oneshot, task::JoinSet};

    use super::*;

    const NOW: Timestamp = datetime!(2026-11-27 10:00);

    /// What is read, with the number of the reading.
    #[derive(Debug)]
    struct Read(usize);

    impl Known for Read {
        fn is_current(&self, _: Timestamp) -> bool {
            true
        }
    }

    struct Ground {
        kept: Arc<Kept<Read>>,
        readings: Arc<AtomicUsize>,
        digest: SecretDigest,
    }

    /// How a reading ends.
    #[derive(Clone, Copy)]
    enum End {
        Found,
        Nothing,
        Failure,
    }

    impl Ground {
        fn new() -> Self {
            let kept = Arc::new(Kept::new(100));
            Self { kept, readings: Arc::default(), digest: SecretDigest::of("tess_x") }
        }

        /// Asks; a reading begins when `gate` opens. The outcome is the number of the reading, or why there is
        /// none.
        fn ask(
            &self,
            end: End,
            gate: Option<oneshot::Receiver<()>>,
        ) -> impl Future<Output = Result<Option<usize>, String>> + Send + 'static {
            let (kept, readings, digest) = (self.kept.clone(), self.readings.clone(), self.digest);
            let read = async move {
                let reading = readings.fetch_add(1, Ordering::SeqCst) + 1;
                if let Some(gate) = gate {
                    gate.await.unwrap();
                }
                match end {
                    End::Found => Ok(Some(Read(reading))),
                    End::Nothing => Ok(None),
                    End::Failure => Err(DbError::Busy("too many wait for it".into())),
                }
            };
            async move {
                let found = kept.read(digest, true, read).await.map_err(|error| error.to_string())?;
                Ok(found.map(|read| read.0))
            }
        }

        /// Fifty who ask while a reading with this end is under way.
        async fn crowd(
            &self,
            end: End,
        ) -> (Result<Option<usize>, String>, Vec<Result<Option<usize>, String>>) {
            let (open, gate) = oneshot::channel();
            let first = tokio::spawn(self.ask(end, Some(gate)));
            tokio::task::yield_now().await;
            assert_eq!(self.readings.load(Ordering::SeqCst), 1);
            let mut others = JoinSet::new();
            for _ in 0..50 {
                others.spawn(self.ask(end, None));
            }
            tokio::task::yield_now().await;
            open.send(()).unwrap();
            (first.await.unwrap(), others.join_all().await)
        }
    }

    #[tokio::test]
    async fn however_many_ask_at_once_one_reads() {
        let ground = Ground::new();
        assert_eq!(ground.crowd(End::Found).await, (Ok(Some(1)), vec![Ok(Some(1)); 50]));
        assert_eq!(ground.kept.get(&ground.digest, NOW).map(|read| read.0), Some(1));
    }

    #[tokio::test]
    async fn nothing_found_is_told_to_all_and_kept_for_nobody() {
        let ground = Ground::new();
        assert_eq!(ground.crowd(End::Nothing).await, (Ok(None), vec![Ok(None); 50]));
        assert_eq!((ground.readings.load(Ordering::SeqCst), ground.kept.len()), (1, 0));
        assert_eq!(ground.ask(End::Found, None).await, Ok(Some(2)), "it is there now");
    }

    #[tokio::test]
    async fn where_one_fails_each_reads_for_itself() {
        let ground = Ground::new();
        let (first, others) = ground.crowd(End::Failure).await;
        assert!(first.is_err() && others.iter().all(Result::is_err));
        assert_eq!(ground.readings.load(Ordering::SeqCst), 51);
        assert!(ground.kept.readings().under_way.is_empty());
    }

    #[tokio::test]
    async fn whoever_goes_away_holds_up_nobody() {
        let ground = Ground::new();
        let (_open, gate) = oneshot::channel();
        let first = tokio::spawn(ground.ask(End::Found, Some(gate)));
        tokio::task::yield_now().await;
        let second = tokio::spawn(ground.ask(End::Found, None));
        tokio::task::yield_now().await;
        first.abort();
        assert_eq!(second.await.unwrap(), Ok(Some(2)));
        assert!(ground.kept.readings().under_way.is_empty());
    }

    #[tokio::test]
    async fn who_asks_after_a_change_waits_for_no_reading_of_before() {
        for changes_it in [true, false] {
            let ground = Ground::new();
            let (open, gate) = oneshot::channel();
            let before = tokio::spawn(ground.ask(End::Found, Some(gate)));
            tokio::task::yield_now().await;
            ground.kept.changed(changes_it.then_some(&ground.digest));
            assert_eq!(ground.ask(End::Found, None).await, Ok(Some(2)));
            open.send(()).unwrap();
            assert_eq!(before.await.unwrap(), Ok(Some(1)));
            assert_eq!(
                ground.kept.get(&ground.digest, NOW).map(|read| read.0),
                Some(2),
                "the newer one is kept"
            );
        }
    }
}
