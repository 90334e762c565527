//! Webhooks in the management API.

use serde_json::{Value, json};
use tessera::domain::token_access::TokenAccess;
use time::Duration;

use crate::support::{Company, Machine, Response, TestApp};

const ADDRESS: &str = "https://receiver.example/hook";

#[tokio::test]
async fn a_webhook_lives_from_its_creation_to_its_removal() {
    let (app, _, machine) = ground().await;
    let new = json!({
        "url": format!("{ADDRESS}?token=s3cret"), "description": "Chat of the operators",
        "events": ["member.left", "api_key.leaked"],
    });
    let created = machine.send("POST", "webhooks", new).await.must_be(201);
    let mut webhook = created.json();
    let secret = webhook.as_object_mut().expect("an object").remove("secret").expect("a secret");
    assert!(secret.as_str().is_some_and(|secret| secret.starts_with("whsec_")), "{secret}");
    let (id, token_name) = (text(&webhook["id"]).to_owned(), webhook["created_by"].clone());
    assert_eq!(
        webhook,
        json!({
            "id": id, "url_without_query": ADDRESS, "description": "Chat of the operators",
            "events": ["api_key.leaked", "member.left"], "status": "active", "deactivated_because": null,
            "created_by": token_name, "created_at": "2026-11-23T10:00:00Z", "previous_secret_until": null,
        })
    );
    let path = format!("webhooks/{id}");
    assert_eq!(created.header("location"), machine.url(&path));
    let shown = machine.get(&path).await.must_be(200);
    assert_eq!((shown.json(), shown.header("etag")), (webhook.clone(), created.header("etag")));
    let known = machine.request("GET", &machine.url(&path)).header("if-none-match", shown.header("etag"));
    known.send().await.must_be(304);
    let list = machine.get("webhooks").await.must_be(200).json();
    assert_eq!(list, json!({ "data": [webhook], "next_cursor": null }));

    for (verb, status) in [("deactivate", "deactivated"), ("activate", "active")] {
        let switched = machine.ask("POST", &format!("{path}/{verb}")).await.must_be(200).json();
        assert_eq!(switched["status"], status);
        let again = machine.ask("POST", &format!("{path}/{verb}")).await.must_be(200).json();
        assert_eq!(again, switched);
    }
    machine.ask("DELETE", &path).await.must_be(204);
    for (method, rest) in [("GET", ""), ("DELETE", ""), ("POST", "/activate"), ("GET", "/deliveries")] {
        machine.ask(method, &format!("{path}{rest}")).await.must_be(404);
    }
    let actions = "SELECT action AS text FROM audit_events WHERE action LIKE 'webhook.%' ORDER BY id";
    assert_eq!(
        app.query(actions).await,
        ["webhook.created", "webhook.deactivated", "webhook.activated", "webhook.removed"]
    );
    let names = app.query("SELECT subject_name AS text FROM audit_events").await;
    assert!(!names.iter().any(|name| name.contains("s3cret")), "{names:?}");
}

#[tokio::test]
async fn what_is_left_out_of_a_change_stays() {
    let (app, _, machine) = ground().await;
    let new = json!({
        "url": format!("{ADDRESS}?token=s3cret"), "description": "Chat", "events": ["api_key.leaked"],
    });
    let created = machine.send("POST", "webhooks", new).await.must_be(201).json();
    let path = format!("webhooks/{}", text(&created["id"]));
    let change = async |body: Value| machine.send("PATCH", &path, body).await.must_be(200).json();
    let same = change(json!({})).await;
    assert_eq!((&same["description"], &same["events"]), (&json!("Chat"), &json!(["api_key.leaked"])));
    let all = change(json!({ "description": null, "events": [] })).await;
    assert_eq!((&all["description"], &all["events"]), (&Value::Null, &json!([])));
    assert_eq!(
        app.query("SELECT url AS text FROM webhooks").await,
        [format!("{ADDRESS}?token=s3cret")],
        "the query is kept though it is not shown"
    );
    let moved = change(json!({ "url": "https://other.example/", "events": ["member.left"] })).await;
    assert_eq!(
        (&moved["url_without_query"], &moved["events"]),
        (&json!("https://other.example/"), &json!(["member.left"]))
    );
}

