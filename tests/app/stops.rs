//! What ends a secret, and what is kept of where it has stopped: on the only node, at once. Several nodes are tried in
//! `tests/postgres/stops.rs`.

use serde_json::{Value, json};
use tessera::{
    config::InstanceRules,
    domain::{
        access::Role,
        events::stops,
        token_access::TokenAccess,
        webhooks::{self, AllowedNetworks, Events, NewWebhook, WebhookUrl},
    },
    vocabulary::LeakPolicy,
};
use time::Duration;

use crate::{
    api::leaks::{choose, found, report},
    support::{Company, Machine, TestApp, until},
};

const LEAK_SECRET: &str = "7b0c5ef4b1d44d0d9f0a3e6f1c2d8a57";

#[tokio::test]
async fn on_the_only_node_a_key_has_its_receipt_in_the_transaction_that_ends_it() {
    let (app, lumen, machine) = ground().await;
    webhook(&app, &lumen).await;
    let (key, _) = app.api_key(&lumen, "Billing worker").await;
    machine.ask("POST", &format!("keys/{}/deactivate", key.id)).await.must_be(200);
    let events = machine.get("activity?area=api_keys").await.must_be(200).json();
    let [deactivated, created] = [&events["data"][0], &events["data"][1]];
    let node = deactivated["receipts"][0]["node"].clone();
    let port = app.address().port();
    assert!(node.as_str().expect("a name").ends_with(&format!(":{port}")), "{node}");
    assert_eq!(deactivated["receipts"], json!([{ "node": node, "at": "2026-11-23T10:00:00.000Z" }]));
    assert_eq!((&created["action"], &created["receipts"]), (&json!("api_key.created"), &Value::Null));

    // A client that never looks again is told as well.
    let message = app.query("SELECT payload AS text FROM webhook_deliveries").await;
    let message: Value = serde_json::from_str(&message[0]).expect("JSON");
    assert_eq!(message["type"], "api_key.stopped_everywhere");
    let subject = json!({ "kind": "api_key", "id": key.id, "name": "Billing worker", "masked": key.masked });
    assert_eq!(message["data"]["subject"], subject);
    assert_eq!(message["data"]["actor"]["id"], machine.token_id);
    assert_eq!(
        message["data"]["details"],
        json!({
            "type": "stop", "event_id": deactivated["id"], "action": "api_key.deactivated",
            "receipts": [{ "node": node, "at": "2026-11-23T10:00:00Z" }],
        })
    );

    // Of one node there is nothing to say beside that it was done.
    let page = app.log_in_as(&lumen.owner).await.get(&lumen.url("activity")).await.must_be(200).html();
    assert!(page.main_text().contains("deactivated the API key") && !page.main_text().contains("Stopped on"));
    let export = machine.get("activity/export?format=csv").await.must_be(200).text();
    assert!(export.contains("2026-11-23T10:00:00Z\"\"}]"), "{export}");
}

