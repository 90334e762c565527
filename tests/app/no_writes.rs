//! A database that takes no writes: a full disk, another program's lock, pages that keep the readers
//! busy. Reading, logging out and verification go on.

use std::sync::mpsc;

use diesel::connection::{Connection as _, SimpleConnection};
use tessera::{
    db::{Connection, DbError},
    domain::{key_settings::KeySettings, token_access::TokenAccess},
    web::form_id::FormId,
};
use time::Duration;

use crate::{
    support::{Client, Company, Response, SESSION_COOKIE, START, TestApp, argument, is_postgres},
    verification::{Ground, auth},
};

#[tokio::test]
async fn on_a_full_disk_reading_logging_out_and_verification_go_on() {
    let ground = Ground::new(KeySettings::default()).await;
    let (app, lumen) = (&ground.app, &ground.lumen);
    let (_, not_in_memory) = app.api_key(lumen, "Not in memory").await;
    let machine = app.machine(lumen, TokenAccess::Full).await;
    let browser = app.log_in_as(&lumen.owner).await;
    let elsewhere = app.log_in_as(&lumen.owner).await;
    browser.get(&lumen.url("api")).await.must_be(200);
    ground.auth("/auth").await.must_be(204);
    // A result waits for the next page, a use to be counted, and the session to be noted as used.
    let key = lumen.url(&format!("api/keys/{}", ground.key_id));
    browser.post(&format!("{key}/deactivate"), &[]).await.must_be(303);
    browser.post(&format!("{key}/activate"), &[]).await.must_be(303);
    app.clock.advance(Duration::minutes(10));
    ground.auth("/auth").await.must_be(204);
    writable(app, false).await;

    for page in ["api", "users", "activity", "settings", "webhooks"] {
        browser.get(&lumen.url(page)).await.must_be(200);
    }
    for page in [key.as_str(), "/orgs", "/account", "/", "/mailbox"] {
        browser.get(page).await.must_be(200);
    }
    browser.post(&lumen.url("api/troubleshoot"), &[("key", "tess_none")]).await.must_be(200);
    for list in ["keys", "usage", "activity", "members"] {
        machine.get(list).await.must_be(200);
    }
    ground.auth("/auth").await.must_be(204);
    auth(&ground.client, "/auth", &not_in_memory).await.must_be(204);
    auth(&ground.client, "/auth", "tess_none").await.must_be(401);

    says_when_to_try_again(&create_key(&browser, lumen, "One more").await.must_be(503));
    let refused = machine.send("POST", "keys", serde_json::json!({ "name": "One more" })).await.must_be(503);
    assert_eq!(refused.header("retry-after"), "5");
    assert_eq!(refused.json()["type"], "/problems/unavailable");
    let health = app.client().get("/healthz").await.must_be(503).json();
    assert!(health["reason"].as_str().expect("a reason").contains("disk is full"), "{health}");

    let cookie = browser.cookie(SESSION_COOKIE).expect("the session");
    browser.post("/logout", &[]).await.must_be(303);
    let thief = app.client();
    thief.set_cookie(SESSION_COOKIE, &cookie);
    let answer = thief.get(&lumen.url("api")).await.must_be(303);
    assert!(answer.location().starts_with("/login"), "{}", answer.location());
    elsewhere.get(&lumen.url("api")).await.must_be(200);

    writable(app, true).await;
    app.state.ended_sessions.flush(&app.db).await.expect("the session is deleted");
    let left = app.query("SELECT id AS text FROM sessions").await.len();
    thief.get(&lumen.url("api")).await.must_be(303);
    assert_eq!(left, 1, "only the other browser's session is left");
    create_key(&elsewhere, lumen, "One more").await.must_be(200);
}

#[tokio::test]
async fn under_another_programs_lock_pages_are_read_keys_verified_and_changes_put_off() {
    let ground = Ground::new(KeySettings::default()).await;
    let (app, lumen) = (&ground.app, &ground.lumen);
    let (_, not_in_memory) = app.api_key(lumen, "Not in memory").await;
    let machine = app.machine(lumen, TokenAccess::Full).await;
    let browser = app.log_in_as(&lumen.owner).await;
    let path = argument(&app.state.config.database).to_owned();
    let mut other = Connection::establish(&path).expect("another program");
    let lock = match other {
        Connection::Sqlite(_) => "PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE",
        Connection::Postgres(_) => "BEGIN; SELECT pg_advisory_xact_lock(1415934835, 1)",
    };
    other.batch_execute(lock).expect("the lock");

    let writers: Vec<_> = (0..20)
        .map(|number| {
            let (browser, lumen) = (browser.clone(), lumen.clone());
            tokio::spawn(async move { create_key(&browser, &lumen, &format!("Key {number}")).await })
        })
        .collect();
    auth(&ground.client, "/auth", &not_in_memory).await.must_be(204);
    browser.get(&lumen.url("api")).await.must_be(200);
    for writer in writers {
        says_when_to_try_again(&writer.await.expect("an answer").must_be(503));
    }
    let refused = machine.send("POST", "keys", serde_json::json!({ "name": "One more" })).await.must_be(503);
    assert_eq!(refused.header("retry-after"), "5");
    let log_in = app.client().post("/login", &[("email", "nobody@lumen.example"), ("password", "x")]).await;
    assert_ne!(log_in.status, 500);
    browser.post("/logout", &[]).await.must_be(303);

    other.batch_execute("ROLLBACK").expect("the lock is given back");
    let keys = app.query("SELECT name AS text FROM api_keys ORDER BY 1").await;
    assert_eq!(keys, ["Billing worker", "Not in memory"]);
}

