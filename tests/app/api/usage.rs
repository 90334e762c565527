//! How keys are used, in the management API.

use serde_json::{Value, json};
use tessera::domain::token_access::TokenAccess;
use time::Duration;

use crate::support::{Company, Machine, TestApp};

#[tokio::test]
async fn the_past_of_a_key_has_no_gap_and_each_request_its_hour_and_outcome() {
    let (app, lumen, machine) = ground().await;
    let (key, secret) = app.api_key(&lumen, "Billing").await;
    use_key(&machine, &secret, 2).await;
    pass(&app, Duration::hours(2)).await;
    use_key(&machine, &secret, 1).await;
    let path = format!("keys/{}/usage", key.id);
    let hours = machine.get(&format!("{path}?span=hour&count=3")).await.must_be(200).json();
    assert_eq!((&hours["span"], &hours["totals"]["valid"]), (&json!("hour"), &json!(3)));
    assert_eq!(
        steps(&hours["steps"]),
        [("2026-11-23T10:00:00Z", 2), ("2026-11-23T11:00:00Z", 0), ("2026-11-23T12:00:00Z", 1)]
    );
    let days = machine.get(&path).await.must_be(200).json();
    assert_eq!((days["steps"].as_array().map(Vec::len), &days["totals"]["total"]), (Some(30), &json!(3)));
    let one = machine.get(&format!("{path}?span=hour&count=1")).await.must_be(200).json();
    assert_eq!(steps(&one["steps"]), [("2026-11-23T12:00:00Z", 1)]);
    machine.get(&format!("{path}?count=367")).await.must_be(422);
    for wrong in ["count=0", "span=hour&count=745", "span=week", "days=3"] {
        machine.get(&format!("{path}?{wrong}")).await.must_be(400);
    }
    let problem = machine.get(&format!("{path}?count=0")).await.json();
    assert_eq!(problem["errors"][0]["pointer"], "count");
}

#[tokio::test]
async fn an_organization_sees_its_own_keys_by_day_and_the_busiest_first() {
    let (app, lumen, machine) = ground().await;
    let (quiet, quiet_secret) = app.api_key(&lumen, "Quiet").await;
    let (busy, busy_secret) = app.api_key(&lumen, "Busy").await;
    app.api_key(&lumen, "Never used").await;
    let frida = app.user("Frida Fern").await;
    let fern = app.organization("Fern", &frida).await;
    let (_, foreign_secret) = app.api_key(&fern, "Foreign").await;
    let other = app.machine(&fern, TokenAccess::Read).await;
    use_key(&other, &foreign_secret, 5).await;
    use_key(&machine, &quiet_secret, 1).await;
    pass(&app, Duration::DAY).await;
    use_key(&machine, &busy_secret, 2).await;
    machine
        .request("POST", "/api/v2/keys/verify")
        .body("application/json", json!({ "key": busy_secret, "scopes": ["read"] }).to_string())
        .send()
        .await
        .must_be(200);
    let usage = machine.get("usage?days=2").await.must_be(200).json();
    assert_eq!(
        (&usage["totals"]["total"], &usage["totals"]["valid"], &usage["totals"]["insufficient_scope"]),
        (&json!(4), &json!(3), &json!(1))
    );
    assert_eq!(steps(&usage["days"]), [("2026-11-23T00:00:00Z", 1), ("2026-11-24T00:00:00Z", 3)]);
    assert_eq!(
        usage["keys"],
        json!([
            { "id": busy.id, "name": "Busy", "requests": 3 },
            { "id": quiet.id, "name": "Quiet", "requests": 1 },
        ])
    );
    let today = machine.get("usage?days=1").await.must_be(200).json();
    assert_eq!((&today["totals"]["total"], today["keys"].as_array().map(Vec::len)), (&json!(3), Some(1)));
    assert_eq!(machine.get("usage").await.json()["days"].as_array().map(Vec::len), Some(30));
    for wrong in ["days=0", "days=367", "days=all", "count=3"] {
        machine.get(&format!("usage?{wrong}")).await.must_be(400);
    }
}

#[tokio::test]
async fn the_clients_of_a_key_are_told_the_last_first() {
    let (app, lumen, machine) = ground().await;
    let (key, secret) = app.api_key(&lumen, "Billing").await;
    for (program, calls) in [("curl/8.14", 2), ("", 1)] {
        for _ in 0..calls {
            let request = app.client().request("GET", "/auth").without_site();
            let request = request.header("x-api-key", &secret).header("user-agent", program);
            request.send().await.must_be(204);
        }
        app.clock.advance(Duration::SECOND);
    }
    let clients = machine.get(&format!("keys/{}/clients", key.id)).await.must_be(200).json();
    assert_eq!(
        clients,
        json!({
            "data": [
                { "address": "127.0.0.1", "user_agent": null, "requests": 1, "last_seen_at": "2026-11-23T10:00:01Z" },
                {
                    "address": "127.0.0.1", "user_agent": "curl/8.14", "requests": 2,
                    "last_seen_at": "2026-11-23T10:00:00Z",
                },
            ],
            "next_cursor": null,
        })
    );
    machine.get("keys/none/clients").await.must_be(404);
}

/// Counted is when it is written, which happens every few seconds.
async fn pass(app: &TestApp, time: Duration) {
    app.state.usage.flush(&app.db).await.expect("a flush");
    app.clock.advance(time);
}

fn steps(steps: &Value) -> Vec<(&str, i64)> {
    let steps = steps.as_array().expect("steps").iter();
    let total = |step: &Value| step["requests"]["total"].as_i64().expect("a number");
    steps.map(|step| (step["begins_at"].as_str().expect("an instant"), total(step))).collect()
}

async fn use_key(machine: &Machine, secret: &str, times: usize) {
    let keys = vec![json!({ "key": secret }); times];
    let request = machine.request("POST", "/api/v2/keys/verify/batch");
    request.body("application/json", json!({ "keys": keys }).to_string()).send().await.must_be(200);
}

async fn ground() -> (TestApp, Company, Machine) {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Read).await;
    (app, lumen, machine)
}
