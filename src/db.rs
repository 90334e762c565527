//! The database: one writer, several readers, and transactions that cannot be forgotten.
//!
//! Reads get a [`Connection`], writes a [`Tx`]. Only [`Db::write`] makes a `Tx`, so a write
//! outside a transaction does not compile.

mod beside;
mod beyond;
mod count;
mod error;
mod file;
mod fill_terms;
mod fold_names;
mod health;
mod lane;
mod migrate;
mod one_of;
mod pairs;

use std::{
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    thread,
    time::Duration,
};

use diesel::{
    connection::{Connection as _, SimpleConnection},
    prelude::*,
    r2d2::CustomizeConnection,
    result::Error as DieselError,
};

pub use beyond::beyond;
pub use count::count_of;
pub use error::DbError;
pub use fill_terms::fill_terms;
pub use health::Trouble;
pub use lane::Turn;
pub use one_of::{OneOf, one_of};
pub use pairs::pair_of;

use beside::SideWrites;
use file::Claim;
use health::Health;
use lane::{Lane, Pragmas};

use crate::machine;

/// A connection to the database. Only this floor names the engine.
pub type Connection = SqliteConnection;

/// What the engine speaks, for statements and values of our own.
pub type Backend = <Connection as diesel::Connection>::Backend;

/// Readers beside the writer. SQLite gains little from more than there are cores.
const READERS: u32 = 4;

/// Readers that verification has to itself: slow pages keep no gateway waiting.
const VERIFICATION_READERS: u32 = 2;

/// How long a reader or the writer waits for a lock that another process holds.
const LOCK_TIMEOUT: Duration = Duration::from_secs(3);

/// [`LOCK_TIMEOUT`] of a glance, for which a worker stands still.
const LOCK_TIMEOUT_OF_GLANCES: Duration = Duration::from_millis(20);

/// A reader keeps few pages of its own. Most of a file is read where it is mapped, and there all readers
/// share the system's cache; a reader's own holds only what is beyond the mapping or not yet moved from
/// the log into the file.
const READER: Pragmas = Pragmas { cache_kib: 2048, lock_timeout: LOCK_TIMEOUT };
const GLANCE: Pragmas = Pragmas { lock_timeout: LOCK_TIMEOUT_OF_GLANCES, ..READER };

/// The writer keeps what one transaction changes, with room to spare.
const WRITER: Pragmas = Pragmas { cache_kib: 8192, lock_timeout: LOCK_TIMEOUT };

/// A handle to the database; clones share its connections.
#[derive(Clone)]
pub struct Db {
    readers: Lane,
    glances: Lane,
    verification_readers: Lane,
    writer: Lane,
    health: Arc<Health>,
    side_writes: Arc<SideWrites>,
    _claim: Option<Arc<Claim>>,
    on_change: Arc<RwLock<Vec<Listener>>>,
}

/// Is told of every [`Change`].
type Listener = Box<dyn Fn(&Change) + Send + Sync>;

/// What a transaction changed that somebody may hold a copy of or wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// What the secret with this digest opens.
    Secret(Vec<u8>),
    /// The organization with this id: its name, or whether it is there at all.
    Organization(String),
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

    /// Does `work` and undoes it. What it would have told of is told to nobody.
    ///
    /// # Errors
    /// Whatever `work` returns, or [`DbError`] when it cannot be undone.
    pub fn rehearse<T, E: From<DbError>>(
        &mut self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<(), E> {
        let mut unheard = Vec::new();
        let undone = self.connection.transaction(|connection| {
            match work(&mut Tx { connection, changes: &mut unheard }) {
                Ok(_) => Err::<(), _>(Failure::Transaction(DieselError::RollbackTransaction)),
                Err(error) => Err(Failure::Work(error)),
            }
        });
        match undone {
            Ok(()) | Err(Failure::Transaction(DieselError::RollbackTransaction)) => Ok(()),
            Err(Failure::Work(error)) => Err(error),
            Err(Failure::File(error)) => Err(error.into()),
            Err(Failure::Transaction(error)) => Err(DbError::from(error).into()),
        }
    }

    /// Tells of a change once the transaction is committed, before its caller goes on.
    pub fn changed(&mut self, change: Change) {
        self.changes.push(change);
    }
}

