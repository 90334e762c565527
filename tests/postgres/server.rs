//! Several programs, and a server that goes away under them.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use diesel::{
    connection::{Connection as _, SimpleConnection},
    prelude::*,
    sql_types::{BigInt, Bool},
};
use tessera::{
    config::DatabaseUrl,
    db::{Connection, Db, DbError, Tx},
};

use crate::database::{TestDatabase, argument};

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

fn failures(connection: &mut Connection) -> Result<i64, DbError> {
    let query = "SELECT coalesce(max(failures), 0)::bigint AS number FROM throttles";
    Ok(diesel::sql_query(query).get_result::<Number>(connection)?.number)
}

fn keep(tx: &mut Tx<'_>, failures: i64) -> Result<(), DbError> {
    let insert = format!("INSERT INTO throttles VALUES ({failures}, {failures}, 0, 0)");
    Ok(tx.connection().batch_execute(&insert)?)
}

fn open(database: &TestDatabase) -> Db {
    Db::open(database.url()).expect("the database opens")
}

/// Each looks at what is there before it writes, and nothing that it saw is changed meanwhile.
#[test]
fn what_two_programs_look_at_before_they_write_stays_as_it_is() {
    let database = TestDatabase::new();
    let programs: Vec<_> = (0..2)
        .map(|_| {
            let db = open(&database);
            thread::spawn(move || {
                for _ in 0..40 {
                    let written = db.write_blocking(|tx| {
                        let before = failures(tx.connection())?;
                        keep(tx, before + 1)
                    });
                    written.expect("nobody else has written this row");
                }
            })
        })
        .collect();
    programs.into_iter().for_each(|program| program.join().expect("it ends"));
    let all = open(&database).write_blocking(|tx| failures(tx.connection()));
    assert_eq!(all.expect("the rows"), 80);
}

#[tokio::test]
async fn all_that_is_read_at_once_is_of_one_moment() {
    let database = TestDatabase::new();
    let (reader, writer) = (open(&database), open(&database));
    let read = reader.read(move |connection| {
        let before = failures(connection)?;
        writer.write_blocking(|tx| keep(tx, 1))?;
        Ok::<_, DbError>((before, failures(connection)?))
    });
    assert_eq!(read.await.expect("both are read"), (0, 0));
    let later = reader.read(failures).await;
    assert_eq!(later.expect("the row"), 1);
}

#[tokio::test]
async fn a_read_cannot_write() {
    let database = TestDatabase::new();
    let db = open(&database);
    let written =
        db.read(|connection| Ok::<_, DbError>(connection.batch_execute("DELETE FROM throttles")?)).await;
    assert!(matches!(written, Err(DbError::NotWritable(_))), "{written:?}");
}

/// As when the server is started anew: all connections are closed from the other end.
#[tokio::test]
async fn connections_that_the_server_closed_are_opened_anew() {
    let database = TestDatabase::new();
    let db = open(&database);
    for number in 1..4 {
        let mut other = Connection::establish(argument(database.url())).expect("a connection");
        let all = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        other.batch_execute(all).expect("they are closed");
        assert_eq!(db.read(failures).await.expect("a read"), number - 1);
        db.write(move |tx| keep(tx, number)).await.expect("a write");
        let verified = db.read_for_verification(failures).await;
        assert_eq!(verified.expect("a read"), number);
    }
    assert_eq!(db.trouble().await, None);
}

/// PostgreSQL undoes it all then, and says no word at the COMMIT.
#[test]
fn nothing_is_said_to_be_kept_after_a_statement_that_failed() {
    let database = TestDatabase::new();
    let db = open(&database);
    let kept = db.write_blocking(|tx| {
        keep(tx, 1)?;
        assert!(keep(tx, 1).expect_err("the row is there").is_unique_violation());
        Ok::<_, DbError>(())
    });
    assert!(matches!(kept, Err(DbError::Statement(_))), "{kept:?}");
    db.write_blocking(|tx| keep(tx, 1)).expect("the connection is as good as new");
}

#[test]
fn several_programs_that_start_at_once_migrate_once() {
    let database = TestDatabase::empty();
    let url = Arc::new(database.url().clone());
    let programs: Vec<_> = (0..4)
        .map(|_| {
            let url = url.clone();
            thread::spawn(move || Db::open(&url).map(drop))
        })
        .collect();
    for program in programs {
        program.join().expect("it ends").expect("the database opens");
    }
}

#[test]
fn a_database_that_cannot_be_had_is_told_in_a_line_without_its_password() {
    let text = argument(TestDatabase::new().url()).to_owned();
    let mut url: url::Url = text.parse().expect("a URL");
    url.set_password(Some("hunter2")).expect("it has a host");
    let gone = url.to_string();
    url.set_port(Some(1)).expect("it has a host");
    for (text, words) in [(gone.as_str(), "does not exist"), (url.as_str(), "Connection refused")] {
        let parsed = DatabaseUrl::parse(text).expect("a URL");
        let Err(DbError::Open(reason)) = Db::open(&parsed) else { panic!("{text}: opened") };
        assert!(reason.starts_with("postgres://postgres@127.0.0.1:") && reason.contains(words), "{reason}");
        assert!(!reason.contains("hunter2") && !reason.contains('\n'), "{reason}");
    }
    // An empty one is none of Tessera's until a server starts with it.
    let empty = TestDatabase::empty();
    let Err(DbError::Open(reason)) = Db::open_existing(empty.url()) else { panic!("opened") };
    assert!(reason.ends_with("this isn't a database of Tessera"), "{reason}");
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let database = TestDatabase::new();
    let mut connection = Connection::establish(argument(database.url())).expect("a connection");
    connection
        .batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')")
        .expect("a later version");
    let Err(DbError::Open(reason)) = Db::open(database.url()) else { panic!("opened") };
    assert!(reason.contains("newer version of Tessera (migration 99990101000000)"), "{reason}");
}

/// Two that wait for each other would end whichever the server likes.
#[test]
fn a_side_write_gives_way_to_a_change_that_has_its_row() {
    let database = TestDatabase::new();
    let (busy, counting) = (open(&database), open(&database));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let done = busy.write_blocking(|tx| {
        keep(tx, 1)?;
        let began = Instant::now();
        let refused = runtime.block_on(counting.write_beside(|tx| keep(tx, 1)));
        assert!(matches!(refused, Err(DbError::Busy(_))), "{refused:?}");
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        Ok::<_, DbError>(())
    });
    done.expect("it is kept");
    let kept = busy.write_blocking(|tx| failures(tx.connection()));
    assert_eq!(kept.expect("the rows"), 1);
}

/// As two programs do that count the use of one key: neither waits for the changes of the other.
#[test]
fn a_side_write_waits_for_no_other_write() {
    let database = TestDatabase::new();
    let (busy, counting) = (open(&database), open(&database));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let done = busy.write_blocking(|tx| {
        let is_locked =
            diesel::select(diesel::dsl::sql::<Bool>("TRUE")).get_result::<bool>(tx.connection())?;
        runtime.block_on(counting.write_beside(|tx| keep(tx, 1)))?;
        let refused = counting.write_blocking(|tx| keep(tx, 2));
        assert!(matches!(refused, Err(DbError::Busy(_))), "{refused:?}");
        Ok::<_, DbError>(is_locked)
    });
    assert!(done.expect("it is kept"));
    let kept = busy.write_blocking(|tx| failures(tx.connection()));
    assert_eq!(kept.expect("the rows"), 1);
}
