//! `tessera database copy` from a file to PostgreSQL and back.

use std::process::{Command, Stdio};

use diesel::{
    connection::{Connection as _, SimpleConnection},
    prelude::*,
    sql_types::Text,
};
use tessera::{
    app,
    clock::Clock,
    config::DatabaseUrl,
    db::{self, Connection, Db, DbError},
};

use crate::{
    cluster::Cluster,
    database::{TestDatabase, argument},
    old_database::{Database, OF_PROCESSES, names},
    support::until,
};

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    text: String,
}

fn connection(database: &TestDatabase) -> Connection {
    Connection::establish(argument(database.url())).expect("a connection")
}

fn query(database: &TestDatabase, query: &str) -> Vec<String> {
    let lines = diesel::sql_query(query).load(&mut connection(database));
    let lines: Vec<Line> = lines.unwrap_or_else(|error| panic!("{error}: {query}"));
    lines.into_iter().map(|line| line.text).collect()
}

fn filled() -> Database {
    Database::of_version(names().last().expect("a version"))
}

/// What nothing was copied into.
fn is_empty(database: &TestDatabase) -> bool {
    let tables = "SELECT CAST(relname AS text) AS text FROM pg_class
        WHERE relkind = 'r' AND relnamespace = CAST('public' AS regnamespace)
        AND relname <> '__diesel_schema_migrations'";
    let tables = query(database, tables);
    let is_empty = |table: &String| query(database, &format!("SELECT 'row' AS text FROM {table}")).is_empty();
    tables.len() > 20 && tables.iter().all(is_empty)
}

/// What a file holds beside what processes tell each other. Instants are without the zeros at their end that
/// some of the rows have and that say nothing.
fn copied_rows(database: &Database) -> Vec<String> {
    let mut rows = database.rows();
    rows.retain(|row| row.iter().all(|cell| !OF_PROCESSES.contains(&cell.table.as_str())));
    for cell in rows.iter_mut().flatten() {
        if cell.value.starts_with("'20") && cell.value.contains(':') && cell.value.contains('.') {
            let plain = cell.value.trim_end_matches('\'').trim_end_matches('0');
            cell.value = format!("{plain}'");
        }
    }
    let mut rows: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
    rows.sort();
    rows
}

#[test]
fn whatever_is_copied_to_postgresql_comes_back_as_it_was() {
    let demo = Database::new();
    app::fill_with_example(&demo.path().into(), false, &Clock::System).expect("the example");
    for source in [demo, filled()] {
        let (server, other, back) = (TestDatabase::empty(), TestDatabase::new(), Database::new());
        let copy = |from: &DatabaseUrl, to: &DatabaseUrl| db::copy(from, to, &mut |_| {}).expect("a copy");
        let there = copy(&source.path().into(), server.url());
        assert_eq!(copy(server.url(), other.url()), there, "from one server to another");
        assert_eq!(copy(other.url(), &back.path().into()), there);
        assert_eq!(copied_rows(&back), copied_rows(&source));
        assert_eq!(back.schema(), source.schema());
        // What was put aside is at work again.
        let idle =
            "SELECT CAST(tgname AS text) AS text FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'O'";
        assert_eq!(query(&server, idle), [""; 0]);
        let is_full = db::copy(&source.path().into(), server.url(), &mut |_| {});
        let Err(DbError::NotCopied(reason)) = is_full else { panic!("copied: {is_full:?}") };
        assert!(reason.contains("isn’t empty (there are rows in "), "{reason}");
    }
}

/// PostgreSQL keeps no more than microseconds.
#[test]
fn what_the_other_engine_cannot_hold_is_found_out_and_nothing_is_kept() {
    for (damage, told) in [
        ("UPDATE users SET created_at = '2026-11-26 20:00:00.1234567'", "users differs: "),
        ("UPDATE users SET name = 'D' || char(0) || 'a'", "users: "),
    ] {
        let (source, server) = (filled(), TestDatabase::new());
        source.execute(damage);
        let copied = db::copy(&source.path().into(), server.url(), &mut |_| {});
        let Err(DbError::NotCopied(reason)) = copied else { panic!("copied: {copied:?}") };
        assert!(reason.starts_with(told), "{reason}");
        assert!(is_empty(&server));
    }
}

#[tokio::test]
async fn a_database_that_servers_use_is_not_copied_until_they_have_stopped() {
    let cluster = Cluster::new().await;
    let mut node = cluster.node().await;
    let url = DatabaseUrl::parse(cluster.database_url()).expect("a URL");
    let target = Database::new();
    let try_to_copy = || db::copy(&url, &target.path().into(), &mut |_| {});
    let refused = try_to_copy();
    let Err(DbError::Open(reason)) = refused else { panic!("copied: {refused:?}") };
    assert!(reason.contains(&format!(":{} used it in the last ", node.port())), "{reason}");
    assert!(!target.path().exists());
    node.kill();
    until(async || try_to_copy().is_ok()).await;
}

#[tokio::test]
async fn of_a_copy_that_is_killed_half_way_nothing_is_left() {
    let (source, server) = (filled(), TestDatabase::new());
    drop(Db::open(server.url()).expect("the schema"));
    // Where it gets to a late table, it stays.
    connection(&server)
        .batch_execute("ALTER TABLE webhooks ADD CHECK (pg_sleep(3600) IS NULL)")
        .expect("a row that takes an hour");
    let source_path = source.path();
    let mut copying = Command::new(env!("CARGO_BIN_EXE_tessera"))
        .args(["database", "copy", "--from", source_path.to_str().expect("UTF-8")])
        .args(["--to", argument(server.url())])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program");
    let at_work = "SELECT 'yes' AS text FROM pg_stat_activity WHERE datname = current_database()
        AND query LIKE 'INSERT INTO \"webhooks\"%' AND wait_event = 'PgSleep'";
    until(async || !query(&server, at_work).is_empty()).await;
    copying.kill().expect("it runs");
    copying.wait().expect("it ends");
    // The server looks for its client once it has slept.
    let wake = "SELECT CAST(pg_terminate_backend(pid) AS text) AS text FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event = 'PgSleep'";
    query(&server, wake);
    until(async || query(&server, at_work).is_empty()).await;
    assert!(is_empty(&server));
    connection(&server)
        .batch_execute("ALTER TABLE webhooks DROP CONSTRAINT webhooks_check")
        .expect("no more");
    db::copy(&source_path.into(), server.url(), &mut |_| {}).expect("it is empty");
}
