//! Connections of one purpose, and the line of those who wait for one. Whoever waits holds no
//! thread: of those there is a bounded number, and other work needs them.

use std::{sync::Arc, time::Duration};

use diesel::{
    connection::SimpleConnection,
    r2d2::{ConnectionManager, CustomizeConnection, Pool, PooledConnection},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{Connection, DbError};

/// How long work waits for its turn. With the time that a statement waits for a lock it bounds how long a request waits while
/// another program holds the lock.
const LINE_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections of one purpose; clones share them.
#[derive(Clone)]
pub(super) struct Lane {
    connections: Pool<ConnectionManager<Connection>>,
    line: Arc<Semaphore>,
}

/// The right to use one connection.
pub struct Turn {
    _permit: OwnedSemaphorePermit,
}

impl Lane {
    /// Opens `size` connections.
    pub(super) fn open(path: &str, size: u32, pragmas: Pragmas) -> Result<Self, DbError> {
        let connections = Pool::builder()
            .max_size(size)
            .connection_timeout(LINE_TIMEOUT)
            // A file does not go away as a server may: there is nothing to ask for before each use.
            .test_on_check_out(false)
            // Nor does a connection get old, and a new one could open another file under the name.
            .max_lifetime(None)
            .idle_timeout(None)
            .connection_customizer(Box::new(pragmas))
            .build(ConnectionManager::new(path))?;
        let line = Arc::new(Semaphore::new(usize::try_from(size).unwrap_or(1)));
        Ok(Self { connections, line })
    }

    /// Waits for a turn, for a bounded time.
    pub(super) async fn turn(&self) -> Result<Turn, DbError> {
        let waited = timeout(LINE_TIMEOUT, self.line.clone().acquire_owned()).await;
        match waited {
            Ok(Ok(permit)) => Ok(Turn { _permit: permit }),
            Ok(Err(_)) | Err(_) => Err(DbError::Busy("too many wait for it".to_owned())),
        }
    }

    /// A connection, at once for whoever has the [`Turn`].
    pub(super) fn connection(&self) -> Result<PooledConnection<ConnectionManager<Connection>>, DbError> {
        Ok(self.connections.get()?)
    }
}

/// What is set on every connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pragmas {
    /// Pages that it keeps, in KiB.
    pub(super) cache_kib: u32,
    /// How long a statement waits for a lock that another process holds.
    pub(super) lock_timeout: Duration,
}

impl CustomizeConnection<Connection, diesel::r2d2::Error> for Pragmas {
    /// busy_timeout comes first, since setting the journal mode may already meet a lock.
    /// FULL keeps every acknowledged commit through a power loss; NORMAL may not. The read at the
    /// end opens the log, so that all files are there from the start.
    fn on_acquire(&self, connection: &mut Connection) -> Result<(), diesel::r2d2::Error> {
        connection
            .batch_execute(&format!(
                "PRAGMA busy_timeout = {};
                 PRAGMA journal_mode = WAL;
                 PRAGMA synchronous = FULL;
                 PRAGMA foreign_keys = ON;
                 PRAGMA mmap_size = 268435456;
                 PRAGMA cache_size = -{};
                 PRAGMA temp_store = MEMORY;
                 SELECT 1 FROM sqlite_schema LIMIT 1;",
                self.lock_timeout.as_millis(),
                self.cache_kib
            ))
            .map_err(diesel::r2d2::Error::QueryError)
    }
}
