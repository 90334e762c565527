//! `tessera database copy` between files; `tests/postgres` has it with PostgreSQL.

use std::{fs, path::Path};

use tempfile::TempDir;
use tessera::{
    app,
    clock::Clock,
    db::{self, CopiedTable, DbError},
};

use crate::{
    command_line::instance::{Instance, run},
    old_database::{Database, OF_PROCESSES, Row, names},
};

fn filled() -> Database {
    let filled = Database::of_version(names().last().expect("a version"));
    // A text that is not plain, an empty one beside NULL, and bytes of none.
    filled.execute(
        "UPDATE api_keys SET description = 'tab\t\"quoted\" \\ 日本 \u{202e}', metadata = '' WHERE rowid = 1;
         UPDATE idempotent_responses SET response = X'' WHERE rowid = 1",
    );
    filled
}

fn copied_rows(database: &Database) -> Vec<Row> {
    let is_copied = |row: &Row| row.iter().all(|cell| !OF_PROCESSES.contains(&cell.table.as_str()));
    sorted(database.rows().into_iter().filter(is_copied).collect())
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by_key(|row| format!("{row:?}"));
    rows
}

fn copy(from: &Database, to: &Database) -> Result<Vec<CopiedTable>, DbError> {
    db::copy(&from.path().into(), &to.path().into(), &mut |_| {})
}

#[track_caller]
fn reason(copied: Result<Vec<CopiedTable>, DbError>) -> String {
    match copied {
        Err(DbError::NotCopied(reason)) => reason,
        other => panic!("copied, or another error: {other:?}"),
    }
}

#[test]
fn a_copy_has_every_value_of_every_table_and_the_same_schema() {
    let demo = Database::new();
    app::fill_with_example(&demo.path().into(), false, &Clock::System).expect("the example");
    for source in [demo, filled()] {
        let (target, back) = (Database::new(), Database::new());
        let (mut steps, mut last) = (0, 0);
        let there = db::copy(&source.path().into(), &target.path().into(), &mut |progress| {
            assert!((last..=progress.total).contains(&progress.done), "{progress:?}");
            (steps, last) = (steps + 1, progress.done);
        });
        let there = there.expect("it is copied");
        let rows = copied_rows(&source);
        assert_eq!((last, steps), (2 * rows.len() as u64, 2 * there.len()), "each table is told of twice");
        assert_eq!(there.iter().map(|table| table.rows).sum::<u64>(), rows.len() as u64);
        assert_eq!(copy(&target, &back).expect("and back"), there);
        for copy in [&target, &back] {
            assert_eq!(copied_rows(copy), rows);
            assert_eq!(sorted(copy.rows()), rows, "nothing of processes");
            assert_eq!(copy.schema(), source.schema());
            assert_eq!(copy.query("SELECT \"table\" AS text FROM pragma_foreign_key_check"), [""; 0]);
        }
    }
}

/// Tables that are longer than what is read and written at once.
#[test]
fn long_tables_are_copied_whole() {
    let (source, target) = (Database::new(), Database::new());
    drop(source.open().expect("an empty database"));
    source.execute(
        "WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 2000)
         INSERT INTO throttles SELECT number * 7919 % 65537, number, 0, 0 FROM numbers;
         WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 3001)
         INSERT INTO idempotent_responses SELECT 'owner ' || number % 3, randomblob(4), X'00', randomblob(4000),
             '2026-11-26 20:00:00' FROM numbers",
    );
    copy(&source, &target).expect("it is copied");
    assert_eq!(sorted(target.rows()), sorted(source.rows()));
}

#[test]
fn a_database_with_something_in_it_is_left_as_it_is() {
    let names = names();
    for version in [names.first(), names.last()] {
        let target = Database::of_version(version.expect("a version"));
        let before = (target.versions(), target.rows());
        let reason = reason(copy(&filled(), &target));
        assert!(reason.contains("isn’t empty (there are rows in "), "{reason}");
        assert_eq!((target.versions(), target.rows()), before);
    }
    let source = filled();
    assert!(reason(copy(&source, &source)).ends_with("can’t be copied to itself"));
    // One that was made and never used is as good as none.
    let unused = Database::new();
    drop(unused.open().expect("a new database"));
    copy(&source, &unused).expect("it is copied");
}

