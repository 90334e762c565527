//! How keys are used: counted in memory, written a few at a time, kept for a while.

use std::time::Duration as StdDuration;

use diesel::connection::SimpleConnection;
use tessera::{
    clock::Timestamp,
    config::KeyPrefix,
    domain::{
        bulk,
        secret::Secret,
        usage,
        verification::{Decision, KeyRequest, Outcome},
    },
};
use time::Duration;

use crate::support::{START, TestApp, is_postgres};

/// More keys than one transaction writes.
const MANY: usize = 150;

const SUMS: &str = "SELECT span || ' ' || COUNT(*) || ' ' || SUM(requests) || ' ' || SUM(units) AS text
                    FROM key_usage GROUP BY span ORDER BY span";

/// Keys of an organization of their own; gives their secrets.
async fn keys(app: &TestApp, count: usize) -> Vec<String> {
    let now = app.now();
    app.write(move |tx| {
        let secrets = bulk::organization_with_keys(tx, count, now)?;
        Ok(secrets.iter().map(|secret| secret.expose().to_owned()).collect())
    })
    .await
}

/// Verifies as the handlers do; tells whether the key is accepted.
async fn present(app: &TestApp, secret: &str) -> bool {
    let now = app.now();
    match app.state.verifier.verify(secret, &KeyRequest::default(), now).await.expect("a decision") {
        Decision::Known { key, outcome, .. } => {
            app.state.usage.note(&key, outcome, 1, None, now);
            outcome == Outcome::Valid
        }
        _ => false,
    }
}

async fn present_all(app: &TestApp, secrets: &[String]) {
    for secret in secrets {
        assert!(present(app, secret).await);
    }
}

#[tokio::test]
async fn many_keys_are_written_in_portions_and_each_request_once() {
    let app = TestApp::builder().without_housekeeping().spawn().await;
    let secrets = keys(&app, MANY).await;
    present_all(&app, &secrets).await;
    present_all(&app, &secrets[..10]).await;
    app.state.usage.flush_spread(&app.db, StdDuration::from_millis(20)).await.expect("a flush");
    app.state.usage.flush(&app.db).await.expect("a flush");
    assert_eq!(app.query(SUMS).await, ["day 150 160 160", "hour 150 160 160"]);
    app.state.usage.flush(&app.db).await.expect("a flush");
    assert_eq!(app.query(SUMS).await, ["day 150 160 160", "hour 150 160 160"]);
}

#[tokio::test]
async fn what_comes_while_others_are_written_is_neither_lost_nor_counted_twice() {
    let app = TestApp::builder().without_housekeeping().spawn().await;
    let secrets = keys(&app, MANY).await;
    for _ in 0..4 {
        present_all(&app, &secrets).await;
        let (spread, whole, ()) = tokio::join!(
            app.state.usage.flush_spread(&app.db, StdDuration::from_millis(20)),
            app.state.usage.flush(&app.db),
            present_all(&app, &secrets),
        );
        spread.expect("a flush");
        whole.expect("a flush");
    }
    app.state.usage.flush(&app.db).await.expect("a flush");
    assert_eq!(app.query(SUMS).await, ["day 150 1200 1200", "hour 150 1200 1200"]);
}

#[tokio::test]
async fn what_the_database_refuses_is_gathered_again() {
    let app = TestApp::builder().without_housekeeping().spawn().await;
    let secrets = keys(&app, MANY).await;
    present_all(&app, &secrets).await;
    app.write(|tx| {
        let refuse = if is_postgres(tx.connection()) {
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF (SELECT COUNT(*) FROM key_usage) >= 180 THEN RAISE 'full'; END IF;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON key_usage FOR EACH ROW EXECUTE FUNCTION refuse();"
        } else {
            "CREATE TRIGGER refuse BEFORE INSERT ON key_usage
             WHEN (SELECT COUNT(*) FROM key_usage) >= 180 BEGIN SELECT RAISE(ABORT, 'full'); END;"
        };
        Ok(tx.connection().batch_execute(refuse)?)
    })
    .await;
    assert!(app.state.usage.flush(&app.db).await.is_err());
    let written = app.query("SELECT COUNT(*) || '' AS text FROM key_usage WHERE span = 'day'").await;
    assert_eq!(written, ["64"], "the first portion stays, the second is rolled back");
    present_all(&app, &secrets[..5]).await;
    app.write(|tx| {
        let is_on_server = is_postgres(tx.connection());
        let stop = if is_on_server { "DROP TRIGGER refuse ON key_usage" } else { "DROP TRIGGER refuse" };
        Ok(tx.connection().batch_execute(stop)?)
    })
    .await;
    app.state.usage.flush(&app.db).await.expect("a flush");
    assert_eq!(app.query(SUMS).await, ["day 150 155 155", "hour 150 155 155"]);
}

#[tokio::test]
async fn a_page_has_its_own_organization_written_and_no_other() {
    let app = TestApp::builder().without_housekeeping().spawn().await;
    present_all(&app, &keys(&app, MANY).await).await;
    let lumen = app.lumen().await;
    let (_, secret) = app.api_key(&lumen, "Billing worker").await;
    present_all(&app, &[secret]).await;
    // On a slow machine some of the others' is written meanwhile, as it is every few seconds.
    let others = format!(
        "SELECT COUNT(*) || '' AS text FROM key_usage JOIN api_keys ON api_keys.id = api_key_id
         WHERE span = 'day' AND organization_id <> '{}'",
        lumen.id
    );
    let before = app.query(&others).await;
    app.state.usage.flush_organization(&app.db, &lumen.id).await.expect("a flush");
    assert_eq!(app.query(&others).await, before);
    let own = others.replace("<>", "=");
    assert_eq!(app.query(&own).await, ["1"]);
    app.state.usage.flush(&app.db).await.expect("a flush");
    assert_eq!(app.query(SUMS).await, ["day 151 151 151", "hour 151 151 151"]);
}