#[tokio::test]
async fn pages_that_keep_every_reader_busy_hold_up_no_verification() {
    let ground = Ground::new(KeySettings::default()).await;
    let mut busy = Vec::new();
    for _ in 0..32 {
        let ((go_on, wait), db) = (mpsc::channel::<()>(), ground.app.db.clone());
        let slow = tokio::spawn(async move {
            db.read(move |_| {
                // Whoever sends is dropped in the end.
                let _ = wait.recv();
                Ok::<_, DbError>(())
            })
            .await
        });
        busy.push((go_on, slow));
    }
    tokio::task::yield_now().await;
    ground.auth("/auth").await.must_be(204);
    let answer = ground.verify(serde_json::json!({})).await;
    assert_eq!(answer["code"], "valid", "{answer}");
    drop(busy);
}

#[tokio::test]
async fn a_renamed_organization_has_its_own_keys_read_anew_and_nobody_elses() {
    let app = TestApp::builder().without_housekeeping().spawn().await;
    let ground = Ground::on(app, KeySettings::default()).await;
    let app = &ground.app;
    let frida = app.user("Frida Fern").await;
    let fern = app.organization("Fern", &frida).await;
    let (_, foreign) = app.api_key(&fern, "Another one").await;
    let browser = app.log_in_as(&ground.lumen.owner).await;
    ground.verify(serde_json::json!({})).await;
    auth(&ground.client, "/auth", &foreign).await.must_be(204);

    browser.post(&ground.lumen.url("settings"), &[("name", "Lumen Two")]).await.must_be(303);
    let asked = app.statements(auth(&ground.client, "/auth", &foreign)).await;
    assert_eq!(asked, [""; 0], "a key of another organization was read");
    let asked = app.statements(async {
        let answer = ground.verify(serde_json::json!({})).await;
        assert_eq!(answer["organization"]["name"], "Lumen Two", "{answer}");
    });
    assert_eq!(asked.await.len(), 2, "the token and the key are read once");
    let asked = app.statements(ground.verify(serde_json::json!({}))).await;
    assert_eq!(asked, [""; 0], "what was read anew is not kept");

    browser.post(&ground.lumen.url("settings/remove"), &[("name", "Lumen Two")]).await.must_be(303);
    ground.auth("/auth").await.must_be(401);
    auth(&ground.client, "/auth", &foreign).await.must_be(204);
}

fn says_when_to_try_again(answer: &Response) {
    assert_eq!(answer.header("retry-after"), "5");
    let text = answer.html().main_text();
    assert!(text.contains("No changes were made. Try again in a moment."), "{text}");
}

async fn create_key(browser: &Client, company: &Company, name: &str) -> Response {
    let form_id = FormId::new(START);
    let form_id = form_id.as_str().to_owned();
    browser
        .post(&company.url("api/keys"), &[("name", name), ("duration", "none"), ("form_id", &form_id)])
        .await
}

/// Has every change fail in the words and at the place of a full disk, or succeed again.
async fn writable(app: &TestApp, is_writable: bool) {
    let tables = app.tables().await;
    app.write(move |tx| {
        let is_on_server = is_postgres(tx.connection());
        let mut statements = String::new();
        if is_on_server {
            statements += "CREATE OR REPLACE FUNCTION is_full() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE 'could not extend file: the disk is full' USING ERRCODE = 'disk_full'; END $$;";
        }
        for table in tables {
            for change in ["INSERT", "UPDATE", "DELETE"] {
                let name = format!("full_{table}_{change}");
                statements += &match (is_writable, is_on_server) {
                    (true, true) => format!("DROP TRIGGER {name} ON {table};"),
                    (true, false) => format!("DROP TRIGGER {name};"),
                    (false, true) => format!(
                        "CREATE TRIGGER {name} BEFORE {change} ON {table} EXECUTE FUNCTION is_full();"
                    ),
                    (false, false) => format!(
                        "CREATE TEMP TRIGGER {name} BEFORE {change} ON main.{table}
                         BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END;"
                    ),
                };
            }
        }
        Ok(tx.connection().batch_execute(&statements)?)
    })
    .await;
}

#[tokio::test]
async fn a_file_that_may_not_grow_refuses_changes_until_it_may() {
    let app = TestApp::builder().on_file().spawn().await;
    let ground = Ground::on(app, KeySettings::default()).await;
    let (app, lumen) = (&ground.app, &ground.lumen);
    let browser = app.log_in_as(&lumen.owner).await;
    let limit = async |pages: &str| {
        let pragma = format!("PRAGMA max_page_count = {pages}");
        app.write(move |tx| Ok(tx.connection().batch_execute(&pragma)?)).await;
    };
    limit("1").await;
    let mut number = 0;
    let refused = loop {
        number += 1;
        let answer = create_key(&browser, lumen, &format!("Key {number}")).await;
        if answer.status != 200 {
            break answer.must_be(503);
        }
    };
    says_when_to_try_again(&refused);
    app.client().get("/healthz").await.must_be(503);
    browser.get(&lumen.url("api")).await.must_be(200);
    ground.auth("/auth").await.must_be(204);
    limit("1000000").await;
    create_key(&browser, lumen, &format!("Key {number}")).await.must_be(200);
}