/// Whatever ends a copy, its transaction does not end well: here the files are taken as they are by then.
#[test]
fn of_a_copy_that_is_killed_half_way_nothing_is_left() {
    let (source, target, left) = (filled(), Database::new(), Database::new());
    let (mut done, mut total) = (0, 0);
    let copied = db::copy(&source.path().into(), &target.path().into(), &mut |progress| {
        if progress.table == "webhooks" && total == 0 {
            (done, total) = (progress.done, progress.total);
            for beside in ["", "-wal"] {
                let file = |database: &Database| format!("{}{beside}", database.path().display());
                fs::copy(file(&target), file(&left)).expect("a file");
            }
        }
    });
    copied.expect("the copy itself ends well");
    assert!((1..total / 2 + 1).contains(&done), "{done} of {total}");
    assert_eq!(left.schema(), target.schema());
    assert!(left.rows().is_empty(), "{:?}", left.rows());
    copy(&source, &left).expect("it is empty");
}

#[test]
fn a_copy_that_differs_or_fails_is_not_kept() {
    for (damage, told) in [
        ("UPDATE api_keys SET monthly_quota = 'many'", "api_keys differs: "),
        ("UPDATE webhooks SET url = X'FF'", "webhooks: "),
    ] {
        let (source, target) = (filled(), Database::new());
        source.execute(damage);
        let reason = reason(copy(&source, &target));
        assert!(reason.starts_with(told) && !reason.contains('\n'), "{reason}");
        assert!(target.rows().is_empty(), "{:?}", target.rows());
    }
    // A version that has one column less is not guessed at.
    let (source, target) = (filled(), Database::new());
    source.execute("ALTER TABLE webhooks DROP COLUMN not_before");
    assert!(reason(copy(&source, &target)).ends_with("don’t have the same tables and columns"));
}

#[test]
fn the_command_says_what_was_copied_and_what_to_do_next() {
    let folder = TempDir::new().expect("a folder");
    let command = |arguments: &[&str]| run(folder.path(), &[&["database", "copy"], arguments].concat(), &[]);
    assert_eq!(run(folder.path(), &["demo", "--database-url", "old.db"], &[]).status, Some(0));
    let copied = command(&["--from", "old.db", "--to", "sqlite:new.db"]);
    assert_eq!((copied.status, copied.stderr.as_str()), (Some(0), ""), "{copied:?}");
    let users = copied.stdout.lines().find(|line| line.starts_with("users ")).expect("a line for each table");
    let [_, rows, digest] = users.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{users}") };
    assert!(rows.parse::<u64>().expect("a number") > 10 && digest.len() == 16, "{users}");
    assert!(copied.stdout.ends_with("Start Tessera with TESSERA_DATABASE_URL=new.db.\n"), "{copied:?}");

    let secret = "postgres://tessera:s3cret@127.0.0.1:1/tessera";
    for (arguments, status, told) in [
        (&["--from", "old.db", "--to", "new.db"][..], 1, "new.db isn’t empty"),
        (&["--from", "none.db", "--to", "third.db"], 2, "none.db: there is no such file"),
        (&["--from", "old.db"], 2, "--to <FILE|URL> is missing"),
        (&["--from", "old.db", "--to", "mysql://u:s3cret@db/x"], 2, "--to must be the path"),
        (&["--from", secret, "--to", "third.db"], 2, "postgres://tessera@127.0.0.1:1/tessera: "),
        (&["--from", "old.db", "--to", secret], 2, "postgres://tessera@127.0.0.1:1/tessera: "),
    ] {
        let refused = command(arguments);
        assert_eq!((refused.status, refused.stdout.as_str()), (Some(status), ""), "{refused:?}");
        assert!(refused.stderr.contains(told) && !refused.stderr.contains("s3cret"), "{refused:?}");
        assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
        assert!(!folder.path().join("third.db").exists() && !folder.path().join("none.db-lock").exists());
    }
}

#[test]
fn a_database_that_a_server_uses_is_neither_copied_nor_written() {
    let mut instance = Instance::start();
    let folder = instance.folder().to_owned();
    let copy = |from: &str, to: &str| run(&folder, &["database", "copy", "--from", from, "--to", to], &[]);
    assert_eq!(run(&folder, &["demo", "--database-url", "other.db"], &[]).status, Some(0));
    for (from, to) in [("tessera.db", "copy.db"), ("other.db", "tessera.db")] {
        let refused = copy(from, to);
        assert_eq!(refused.status, Some(2), "{refused:?}");
        let told = "tessera.db: another process of Tessera uses it; stop that one first\n";
        assert!(refused.stderr.ends_with(told), "{refused:?}");
    }
    assert!(!Path::new(&folder).join("copy.db").exists());
    assert_eq!(instance.stop(), Some(0));
    assert_eq!(copy("tessera.db", "copy.db").status, Some(0));
}
