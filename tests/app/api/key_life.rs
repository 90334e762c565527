//! The life of a key from its creation to its removal, as a machine leads it.

use serde_json::{Value, json};
use tessera::domain::token_access::TokenAccess;
use time::Duration;

use crate::support::{Machine, TestApp};

#[tokio::test]
async fn a_key_lives_from_its_creation_to_its_removal() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Keys).await;
    let created = machine.send("POST", "keys", json!({ "name": "Billing" })).await.must_be(201);
    let (path, first) = (created.header("location").to_owned(), secret(&created.json()));
    let act = async |verb: &str| machine.request("POST", &format!("{path}/{verb}")).send().await;
    assert_eq!(code(&machine, &first, &[]).await, "valid");
    assert_eq!(code(&machine, &first, &["invoices:read"]).await, "insufficient_scope");

    let change = json!({ "scopes": ["invoices:read"], "description": "Nightly invoices" });
    let request = machine.request("PATCH", &path).header("if-match", created.header("etag"));
    let changed = request.body("application/json", change.to_string()).send().await.must_be(200);
    assert_eq!(changed.json()["scopes"], json!(["invoices:read"]));
    assert_eq!(code(&machine, &first, &["invoices:read"]).await, "valid");

    let plan = json!({ "grace_period": "24h", "starts": "immediately" });
    let request = machine.request("POST", &format!("{path}/rotate"));
    let rotated = request.body("application/json", plan.to_string()).send().await.must_be(200).json();
    let second = secret(&rotated);
    assert_ne!(first, second);
    assert_eq!(
        rotated["rotation"],
        json!({
            "grace_period": "24h", "starts": "immediately", "rotated_at": "2026-11-23T10:00:00Z",
            "first_used_at": null, "ends_at": "2026-11-24T10:00:00Z", "previous_last_used_at": "2026-11-23T10:00:00Z",
        })
    );
    app.clock.advance(Duration::HOUR);
    assert_eq!(code(&machine, &first, &[]).await, "valid");
    assert_eq!(code(&machine, &second, &[]).await, "valid");

    let ended = act("revoke-previous").await.must_be(200).json();
    assert_eq!(ended["rotation"], Value::Null);
    assert_eq!(code(&machine, &first, &[]).await, "not_found");
    assert_eq!(code(&machine, &second, &[]).await, "valid");

    let off = act("deactivate").await.must_be(200).json();
    assert_eq!(
        (&off["status"], &off["deactivated_at"]),
        (&json!("deactivated"), &json!("2026-11-23T11:00:00Z"))
    );
    assert_eq!(code(&machine, &second, &[]).await, "deactivated");
    let on = act("activate").await.must_be(200).json();
    assert_eq!((&on["status"], &on["deactivated_at"]), (&json!("active"), &Value::Null));
    assert_eq!(code(&machine, &second, &[]).await, "valid");

    let usage = machine.request("GET", &format!("{path}/usage")).send().await.must_be(200).json();
    assert_eq!(
        usage["totals"],
        json!({
            "total": 8, "valid": 6, "expired": 0, "deactivated": 1, "forbidden_ip": 0,
            "insufficient_scope": 1, "rate_limited": 0, "quota_exceeded": 0, "organization_suspended": 0, "wrong_environment": 0,
            "plan_rate_limited": 0, "plan_quota_exceeded": 0,
        })
    );
    let shown = machine.request("GET", &path).send().await.must_be(200).json();
    assert_eq!(shown["last_used_at"], "2026-11-23T11:00:00Z");

    machine.request("DELETE", &path).send().await.must_be(204);
    assert_eq!(code(&machine, &second, &[]).await, "not_found");
    machine.request("GET", &format!("{path}/usage")).send().await.must_be(404);
}

fn secret(key: &Value) -> String {
    key["secret"].as_str().expect("the secret").to_owned()
}

async fn code(machine: &Machine, key: &str, scopes: &[&str]) -> String {
    let request = machine.request("POST", "/api/v2/keys/verify");
    let asked = json!({ "key": key, "scopes": scopes });
    let answer = request.body("application/json", asked.to_string()).send().await.must_be(200).json();
    answer["code"].as_str().expect("a code").to_owned()
}
