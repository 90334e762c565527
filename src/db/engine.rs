//! The engines, SQLite and PostgreSQL, as one connection: the one place that names both.

mod connection;

use diesel::{
    connection::{AnsiTransactionManager, SimpleConnection, TransactionManager},
    pg::PgConnection,
    result::{DatabaseErrorKind, Error as DieselError},
};

pub use connection::EngineConnection;

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Reads of one state.
    Read,
    /// Writes, one transaction after the other.
    Write,
    /// Writes that mean the same in whatever order others write (`Db::write_beside`).
    SideWrite,
}

/// Held by a transaction that writes, so that what it looks at stays as it is until it ends, as in SQLite.
/// The numbers are the letters "Tess" and what the lock is for.
const WRITE_LOCK: &str = "1415934835, 1";
/// Held by whoever migrates.
const MIGRATION_LOCK: &str = "1415934835, 2";

/// Opens a transaction.
pub(super) fn begin(connection: &mut EngineConnection, purpose: Purpose) -> Result<(), DieselError> {
    match connection {
        EngineConnection::Sqlite(sqlite) => {
            let begin = if purpose == Purpose::Read { "BEGIN" } else { "BEGIN IMMEDIATE" };
            AnsiTransactionManager::begin_transaction_sql(sqlite, begin)
        }
        EngineConnection::Postgres(postgres) => {
            let begin = match purpose {
                Purpose::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY".to_owned(),
                // Each statement after the lock sees what was committed before it was had.
                Purpose::Write => format!(
                    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock({WRITE_LOCK})"
                ),
                Purpose::SideWrite => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE".to_owned(),
            };
            let begun = AnsiTransactionManager::begin_transaction_sql(postgres, &begin);
            if begun.is_err() && postgres.batch_execute("ROLLBACK").is_err() {
                // It goes to nobody else.
                give_up(postgres);
            }
            begun
        }
    }
}

/// Ends the transaction that [`begin`] opened: keeps what was done where that went well, and nothing of it
/// otherwise.
pub(super) fn end<T, E: From<DieselError>>(
    connection: &mut EngineConnection,
    done: Result<T, E>,
) -> Result<T, E> {
    match done {
        Ok(value) => commit(connection).map(|()| value).map_err(E::from),
        Err(error) => match roll_back(connection) {
            Ok(()) | Err(DieselError::BrokenTransactionManager) => Err(error),
            Err(undone) => Err(undone.into()),
        },
    }
}

fn commit(connection: &mut EngineConnection) -> Result<(), DieselError> {
    let EngineConnection::Postgres(postgres) = connection else {
        return <EngineConnection as diesel::Connection>::TransactionManager::commit_transaction(connection);
    };
    // A COMMIT after a statement that failed would undo everything and report no error; any other statement
    // does. That the transaction is over, diesel learns of the server.
    let committed = postgres.batch_execute("SELECT 1; COMMIT");
    if committed.is_err() && roll_back(connection).is_err() {
        // Nothing more is known of it.
        if let EngineConnection::Postgres(postgres) = connection {
            give_up(postgres);
        }
    }
    committed
}

fn roll_back(connection: &mut EngineConnection) -> Result<(), DieselError> {
    <EngineConnection as diesel::Connection>::TransactionManager::rollback_transaction(connection)
}

/// Writes nothing of meaning.
pub(super) fn write_nothing(connection: &mut EngineConnection) -> Result<(), DieselError> {
    match connection {
        // Not used for anything; setting it writes a page.
        EngineConnection::Sqlite(sqlite) => sqlite.batch_execute("PRAGMA user_version = 0"),
        // A transaction with a number is noted in the log of the server as it ends.
        EngineConnection::Postgres(postgres) => postgres.batch_execute("SELECT pg_current_xact_id()"),
    }
}

/// Waits until nobody else migrates; the connection has the right until it is closed.
pub(super) fn lock_migrations(connection: &mut EngineConnection) -> Result<(), DieselError> {
    match connection {
        EngineConnection::Sqlite(_) => Ok(()),
        EngineConnection::Postgres(postgres) => postgres
            .batch_execute(&format!("SET lock_timeout TO 0; SELECT pg_advisory_lock({MIGRATION_LOCK})")),
    }
}

/// Whether the server is not at the other end any more.
pub(super) fn is_lost(error: &DieselError) -> bool {
    matches!(
        error,
        DieselError::DatabaseError(
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
            _
        )
    )
}

/// Has the pool throw a connection away.
fn give_up(connection: &mut PgConnection) {
    AnsiTransactionManager::transaction_manager_status_mut(connection).set_in_error();
}
