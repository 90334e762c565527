//! Connections of one purpose, and the line of those who wait for one. Whoever waits holds no
//! thread: of those there is a bounded number, and other work needs them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use diesel::r2d2::{Pool, PooledConnection};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{
    Connection, DbError,
    engine::{self, Purpose},
    opener::Opener,
};
use crate::metrics::Histogram;

/// How long work waits for its turn. With the time that a statement waits for a lock it bounds how long a request waits while
/// another program holds the lock.
const LINE_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections of one purpose; clones share them.
#[derive(Clone)]
pub(super) struct Lane {
    connections: Pool<Opener>,
    line: Arc<Semaphore>,
    purpose: Purpose,
    waits: Arc<Waits>,
}

/// How long those waited who use a lane.
#[derive(Debug, Default)]
pub(super) struct Waits {
    /// For their turn.
    pub(super) turns: Histogram,
    /// For the lock of a transaction that writes.
    pub(super) locks: Histogram,
}

/// The right to use one connection.
pub(super) struct Turn {
    _permit: OwnedSemaphorePermit,
}

impl Lane {
    /// Opens `size` connections.
    pub(super) fn open(opener: Opener, size: u32, purpose: Purpose) -> Result<Self, DbError> {
        let connections = Pool::builder()
            .max_size(size)
            .connection_timeout(LINE_TIMEOUT)
            // A file does not go away as a server may; of a server a transaction finds out as it begins.
            .test_on_check_out(false)
            // Nor does a connection get old, and a new one could open another file under the name.
            .max_lifetime(None)
            .idle_timeout(None)
            .build(opener)?;
        let line = Arc::new(Semaphore::new(usize::try_from(size).unwrap_or(1)));
        Ok(Self { connections, line, purpose, waits: Arc::default() })
    }

    /// How long those waited who used it.
    pub(super) fn waits(&self) -> &Waits {
        &self.waits
    }

    /// Waits for a turn, for a bounded time.
    pub(super) async fn turn(&self) -> Result<Turn, DbError> {
        let began = Instant::now();
        let waited = timeout(LINE_TIMEOUT, self.line.clone().acquire_owned()).await;
        self.waits.turns.observe(began.elapsed());
        match waited {
            Ok(Ok(permit)) => Ok(Turn { _permit: permit }),
            Ok(Err(_)) | Err(_) => Err(DbError::Busy("too many wait for it".to_owned())),
        }
    }

    /// Does `work` in one transaction, at once for whoever has the [`Turn`].
    pub(super) fn transaction<T, E: From<diesel::result::Error> + From<DbError>>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.begin()?;
        let done = work(&mut connection);
        engine::end(&mut connection, done)
    }

    /// A connection in a transaction. Those that a server closed while nobody used them are passed over.
    fn begin(&self) -> Result<PooledConnection<Opener>, DbError> {
        for _ in 0..self.connections.max_size() {
            let mut connection = self.connections.get()?;
            match self.begin_on(&mut connection) {
                Err(error) if engine::is_lost(&error) => {}
                begun => return Ok(begun.map(|()| connection)?),
            }
        }
        let mut connection = self.connections.get()?;
        self.begin_on(&mut connection)?;
        Ok(connection)
    }

    fn begin_on(&self, connection: &mut Connection) -> Result<(), diesel::result::Error> {
        if self.purpose != Purpose::Write {
            return engine::begin(connection, self.purpose);
        }
        let began = Instant::now();
        let begun = engine::begin(connection, self.purpose);
        self.waits.locks.observe(began.elapsed());
        begun
    }
}