impl Db {
    /// Opens the file for this process alone, and otherwise as [`Db::open`] does. What a second
    /// process changed would never reach the keys that the first has in memory.
    ///
    /// # Errors
    /// As [`Db::open`], and [`DbError::Open`] when another process has it.
    pub fn open_alone(path: &Path) -> Result<Self, DbError> {
        let failed = |reason: String| DbError::Open(format!("{}: {reason}", path.display()));
        let file = file::resolve(path).map_err(failed)?;
        file::check_if_there(&file).map_err(failed)?;
        let claim = Claim::take(&file).map_err(failed)?;
        let mut db = Self::open(path)?;
        db._claim = Some(Arc::new(claim));
        Ok(db)
    }

    /// Opens a database that is there already and has the schema of this program, beside a server that may
    /// be running. Nothing is created and nothing is migrated: a mistyped path makes no file, and a server of
    /// another version keeps the tables that it knows.
    ///
    /// # Errors
    /// [`DbError::Open`], with the path, when there is no such database; [`DbError::Pool`] when no further
    /// connection to it can be had.
    pub fn open_existing(path: &Path) -> Result<Self, DbError> {
        let failed = |reason: String| DbError::Open(format!("{}: {reason}", path.display()));
        let file = file::resolve(path).map_err(failed)?;
        file::check(&file).map_err(failed)?;
        // Without the settings of a reader, which would write to whatever file this is.
        Connection::establish(name_of(path)?)
            .map_err(|error| error.to_string())
            .and_then(|mut connection| migrate::check_schema(&mut connection))
            .map_err(failed)?;
        Self::connect(name_of(path)?, &file)
    }

    /// Opens the file, creating it when absent, and applies the migrations that it lacks.
    ///
    /// # Errors
    /// [`DbError::Open`], with the path, when the file cannot be opened, is no database, was written by a
    /// newer version of Tessera, or a migration fails; [`DbError::Pool`] when no further connection to it
    /// can be had.
    pub fn open(path: &Path) -> Result<Self, DbError> {
        let failed = |reason: String| DbError::Open(format!("{}: {reason}", path.display()));
        let file = file::resolve(path).map_err(failed)?;
        file::prepare(&file).map_err(failed)?;
        migrate(name_of(path)?).map_err(failed)?;
        file::tighten(&file);
        Self::connect(name_of(path)?, &file)
    }

    fn connect(name: &str, file: &Path) -> Result<Self, DbError> {
        Ok(Self {
            readers: Lane::open(name, READERS, READER)?,
            glances: Lane::open(name, workers(), GLANCE)?,
            verification_readers: Lane::open(name, VERIFICATION_READERS, READER)?,
            writer: Lane::open(name, 1, WRITER)?,
            health: Arc::new(Health::new(file)),
            side_writes: Arc::default(),
            on_change: Arc::default(),
            _claim: None,
        })
    }

