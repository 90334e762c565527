//! What every call of the management API keeps to.

use serde_json::json;
use tessera::domain::token_access::TokenAccess;
use time::Duration;

use crate::support::{Machine, TestApp};

#[tokio::test]
async fn a_repeated_request_with_one_idempotency_key_is_carried_out_once() {
    let (app, machine) = ground().await;
    let create = async |name: &str, key: &str| {
        let request = machine.request("POST", &machine.url("keys")).header("idempotency-key", key);
        request.body("application/json", json!({ "name": name }).to_string()).send().await
    };
    let first = create("Billing", "9b1d").await.must_be(201);
    let again = create("Billing", "9b1d").await.must_be(201);
    assert_eq!(first.json(), again.json(), "the secret included");
    assert_eq!(first.header("location"), again.header("location"));
    assert_eq!(first.header("etag"), again.header("etag"));
    // The draft's own form, with quotation marks.
    create("Billing", "\"9b1d\"").await.must_be(201);
    let reused = create("Invoices", "9b1d").await.must_be(422).json();
    assert_eq!(reused["type"], "/problems/idempotency-key-reused");
    create("Billing", "another").await.must_be(422);
    assert_eq!(machine.get("keys").await.json()["data"].as_array().map(Vec::len), Some(1));
    let kept = app.query("SELECT hex(response) AS text FROM idempotent_responses").await;
    let secret = first.json()["secret"].as_str().expect("a secret").to_owned();
    let secret: String = secret.bytes().map(|byte| format!("{byte:02X}")).collect();
    assert!(!kept.is_empty() && !kept.iter().any(|answer| answer.contains(&secret)));
    app.clock.advance(Duration::hours(24));
    // Over: it counts as a new request, and the name is taken.
    create("Billing", "9b1d").await.must_be(422);
}

#[tokio::test]
async fn an_idempotency_key_belongs_to_its_token() {
    let (app, machine) = ground().await;
    let lumen = machine.clone();
    let frida = app.user("Frida Fern").await;
    let fern = app.organization("Fern", &frida).await;
    let other = app.machine(&fern, TokenAccess::Full).await;
    for machine in [&lumen, &other] {
        let request = machine.request("POST", &machine.url("keys")).header("idempotency-key", "1");
        let created = request.body("application/json", r#"{"name":"Billing"}"#).send().await.must_be(201);
        assert!(created.header("location").contains(&machine.url("keys")));
    }
}

#[tokio::test]
async fn every_answer_tells_what_is_left_of_the_calls() {
    let (_app, machine) = ground().await;
    let answer = machine.get("keys").await.must_be(200);
    assert_eq!(answer.header("ratelimit-policy"), r#""requests";q=600;w=60"#);
    assert!(
        answer.header("ratelimit").starts_with(r#""requests";r=599;t="#),
        "{}",
        answer.header("ratelimit")
    );
    let refused = machine.get("keys/none").await.must_be(404);
    assert!(
        refused.header("ratelimit").starts_with(r#""requests";r=598;t="#),
        "{}",
        refused.header("ratelimit")
    );
}

#[tokio::test]
async fn a_problem_names_its_kind_the_request_and_the_fields() {
    let (_app, machine) = ground().await;
    let answer = machine.send("POST", "keys", json!({ "name": "", "networks": ["10.0.0.1/8"] })).await;
    let problem = answer.clone().must_be(422).json();
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(problem["type"], "/problems/invalid-fields");
    assert_eq!(problem["status"], 422);
    assert_eq!(problem["request_id"], answer.header("x-request-id"));
    let pointers: Vec<&str> = problem["errors"]
        .as_array()
        .expect("fields")
        .iter()
        .map(|field| field["pointer"].as_str().expect("a pointer"))
        .collect();
    assert_eq!(pointers, ["/name", "/networks"]);
    let misspelt = machine.send("POST", "keys", json!({ "nmae": "x" })).await.must_be(400).json();
    assert_eq!(misspelt["errors"][0]["pointer"], "/nmae");
    machine.get("keys?show=everything").await.must_be(400);
    machine.get("keys?limit=0").await.must_be(400);
    machine.get("keys?cursor=abc").await.must_be(422);
}

#[tokio::test]
async fn an_address_says_which_methods_it_takes() {
    let (_app, machine) = ground().await;
    let refused = machine.ask("PUT", "keys").await.must_be(405);
    assert_eq!(refused.header("allow"), "GET, HEAD, POST");
    assert_eq!(refused.json()["type"], "/problems/method-not-allowed");
    machine.request("DELETE", "/api/v2/keys/verify").send().await.must_be(405);
}

#[tokio::test]
async fn a_form_is_no_json() {
    let (_app, machine) = ground().await;
    for kind in ["application/x-www-form-urlencoded", "text/plain"] {
        let request = machine.request("POST", &machine.url("keys"));
        request.body(kind, r#"{"name":"x"}"#).send().await.must_be(415);
    }
}

async fn ground() -> (TestApp, Machine) {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    (app, machine)
}