#[tokio::test]
async fn the_last_use_is_written_without_anybody_asking() {
    let app = TestApp::spawn().await;
    let secrets = keys(&app, 1).await;
    present_all(&app, &secrets).await;
    let used = "SELECT last_used_at AS text FROM api_keys WHERE last_used_at IS NOT NULL";
    let written = async {
        while app.query(used).await.is_empty() {
            tokio::time::sleep(StdDuration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(StdDuration::from_secs(10), written).await.expect("the last use is written");
}

#[tokio::test]
async fn a_use_never_moves_backwards() {
    let app = TestApp::builder().without_housekeeping().spawn().await;
    let secrets = keys(&app, 1).await;
    present_all(&app, &secrets).await;
    // As a copy from before a change writes it, after the copy from after the change.
    app.execute("UPDATE api_keys SET last_used_at = '2026-11-23 10:00:07'").await;
    app.state.usage.flush(&app.db).await.expect("a flush");
    let used = app.query("SELECT last_used_at AS text FROM api_keys").await;
    assert_eq!(used, ["2026-11-23 10:00:07"]);
    app.clock.advance(Duration::seconds(8));
    present_all(&app, &secrets).await;
    app.state.usage.flush(&app.db).await.expect("a flush");
    assert!(
        app.query("SELECT last_used_at AS text FROM api_keys").await[0].starts_with("2026-11-23 10:00:08")
    );
}

#[tokio::test]
async fn requests_stay_in_the_hour_in_which_they_came() {
    let app = TestApp::builder().without_housekeeping().spawn().await;
    let secrets = keys(&app, 1).await;
    present_all(&app, &secrets).await;
    app.clock.advance(Duration::hours(14));
    app.state.usage.flush(&app.db).await.expect("a flush");
    let written = app.query("SELECT span || ' ' || begins_at AS text FROM key_usage ORDER BY 1").await;
    assert!(written[0].starts_with("day 2026-11-23 00:00:00"), "{written:?}");
    assert!(written[1].starts_with("hour 2026-11-23 10:00:00"), "{written:?}");
}

#[tokio::test]
async fn old_sums_are_removed_a_portion_at_a_time() {
    let app = TestApp::builder().without_housekeeping().spawn().await;
    let secrets = keys(&app, 1).await;
    present_all(&app, &secrets).await;
    app.state.usage.flush(&app.db).await.expect("a flush");
    app.execute(
        "INSERT INTO key_usage (api_key_id, span, begins_at, outcome, requests, units)
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 600)
         SELECT (SELECT id FROM api_keys), 'hour', datetime('2026-11-23 10:00:00', '-' || n || ' hours'), 'valid', 1, 1
         FROM numbers",
    )
    .await;
    let forget = async |now: Timestamp| app.write(move |tx| Ok(usage::purge_expired(tx, now)?)).await;
    let rows = async || {
        app.query("SELECT span || ' ' || COUNT(*) AS text FROM key_usage GROUP BY span ORDER BY 1").await
    };
    assert!(!forget(START + usage::HOURS_KEPT - Duration::hours(600)).await);
    assert_eq!(rows().await, ["day 1", "hour 601"]);
    assert!(forget(START + usage::HOURS_KEPT).await, "more is left than one transaction removes");
    assert_eq!(rows().await, ["day 1", "hour 101"]);
    assert!(!forget(START + usage::HOURS_KEPT).await);
    assert_eq!(rows().await, ["day 1", "hour 1"]);
    assert!(!forget(START + usage::DAYS_KEPT).await);
    assert_eq!(rows().await, ["day 1"]);
    assert!(!forget(START + usage::DAYS_KEPT + Duration::DAY).await);
    assert!(rows().await.is_empty());
}

#[tokio::test]
async fn more_keys_than_fit_into_memory_are_verified_all_the_same() {
    let app = TestApp::builder().flag("--keys-in-memory", "100").spawn().await;
    let secrets = keys(&app, 300).await;
    for _ in 0..2 {
        present_all(&app, &secrets).await;
    }
    let kept = app.state.verifier.keys_in_memory();
    assert!((50..=100).contains(&kept), "{kept} keys are in memory");
    app.state.usage.flush(&app.db).await.expect("a flush");
    assert_eq!(app.query(SUMS).await, ["day 300 600 600", "hour 300 600 600"]);
}

#[tokio::test]
async fn keys_that_somebody_makes_up_push_out_none() {
    let app = TestApp::builder().flag("--keys-in-memory", "100").spawn().await;
    let secrets = keys(&app, 20).await;
    present_all(&app, &secrets).await;
    // Past the domain, which would tell the verifier: only a copy in memory still answers.
    app.execute("DELETE FROM api_keys").await;
    for _ in 0..10_000 {
        let made_up = Secret::generate_key(KeyPrefix::default(), None).expect("a secret");
        assert!(!present(&app, made_up.expose()).await);
    }
    assert_eq!(app.state.verifier.keys_in_memory(), 20);
    present_all(&app, &secrets).await;
}