/// Every way in which a secret stops to work because somebody did something, and what looks like one and is none.
#[tokio::test]
async fn whatever_ends_a_secret_has_a_receipt_and_nothing_else_has() {
    let app = TestApp::builder().flag("--leak-secret", LEAK_SECRET).spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    webhook(&app, &lumen).await;
    let mut keys = Vec::new();
    for name in [
        "Switched",
        "Paused",
        "Rotated",
        "Previous",
        "Older",
        "Used",
        "Shortened",
        "Removed",
        "Leaked",
        "Together",
    ] {
        keys.push(app.api_key(&lumen, name).await);
    }
    let [switched, paused, rotated, previous, older, used, shortened, removed, leaked, together] =
        keys.try_into().expect("ten keys");
    let plan = |grace_period: &str, starts: &str| json!({ "grace_period": grace_period, "starts": starts });
    let mut newest_secret = String::new();
    for (method, key, verb, body) in [
        ("POST", &switched, "/deactivate", Value::Null),
        ("POST", &switched, "/activate", Value::Null),
        ("PATCH", &switched, "", json!({ "name": "Switched twice" })),
        ("POST", &paused, "/pause", json!({ "hours": 1 })),
        ("POST", &rotated, "/rotate", plan("none", "immediately")),
        ("POST", &previous, "/rotate", plan("24h", "immediately")),
        ("POST", &previous, "/revoke-previous", Value::Null),
        ("POST", &older, "/rotate", plan("24h", "immediately")),
        // The second one ends the secret that the first one let go on, and so does the third, with one more.
        ("POST", &older, "/rotate", plan("7d", "on_first_use")),
        ("POST", &older, "/rotate", plan("none", "immediately")),
        ("PATCH", &shortened, "", json!({ "expires_at": "2026-11-23T12:00:00Z" })),
        ("DELETE", &removed, "", Value::Null),
        ("POST", &used, "/rotate", plan("none", "on_first_use")),
    ] {
        let path = format!("keys/{}{verb}?wait=20s", key.0.id);
        let answer = match body {
            Value::Null => machine.ask(method, &path).await,
            body => machine.send(method, &path, body).await,
        };
        let answer = answer.must_be(200).json();
        assert_eq!(answer["receipts"].as_array().map(Vec::len), Some(1), "{path}: {answer}");
        if let Some(secret) = answer["secret"].as_str() {
            newest_secret = secret.to_owned();
        }
    }
    for secret in [&used.1, &newest_secret] {
        app.client().request("GET", "/auth").header("x-api-key", secret).send().await.must_be(204);
    }
    app.client().request("GET", "/auth").header("x-api-key", &used.1).send().await.must_be(401);
    choose(&app, &lumen, LeakPolicy::Deactivate).await;
    let [stopped, replaced, gone, found_out] = [
        app.machine(&lumen, TokenAccess::Verify).await,
        app.machine(&lumen, TokenAccess::Read).await,
        app.machine(&lumen, TokenAccess::Keys).await,
        app.machine(&lumen, TokenAccess::Members).await,
    ];
    for secret in [&leaked.1, &found_out.credential] {
        report(&app.client(), &[found(secret, "https://code.example/.env")]).await.must_be(200);
    }
    let browser = app.log_in_as(&lumen.owner).await;
    let form = [("change", "deactivate"), ("keys", together.0.id.as_str())];
    browser.post(&lumen.url("api/keys/selected"), &form).await.must_be(303);
    let of_token = |token: &Machine, verb: &str| lumen.url(&format!("api/tokens/{}/{verb}", token.token_id));
    browser.post(&of_token(&stopped, "deactivate"), &[]).await.must_be(303);
    let replace = of_token(&replaced, "replace");
    let form_id = browser.get(&replace).await.must_be(200).html().hidden("form_id");
    browser.post(&replace, &[("form_id", &form_id)]).await.must_be(200);
    browser.post(&of_token(&gone, "remove"), &[]).await.must_be(303);
    // Keys and tokens are the organization's, whoever made them.
    let mara = app.member(&lumen, Role::Administrator, "Mara Lindqvist").await;
    machine.ask("DELETE", &format!("members/{}", mara.id)).await.must_be(204);

    // What ends by the clock is ended by nobody: each node looks at its own.
    app.clock.advance(Duration::hours(3));
    app.client().request("GET", "/auth").header("x-api-key", &shortened.1).send().await.must_be(401);
    until(async || {
        let expired = "SELECT subject_name AS text FROM audit_events WHERE action = 'api_key.expired'";
        app.query(expired).await == ["Shortened"]
    })
    .await;
    let kestrel = app.organization("Kestrel", &lumen.owner).await;
    browser.post(&kestrel.url("settings/remove"), &[("name", "Kestrel")]).await.must_be(303);

    until(async || app.query("SELECT event_id AS text FROM stops WHERE spread IS NULL").await.is_empty())
        .await;
    let sql = "SELECT action || ' ' || subject_name AS text FROM audit_events
               WHERE id IN (SELECT event_id FROM stops WHERE spread IS NOT NULL) ORDER BY id";
    let stopped = app.query(sql).await;
    let (of_keys, others): (Vec<&str>, Vec<&str>) =
        stopped.iter().map(String::as_str).partition(|event| event.starts_with("api_key."));
    assert_eq!(
        of_keys,
        [
            "api_key.deactivated Switched",
            "api_key.paused Paused",
            "api_key.rotated Rotated",
            "api_key.previous_secret_revoked Previous",
            "api_key.previous_secret_revoked Older",
            "api_key.previous_secret_revoked Older",
            "api_key.rotated Older",
            "api_key.removed Removed",
            "api_key.previous_secret_revoked Used",
            "api_key.deactivated Leaked",
            "api_key.deactivated Together",
        ]
    );
    let others: Vec<&str> = others.iter().filter_map(|event| event.split(' ').next()).collect();
    assert_eq!(
        others,
        [
            "master_token.deactivated",
            "master_token.deactivated",
            "master_token.replaced",
            "master_token.removed",
            "organization.removed",
        ]
    );

    // The activity has each of them, and a webhook is told once of each that is about a key.
    let events = machine.whole_list("activity").await;
    let with_receipt: Vec<&Value> = events.iter().filter(|event| !event["receipts"].is_null()).collect();
    assert_eq!(with_receipt.len(), of_keys.len() + 4);
    let node = &with_receipt[0]["receipts"][0]["node"];
    assert!(with_receipt.iter().all(|event| event["receipts"][0]["node"] == *node), "{with_receipt:?}");
    let mut told = Vec::new();
    for message in app.query("SELECT payload AS text FROM webhook_deliveries ORDER BY id").await {
        let message: Value = serde_json::from_str(&message).expect("JSON");
        told.push(message["data"]["details"]["event_id"].clone());
    }
    let is_about_key =
        |event: &Value| event["action"].as_str().is_some_and(|action| action.starts_with("api_key."));
    let about_keys = with_receipt.iter().filter(|event| is_about_key(event));
    let mut about_keys: Vec<Value> = about_keys.map(|event| event["id"].clone()).collect();
    told.sort_by_key(ToString::to_string);
    about_keys.sort_by_key(ToString::to_string);
    assert_eq!((told.len(), told), (of_keys.len(), about_keys));
}

