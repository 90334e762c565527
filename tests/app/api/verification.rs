//! Verification that is asked again under the same `Idempotency-Key`, and what a token says of itself.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tessera::domain::token_access::TokenAccess;

use crate::support::{Company, Machine, TestApp};

#[tokio::test]
async fn a_repeated_verification_gets_its_answer_again_and_takes_nothing_from_the_limits() {
    let (app, lumen, machine) = ground().await;
    let (_, secret) = app.api_key(&lumen, "Billing").await;
    let verify = async |once: &str, cost: u32| {
        let request = machine.request("POST", "/api/v2/keys/verify").header("idempotency-key", once);
        request.body("application/json", json!({ "key": secret, "cost": cost }).to_string()).send().await
    };
    let first = verify("a1", 1).await.must_be(200);
    assert_eq!(first.header("cache-control"), "no-store");
    assert_eq!((&first.json()["valid"], &first.json()["key"]["name"]), (&json!(true), &json!("Billing")));
    assert_eq!(verify("a1", 1).await.must_be(200).json(), first.json());
    assert_eq!(verify("a1", 2).await.must_be(422).json()["type"], "/problems/idempotency-key-reused");
    verify("a 1", 1).await.must_be(400);
    assert_eq!(counted(&app).await, "1");
    verify("a2", 1).await.must_be(200);
    assert_eq!(counted(&app).await, "2");
}

#[tokio::test]
async fn what_is_repeated_at_the_same_time_is_counted_once() {
    let (app, lumen, machine) = ground().await;
    let (_, secret) = app.api_key(&lumen, "Billing").await;
    let body = json!({ "keys": [{ "key": secret, "cost": 3 }] }).to_string();
    for (path, body, once) in [
        ("/api/v2/keys/verify", json!({ "key": secret, "cost": 3 }).to_string(), "one"),
        ("/api/v2/keys/verify/batch", body, "batch"),
    ] {
        let verify = || {
            let request = machine.request("POST", path).header("idempotency-key", once);
            request.body("application/json", body.clone()).send()
        };
        let answers = join_all((0..16).map(|_| verify())).await;
        for answer in &answers {
            assert_eq!(answer.clone().must_be(200).json(), answers[0].json());
        }
    }
    assert_eq!(counted(&app).await, "2");
}

#[tokio::test]
async fn a_repeated_batch_is_counted_once() {
    let (app, lumen, machine) = ground().await;
    let (_, secret) = app.api_key(&lumen, "Billing").await;
    let asked = json!({ "keys": [{ "key": secret }, { "key": "tess_none" }, { "key": secret }] });
    let verify = async |once: Option<&str>| {
        let request = machine.request("POST", "/api/v2/keys/verify/batch");
        let request = match once {
            Some(once) => request.header("idempotency-key", once),
            None => request,
        };
        request.body("application/json", asked.to_string()).send().await.must_be(200).json()
    };
    let first = verify(Some("b1")).await;
    let codes = |answer: &Value| [0, 1, 2].map(|place: usize| answer["results"][place]["code"].clone());
    assert_eq!(codes(&first), ["valid", "malformed", "valid"]);
    assert_eq!(verify(Some("b1")).await, first);
    assert_eq!(counted(&app).await, "2");
    assert_eq!(verify(None).await, first);
    assert_eq!(counted(&app).await, "4");
    let kept = app.query("SELECT count(*) || '' AS text FROM idempotent_responses").await;
    assert_eq!(kept, ["1"], "nothing is kept without the header");
}

#[tokio::test]
async fn a_token_learns_what_it_is() {
    let (app, lumen, mut machine) = ground().await;
    let show = async |machine: &Machine| machine.request("GET", "/api/v2/token").send().await;
    let name = app.query("SELECT name AS text FROM master_tokens").await.remove(0);
    let expected = json!({
        "id": machine.token_id, "name": name, "access": "verify", "expires_at": null,
        "organization": { "id": lumen.id, "name": "Lumen" },
    });
    assert_eq!(show(&machine).await.must_be(200).json(), expected);
    let exchanged = machine.request("GET", "/api/v2/sessionToken").send().await.must_be(200).json();
    machine.credential = exchanged["data"].as_str().expect("a token").to_owned();
    assert_eq!(show(&machine).await.must_be(200).json(), expected);
    machine.credential = "tess_m_none".to_owned();
    show(&machine).await.must_be(401);
}

/// Requests of all keys today.
async fn counted(app: &TestApp) -> String {
    app.state.usage.flush(&app.db).await.expect("a flush");
    let sql = "SELECT sum(requests) || '' AS text FROM key_usage WHERE span = 'day'";
    app.query(sql).await.remove(0)
}

async fn ground() -> (TestApp, Company, Machine) {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Verify).await;
    (app, lumen, machine)
}
