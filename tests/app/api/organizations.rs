//! The organization in the management API, and the credential that stands for a master token.

use serde_json::json;
use tessera::domain::token_access::TokenAccess;
use time::Duration;

use crate::support::TestApp;

#[tokio::test]
async fn a_client_of_the_mirrored_system_exchanges_its_token_and_reads_id_and_name() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let mut machine = app.machine(&lumen, TokenAccess::Full).await;
    let exchanged = machine.request("GET", "/api/v2/sessionToken").send().await.must_be(200);
    assert_eq!(exchanged.header("cache-control"), "no-store");
    machine.credential = exchanged.json()["data"].as_str().expect("a token").to_owned();
    let organization = machine.get("").await.must_be(200).json();
    assert_eq!((&organization["id"], &organization["name"]), (&json!(lumen.id), &json!(lumen.name)));
    // It cannot be drawn out by exchanging it again.
    machine.request("GET", "/api/v2/sessionToken").send().await.must_be(401);
    app.clock.advance(Duration::minutes(15));
    machine.get("").await.must_be(401);
}

#[tokio::test]
async fn a_session_token_ends_with_its_master_token() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let owner = app.log_in_as(&lumen.owner).await;
    for verb in ["deactivate", "remove"] {
        let mut machine = app.machine(&lumen, TokenAccess::Read).await;
        let exchanged = machine.request("GET", "/api/v2/sessionToken").send().await.must_be(200);
        machine.credential = exchanged.json()["data"].as_str().expect("a token").to_owned();
        machine.get("").await.must_be(200);
        owner.post(&lumen.url(&format!("api/tokens/{}/{verb}", machine.token_id)), &[]).await.must_be(303);
        machine.get("").await.must_be(401);
        app.clock.advance(Duration::SECOND);
    }
    let mut machine = app.machine(&lumen, TokenAccess::Read).await;
    let exchanged = machine.request("GET", "/api/v2/sessionToken").send().await.must_be(200);
    let form = tessera::web::form_id::FormId::new(app.now());
    let path = lumen.url(&format!("api/tokens/{}/replace", machine.token_id));
    owner.post(&path, &[("form_id", form.as_str())]).await.must_be(200);
    machine.credential = exchanged.json()["data"].as_str().expect("a token").to_owned();
    machine.get("").await.must_be(401);
}

#[tokio::test]
async fn renaming_takes_the_version_that_was_read() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    let read = machine.get("").await.must_be(200);
    let rename = async |name: &str, version: &str| {
        let request = machine.request("PATCH", &machine.url("")).header("if-match", version);
        request.body("application/json", json!({ "name": name }).to_string()).send().await
    };
    let renamed = rename("Lumen AG", read.header("etag")).await.must_be(200);
    assert_eq!(renamed.json()["name"], "Lumen AG");
    assert_ne!(renamed.header("etag"), read.header("etag"));
    let stale = rename("Lumen SE", read.header("etag")).await.must_be(412).json();
    assert_eq!(stale["type"], "/problems/precondition-failed");
    assert_eq!(machine.get("").await.json()["name"], "Lumen AG");
    let known = machine.request("GET", &machine.url("")).header("if-none-match", renamed.header("etag"));
    known.send().await.must_be(304);
    machine.send("PATCH", "", json!({})).await.must_be(200);
    let wrong = machine.send("PATCH", "", json!({ "name": " " })).await.must_be(422).json();
    assert_eq!(wrong["errors"], json!([{ "pointer": "/name", "detail": "Enter a name." }]));
}

#[tokio::test]
async fn the_leak_policy_is_read_by_many_and_chosen_by_who_may_everything() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    let reader = app.machine(&lumen, TokenAccess::Read).await;
    let read = reader.get("leak-policy").await.must_be(200);
    assert_eq!(read.json(), json!({ "policy": "notify" }));
    let choose = async |policy: &str, version: &str| {
        let request = machine.request("PUT", &machine.url("leak-policy")).header("if-match", version);
        request.body("application/json", json!({ "policy": policy }).to_string()).send().await
    };
    let chosen = choose("deactivate", read.header("etag")).await.must_be(200);
    assert_eq!(chosen.json(), json!({ "policy": "deactivate" }));
    assert_eq!(reader.get("leak-policy").await.header("etag"), chosen.header("etag"));
    choose("notify", read.header("etag")).await.must_be(412);
    choose("deactivate", "*").await.must_be(200);
    for (body, pointer) in [
        (json!({ "policy": "ignore" }), "/policy"),
        (json!({}), ""),
        (json!({ "policy": "notify", "for": "all" }), "/for"),
    ] {
        let problem = machine.send("PUT", "leak-policy", body).await.must_be(400).json();
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    let refused = machine.ask("POST", "leak-policy").await.must_be(405);
    assert_eq!(refused.header("allow"), "GET, HEAD, PUT");
    assert_eq!(reader.get("leak-policy").await.json(), json!({ "policy": "deactivate" }));
    let changes = "SELECT action AS text FROM audit_events WHERE action = 'organization.leak_policy_changed'";
    assert_eq!(app.query(changes).await.len(), 1, "the same choice again is no change");
}