    /// Calls `listener` after each commit, for every [`Change`] that it brought.
    pub fn on_change(&self, listener: impl Fn(&Change) + Send + Sync + 'static) {
        self.on_change.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(listener));
    }

    /// Runs a read off the async workers. All of it sees the same state.
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
        Self::read_in(self.readers.clone(), work).await
    }

    /// Runs a read where it is asked for: the way to another thread and back costs more than a short read
    /// does. Only for what finds all that it reads by an index, and reads no more than a page shows, since
    /// whoever else the worker serves waits meanwhile.
    ///
    /// # Errors
    /// As [`Db::read`].
    pub async fn glance<T, E: From<DbError>>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let _turn = self.glances.turn().await?;
        in_snapshot(&mut *self.glances.connection()?, work)
    }

    /// [`Db::read`] for verification, which waits for no page.
    ///
    /// # Errors
    /// As [`Db::read`].
    pub async fn read_for_verification<T, E>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        Self::read_in(self.verification_readers.clone(), work).await
    }

    async fn read_in<T, E>(
        lane: Lane,
        work: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let turn = lane.turn().await?;
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            machine::let_others_go_first();
            in_snapshot(&mut *lane.connection()?, work)
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
        let (db, turn) = (self.clone(), self.turn_to_write().await?);
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            machine::let_others_go_first();
            db.write_blocking(work)
        })
        .await
        .map_err(DbError::from)?
    }

    /// Waits until nobody else writes, for a bounded time.
    ///
    /// # Errors
    /// [`DbError::Busy`] when it took too long.
    pub async fn turn_to_write(&self) -> Result<Turn, DbError> {
        self.writer.turn().await
    }

    /// [`Db::write`] for callers without an async runtime, or with a turn of their own.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub fn write_blocking<T, E: From<DbError>>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.writer.connection()?;
        let mut changes = Vec::new();
        DbError::take_not_written();
        let result = connection.immediate_transaction(|connection| {
            let done = work(&mut Tx { connection, changes: &mut changes }).map_err(Failure::Work)?;
            self.health.check_files().map_err(Failure::File)?;
            Ok(done)
        });
        let mut not_written = None;
        let result = result.map_err(|failure| match failure {
            Failure::Work(error) => error,
            Failure::File(error) => error.into(),
            Failure::Transaction(error) => {
                let error = DbError::from(error);
                // On a full disk SQLite rolls back by itself, and diesel's own rollback then fails.
                not_written = DbError::take_not_written();
                not_written.clone().map_or(error, DbError::NotWritable).into()
            }
        });
        let not_written = not_written.or_else(DbError::take_not_written);
        if result.is_ok() || not_written.is_some() {
            self.health.note_write(not_written);
        }
        let result = result?;
        if !changes.is_empty() {
            let listeners = self.on_change.read().unwrap_or_else(PoisonError::into_inner);
            listeners.iter().for_each(|listener| changes.iter().for_each(listener));
        }
        Ok(result)
    }

    /// What keeps the database from being written, if anything does.
    pub async fn trouble(&self) -> Option<Trouble> {
        let health = self.health.clone();
        // A disk in trouble may be slow to say so.
        tokio::task::spawn_blocking(move || health.trouble()).await.ok().flatten()
    }

    /// Writes nothing of meaning, to see whether that is possible.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn try_to_write(&self) -> Result<(), DbError> {
        // Not used for anything; setting it writes a page.
        self.write(|tx| Ok(tx.connection().batch_execute("PRAGMA user_version = 0")?)).await
    }
}

/// Runs `work` in one transaction: what it reads fits together, and the locks of the file, for which
/// readers wait for one another, are taken once and not for each statement.
fn in_snapshot<T, E: From<DbError>>(
    connection: &mut Connection,
    work: impl FnOnce(&mut Connection) -> Result<T, E>,
) -> Result<T, E> {
    connection.transaction(|connection| work(connection).map_err(Failure::Work)).map_err(|failure| {
        match failure {
            Failure::Work(error) => error,
            Failure::File(error) => error.into(),
            Failure::Transaction(error) => DbError::from(error).into(),
        }
    })
}

/// Tells a failed closure from files that are gone and from a failed BEGIN or COMMIT.
enum Failure<E> {
    Work(E),
    File(DbError),
    Transaction(DieselError),
}

impl<E> From<DieselError> for Failure<E> {
    fn from(error: DieselError) -> Self {
        Self::Transaction(error)
    }
}

/// As many as serve requests at one time: each may look at the database while the others do.
fn workers() -> u32 {
    thread::available_parallelism().ok().and_then(|number| number.get().try_into().ok()).unwrap_or(1)
}

fn name_of(path: &Path) -> Result<&str, DbError> {
    path.to_str().ok_or_else(|| DbError::Open(format!("{}: the path is not UTF-8", path.display())))
}

/// On a connection of its own: a pool would try a file that is no database again and again, until
/// its time-out, and log every attempt.
fn migrate(path: &str) -> Result<(), String> {
    let mut connection = Connection::establish(path).map_err(|error| error.to_string())?;
    WRITER.on_acquire(&mut connection).map_err(|error| error.to_string())?;
    migrate::run(&mut connection)
}