/// Which of the secrets a rotation ends stands in the activity.
#[tokio::test]
async fn an_older_grace_period_that_a_rotation_ends_is_told_with_its_secret() {
    let (app, lumen, machine) = ground().await;
    let (key, first) = app.api_key(&lumen, "Billing worker").await;
    let rotate = async |starts: &str| {
        let plan = json!({ "grace_period": "24h", "starts": starts });
        machine.send("POST", &format!("keys/{}/rotate", key.id), plan).await.must_be(200).json()
    };
    let second = rotate("immediately").await;
    app.client().request("GET", "/auth").header("x-api-key", &first).send().await.must_be(204);
    let third = rotate("immediately").await;
    app.client().request("GET", "/auth").header("x-api-key", &first).send().await.must_be(401);
    for secret in [&second["secret"], &third["secret"]] {
        let secret = secret.as_str().expect("a secret");
        app.client().request("GET", "/auth").header("x-api-key", secret).send().await.must_be(204);
    }
    let events = machine.get("activity?area=api_keys").await.must_be(200).json();
    let [rotated, revoked] = [&events["data"][0], &events["data"][1]];
    assert_eq!((&rotated["action"], &rotated["receipts"]), (&json!("api_key.rotated"), &Value::Null));
    assert_eq!(revoked["action"], "api_key.previous_secret_revoked");
    assert_eq!(revoked["details"], json!({ "type": "key", "masked": key.masked }));
    assert_eq!(revoked["receipts"].as_array().map(Vec::len), Some(1));

    // One that was over already ends nothing any more.
    app.clock.advance(Duration::hours(25));
    rotate("immediately").await;
    let events = machine.get("activity?area=api_keys&limit=2").await.must_be(200).json();
    assert_eq!(events["data"][1]["action"], "api_key.rotated");
}

#[tokio::test]
async fn what_the_log_has_forgotten_waits_for_nobody() {
    let (app, lumen, machine) = ground().await;
    webhook(&app, &lumen).await;
    app.api_key(&lumen, "Billing worker").await;
    app.execute("INSERT INTO stops (event_id) SELECT id FROM audit_events WHERE action = 'api_key.created'")
        .await;
    let waiting = app.read(|connection| Ok(stops::followed(connection)?)).await;
    assert_eq!(waiting.len(), 1);
    let forgotten = waiting[0].clone();
    assert!(forgotten.is_over() && forgotten.spread.is_none());
    let (now, again) = (app.now(), forgotten.clone());
    app.write(move |tx| Ok(stops::settle(tx, forgotten, now)?)).await;
    app.write(move |tx| Ok(stops::settle(tx, again, now)?)).await;
    assert_eq!(app.read(|connection| Ok(stops::followed(connection)?)).await, []);
    assert_eq!(app.query("SELECT event AS text FROM webhook_deliveries").await, [""; 0]);
    let events = machine.get("activity?area=api_keys").await.must_be(200).json();
    assert_eq!(events["data"][0]["receipts"], Value::Null);
}

async fn webhook(app: &TestApp, company: &Company) {
    let new = NewWebhook {
        url: WebhookUrl::parse("https://hooks.example/", &AllowedNetworks::default()).expect("a URL"),
        description: None,
        events: Events::chosen(["api_key.stopped_everywhere"]).expect("an event"),
    };
    let (company, now) = (company.clone(), app.now());
    app.write(move |tx| {
        let admin = company.admin(tx)?;
        Ok(webhooks::create(tx, &admin, &new, &InstanceRules::default(), now)?)
    })
    .await;
}

async fn ground() -> (TestApp, Company, Machine) {
    let app = TestApp::builder().flag("--leak-secret", LEAK_SECRET).on_file().without_housekeeping();
    let app = app.spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    (app, lumen, machine)
}
