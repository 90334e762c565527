//! Copies a whole database into an empty one, of the same engine or of the other.
//!
//! The engine that has a row writes it as JSON, with every value as text, and the other one takes it apart
//! again: so the same digest can be made of both. What is copied is read in one snapshot and written in one
//! transaction, and what cannot be shown to be the same on both sides is not kept.

mod tables;

use diesel::{QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_types::Text};
use sha2::{Digest, Sha256};

use self::tables::Table;
use super::{
    Connection, DbError, READER, WRITER,
    engine::{self, Purpose},
    failed_at,
    file::{self, Claim},
    migrate, opener,
    opener::{Opener, Pragmas},
};
use crate::{config::DatabaseUrl, hex};

/// Rows that are read at once.
const ROWS_AT_ONCE: usize = 1000;
/// Of long rows fewer are written at once: from so many bytes on.
const BYTES_AT_ONCE: usize = 1 << 20;
/// A server on PostgreSQL says every second that it is there.
const SEEN_LATELY: &str = "5 seconds";

/// A table that was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedTable {
    /// What it is called.
    pub name: String,
    /// How many rows it has.
    pub rows: u64,
    /// SHA-256 of its rows in the order of its primary key, the same for both engines.
    pub digest: [u8; 32],
}

/// How far a copy is.
#[derive(Clone, Copy, Debug)]
pub struct CopyProgress<'a> {
    /// The table that is copied or compared.
    pub table: &'a str,
    /// Rows that were copied, and rows that were compared after that.
    pub done: u64,
    /// What `done` will be in the end: every row counts twice.
    pub total: u64,
}

