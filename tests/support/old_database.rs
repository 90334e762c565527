//! Databases of this version and of earlier ones, made by their migrations and filled with the rows in
//! `tests/app/migrations`: each column of each table has something.

use std::{
    fs,
    path::{Path, PathBuf},
};

use diesel::{
    connection::{Connection as _, SimpleConnection},
    migration::{Migration, MigrationSource},
    prelude::*,
    sql_types::Text,
};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use tempfile::TempDir;
use tessera::db::{Backend, Connection, Db, DbError};

pub(crate) const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What the first migrations were called while they were numbered.
const NUMBERS: [&str; 12] =
    ["0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0014"];

/// Tables of what processes tell each other. That is theirs alone, and a copy has no process yet.
pub(crate) const OF_PROCESSES: [&str; 8] = [
    "changes",
    "idempotency_claims",
    "leases",
    "maintenance",
    "nodes",
    "quota_portions",
    "readings",
    "setup_links",
];

/// A value that is stored: where, and as SQLite's `quote` writes it.
#[derive(Debug, PartialEq)]
pub(crate) struct Cell {
    pub(crate) table: String,
    pub(crate) column: String,
    pub(crate) value: String,
}

/// What is stored in a row, without what is NULL.
pub(crate) type Row = Vec<Cell>;

/// A file of its own, without Tessera.
pub(crate) struct Database {
    folder: TempDir,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    text: String,
}

impl Database {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    /// The migrations up to the one called `last`, each followed by its rows.
    pub(crate) fn of_version(last: &str) -> Self {
        let database = Self::new();
        let mut connection = database.connection();
        // Whoever asks first makes the table in which the migrations are noted.
        connection.applied_migrations().expect("the applied migrations");
        for migration in migrations() {
            let name = migration.name().to_string();
            connection.run_migration(&*migration).unwrap_or_else(|error| panic!("{name}: {error}"));
            if let Some(rows) = fixture(&format!("{name}.sql")) {
                connection.batch_execute(&rows).unwrap_or_else(|error| panic!("{name}: {error}"));
            }
            if name == last {
                break;
            }
        }
        database
    }

    /// As whoever made this database at the time has it.
    pub(crate) fn number_the_first_migrations(&self) {
        for (number, name) in NUMBERS.iter().zip(names()) {
            let version = name.split('_').next().unwrap_or_default().replace('-', "");
            self.execute(&format!(
                "UPDATE __diesel_schema_migrations SET version = '{number}' WHERE version = '{version}'"
            ));
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("tessera.db")
    }

    pub(crate) fn connection(&self) -> Connection {
        let path = self.path();
        let mut connection = Connection::establish(path.to_str().expect("UTF-8")).expect("a connection");
        // A database that was just let go of may still be closing on another thread, under its lock.
        let pragmas = "PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON; PRAGMA synchronous = OFF";
        connection.batch_execute(pragmas).expect("foreign keys hold");
        connection
    }

    pub(crate) fn open(&self) -> Result<Db, DbError> {
        Db::open(&self.path().into())
    }

    pub(crate) fn execute(&self, sql: &str) {
        self.connection().batch_execute(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
    }

    /// The one text that a query gives under the name `text`.
    pub(crate) fn query(&self, sql: &str) -> Vec<String> {
        let lines = diesel::sql_query(sql).load(&mut self.connection());
        let lines: Vec<Line> = lines.unwrap_or_else(|error| panic!("{error}: {sql}"));
        lines.into_iter().map(|line| line.text).collect()
    }

    pub(crate) fn schema(&self) -> Vec<String> {
        self.query(
            "SELECT type || ' ' || name || ' ' || coalesce(sql, '') AS text FROM sqlite_schema ORDER BY 1",
        )
    }

    pub(crate) fn versions(&self) -> Vec<String> {
        self.query("SELECT version AS text FROM __diesel_schema_migrations ORDER BY 1")
    }

    /// Each table with its columns.
    pub(crate) fn tables(&self) -> Vec<(String, Vec<String>)> {
        let tables = self.query(
            "SELECT name AS text FROM sqlite_schema
             WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND name <> '__diesel_schema_migrations'",
        );
        let columns =
            |table: &str| self.query(&format!("SELECT name AS text FROM pragma_table_info('{table}')"));
        tables.into_iter().map(|table| (table.clone(), columns(&table))).collect()
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for (table, columns) in self.tables() {
            let quoted: Vec<String> = columns.iter().map(|column| format!("quote(\"{column}\")")).collect();
            let select = format!("SELECT json_array({}) AS text FROM \"{table}\"", quoted.join(", "));
            for text in self.query(&select) {
                let values: Vec<String> = serde_json::from_str(&text).expect("values");
                let cells = columns.iter().zip(values).filter(|(_, value)| value != "NULL");
                rows.push(
                    cells
                        .map(|(column, value)| Cell { table: table.clone(), column: column.clone(), value })
                        .collect(),
                );
            }
        }
        rows
    }
}

/// Those of this version, in their order.
fn migrations() -> Vec<Box<dyn Migration<Backend>>> {
    let source =
        FileBasedMigrations::from_path(Path::new(ROOT).join("migrations/sqlite")).expect("the migrations");
    let mut migrations = MigrationSource::<Backend>::migrations(&source).expect("the migrations");
    migrations.sort_by_key(|migration| migration.name().to_string());
    migrations
}

pub(crate) fn names() -> Vec<String> {
    migrations().iter().map(|migration| migration.name().to_string()).collect()
}

pub(crate) fn fixture(file: &str) -> Option<String> {
    fs::read_to_string(Path::new(ROOT).join("tests/app/migrations").join(file)).ok()
}
