//! A refused request is explained by its id.

use serde_json::json;
use tessera::{
    db::Db,
    domain::{access, key_settings::KeySettings, rejections},
};
use time::Duration;

use super::ask;
use crate::{
    support::{Client, Company, Response, TestApp, mistyped},
    verification::{Ground, settings},
};

/// The id that an answer bears, in its header and in its document alike.
fn id_of(answer: &Response) -> String {
    let id = answer.header("x-request-id").to_owned();
    if answer.header("content-type") == "application/problem+json" {
        assert_eq!(answer.json()["request_id"], id.as_str());
    }
    id
}

async fn auth_from(client: &Client, path: &str, secret: &str, address: &str) -> Response {
    let request = client.request("GET", path).header("x-api-key", secret);
    request.header("x-forwarded-for", address).send().await
}

async fn behind_a_proxy(settings: KeySettings) -> Ground {
    Ground::on(TestApp::builder().flag("--trusted-proxies", "127.0.0.1").spawn().await, settings).await
}

#[tokio::test]
async fn each_rejection_of_a_key_is_told_with_its_numbers() {
    let ground = behind_a_proxy(settings("invoices:read", "10.0.0.0/8", Some("100/minute"), Some(150))).await;
    let browser = ground.app.log_in_as(&ground.lumen.owner).await;
    let told = async |answer: &Response| ask(&browser, &ground.lumen, &id_of(answer)).await;
    let auth = async |path: &str, from: &str| auth_from(&ground.client, path, &ground.secret, from).await;
    let verify = async |cost: u32| {
        let body = json!({ "key": ground.secret, "client_ip": "10.0.0.1", "cost": cost });
        ground.ask(body).await.must_be(200)
    };

    let answer = auth("/auth", "192.0.2.7").await.must_be(403);
    let text = told(&answer).await;
    for words in [
        "Rejected on Nov 23, 2026, 10:00 UTC. Requested by a gateway at /auth.",
        "Billing worker : IP address not allowed",
        "The request came from 192.0.2.7, which is outside 10.0.0.0/8.",
        "add it to the key’s allowed IP addresses",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let answer = auth("/auth?scope=invoices:write", "10.0.0.1").await.must_be(403);
    let words = "The request needed the scope invoices:write; the key had invoices:read.";
    assert!(told(&answer).await.contains(words));

    verify(100).await;
    ground.app.clock.advance(Duration::seconds(48));
    let answer = verify(100).await;
    assert_eq!(answer.json()["code"], "rate_limited");
    let text = told(&answer).await;
    let words = "Its rate limit of 100 a minute was exceeded; it could try again 12 seconds later.";
    assert!(text.contains(words) && text.contains("Requested by a backend at /api/v2/keys/verify"), "{text}");
    let never = told(&verify(101).await).await;
    let words = "The request cost 101, which is more than its rate limit of 100 a minute ever allows";
    assert!(never.contains(words), "{never}");

    ground.app.clock.advance(Duration::minutes(2));
    let answer = verify(60).await;
    assert_eq!(answer.json()["code"], "quota_exceeded");
    let text = told(&answer).await;
    let words = "Its quota of 150 a month was exceeded by a request that costs 60. Reset date: \
                 Dec 1, 2026, 00:00 UTC.";
    assert!(text.contains(words), "{text}");

    browser
        .post(&ground.lumen.url(&format!("api/keys/{}/deactivate", ground.key_id)), &[])
        .await
        .must_be(303);
    let request = ground.client.request("GET", "/api/v2/organization").header("x-api-key", &ground.secret);
    let off = request.send().await.must_be(401);
    let text = told(&off).await;
    assert!(text.contains("Billing worker : Key deactivated"), "{text}");
    assert!(text.contains("Requested by the client itself at /api/v2/organization"), "{text}");

    browser.post(&ground.lumen.url(&format!("api/keys/{}/remove", ground.key_id)), &[]).await.must_be(303);
    assert!(told(&off).await.contains("The key has since been removed."));
}

#[tokio::test]
async fn an_expired_key_is_told_with_its_end() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, secret) = app.api_key_until(&lumen, "Old", Some(app.now() + Duration::days(1))).await;
    app.clock.advance(Duration::days(2));
    let answer = app.client().request("GET", "/auth").header("x-api-key", &secret).send().await.must_be(401);
    let browser = app.log_in_as(&lumen.owner).await;
    let page =
        browser.post(&lumen.url("api/troubleshoot"), &[("key", &id_of(&answer))]).await.must_be(200).html();
    assert!(page.main_text().contains("Old : Key expired It expired on Nov 24, 2026, 10:00 UTC."));
    browser.get(&page.link("Old")).await.must_be(200);
    assert!(page.value("Key").starts_with("tess_"), "the request is ready to be tried again");
    assert_eq!(page.value("Client IP address"), "127.0.0.1");
}