/// Copies all that `from` holds into `to`, which is made where it is absent and has to be empty. What belongs to
/// running processes is left out. Of a copy that fails, or is stopped, nothing is left but empty tables.
///
/// # Errors
/// [`DbError::Open`] when one of them cannot be opened or is in use; [`DbError::NotCopied`] when `to` is not
/// empty, a row cannot be copied, or both sides differ in the end.
pub fn copy(
    from: &DatabaseUrl,
    to: &DatabaseUrl,
    progress: &mut dyn FnMut(CopyProgress<'_>),
) -> Result<Vec<CopiedTable>, DbError> {
    let mut source = Side::source(from)?;
    let mut target = Side::target(to, from)?;
    in_transaction(&mut target.connection, Purpose::Write, |target| {
        let tables = tables::in_order(target)?;
        // Somebody else may have been faster.
        refuse_filled(target, to)?;
        let triggers = Triggers::lift(target)?;
        let (mut done, mut total) = (0, 0);
        let read = in_transaction(&mut source.connection, Purpose::Read, |source| {
            if tables::in_order(source)? != tables {
                let differ = format!("{from} and {to} don’t have the same tables and columns");
                return Err(DbError::NotCopied(differ));
            }
            for table in &tables {
                total += 2 * table.count(source)?;
            }
            let mut read = Vec::new();
            for table in &tables {
                let contents = read_all(source, table, |rows| {
                    write(target, table, rows)?;
                    done += rows.len() as u64;
                    progress(CopyProgress { table: &table.name, done, total });
                    Ok(())
                });
                read.push(contents.map_err(in_table(table))?);
            }
            Ok(read)
        })?;
        triggers.put_back(target)?;
        let mut copied = Vec::new();
        for (table, read) in tables.iter().zip(read) {
            let written = read_all(target, table, |rows| {
                done += rows.len() as u64;
                progress(CopyProgress { table: &table.name, done, total });
                Ok(())
            });
            let written = written.map_err(in_table(table))?.finish(table);
            let read = read.finish(table);
            if written != read {
                return Err(DbError::NotCopied(format!(
                    "{} differs: {} rows with the digest {} were read, {} rows with the digest {} were written",
                    table.name,
                    read.rows,
                    read.short_digest(),
                    written.rows,
                    written.short_digest()
                )));
            }
            copied.push(read);
        }
        // A server that was started meanwhile may have changed what was read before.
        refuse_served(&mut source.connection, from)?;
        analyze(target)?;
        Ok(copied)
    })
}

impl CopiedTable {
    /// The first 16 digits of its digest.
    pub fn short_digest(&self) -> String {
        hex::of(self.digest.get(..8).unwrap_or_default())
    }
}

/// One of the two databases, which no server uses meanwhile.
struct Side {
    connection: Connection,
    _claim: Option<Claim>,
}

impl Side {
    /// As [`Db::open_existing`](super::Db::open_existing) opens it: nothing is created and nothing is migrated.
    fn source(url: &DatabaseUrl) -> Result<Self, DbError> {
        let failed = failed_at(url);
        let claim = match url {
            DatabaseUrl::Sqlite(path) => {
                // Before the lock file is made beside it.
                file::check(&file::resolve(path).map_err(&failed)?).map_err(&failed)?;
                Some(Claim::take(path).map_err(&failed)?)
            }
            DatabaseUrl::Postgres(_) => None,
        };
        let mut connection = establish(url)?;
        migrate::check_schema(&mut connection).map_err(failed)?;
        set_up(&mut connection, url, READER)?;
        refuse_served(&mut connection, url)?;
        Ok(Self { connection, _claim: claim })
    }

    /// Makes the schema, unless something is there already.
    fn target(url: &DatabaseUrl, source: &DatabaseUrl) -> Result<Self, DbError> {
        let failed = failed_at(url);
        let mut claim = None;
        if let DatabaseUrl::Sqlite(path) = url {
            let file = file::resolve(path).map_err(&failed)?;
            if matches!(source, DatabaseUrl::Sqlite(path) if file::resolve(path).as_ref() == Ok(&file)) {
                return Err(DbError::NotCopied(format!("{source} can’t be copied to itself")));
            }
            claim = Some(Claim::take(path).map_err(&failed)?);
            file::prepare(&file).map_err(&failed)?;
            file::tighten(&file);
        }
        // What is in use already is not even migrated.
        refuse_filled(&mut establish(url)?, url)?;
        super::migrate(url).map_err(&failed)?;
        let mut connection = establish(url)?;
        set_up(&mut connection, url, WRITER)?;
        Ok(Self { connection, _claim: claim })
    }
}

fn establish(url: &DatabaseUrl) -> Result<Connection, DbError> {
    opener::establish(url).map_err(|error| failed_at(url)(error.to_string()))
}

fn set_up(connection: &mut Connection, url: &DatabaseUrl, pragmas: Pragmas) -> Result<(), DbError> {
    let opener = Opener { url: url.clone(), pragmas };
    opener.set_up(connection).map_err(|error| failed_at(url)(error.to_string()))
}

fn in_transaction<T>(
    connection: &mut Connection,
    purpose: Purpose,
    work: impl FnOnce(&mut Connection) -> Result<T, DbError>,
) -> Result<T, DbError> {
    engine::begin(connection, purpose)?;
    let done = work(connection);
    engine::end(connection, done)
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    text: String,
}

fn lines(connection: &mut Connection, query: &str) -> Result<Vec<String>, DbError> {
    let lines: Vec<Line> = diesel::sql_query(query).load(connection)?;
    Ok(lines.into_iter().map(|line| line.text).collect())
}

/// A file is claimed; on a server, those that use it say so.
fn refuse_served(connection: &mut Connection, url: &DatabaseUrl) -> Result<(), DbError> {
    if matches!(connection, Connection::Sqlite(_)) {
        return Ok(());
    }
    let query = format!(
        "SELECT name AS text FROM nodes
         WHERE seen_at > clock_timestamp() AT TIME ZONE 'UTC' - interval '{SEEN_LATELY}' ORDER BY name"
    );
    match lines(connection, &query)?.as_slice() {
        [] => Ok(()),
        servers => Err(failed_at(url)(format!(
            "{} used it in the last {SEEN_LATELY}; stop all servers, then try again",
            servers.join(" and ")
        ))),
    }
}

fn refuse_filled(connection: &mut Connection, url: &DatabaseUrl) -> Result<(), DbError> {
    match filled_table(connection, url)? {
        Some(table) => {
            let reason = format!("{url} isn’t empty (there are rows in {table}); choose a new database");
            Err(DbError::NotCopied(reason))
        }
        None => Ok(()),
    }
}

/// The first table that has rows, of a database that is there already; nothing is created or migrated in it.
///
/// # Errors
/// [`DbError::Open`] when it cannot be opened.
pub fn filled_table_of(url: &DatabaseUrl) -> Result<Option<String>, DbError> {
    filled_table(&mut establish(url)?, url)
}

fn filled_table(connection: &mut Connection, url: &DatabaseUrl) -> Result<Option<String>, DbError> {
    for table in tables::names(connection).map_err(|error| failed_at(url)(error.to_string()))? {
        if !lines(connection, &format!("SELECT 'yes' AS text FROM \"{table}\" LIMIT 1"))?.is_empty() {
            return Ok(Some(table));
        }
    }
    Ok(None)
}

/// What the schema does by itself with rows that come in: members and keys are counted, and members get the names
/// that they are sorted by. All of that is copied, too, and would count twice.
struct Triggers {
    put_back: Vec<String>,
}

impl Triggers {
    /// Sees to it that rows stay as they are written, until [`put_back`](Self::put_back) or the end of a
    /// transaction that is not kept.
    fn lift(connection: &mut Connection) -> Result<Self, DbError> {
        let (lift, put_back) = match connection {
            Connection::Sqlite(_) => {
                let of_triggers = "FROM sqlite_schema WHERE type = 'trigger' ORDER BY rowid";
                let drop = format!("SELECT 'DROP TRIGGER \"' || name || '\"' AS text {of_triggers}");
                (lines(connection, &drop)?, lines(connection, &format!("SELECT sql AS text {of_triggers}"))?)
            }
            Connection::Postgres(_) => {
                let with_triggers = "SELECT DISTINCT CAST(tgrelid AS regclass)::text AS text FROM pg_trigger
                    INNER JOIN pg_class AS tables ON tables.oid = tgrelid
                    WHERE NOT tgisinternal
                    AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())";
                let tables = lines(connection, with_triggers)?;
                let each = |action: &str| {
                    tables.iter().map(|table| format!("ALTER TABLE {table} {action} TRIGGER USER")).collect()
                };
                (each("DISABLE"), each("ENABLE"))
            }
        };
        execute_all(connection, &lift)?;
        Ok(Self { put_back })
    }

    fn put_back(self, connection: &mut Connection) -> Result<(), DbError> {
        execute_all(connection, &self.put_back)
    }
}