#[tokio::test]
async fn every_wrong_field_is_told_with_its_place() {
    let (app, _, machine) = ground().await;
    let id = create(&machine, ADDRESS).await;
    let before = app.ledger().await;
    let wrong = json!({
        "url": "http://127.0.0.1/", "description": "x".repeat(201),
        "events": ["api_key.eaten", "api_key.leaked", ""],
    });
    for (method, rest) in [("POST", "webhooks".to_owned()), ("PATCH", format!("webhooks/{id}"))] {
        let problem = machine.send(method, &rest, wrong.clone()).await.must_be(422).json();
        let pointers: Vec<&str> =
            list(&problem["errors"]).iter().map(|field| text(&field["pointer"])).collect();
        assert_eq!(pointers, ["/url", "/description", "/events/0", "/events/2"], "{method}");
        assert_eq!(problem["errors"][2]["detail"], "“api_key.eaten” isn’t an event.");
        let misspelt = machine.send(method, &rest, json!({ "event": [] })).await.must_be(400).json();
        assert_eq!(misspelt["errors"][0]["pointer"], "/event");
    }
    machine.send("POST", "webhooks", json!({})).await.must_be(400);
    assert_eq!(app.ledger().await, before);
}

#[tokio::test]
async fn a_change_takes_the_version_that_was_read() {
    let (app, _, machine) = ground().await;
    let path = format!("webhooks/{}", create(&machine, ADDRESS).await);
    let read = machine.get(&path).await.must_be(200);
    let send = async |method: &str, rest: &str, version: &str| {
        let request = machine.request(method, &machine.url(&format!("{path}{rest}")));
        let request = request.header("if-match", version);
        let body = json!({ "description": "Chat" }).to_string();
        if method == "PATCH" { request.body("application/json", body) } else { request }.send().await
    };
    let changes = [
        ("PATCH", ""),
        ("POST", "/activate"),
        ("POST", "/deactivate"),
        ("POST", "/test"),
        ("POST", "/rotate"),
        ("DELETE", ""),
    ];
    let before = app.ledger().await;
    for (method, rest) in changes {
        let refused = send(method, rest, "\"0\"").await.must_be(412).json();
        assert_eq!(refused["type"], "/problems/precondition-failed", "{method} {rest}");
    }
    assert_eq!(app.ledger().await, before);
    let changed = send("PATCH", "", read.header("etag")).await.must_be(200);
    assert_ne!(changed.header("etag"), read.header("etag"));
    send("POST", "/rotate", read.header("etag")).await.must_be(412);
    let rotated = send("POST", "/rotate", changed.header("etag")).await.must_be(200);
    send("DELETE", "", rotated.header("etag")).await.must_be(204);
}

#[tokio::test]
async fn a_repeated_request_creates_one_webhook_and_tells_the_same_secret() {
    let (app, _, machine) = ground().await;
    let once = async |method: &str, rest: &str, body: Value| {
        let request = machine.request(method, &machine.url(rest)).header("idempotency-key", rest);
        request.body("application/json", body.to_string()).send().await
    };
    let first = once("POST", "webhooks", json!({ "url": ADDRESS })).await.must_be(201);
    let again = once("POST", "webhooks", json!({ "url": ADDRESS })).await.must_be(201);
    assert_eq!(first.json(), again.json(), "the secret included");
    assert_eq!(first.header("location"), again.header("location"));
    assert_eq!(app.query("SELECT id AS text FROM webhooks").await.len(), 1);
    once("POST", "webhooks", json!({ "url": "https://other.example/" })).await.must_be(422);

    let path = format!("webhooks/{}/rotate", text(&first.json()["id"]));
    let rotate = async || {
        let request = machine.request("POST", &machine.url(&path)).header("idempotency-key", "rotate");
        request.send().await.must_be(200).json()
    };
    let (rotated, repeated) = (rotate().await, rotate().await);
    assert_eq!(rotated, repeated);
    assert_ne!(rotated["secret"], first.json()["secret"]);
    assert_eq!(rotated["previous_secret_until"], "2026-11-24T10:00:00Z");
    assert_eq!(app.query("SELECT secret AS text FROM webhooks").await, [text(&rotated["secret"])]);
}

