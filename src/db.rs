//! The database: one writer, several readers, and transactions that cannot be forgotten.
//!
//! Reads get a [`Connection`], writes a [`Tx`]. Only [`Db::write`] makes a `Tx`, so a write
//! outside a transaction does not compile.

mod backup;
mod beside;
mod beyond;
mod columns;
mod copy;
mod count;
mod engine;
mod error;
mod file;
mod fill_terms;
mod fold_names;
mod health;
mod insert_terms;
mod lane;
mod log;
mod look;
mod migrate;
mod one_of;
mod opener;
mod order;
mod pairs;
mod stored;

use std::{
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    thread,
    time::Duration,
};

use diesel::{connection::Connection as _, result::Error as DieselError};
use tokio::time::timeout;

pub use backup::{Backup, BackupProgress, Restored, back_up, restore};
pub use beyond::beyond;
pub use columns::columns_of;
pub use copy::{CopiedTable, CopyProgress, copy, filled_table_of};
pub use count::count_of;
pub use error::DbError;
pub use file::FileSizes;
pub use fill_terms::fill_terms;
pub use health::Trouble;
pub use insert_terms::{InsertTerms, insert_terms};
pub use log::{LogSize, Node, NodeCount, SILENCE, log_bytes};
pub use look::{DatabaseState, look_at};
pub use one_of::{OneOf, one_of};
pub use order::millisecond_of_ids;
pub use pairs::pair_of;
pub(crate) use stored::to_sql;

use beside::SideWrites;
use engine::Purpose;
use file::Claim;
use health::Health;
use lane::Lane;
use log::Log;
use opener::{Opener, Pragmas};

use crate::{config::DatabaseUrl, machine, metrics::Histogram};

/// A connection to the database. Only this floor names the engines.
pub type Connection = engine::EngineConnection;

/// What the engines speak, for statements and values of our own.
pub type Backend = <Connection as diesel::Connection>::Backend;

/// Readers beside the writer. SQLite gains little from more than there are cores.
const READERS: u32 = 4;

/// Readers that verification has to itself: slow pages keep no gateway waiting.
const VERIFICATION_READERS: u32 = 2;

/// How long verification waits for a database server.
const VERIFICATION_PATIENCE: Duration = Duration::from_secs(3);

/// How long a reader or the writer waits for a lock that another process holds.
const LOCK_TIMEOUT: Duration = Duration::from_secs(3);

/// [`LOCK_TIMEOUT`] of a glance, for which a worker stands still.
const LOCK_TIMEOUT_OF_GLANCES: Duration = Duration::from_millis(20);

/// [`LOCK_TIMEOUT`] of what is written beside others, on a server: it can be written later, and so gives way to whoever
/// waits for its rows. Well below the second after which PostgreSQL looks for two that wait for each other, and ends
/// whichever it likes.
const LOCK_TIMEOUT_BESIDE: Duration = Duration::from_millis(250);

/// A reader keeps few pages of its own. Most of a file is read where it is mapped, and there all readers
/// share the system's cache; a reader's own holds only what is beyond the mapping or not yet moved from
/// the log into the file.
const READER: Pragmas = Pragmas { cache_kib: 2048, lock_timeout: LOCK_TIMEOUT };
const GLANCE: Pragmas = Pragmas { lock_timeout: LOCK_TIMEOUT_OF_GLANCES, ..READER };

/// The writer keeps what one transaction changes, with room to spare.
const WRITER: Pragmas = Pragmas { cache_kib: 8192, lock_timeout: LOCK_TIMEOUT };
const SIDE_WRITER: Pragmas = Pragmas { lock_timeout: LOCK_TIMEOUT_BESIDE, ..WRITER };

/// What a process is called that does not serve.
const COMMAND_LINE: &str = "command line";

/// A handle to the database; clones share its connections.
#[derive(Clone)]
pub struct Db {
    readers: Lane,
    glances: Lane,
    verification_readers: Lane,
    writer: Lane,
    side_writer: Lane,
    health: Arc<Health>,
    side_writes: Arc<SideWrites>,
    /// Of a server's database, which other processes may use, too.
    log: Option<Arc<Log>>,
    /// What this process is called, where the database is a file.
    only_node: Option<Arc<str>>,
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
    /// What the event with this id ended is to be followed until every node has heard of it.
    Stop(String),
    /// Nobody knows: some of what others changed was not heard of.
    Anything,
}

