//! The database: one writer, several readers, and transactions that cannot be forgotten.
//!
//! Reads get a [`Connection`], writes a [`Tx`]. Only [`Db::write`] makes a `Tx`, so a write
//! outside a transaction does not compile.

use std::{
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use diesel::{
    connection::{Connection as _, SimpleConnection},
    migration::{MigrationSource, MigrationVersion},
    prelude::*,
    r2d2::{ConnectionManager, CustomizeConnection, Pool, PoolError},
    result::{DatabaseErrorKind, Error as DieselError},
    sql_types::Text,
    sqlite::Sqlite,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

/// The one place that names the engine.
pub type Connection = SqliteConnection;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// The versions of the migrations that were numbered at first, and what they are since each is
/// named by its time. The list is closed: whatever came later was never called otherwise.
const RENAMED_VERSIONS: [(&str, &str); 12] = [
    ("0001", "20261123210000"),
    ("0002", "20261123220000"),
    ("0003", "20261123223000"),
    ("0004", "20261123230000"),
    ("0005", "20261124090000"),
    ("0006", "20261124100000"),
    ("0007", "20261124110000"),
    ("0008", "20261124120000"),
    ("0009", "20261124130000"),
    ("0010", "20261124140000"),
    ("0011", "20261124150000"),
    ("0014", "20261124180000"),
];

/// Readers beside the writer. SQLite gains little from more than there are cores.
const READERS: u32 = 4;

/// Pages that a reader keeps, in KiB. Most of a file is read where it is mapped, and there all
/// readers share the system's cache; a reader's own holds only what is beyond the mapping or not
/// yet moved from the log into the file.
const READER_CACHE_KIB: u32 = 2048;

/// Pages that the writer keeps, in KiB: what one transaction changes, with room to spare.
const WRITER_CACHE_KIB: u32 = 8192;

/// How long a statement waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a request waits for a free connection.
const POOL_TIMEOUT: Duration = Duration::from_secs(10);

/// A handle to the database; clones share its connections.
#[derive(Clone)]
pub struct Db {
    readers: Pool<ConnectionManager<Connection>>,
    writer: Pool<ConnectionManager<Connection>>,
    on_change: Arc<RwLock<Vec<Listener>>>,
}

/// Is told of every [`Change`].
type Listener = Box<dyn Fn(&Change) + Send + Sync>;

/// What a transaction changed that somebody may hold a copy of or wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// What the secret with this digest opens.
    Secret(Vec<u8>),
    /// So much that every copy is in doubt.
    Everything,
    /// A mail is to be sent.
    MailQueued,
    /// A message to a webhook waits to be delivered.
    WebhookQueued,
}

/// An open `BEGIN IMMEDIATE` transaction. It commits when the closure given to
/// [`Db::write`] returns `Ok` and rolls back otherwise.
pub struct Tx<'a> {
    connection: &'a mut Connection,
    changes: &'a mut Vec<Change>,
}

impl Tx<'_> {
    /// The connection, for a statement or for a read inside the transaction.
    pub fn connection(&mut self) -> &mut Connection {
        self.connection
    }

    /// Tells of a change once the transaction is committed, before its caller goes on.
    pub fn changed(&mut self, change: Change) {
        self.changes.push(change);
    }
}

/// Why the database did not answer.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A statement failed.
    #[error("the database refused a statement: {0}")]
    Statement(DieselError),
    /// A value is not what it should be.
    #[error("what the database holds cannot be read: {0}")]
    Unreadable(String),
    /// No connection could be opened or became free in time.
    #[error("no database connection: {0}")]
    Pool(#[from] PoolError),
    /// The file could not be prepared for use.
    #[error("the database could not be opened: {0}")]
    Open(String),
    /// A value could not be written as JSON.
    #[error("a value could not be encoded: {0}")]
    Encoding(serde_json::Error),
    /// The work was dropped or panicked.
    #[error("database work was interrupted: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
}

impl DbError {
    /// A value in the database that is not what it should be.
    pub fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Unreadable(causes(&error))
    }

    /// Whether a unique index refused the row.
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Statement(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)))
    }
}

impl From<DieselError> for DbError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::DeserializationError(error) => Self::Unreadable(causes(&*error)),
            error => Self::Statement(error),
        }
    }
}

