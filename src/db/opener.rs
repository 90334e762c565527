//! How a connection is opened, and what is set on each.

use std::time::Duration;

use diesel::{
    ConnectionError,
    connection::{Connection as _, SimpleConnection},
    deserialize::QueryableByName,
    pg::PgConnection,
    query_dsl::RunQueryDsl,
    r2d2::{self, ManageConnection, R2D2Connection},
    sqlite::SqliteConnection,
};

use super::{Connection, DbError};
use crate::config::{DatabaseUrl, PostgresUrl};

/// Opens the connections of a lane.
#[derive(Clone, Debug)]
pub(super) struct Opener {
    pub(super) url: DatabaseUrl,
    pub(super) pragmas: Pragmas,
}

/// What is set on every connection to a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pragmas {
    /// Pages that it keeps, in KiB.
    pub(super) cache_kib: u32,
    /// How long a statement waits for a lock that another process holds.
    pub(super) lock_timeout: Duration,
}

impl ManageConnection for Opener {
    type Connection = Connection;
    type Error = r2d2::Error;

    fn connect(&self) -> Result<Connection, r2d2::Error> {
        let mut connection = establish(&self.url).map_err(r2d2::Error::ConnectionError)?;
        self.set_up(&mut connection)?;
        Ok(connection)
    }

    fn is_valid(&self, connection: &mut Connection) -> Result<(), r2d2::Error> {
        connection.ping().map_err(r2d2::Error::QueryError)
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        std::thread::panicking() || connection.is_broken()
    }
}

impl Opener {
    pub(super) fn set_up(&self, connection: &mut Connection) -> Result<(), diesel::result::Error> {
        match connection {
            Connection::Sqlite(sqlite) => self.pragmas.set(sqlite),
            Connection::Postgres(postgres) => set_up_postgres(postgres, self.pragmas.lock_timeout),
        }
    }
}

/// A connection on which nothing is set yet.
pub(super) fn establish(url: &DatabaseUrl) -> Result<Connection, ConnectionError> {
    match url {
        DatabaseUrl::Sqlite(path) => {
            let name = path.to_str().ok_or_else(|| bad("the path is not UTF-8".to_owned()))?;
            Ok(Connection::Sqlite(SqliteConnection::establish(name)?))
        }
        DatabaseUrl::Postgres(url) => match PgConnection::establish(url.expose()) {
            Ok(connection) => Ok(Connection::Postgres(connection)),
            Err(error) => Err(bad(without_secrets(&error.to_string(), url))),
        },
    }
}

fn bad(reason: String) -> ConnectionError {
    ConnectionError::BadConnection(reason)
}

/// In one line, without what only the operator may read: what libpq does not understand of a URL it repeats.
fn without_secrets(reason: &str, url: &PostgresUrl) -> String {
    if url.secrets().any(|secret| reason.contains(secret)) {
        return "the URL is not one that PostgreSQL's client understands".to_owned();
    }
    reason.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

impl Pragmas {
    /// busy_timeout comes first, since setting the journal mode may already meet a lock.
    /// FULL keeps every acknowledged commit through a power loss; NORMAL may not. The read at the
    /// end opens the log, so that all files are there from the start.
    fn set(self, sqlite: &mut SqliteConnection) -> Result<(), diesel::result::Error> {
        sqlite.batch_execute(&format!(
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
    }
}

/// How long a transaction may stand still: one whose program is out of reach, by a network that fails, holds
/// its locks until then.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

fn set_up_postgres(postgres: &mut PgConnection, lock_timeout: Duration) -> Result<(), diesel::result::Error> {
    // Errors are told apart by their English words, too, since diesel hands on few codes. Only some roles may
    // set this; where ours may not, some that pass by themselves are taken for others.
    let _ = postgres.batch_execute("SET lc_messages TO 'C'");
    postgres.batch_execute(&format!(
        "SET application_name TO 'tessera';
         SET lock_timeout TO {};
         SET idle_in_transaction_session_timeout TO {};",
        lock_timeout.as_millis(),
        IDLE_TIMEOUT.as_millis()
    ))
}

/// What Tessera needs of a server.
pub(super) fn check_server(connection: &mut Connection) -> Result<(), String> {
    #[derive(QueryableByName)]
    struct Setting {
        #[diesel(sql_type = diesel::sql_types::Text)]
        value: String,
    }
    const OLDEST: u32 = 150_000;
    if matches!(connection, Connection::Sqlite(_)) {
        return Ok(());
    }
    let mut ask = |name: &str| {
        let query = format!("SELECT current_setting('{name}') AS value");
        let setting = diesel::sql_query(query).get_result::<Setting>(connection);
        setting.map(|setting| setting.value).map_err(|error| DbError::from(error).to_string())
    };
    if ask("server_version_num")?.parse::<u32>().is_ok_and(|version| version < OLDEST) {
        return Err(format!("this is PostgreSQL {}; Tessera needs 15 or newer", ask("server_version")?));
    }
    match ask("server_encoding")?.as_str() {
        "UTF8" => Ok(()),
        other => Err(format!("the database has the encoding {other}; Tessera needs UTF8")),
    }
}