/// An open transaction that writes. It commits when the closure given to
/// [`Db::write`] returns `Ok` and rolls back otherwise.
pub struct Tx<'a> {
    connection: &'a mut Connection,
    changes: &'a mut Vec<Change>,
    only_node: Option<&'a str>,
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
        let (mut unheard, only_node) = (Vec::new(), self.only_node);
        let undone = self.connection.transaction(|connection| {
            match work(&mut Tx { connection, changes: &mut unheard, only_node }) {
                Ok(_) => Err::<(), _>(Failure::Transaction(DieselError::RollbackTransaction)),
                Err(error) => Err(Failure::Work(error)),
            }
        });
        match undone {
            Ok(()) | Err(Failure::Transaction(DieselError::RollbackTransaction)) => Ok(()),
            Err(Failure::Work(error)) => Err(error),
            Err(Failure::Database(error)) => Err(error.into()),
            Err(Failure::Transaction(error)) => Err(DbError::from(error).into()),
        }
    }

    /// Tells of a change once the transaction is committed, before its caller goes on.
    pub fn changed(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// What this process is called, where it has the database to itself: nobody else has to hear of a change.
    pub fn only_node(&self) -> Option<&str> {
        self.only_node
    }
}

impl Db {
    /// Opens the database to serve from it, and otherwise as [`Db::open`] does. A file is this process's alone:
    /// what a second one changed would never reach the keys that the first has in memory. On a server the
    /// processes hear of each other by the log; `name` is what people call this one.
    ///
    /// # Errors
    /// As [`Db::open`], and [`DbError::Open`] when another process has the file.
    pub fn open_to_serve(url: &DatabaseUrl, name: &str) -> Result<Self, DbError> {
        match url {
            DatabaseUrl::Sqlite(_) => Ok(Self { only_node: Some(name.into()), ..Self::open_alone(url)? }),
            DatabaseUrl::Postgres(_) => {
                let mut db = Self::open(url)?;
                let log = Arc::new(Log::new(name));
                log.follow(Opener { url: url.clone(), pragmas: READER }, &db.on_change)
                    .map_err(|error| failed_at(url)(error.to_string()))?;
                db.log = Some(log);
                Ok(db)
            }
        }
    }

    /// Opens a file for this process alone, and otherwise as [`Db::open`] does.
    ///
    /// # Errors
    /// As [`Db::open`], and [`DbError::Open`] when another process has the file.
    pub fn open_alone(url: &DatabaseUrl) -> Result<Self, DbError> {
        let claim = match url {
            DatabaseUrl::Sqlite(path) => Some(Claim::take(path).map_err(failed_at(url))?),
            DatabaseUrl::Postgres(_) => None,
        };
        let mut db = Self::open(url)?;
        db._claim = claim.map(Arc::new);
        Ok(db)
    }

    /// Opens a database that is there already and has the schema of this program, beside a server that may
    /// be running. Nothing is created and nothing is migrated: a mistyped path makes no file, and a server of
    /// another version keeps the tables that it knows.
    ///
    /// # Errors
    /// [`DbError::Open`], with the database, when there is no such database; [`DbError::Pool`] when no further
    /// connection to it can be had.
    pub fn open_existing(url: &DatabaseUrl) -> Result<Self, DbError> {
        let file = match url {
            DatabaseUrl::Sqlite(path) => {
                let file = file::resolve(path).map_err(failed_at(url))?;
                file::check(&file).map_err(failed_at(url))?;
                Some(file)
            }
            DatabaseUrl::Postgres(_) => None,
        };
        // Without the settings of a reader, which would write to whatever file this is.
        opener::establish(url)
            .map_err(|error| error.to_string())
            .and_then(|mut connection| migrate::check_schema(&mut connection))
            .map_err(failed_at(url))?;
        Self::connect(url, file.as_deref())
    }

    /// Opens the database, creating the file when absent, and applies the migrations that it lacks.
    ///
    /// # Errors
    /// [`DbError::Open`], with the database, when it cannot be opened, is no database, was written by a
    /// newer version of Tessera, or a migration fails; [`DbError::Pool`] when no further connection to it
    /// can be had.
    pub fn open(url: &DatabaseUrl) -> Result<Self, DbError> {
        let file = match url {
            DatabaseUrl::Sqlite(path) => {
                let file = file::resolve(path).map_err(failed_at(url))?;
                file::prepare(&file).map_err(failed_at(url))?;
                Some(file)
            }
            DatabaseUrl::Postgres(_) => None,
        };
        migrate(url).map_err(failed_at(url))?;
        if let Some(file) = &file {
            file::tighten(file);
        }
        Self::connect(url, file.as_deref())
    }