/// An error with what lies behind it: diesel's own words name the column alone.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl Db {
    /// Opens the file, creating it when absent, and applies the migrations that it lacks.
    ///
    /// # Errors
    /// [`DbError::Open`] when the file cannot be opened, is no database, was written by a newer
    /// version of Tessera, or a migration fails; [`DbError::Pool`] when no further connection to it can be had.
    pub fn open(path: &Path) -> Result<Self, DbError> {
        let path = path.to_str().ok_or_else(|| DbError::Open("the path is not UTF-8".into()))?;
        migrate(path)?;
        Ok(Self {
            readers: pool(path, READERS, READER_CACHE_KIB)?,
            writer: pool(path, 1, WRITER_CACHE_KIB)?,
            on_change: Arc::default(),
        })
    }

    /// Calls `listener` after each commit, for every [`Change`] that it brought.
    pub fn on_change(&self, listener: impl Fn(&Change) + Send + Sync + 'static) {
        self.on_change.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(listener));
    }

    /// Runs a read off the async workers.
    ///
    /// # Errors
    /// Whatever `work` returns, or [`DbError`] when there is no connection.
    pub async fn read<T, E>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let readers = self.readers.clone();
        tokio::task::spawn_blocking(move || {
            let mut connection = readers.get().map_err(DbError::from)?;
            work(&mut connection)
        })
        .await
        .map_err(DbError::from)?
    }

    /// Runs a write in one transaction, off the async workers.
    ///
    /// # Errors
    /// Whatever `work` returns (nothing is kept then), or [`DbError`] when the
    /// transaction cannot be opened or committed.
    pub async fn write<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let db = self.clone();
        tokio::task::spawn_blocking(move || db.write_blocking(work)).await.map_err(DbError::from)?
    }

    /// [`Db::write`] for callers without an async runtime.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub fn write_blocking<T, E: From<DbError>>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.writer.get().map_err(DbError::from)?;
        let mut changes = Vec::new();
        let result = connection
            .immediate_transaction(|connection| {
                work(&mut Tx { connection, changes: &mut changes }).map_err(Failure::Work)
            })
            .map_err(|failure| match failure {
                Failure::Work(error) => error,
                Failure::Transaction(error) => DbError::from(error).into(),
            })?;
        if !changes.is_empty() {
            let listeners = self.on_change.read().unwrap_or_else(PoisonError::into_inner);
            listeners.iter().for_each(|listener| changes.iter().for_each(listener));
        }
        Ok(result)
    }
}

/// Tells a failed closure from a failed BEGIN or COMMIT.
enum Failure<E> {
    Work(E),
    Transaction(DieselError),
}

impl<E> From<DieselError> for Failure<E> {
    fn from(error: DieselError) -> Self {
        Self::Transaction(error)
    }
}

/// On a connection of its own: a pool would try a file that is no database again and again, until
/// its time-out, and log every attempt.
fn migrate(path: &str) -> Result<(), DbError> {
    let failed = |error: &dyn std::fmt::Display| DbError::Open(error.to_string());
    let mut connection = Connection::establish(path).map_err(|error| failed(&error))?;
    Pragmas { cache_kib: WRITER_CACHE_KIB }.on_acquire(&mut connection).map_err(|error| failed(&error))?;
    name_versions_by_time(&mut connection).map_err(|error| failed(&error))?;
    refuse_newer_schema(&mut connection)?;
    connection.run_pending_migrations(MIGRATIONS).map_err(|error| failed(&error))?;
    Ok(())
}

/// Carries a database over from the time when migrations were numbered. Under their old names they
/// would be taken for those of a newer version.
fn name_versions_by_time(connection: &mut Connection) -> diesel::migration::Result<()> {
    let applied = connection.applied_migrations()?;
    let is_applied = |name: &str| applied.contains(&MigrationVersion::from(name));
    if !RENAMED_VERSIONS.iter().any(|(number, _)| is_applied(number)) {
        return Ok(());
    }
    connection.transaction(|connection| {
        for (number, time) in RENAMED_VERSIONS {
            diesel::sql_query("UPDATE __diesel_schema_migrations SET version = ? WHERE version = ?")
                .bind::<Text, _>(time)
                .bind::<Text, _>(number)
                .execute(connection)?;
        }
        Ok(())
    })
}

/// What a newer version wrote may mean something else here, or be lost by the next write.
fn refuse_newer_schema(connection: &mut Connection) -> Result<(), DbError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| DbError::Open(error.to_string());
    let mut known = Vec::new();
    for migration in MigrationSource::<Sqlite>::migrations(&MIGRATIONS).map_err(failed)? {
        known.push(migration.name().version().as_owned());
    }
    let applied = connection.applied_migrations().map_err(failed)?;
    match applied.iter().find(|version| !known.contains(version)) {
        None => Ok(()),
        Some(version) => Err(DbError::Open(format!(
            "this database was written by a newer version of Tessera (migration {version}); \
             start that version or a later one"
        ))),
    }
}

fn pool(path: &str, size: u32, cache_kib: u32) -> Result<Pool<ConnectionManager<Connection>>, DbError> {
    let pool = Pool::builder()
        .max_size(size)
        .connection_timeout(POOL_TIMEOUT)
        // A file does not go away as a server may: there is nothing to ask for before each use.
        .test_on_check_out(false)
        .connection_customizer(Box::new(Pragmas { cache_kib }))
        .build(ConnectionManager::new(path))?;
    Ok(pool)
}

#[derive(Debug)]
struct Pragmas {
    cache_kib: u32,
}

impl CustomizeConnection<Connection, diesel::r2d2::Error> for Pragmas {
    /// busy_timeout comes first, since setting the journal mode may already meet a lock.
    /// FULL keeps every acknowledged commit through a power loss; NORMAL may not.
    fn on_acquire(&self, connection: &mut Connection) -> Result<(), diesel::r2d2::Error> {
        connection
            .batch_execute(&format!(
                "PRAGMA busy_timeout = {};
                 PRAGMA journal_mode = WAL;
                 PRAGMA synchronous = FULL;
                 PRAGMA foreign_keys = ON;
                 PRAGMA mmap_size = 268435456;
                 PRAGMA cache_size = -{};
                 PRAGMA temp_store = MEMORY;",
                BUSY_TIMEOUT.as_millis(),
                self.cache_kib
            ))
            .map_err(diesel::r2d2::Error::QueryError)
    }
}