#[tokio::test]
async fn a_test_is_queued_and_not_for_a_webhook_that_is_deactivated() {
    let (_app, _, machine) = ground().await;
    let path = format!("webhooks/{}", create(&machine, ADDRESS).await);
    let sent = machine.ask("POST", &format!("{path}/test")).await.must_be(200).json();
    assert_eq!(
        (&sent["event"], &sent["state"], &sent["attempts"]),
        (&json!("webhook.test"), &json!("pending"), &json!(0))
    );
    let log = machine.whole_list(&format!("{path}/deliveries")).await;
    let ids: Vec<_> = log.iter().map(|delivery| &delivery["id"]).collect();
    assert_eq!(ids, [&sent["id"]]);
    machine.ask("POST", &format!("{path}/deactivate")).await.must_be(200);
    let problem = machine.ask("POST", &format!("{path}/test")).await.must_be(409).json();
    assert_eq!(problem["detail"], "This webhook is deactivated. Activate it first.");
    assert_eq!(machine.whole_list(&format!("{path}/deliveries")).await.len(), 1);
}

#[tokio::test]
async fn deliveries_are_listed_part_by_part_the_newest_first() {
    let (app, lumen, machine) = ground().await;
    let (webhook, failed) = app.webhook(&lumen, ADDRESS).await;
    let path = format!("webhooks/{}", webhook.id);
    let mut expected = vec![failed.id.clone()];
    for number in 0..4 {
        // Some of one instant, some later.
        if number % 2 == 0 {
            app.clock.advance(Duration::SECOND);
        }
        let sent = machine.ask("POST", &format!("{path}/test")).await.must_be(200).json();
        expected.insert(0, text(&sent["id"]).to_owned());
    }
    let ids = async |query: &str| {
        let log = machine.whole_list(&format!("{path}/deliveries{query}")).await;
        log.iter().map(|delivery| text(&delivery["id"]).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, expected);
    assert_eq!(ids("?state=failed").await, [failed.id.as_str()]);
    assert_eq!(ids("?state=pending").await, expected[..4]);
    assert!(ids("?state=delivered").await.is_empty());
    for query in ["?state=lost", "?limit=101", "?page=2"] {
        machine.get(&format!("{path}/deliveries{query}")).await.must_be(400);
    }
    for query in ["?cursor=abc", "?cursor=MDE5OAo"] {
        machine.get(&format!("{path}/deliveries{query}")).await.must_be(422);
    }
}

#[tokio::test]
async fn a_delivery_tells_what_it_says_and_is_sent_again() {
    let (app, lumen, machine) = ground().await;
    let (webhook, failed) = app.webhook(&lumen, ADDRESS).await;
    let path = format!("webhooks/{}", webhook.id);
    let one = format!("{path}/deliveries/{}", failed.id);
    let shown = machine.get(&one).await.must_be(200).json();
    assert_eq!((&shown["state"], &shown["last_status"]), (&json!("failed"), &json!(500)));
    assert_eq!(
        (&shown["last_error"], &shown["next_attempt_at"], &shown["attempts"]),
        (&json!("The receiver returned 500."), &Value::Null, &json!(10))
    );
    assert_eq!(shown["payload"]["type"], "webhook.test");
    assert_eq!(shown["payload"]["data"]["organization"]["id"], lumen.id.as_str());

    app.clock.advance(Duration::HOUR);
    let queued = machine.ask("POST", &format!("{one}/resend")).await.must_be(200).json();
    assert_eq!((&queued["id"], &queued["state"]), (&shown["id"], &json!("pending")));
    assert_eq!(
        (&queued["next_attempt_at"], &queued["attempts"], &queued["finished_at"]),
        (&json!("2026-11-23T11:00:00Z"), &json!(0), &Value::Null)
    );
    machine.ask("POST", &format!("{path}/deactivate")).await.must_be(200);
    machine.ask("POST", &format!("{one}/resend")).await.must_be(409);

    let other = format!("webhooks/{}/deliveries/{}", create(&machine, ADDRESS).await, failed.id);
    machine.get(&other).await.must_be(404);
    machine.ask("POST", &format!("{other}/resend")).await.must_be(404);
}

async fn create(machine: &Machine, url: &str) -> String {
    let created: Response = machine.send("POST", "webhooks", json!({ "url": url })).await.must_be(201);
    text(&created.json()["id"]).to_owned()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

async fn ground() -> (TestApp, Company, Machine) {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    (app, lumen, machine)
}