    fn connect(url: &DatabaseUrl, file: Option<&Path>) -> Result<Self, DbError> {
        let lane = |size, pragmas, purpose| Lane::open(Opener { url: url.clone(), pragmas }, size, purpose);
        let readers = lane(READERS, READER, Purpose::Read)?;
        let writer = lane(1, WRITER, Purpose::Write)?;
        // A file has one writer, and is near enough to be looked at by whoever serves requests.
        let (glances, side_writer) = match url {
            DatabaseUrl::Sqlite(_) => (lane(workers(), GLANCE, Purpose::Read)?, writer.clone()),
            DatabaseUrl::Postgres(_) => (readers.clone(), lane(1, SIDE_WRITER, Purpose::SideWrite)?),
        };
        Ok(Self {
            readers,
            glances,
            verification_readers: lane(VERIFICATION_READERS, READER, Purpose::Read)?,
            writer,
            side_writer,
            health: Arc::new(Health::new(file)),
            side_writes: Arc::default(),
            on_change: Arc::default(),
            log: match url {
                DatabaseUrl::Sqlite(_) => None,
                DatabaseUrl::Postgres(_) => Some(Arc::new(Log::new(COMMAND_LINE))),
            },
            only_node: match url {
                DatabaseUrl::Sqlite(_) => Some(COMMAND_LINE.into()),
                DatabaseUrl::Postgres(_) => None,
            },
            _claim: None,
        })
    }

    /// Whether other processes may use the database at the same time.
    pub fn is_shared(&self) -> bool {
        self.log.is_some()
    }

    /// This process among those on one server.
    pub fn node(&self) -> Option<&Node> {
        self.log.as_deref().map(Log::node)
    }

    /// Whether what this process has in memory counts: of what others change it hears in time.
    pub fn trusts_memory(&self) -> bool {
        self.log.as_ref().is_none_or(|log| log.is_followed())
    }

    /// How many processes serve from the database.
    pub fn nodes(&self) -> NodeCount {
        self.log.as_ref().map_or_else(NodeCount::default, |log| log.nodes())
    }

    /// The number, in the log, of the last change that this process made; 0 before the first.
    pub fn last_change(&self) -> i64 {
        self.log.as_ref().map_or(0, |log| log.last_own())
    }

    /// How large the log of changes is; `None` for a file, which has none.
    ///
    /// # Errors
    /// [`DbError`] when it cannot be read.
    pub async fn log_size(&self) -> Result<Option<LogSize>, DbError> {
        self.read(log::size).await
    }

    /// For how long this process has not heard of what others change; `None` for a file, which it has to itself.
    pub fn log_lag(&self) -> Option<Duration> {
        self.log.as_ref().map(|log| log.lag())
    }

    /// How long whoever used the database waited for a turn, by what that was for.
    pub fn waits(&self) -> impl Iterator<Item = (&'static str, &Histogram)> {
        let beside = self.is_shared().then_some(("write_beside", &self.side_writer));
        [("read", &self.readers), ("verification", &self.verification_readers), ("write", &self.writer)]
            .into_iter()
            .chain(beside)
            .map(|(what, lane)| (what, &lane.waits().turns))
    }

    /// How long transactions that write waited for the lock.
    pub fn lock_waits(&self) -> &Histogram {
        &self.writer.waits().locks
    }

    /// How often verification asked the database, because something was not in memory.
    pub fn verification_reads(&self) -> u64 {
        self.verification_readers.waits().turns.count()
    }

    /// How large the files are; `None` for a database on a server. Asks the system.
    pub fn file_sizes(&self) -> Option<FileSizes> {
        self.health.sizes()
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

    /// [`Db::read`] for callers without an async runtime.
    ///
    /// # Errors
    /// As [`Db::read`].
    pub fn read_blocking<T, E: From<DbError>>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        in_snapshot(&self.readers, work)
    }

