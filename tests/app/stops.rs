//! What ends a secret, and what is kept of where it has stopped: on the only node, at once. Several nodes are tried in
//! `tests/postgres/stops.rs`.

use serde_json::{Value, json};
use tessera::{
    config::InstanceLimits,
    domain::{
        events::stops,
        token_access::TokenAccess,
        webhooks::{self, AllowedNetworks, Events, NewWebhook, WebhookUrl},
    },
    vocabulary::LeakPolicy,
};

use crate::{
    api::leaks::{choose, found, report},
    support::{Company, Machine, TestApp},
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

#[tokio::test]
async fn whatever_ends_a_secret_has_a_receipt_and_nothing_else_has() {
    let (app, lumen, machine) = ground().await;
    let mut keys = Vec::new();
    for name in ["Switched", "Paused", "Rotated", "Previous", "Removed", "Leaked", "Together"] {
        keys.push(app.api_key(&lumen, name).await);
    }
    let [switched, paused, rotated, previous, removed, (_, secret), together] =
        keys.try_into().expect("seven keys");
    let plan = |grace_period: &str, starts: &str| json!({ "grace_period": grace_period, "starts": starts });
    for (method, key, verb, body) in [
        ("POST", &switched, "/deactivate", Value::Null),
        ("POST", &switched, "/activate", Value::Null),
        ("PATCH", &switched, "", json!({ "name": "Switched twice" })),
        ("POST", &paused, "/pause", json!({ "hours": 1 })),
        ("POST", &rotated, "/rotate", plan("none", "immediately")),
        ("POST", &previous, "/rotate", plan("24h", "immediately")),
        ("POST", &previous, "/revoke-previous", Value::Null),
        ("POST", &previous, "/rotate", plan("none", "on_first_use")),
        ("DELETE", &removed, "", Value::Null),
    ] {
        let path = format!("keys/{}{verb}", key.0.id);
        let answer = match body {
            Value::Null => machine.ask(method, &path).await,
            body => machine.send(method, &path, body).await,
        };
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.text());
    }
    choose(&app, &lumen, LeakPolicy::Deactivate).await;
    report(&app.client(), &[found(&secret, "https://code.example/.env")]).await.must_be(200);
    let browser = app.log_in_as(&lumen.owner).await;
    let form = [("change", "deactivate"), ("keys", together.0.id.as_str())];
    browser.post(&lumen.url("api/keys/selected"), &form).await.must_be(303);
    let verifier = app.machine(&lumen, TokenAccess::Verify).await;
    let token = lumen.url(&format!("api/tokens/{}/deactivate", verifier.token_id));
    browser.post(&token, &[]).await.must_be(303);

    let sql = "SELECT action || ' ' || subject_name AS text FROM audit_events
               WHERE id IN (SELECT event_id FROM stops WHERE spread IS NOT NULL) ORDER BY id";
    let stopped = app.query(sql).await;
    let (of_token, of_keys) = stopped.split_last().expect("some");
    assert_eq!(
        of_keys,
        [
            "api_key.deactivated Switched",
            "api_key.paused Paused",
            "api_key.rotated Rotated",
            "api_key.previous_secret_revoked Previous",
            "api_key.removed Removed",
            "api_key.deactivated Leaked",
            "api_key.deactivated Together",
        ]
    );
    assert!(of_token.starts_with("master_token.deactivated "), "{of_token}");
    assert_eq!(app.query("SELECT event_id AS text FROM stops WHERE spread IS NULL").await, [""; 0]);
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
        Ok(webhooks::create(tx, &admin, &new, &InstanceLimits::default(), now)?)
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