#[tokio::test]
async fn what_was_no_key_of_the_organization_is_told_without_other_tenants() {
    let ground = Ground::new(KeySettings::default()).await;
    let (app, lumen) = (&ground.app, &ground.lumen);
    let frida = app.user("Frida Fern").await;
    let fern = app.organization("Fern", &frida).await;
    let (foreign_key, foreign) = app.api_key(&fern, "Ferns only").await;
    let (dana, frida) = (app.log_in_as(&lumen.owner).await, app.log_in_as(&frida).await);
    let pinned = format!("/auth?organization={}", lumen.id);
    let send = async |path: &str, key: &str| {
        let request = ground.client.request("GET", path);
        let request = if key.is_empty() { request } else { request.header("x-api-key", key) };
        id_of(&request.send().await)
    };
    let mistyped = mistyped(&foreign);
    let batch = json!({ "keys": [{ "key": ground.secret }, { "key": foreign }, { "key": "x" }] });
    let request = ground.client.request("POST", "/api/v2/keys/verify/batch");
    let request = request.header("authorization", &format!("Bearer {}", ground.token()));
    let batch = id_of(&request.body("application/json", batch.to_string()).send().await.must_be(200));
    let basic = ground.client.request("GET", &pinned);
    let basic =
        basic.header("authorization", &basic_of("Another name", &ground.secret)).send().await.must_be(401);

    for (id, words, mine, theirs) in [
        (send(&pinned, &foreign).await, foreign_key.masked.as_str(), true, false),
        (send(&pinned, &mistyped).await, "It may be mistyped or incomplete.", true, false),
        (send(&pinned, "").await, "No key sent", true, false),
        (batch, &foreign_key.masked, true, false),
        (id_of(&basic), "Wrong user name", true, false),
        (send("/auth", &mistyped).await, "Not a valid key", true, true),
        (send("/auth", "").await, "No key sent", true, true),
        (send("/auth?organization=none-such", &foreign).await, "Key not found", true, true),
        (send("/api/v2/organization", "").await, "No key sent", true, true),
        (send("/auth?scope=none", &foreign).await, "Ferns only : Missing scope", false, true),
    ] {
        for (browser, company, is_told) in [(&dana, lumen, mine), (&frida, &fern, theirs)] {
            let answer = ask(browser, company, &id).await;
            assert_eq!(answer.contains(words), is_told, "{words}: {answer}");
            assert_eq!(answer.contains("Request not found"), !is_told, "{answer}");
            assert!(company.id == fern.id || !answer.contains("Ferns"), "{answer}");
        }
    }
    let stored = app.query("SELECT quote(presented) || allowed || needed_scopes AS text FROM rejections");
    let stored = stored.await.concat();
    for secret in [&foreign, &ground.secret, &mistyped] {
        assert!(!stored.contains(secret.as_str()), "{stored}");
    }
    let nobodys = "SELECT id AS text FROM rejections WHERE organization_id IS NULL AND
                   (presented IS NOT NULL OR client_address IS NOT NULL OR needed_scopes <> '')";
    assert!(app.query(nobodys).await.is_empty());
}