fn execute_all(connection: &mut Connection, statements: &[String]) -> Result<(), DbError> {
    statements.iter().try_for_each(|statement| Ok(connection.batch_execute(statement)?))
}

/// PostgreSQL plans by what it knows of the rows, and would not look for some time.
fn analyze(connection: &mut Connection) -> Result<(), DbError> {
    match connection {
        Connection::Sqlite(_) => Ok(()),
        Connection::Postgres(postgres) => Ok(postgres.batch_execute("ANALYZE")?),
    }
}

/// What is known of the rows of one side.
#[derive(Default)]
struct Contents {
    rows: u64,
    hash: Sha256,
}

impl Contents {
    /// Each value with its length: nothing else reads like it.
    fn add(&mut self, table: &Table, values: &[Option<String>]) {
        self.rows += 1;
        for (kind, value) in table.kinds().zip(values) {
            match value {
                None => self.hash.update([0]),
                Some(value) => {
                    let plain = kind.plain(value);
                    self.hash.update([1]);
                    self.hash.update((plain.len() as u64).to_be_bytes());
                    self.hash.update(plain);
                }
            }
        }
    }

    fn finish(self, table: &Table) -> CopiedTable {
        CopiedTable { name: table.name.clone(), rows: self.rows, digest: self.hash.finalize().into() }
    }
}

/// Reads a table in the order of its primary key, and hands on its rows as they come.
fn read_all(
    connection: &mut Connection,
    table: &Table,
    mut take: impl FnMut(&[String]) -> Result<(), DbError>,
) -> Result<Contents, DbError> {
    let (mut contents, mut last) = (Contents::default(), None);
    loop {
        let rows = table.rows(connection, last.as_deref(), ROWS_AT_ONCE)?;
        for row in &rows {
            let values: Vec<Option<String>> = serde_json::from_str(row).map_err(DbError::unreadable)?;
            contents.add(table, &values);
            last = Some(values);
        }
        take(&rows)?;
        if rows.len() < ROWS_AT_ONCE {
            return Ok(contents);
        }
    }
}

fn write(connection: &mut Connection, table: &Table, rows: &[String]) -> Result<(), DbError> {
    let mut rest = rows.iter().peekable();
    while rest.peek().is_some() {
        let mut array = String::from("[");
        while array.len() < BYTES_AT_ONCE
            && let Some(row) = rest.next()
        {
            if array.len() > 1 {
                array.push(',');
            }
            array.push_str(row);
        }
        array.push(']');
        table.insert(connection, &array)?;
    }
    Ok(())
}

fn in_table(table: &Table) -> impl Fn(DbError) -> DbError {
    move |error| DbError::NotCopied(format!("{}: {error}", table.name))
}