    /// Runs a read where it is asked for: the way to another thread and back costs more than a short read
    /// does. Only for what finds all that it reads by an index, and reads no more than a page shows, since
    /// whoever else the worker serves waits meanwhile. Where the database is a server, this is
    /// [`Db::read`]: the way there is longer than that to another thread.
    ///
    /// # Errors
    /// As [`Db::read`].
    pub async fn glance<T, E>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        if !self.health.has_file() {
            return Self::read_in(self.readers.clone(), work).await;
        }
        // Without a turn in the line: a worker does one thing at a time, and there is a connection for each. A
        // turn would go to whoever is next, also on a worker that is busy, while the other one stands still.
        // Whoever else waits for this worker goes first, or a client that asks again at once would keep it.
        tokio::task::yield_now().await;
        in_snapshot(&self.glances, work)
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
        let read = Self::read_in(self.verification_readers.clone(), work);
        if !self.is_shared() {
            return read.await;
        }
        // A network that swallows everything lets a statement wait for long.
        match timeout(VERIFICATION_PATIENCE, read).await {
            Ok(read) => read,
            Err(_) => Err(DbError::Busy("the database server does not answer".to_owned()).into()),
        }
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
            in_snapshot(&lane, work)
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
        let (db, turn) = (self.clone(), self.writer.turn().await?);
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            machine::let_others_go_first();
            db.write_blocking(work)
        })
        .await
        .map_err(DbError::from)?
    }

    /// [`Db::write`] for callers without an async runtime.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub fn write_blocking<T, E: From<DbError>>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.write_in(&self.writer, |tx| {
            let _in_order = order::begin(tx.connection).map_err(DbError::from)?;
            work(tx)
        })
    }

    /// [`Db::write`] of what means the same in whatever order others write: sums, what became of a mail, what is over
    /// and goes. Where the database is a server it takes no lock and waits for no other write. So each of its
    /// statements looks at the rows that it changes by itself, and what it makes is in no order: nobody reads a list
    /// on from its ids, and it changes nothing that nodes hear of. It gives way to a change that has one of its rows.
    ///
    /// # Errors
    /// As [`Db::write`], and [`DbError::OutOfOrder`] where it has a [`Change`] to tell of.
    pub async fn write_beside<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (db, turn) = (self.clone(), self.side_writer.turn().await?);
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            machine::let_others_go_first();
            db.write_in(&db.side_writer, |tx| {
                let done = work(tx)?;
                // Its number could be smaller than one that was read already, or keep a smaller one from being read.
                if tx.changes.is_empty() { Ok(done) } else { Err(DbError::OutOfOrder.into()) }
            })
        })
        .await
        .map_err(DbError::from)?
    }

    fn write_in<T, E: From<DbError>>(
        &self,
        lane: &Lane,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut changes = Vec::new();
        let mut number = 0;
        let only_node = self.only_node.as_deref();
        DbError::take_not_written();
        let result = lane.transaction(|connection| {
            let done =
                work(&mut Tx { connection, changes: &mut changes, only_node }).map_err(Failure::Work)?;
            self.health.check_files().map_err(Failure::Database)?;
            if let Some(log) = self.log.as_ref().filter(|_| !changes.is_empty()) {
                number = log.note(connection, &changes)?;
            }
            Ok(done)
        });
        let mut not_written = None;
        let result = result.map_err(|failure| match failure {
            Failure::Work(error) => error,
            Failure::Database(error) => error.into(),
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
        if let Some(log) = &self.log {
            log.committed(number);
        }
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
        self.write_beside(|tx| Ok(engine::write_nothing(tx.connection())?)).await
    }
}

/// Runs `work` in one transaction: what it reads fits together, and the locks of the file, for which
/// readers wait for one another, are taken once and not for each statement.
fn in_snapshot<T, E: From<DbError>>(
    lane: &Lane,
    work: impl FnOnce(&mut Connection) -> Result<T, E>,
) -> Result<T, E> {
    lane.transaction(|connection| work(connection).map_err(Failure::Work)).map_err(|failure| match failure {
        Failure::Work(error) => error,
        Failure::Database(error) => error.into(),
        Failure::Transaction(error) => DbError::from(error).into(),
    })
}

/// Tells a failed closure from a database that cannot be had and from a failed BEGIN or COMMIT.
enum Failure<E> {
    Work(E),
    Database(DbError),
    Transaction(DieselError),
}

impl<E> From<DieselError> for Failure<E> {
    fn from(error: DieselError) -> Self {
        Self::Transaction(error)
    }
}

impl<E> From<DbError> for Failure<E> {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

/// As many as serve requests at one time: each may look at the database while the others do.
fn workers() -> u32 {
    thread::available_parallelism().ok().and_then(|number| number.get().try_into().ok()).unwrap_or(1)
}

/// What is wrong with a database, as the end of a sentence that begins with it.
fn failed_at(url: &DatabaseUrl) -> impl Fn(String) -> DbError {
    move |reason| DbError::Open(format!("{url}: {reason}"))
}

/// On a connection of its own: a pool would try a file that is no database again and again, until
/// its time-out, and log every attempt.
fn migrate(url: &DatabaseUrl) -> Result<(), String> {
    let mut connection = opener::establish(url).map_err(|error| error.to_string())?;
    let opener = Opener { url: url.clone(), pragmas: WRITER };
    opener.set_up(&mut connection).map_err(|error| error.to_string())?;
    opener::check_server(&mut connection)?;
    migrate::run(&mut connection)
}