#[tokio::test]
async fn a_refused_master_token_and_an_unknown_id_are_told() {
    let ground = Ground::new(KeySettings::default()).await;
    let browser = ground.app.log_in_as(&ground.lumen.owner).await;
    let (_, off) = ground.app.master_token(&ground.lumen, "Off").await;
    let request = ground.client.request("POST", "/api/v2/keys/verify");
    let request = request.header("authorization", &format!("Bearer {off}"));
    let refused = request.body("application/json", r#"{"key": "x"}"#).send().await.must_be(401);
    let text = ask(&browser, &ground.lumen, &id_of(&refused)).await;
    assert!(text.contains("Master token rejected"), "{text}");

    let accepted = id_of(&ground.auth("/auth").await.must_be(204));
    let pasted = format!("X-Request-Id: {accepted}");
    let page = browser.post(&ground.lumen.url("api/troubleshoot"), &[("key", &pasted)]).await.must_be(200);
    let text = page.html().main_text();
    assert!(text.contains("Request not found") && text.contains("7 days"), "{text}");
    assert!(ground.app.query("SELECT id AS text FROM rejections WHERE code = 'valid'").await.is_empty());
}

#[tokio::test]
async fn rejections_outlive_a_restart_and_end_after_seven_days() {
    let ground = Ground::new(KeySettings::default()).await;
    let id = id_of(&ground.auth("/auth?scope=write").await.must_be(403));
    ground.app.state.rejections.flush(&ground.app.db).await.expect("a flush");
    let found = async |lumen: Company| {
        let db = Db::open(&ground.app.state.config.database).expect("the database");
        let id = id.clone();
        let found = db.read(move |connection| {
            let grant = access::member(connection, &lumen.owner, None, &lumen.id)?.grant()?;
            anyhow::Ok(rejections::find(connection, &grant, &id)?.len())
        });
        found.await.expect("the rejections")
    };
    assert_eq!(found(ground.lumen.clone()).await, 1);
    for (days, expected) in [(7, 1), (1, 0)] {
        ground.app.clock.advance(Duration::days(days));
        let now = ground.app.now();
        ground.app.write(move |tx| Ok(rejections::purge_expired(tx, now)?)).await;
        assert_eq!(found(ground.lumen.clone()).await, expected, "after {days} more days");
    }
}

#[tokio::test]
async fn a_flood_keeps_a_bounded_number_and_the_newest_of_it() {
    let ground = Ground::new(KeySettings::default()).await;
    let (app, most) = (&ground.app, rejections::MAX_OF_KEYS);
    let rows = format!(
        "WITH RECURSIVE counted(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM counted WHERE number < {})
         INSERT INTO rejections SELECT 'old' || number, 'req_old', 0, 'auth', '{}', 'key', 'expired', NULL, '', NULL, 1,
         '', NULL, '2026-11-22 10:00:00' FROM counted",
        most + 100,
        ground.lumen.id
    );
    app.execute(&rows).await;
    let first = id_of(&ground.auth("/auth?scope=write").await.must_be(403));
    for _ in 0..300 {
        ground.auth("/auth?scope=write").await.must_be(403);
    }
    let last = id_of(&ground.auth("/auth?scope=write").await.must_be(403));
    let browser = app.log_in_as(&ground.lumen.owner).await;
    assert!(ask(&browser, &ground.lumen, &last).await.contains("Missing scope"));
    let count = app.query("SELECT CAST(COUNT(*) AS TEXT) AS text FROM rejections").await;
    assert_eq!(count, [most.to_string()]);
    assert_ne!(first, last);
}

fn basic_of(name: &str, key: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(format!("{name}:{key}")))
}
