//! Databases of earlier versions, opened by this one.
//!
//! The folder `migrations` beside this file holds what was stored at the time. `NAME.sql` fills what
//! the migration NAME brought: it runs right after it, in the words of the schema of then, and need
//! not be touched again. The test names every table and column that is left empty.
//!
//! Where a migration rewrites or drops what is stored, its `NAME.changes.sql` says what is to be
//! found after it. It changes the table `expected`, which has one line for each value in the
//! database before it was opened: `"row"`, `"table"` and `"column"` as they were called then, and
//! `value` as `quote()` writes it. Renamed tables and columns need no mention, since a row is
//! looked for in every table.

use std::{collections::BTreeSet, fs, path::Path};

use diesel::{
    RunQueryDsl,
    sql_types::{BigInt, Text},
};
use tessera::db::DbError;

use crate::old_database::{Cell, Database, ROOT, Row, fixture, names};

#[test]
fn a_database_of_any_version_keeps_everything_when_it_is_opened() {
    let fresh = Database::new();
    fresh.open().expect("a new database opens");
    for version in names() {
        for numbered in [false, true] {
            let old = Database::of_version(&version);
            if numbered {
                old.number_the_first_migrations();
            }
            let expected = expected_rows(&old.rows(), &version);
            old.open().unwrap_or_else(|error| panic!("{version}: {error}"));
            let found: Vec<BTreeSet<String>> = old.rows().iter().map(values).collect();
            for row in expected {
                let still_there = found.iter().any(|values| row.is_subset(values));
                assert!(still_there, "{version}: no row has all of {row:?}");
            }
            assert_eq!(old.schema(), fresh.schema(), "{version}");
            assert_eq!(old.versions(), fresh.versions(), "{version}");
            // The migration that fills in what rows are found by is half Rust, and here the past is made of SQL.
            let lists = [
                ("key", "SELECT id AS text FROM api_keys"),
                ("member", "SELECT user_id AS text FROM memberships"),
            ];
            for (list, rows) in lists.into_iter().filter(|_| version.as_str() < "2026-11-26-183000") {
                let found = format!("SELECT row_id FROM search_terms WHERE list = '{list}'");
                let lost = old.query(&format!("{rows} EXCEPT {found}"));
                assert_eq!(lost, [""; 0], "{version}: no search finds this {list}");
            }
            assert_eq!(old.query("SELECT integrity_check AS text FROM pragma_integrity_check"), ["ok"]);
            assert_eq!(old.query("SELECT \"table\" AS text FROM pragma_foreign_key_check"), [""; 0]);
        }
    }
}

#[test]
fn every_column_of_every_version_is_tried() {
    for version in names() {
        let old = Database::of_version(&version);
        let rows = old.rows();
        for (table, columns) in old.tables() {
            for column in columns {
                let holds = |cell: &Cell| cell.table == table && cell.column == column;
                assert!(rows.iter().flatten().any(holds), "{version}: nothing in {table}.{column}");
            }
        }
    }
}

#[test]
fn every_file_of_rows_belongs_to_a_migration() {
    let names = names();
    for file in fs::read_dir(Path::new(ROOT).join("tests/app/migrations")).expect("the folder") {
        let file = file.expect("a file").file_name().into_string().expect("a name in UTF-8");
        let name = file.trim_end_matches(".sql").trim_end_matches(".changes");
        assert!(names.iter().any(|known| known == name), "{file}");
    }
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_as_it_is() {
    for version in names() {
        let database = Database::of_version(&version);
        database.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')");
        let before = (database.schema(), database.versions(), database.rows());
        let Err(DbError::Open(reason)) = database.open() else { panic!("{version}: not refused") };
        let path = database.path();
        assert_eq!(
            reason.strip_prefix(&format!("{}: ", path.display())).expect("the path"),
            "this database was written by a newer version of Tessera (migration 99990101000000); \
             start that version or a later one"
        );
        assert_eq!((database.schema(), database.versions(), database.rows()), before);
    }
}

/// What SQL cannot do is done in Rust, along with the migration that brings the columns.
#[test]
fn names_from_before_are_folded_and_twins_among_them_stay() {
    let old = Database::of_version("2026-11-25-220000_typed_events");
    let id = |number: u32| format!("01936000-0000-7000-8000-0000000009{number:02}");
    for (number, name) in ["Café", "Cafe\u{301}", "CAFÉ\u{200B}", "\u{3164}", "Ärger"].iter().enumerate() {
        let id = id(u32::try_from(number).expect("a number"));
        old.execute(&format!(
            "INSERT INTO api_keys (id, organization_id, name, name_key, masked, secret_digest, created_by,
             created_at, scopes, networks) VALUES ('{id}', '01936000-0000-7000-8000-000000000010', '{name}',
             'before {number}', 'tess_AbCd…wxyz', X'{number:02}', 'Dana', '2026-11-05 09:00:00', '', '')"
        ));
    }
    old.execute("UPDATE users SET name = 'Élodie Łódź' WHERE email = 'dana@lumen.example'");
    old.execute("UPDATE users SET email = 'josé@lumen.example' WHERE email = 'jonas@lumen.example'");
    old.execute("UPDATE organizations SET name = 'Привет'");
    for _ in 0..2 {
        old.open().expect("it opens, and once more");
        let keys =
            old.query(&format!("SELECT name_key AS text FROM api_keys WHERE id >= '{}' ORDER BY id", id(0)));
        let twin = |number| format!("café\n{}", id(number));
        assert_eq!(keys, ["café".into(), twin(1), twin(2), String::new(), "ärger".into()]);
        let found = old.query("SELECT search_key AS text FROM api_keys WHERE name_key = 'ärger'");
        assert_eq!(found, ["arger"]);
        assert_eq!(old.query("SELECT search_key AS text FROM organizations"), ["привет"]);
        let dana = "SELECT search_key AS text FROM users WHERE email = 'dana@lumen.example'";
        assert_eq!(old.query(dana), ["elodie lodz"]);
        assert_eq!(
            old.query("SELECT email AS text FROM users WHERE email LIKE 'jos%'"),
            ["josé@lumen.example"]
        );
        let unfolded = "SELECT id AS text FROM audit_events WHERE search_key = ''";
        assert_eq!(old.query(unfolded), [""; 0]);
    }
}

fn values(row: &Row) -> BTreeSet<String> {
    row.iter().map(|cell| cell.value.clone()).collect()
}

/// The values of each row that must be found once the migrations after `version` have run.
fn expected_rows(stored: &[Row], version: &str) -> Vec<BTreeSet<String>> {
    let notes = Database::new();
    notes.execute("CREATE TABLE expected (\"row\" INTEGER, \"table\" TEXT, \"column\" TEXT, value TEXT)");
    let mut connection = notes.connection();
    for (number, row) in (0..).zip(stored) {
        for cell in row {
            diesel::sql_query("INSERT INTO expected VALUES (?, ?, ?, ?)")
                .bind::<BigInt, _>(number)
                .bind::<Text, _>(&cell.table)
                .bind::<Text, _>(&cell.column)
                .bind::<Text, _>(&cell.value)
                .execute(&mut connection)
                .expect("a value is noted");
        }
    }
    for later in names().iter().skip_while(|name| *name != version).skip(1) {
        if let Some(changes) = fixture(&format!("{later}.changes.sql")) {
            notes.execute(&changes);
        }
    }
    let rows = notes.query("SELECT json_group_array(value) AS text FROM expected GROUP BY \"row\"");
    rows.iter().map(|row| serde_json::from_str(row).expect("values")).collect()
}
