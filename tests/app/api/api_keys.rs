//! API keys in the management API.

use serde_json::{Value, json};
use tessera::domain::token_access::TokenAccess;
use time::Duration;

use crate::support::{Machine, TestApp};

#[tokio::test]
async fn a_key_that_was_created_works_and_is_refused_once_it_is_removed() {
    let (app, machine) = ground().await;
    let created = machine
        .send(
            "POST",
            "keys",
            json!({
                "name": "Billing", "expires_at": "2027-01-31T12:00:00+02:00", "scopes": ["read"],
                "rate_limit": { "requests": 5, "per": "minute" }, "metadata": { "customer": 7 },
            }),
        )
        .await
        .must_be(201);
    let key = created.json();
    assert_eq!((&key["status"], &key["expires_at"]), (&json!("active"), &json!("2027-01-31T10:00:00Z")));
    assert_eq!(key["created_by"], json!(app.query("SELECT name AS text FROM master_tokens").await[0]));
    let secret = key["secret"].as_str().expect("the secret").to_owned();
    let auth = async || {
        let request = machine.client.request("GET", "/auth?scope=read");
        request.header("authorization", &format!("Bearer {secret}")).send().await
    };
    auth().await.must_be(204);
    let path = created.header("location").to_owned();
    let shown = machine.request("GET", &path).send().await.must_be(200);
    assert_eq!(shown.header("etag"), created.header("etag"));
    let mut without_secret = key.clone();
    without_secret.as_object_mut().expect("an object").remove("secret");
    assert_eq!(shown.json(), without_secret);
    machine.request("DELETE", &path).header("if-match", "\"0\"").send().await.must_be(412);
    machine.request("DELETE", &path).send().await.must_be(204);
    auth().await.must_be(401);
    machine.request("GET", &path).send().await.must_be(404);
}

#[tokio::test]
async fn a_list_is_read_part_by_part_in_every_order() {
    let (app, machine) = ground().await;
    for name in ["delta", "Alpha", "charlie", "Bravo", "echo"] {
        machine.send("POST", "keys", json!({ "name": name })).await.must_be(201);
        app.clock.advance(Duration::SECOND);
    }
    let names = async |query: &str| {
        let (mut names, mut cursor) = (Vec::new(), String::new());
        loop {
            let part = machine.get(&format!("keys?limit=2&{query}{cursor}")).await.must_be(200).json();
            let data = part["data"].as_array().expect("a list");
            assert!(data.len() <= 2);
            names.extend(data.iter().map(|key| key["name"].as_str().expect("a name").to_owned()));
            match part["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break names.join(" "),
            }
        }
    };
    assert_eq!(names("").await, "echo Bravo charlie Alpha delta");
    assert_eq!(names("sort=created_at").await, "delta Alpha charlie Bravo echo");
    assert_eq!(names("sort=name").await, "Alpha Bravo charlie delta echo");
    assert_eq!(names("sort=-name").await, "echo delta charlie Bravo Alpha");
    assert_eq!(names("q=ALP").await, "Alpha");
    assert_eq!(names("q=lph").await, "", "no word starts so");
    assert_eq!(names("show=deactivated").await, "");
    assert_eq!(names("show=never_used&sort=name").await, "Alpha Bravo charlie delta echo");
}

#[tokio::test]
async fn an_end_lies_ahead_and_not_too_far() {
    let (_app, machine) = ground().await;
    for end in ["2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "tomorrow", "2027-01-31"] {
        let answer = machine.send("POST", "keys", json!({ "name": "x", "expires_at": end })).await;
        assert_eq!(pointer(&answer.must_be(422).json()), "/expires_at", "{end}");
    }
    machine.send("POST", "keys", json!({ "name": "x" })).await.must_be(201);
    assert_eq!(
        pointer(&machine.send("POST", "keys", json!({ "name": "X" })).await.must_be(422).json()),
        "/name"
    );
}

fn pointer(problem: &Value) -> &str {
    problem["errors"][0]["pointer"].as_str().expect("a field")
}

async fn ground() -> (TestApp, Machine) {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Keys).await;
    (app, machine)
}
