//! Brings a database to the schema of this version, and refuses one of a later version.

use diesel::{
    connection::{BoxableConnection, Connection as _},
    migration::{Migration, MigrationMetadata, MigrationName, MigrationSource, MigrationVersion},
    prelude::*,
    sql_types::{Bool, Text},
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Backend, Connection, engine, fill_terms, fold_names};

/// Those of SQLite, in SQL.
static OF_SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Those of PostgreSQL, whose first one makes what SQLite's had made by then.
static OF_POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// All of an engine, with what is done in Rust since SQL does not know enough of letters.
struct Migrations(&'static EmbeddedMigrations);

impl Migrations {
    fn of(connection: &Connection) -> Self {
        match connection {
            Connection::Sqlite(_) => Self(&OF_SQLITE),
            Connection::Postgres(_) => Self(&OF_POSTGRES),
        }
    }

    fn versions(&self) -> Result<Vec<MigrationVersion<'static>>, String> {
        let migrations = self.migrations().map_err(|error| error.to_string())?;
        Ok(migrations.iter().map(|migration| migration.name().version().as_owned()).collect())
    }
}

impl MigrationSource<Backend> for Migrations {
    fn migrations(&self) -> diesel::migration::Result<Vec<Box<dyn Migration<Backend>>>> {
        let migrations: Vec<Box<dyn Migration<Backend>>> = self.0.migrations()?;
        Ok(migrations.into_iter().map(with_rust).collect())
    }
}

/// `migration`, with what SQL cannot write of it.
fn with_rust(migration: Box<dyn Migration<Backend>>) -> Box<dyn Migration<Backend>> {
    let is = |version| migration.name().version() == MigrationVersion::from(version);
    let rust: fn(&mut Connection) -> diesel::migration::Result<()> = if is(fold_names::VERSION) {
        fold_names::fold_names
    } else if is(fill_terms::VERSION) || is(fill_terms::VERSION_OF_INSTANCE) {
        |connection| Ok(fill_terms::fill_empty_lists(connection)?)
    } else {
        return migration;
    };
    Box::new(SqlAndRust { sql: migration, rust })
}

/// A migration in two parts, in one transaction.
struct SqlAndRust {
    sql: Box<dyn Migration<Backend>>,
    rust: fn(&mut Connection) -> diesel::migration::Result<()>,
}

impl Migration<Backend> for SqlAndRust {
    fn run(&self, connection: &mut dyn BoxableConnection<Backend>) -> diesel::migration::Result<()> {
        self.sql.run(connection)?;
        (self.rust)(connection.downcast_mut::<Connection>().ok_or("another engine")?)
    }

    fn revert(&self, connection: &mut dyn BoxableConnection<Backend>) -> diesel::migration::Result<()> {
        self.sql.revert(connection)
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        self.sql.metadata()
    }

    fn name(&self) -> &dyn MigrationName {
        self.sql.name()
    }
}

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

/// Applies what the database lacks, and nothing to one of a later version. Of several that do so at once, one
/// goes first.
///
/// # Errors
/// What is wrong, in a sentence's words.
pub(super) fn run(connection: &mut Connection) -> Result<(), String> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| error.to_string();
    engine::lock_migrations(connection).map_err(|error| error.to_string())?;
    name_versions_by_time(connection).map_err(failed)?;
    let migrations = Migrations::of(connection);
    refuse_newer(&migrations.versions()?, &connection.applied_migrations().map_err(failed)?)?;
    connection.run_pending_migrations(migrations).map_err(failed)?;
    Ok(())
}

/// Sees to it that the database has the schema of this version, and changes nothing.
///
/// # Errors
/// What is wrong, in a sentence's words.
pub(super) fn check_schema(connection: &mut Connection) -> Result<(), String> {
    let (known, applied) = known_and_applied(connection)?;
    let Some(applied) = applied else { return Err(NOT_OURS.to_owned()) };
    match known.iter().find(|version| !applied.contains(version)) {
        None => Ok(()),
        Some(version) => Err(format!(
            "this database is of an older version of Tessera (migration {version} is missing); use that version, \
             or start the server of this one, which upgrades it"
        )),
    }
}

/// The migrations that a start would apply, in that order; nothing is changed.
///
/// # Errors
/// As [`run`], where that would change nothing either.
pub(super) fn pending(connection: &mut Connection) -> Result<Vec<String>, String> {
    let (_, applied) = known_and_applied(connection)?;
    pending_beside(connection, &applied.unwrap_or_default())
}

/// [`pending`] of a database that has to be one of ours.
///
/// # Errors
/// As [`pending`], and where it is none of ours.
pub(super) fn pending_of_ours(connection: &mut Connection) -> Result<Vec<String>, String> {
    match known_and_applied(connection)? {
        (_, Some(applied)) => pending_beside(connection, &applied),
        (_, None) => Err(NOT_OURS.to_owned()),
    }
}

const NOT_OURS: &str = "this isn't a database of Tessera";

fn pending_beside(
    connection: &Connection,
    applied: &[MigrationVersion<'static>],
) -> Result<Vec<String>, String> {
    let migrations = Migrations::of(connection).migrations().map_err(|error| error.to_string())?;
    let is_applied = |version: &MigrationVersion<'_>| {
        let renamed = RENAMED_VERSIONS.iter().find(|(_, time)| MigrationVersion::from(*time) == *version);
        let renamed = renamed.map(|(number, _)| MigrationVersion::from(*number));
        applied.iter().any(|applied| applied == version || Some(applied) == renamed.as_ref())
    };
    let names = migrations.iter().map(|migration| migration.name());
    let pending = names.filter(|name| !is_applied(&name.version()));
    Ok(pending.map(ToString::to_string).collect())
}

/// The migrations of this version, and those that the database has, if it is one of ours.
type KnownAndApplied = (Vec<MigrationVersion<'static>>, Option<Vec<MigrationVersion<'static>>>);

/// # Errors
/// Where a newer version wrote the database.
fn known_and_applied(connection: &mut Connection) -> Result<KnownAndApplied, String> {
    let known = Migrations::of(connection).versions()?;
    // Asked for by hand, since diesel would make the table where there is none.
    let is_there = match connection {
        Connection::Sqlite(_) => {
            "EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '__diesel_schema_migrations')"
        }
        Connection::Postgres(_) => "to_regclass('__diesel_schema_migrations') IS NOT NULL",
    };
    let is_there = diesel::select(diesel::dsl::sql::<Bool>(is_there)).get_result(connection);
    if !is_there.map_err(|error| error.to_string())? {
        return Ok((known, None));
    }
    let applied: Vec<Applied> = diesel::sql_query("SELECT version FROM __diesel_schema_migrations")
        .load(connection)
        .map_err(|error| error.to_string())?;
    let applied: Vec<_> = applied.into_iter().map(|row| MigrationVersion::from(row.version)).collect();
    let is_old = |version: &MigrationVersion<'_>| {
        RENAMED_VERSIONS.iter().any(|(number, _)| MigrationVersion::from(*number) == *version)
    };
    if !applied.iter().any(is_old) {
        refuse_newer(&known, &applied)?;
    }
    Ok((known, Some(applied)))
}

/// A row of the table that diesel keeps.
#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
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
fn refuse_newer(known: &[MigrationVersion<'static>], applied: &[MigrationVersion<'_>]) -> Result<(), String> {
    match applied.iter().find(|version| !known.contains(version)) {
        None => Ok(()),
        Some(version) => Err(format!(
            "this database was written by a newer version of Tessera (migration {version}); \
             start that version or a later one"
        )),
    }
}
