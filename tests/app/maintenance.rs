//! Maintenance: keys are verified as ever, pages can be read, and nothing is changed.

use serde_json::json;
use tessera::{
    clock::Timestamp,
    domain::{
        maintenance::{self, Maintenance},
        token_access::TokenAccess,
    },
    web::{access::Route, routes::ROUTES},
};
use time::{Duration, macros::datetime};

use crate::support::{START, TestApp, until};

const MESSAGE: &str = "We move to a larger server.";

impl TestApp {
    /// As whoever runs the instance does at the database; goes on once the server has noticed.
    async fn maintain(&self, ends_at: Option<Timestamp>) {
        let what_holds = Maintenance { message: Some(MESSAGE.to_owned()), began_at: self.now(), ends_at };
        self.write(move |tx| Ok(maintenance::switch_on(tx, &what_holds)?)).await;
        until(async || self.state.maintenance_at(self.now()).is_some()).await;
    }

    async fn end_maintenance(&self) {
        self.write(|tx| Ok(maintenance::switch_off(tx)?)).await;
        until(async || self.state.maintenance_at(self.now()).is_none()).await;
    }
}

#[tokio::test]
async fn keys_are_verified_and_counted_while_it_is_on() {
    let app = TestApp::builder().without_housekeeping().spawn().await;
    let lumen = app.lumen().await;
    let (key, secret) = app.api_key(&lumen, "Billing worker").await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    app.maintain(None).await;
    let asked = |method: &str, path: &str| {
        app.client().request(method, path).without_site().header("authorization", &format!("Bearer {secret}"))
    };
    asked("GET", "/auth").send().await.must_be(204);
    asked("POST", "/auth").send().await.must_be(204);
    asked("GET", "/api/v2/organization").send().await.must_be(200);
    for (path, body) in [
        ("/api/v2/keys/verify", json!({ "key": secret })),
        ("/api/v2/keys/verify/batch", json!({ "keys": [{ "key": secret }] })),
    ] {
        let verified = machine.request("POST", path).header("idempotency-key", path);
        let verified = verified.body("application/json", body.to_string()).send().await.must_be(200);
        assert!(verified.text().contains("\"valid\":true"), "{}", verified.text());
    }
    // A page that shows counts has them written first.
    machine.get(&format!("keys/{}/usage", key.id)).await.must_be(200);
    let counted = "SELECT CAST(SUM(requests) AS TEXT) AS text FROM key_usage WHERE span = 'day'";
    assert_eq!(app.query(counted).await, ["5"]);
    app.client().get("/healthz").await.must_be(200);
    app.client().get("/readyz").await.must_be(200);
}

#[tokio::test]
async fn pages_are_read_and_say_so_and_forms_are_turned_away() {
    let app = TestApp::builder().without_housekeeping().spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    assert!(!browser.get("/orgs").await.must_be(200).html().has("#maintenance"));
    app.maintain(Some(datetime!(2026-11-23 10:10))).await;
    let before = app.ledger().await;

    for (client, path) in [(&browser, lumen.url("api")), (&app.client(), "/login".to_owned())] {
        let banner = client.get(&path).await.must_be(200).html().text("#maintenance");
        assert!(banner.contains("Under maintenance") && banner.contains(MESSAGE), "{banner}");
        assert!(banner.contains("until Nov 23, 2026, 10:10 UTC"), "{banner}");
        assert!(!banner.contains("tessera maintenance off"), "{banner}");
    }
    let form = [("name", "Alder")];
    let refused = browser.post(&lumen.url("settings"), &form).await.must_be(503);
    assert_eq!(refused.header("retry-after"), "601");
    let page = refused.html();
    assert_eq!(page.heading(), "Under maintenance");
    let told = page.main_text();
    assert!(told.contains("nothing can be changed right now") && told.contains(MESSAGE), "{told}");
    let refused = browser.htmx_post(&lumen.url("settings"), "panel", &form).await.must_be(503);
    assert!(refused.html().toast().ends_with(MESSAGE), "{}", refused.text());
    assert_eq!(refused.header("hx-reswap"), "none");
    app.client().post("/login", &[("email", "a@lumen.example"), ("password", "b")]).await.must_be(503);
    assert_eq!(app.ledger().await, before, "nothing was changed");

    browser.post("/preferences/theme", &[("theme", "dark")]).await.must_be(303);
    browser.post("/logout", &[]).await.must_be(303);
    browser.get("/orgs").await.must_be(303);
    app.appoint(&lumen.owner).await;
    let operator = app.log_in_as(&lumen.owner).await;
    let banner = operator.get("/instance/organizations").await.must_be(200).html().text("#maintenance");
    assert!(banner.contains("tessera maintenance off"), "{banner}");

    app.end_maintenance().await;
    operator.post(&lumen.url("settings"), &form).await.must_be(303);
    assert!(!operator.get("/orgs").await.must_be(200).html().has("#maintenance"));
}

#[tokio::test]
async fn the_api_is_read_and_its_changes_are_turned_away() {
    let app = TestApp::builder().without_housekeeping().spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    app.maintain(None).await;
    machine.get("keys").await.must_be(200);
    machine.get("").await.must_be(200);
    let before = app.ledger().await;
    let request = machine.request("POST", &machine.url("keys")).header("idempotency-key", "once");
    let refused = request.body("application/json", r#"{"name":"Worker"}"#).send().await.must_be(503);
    assert_eq!(refused.header("retry-after"), "61");
    assert_eq!(refused.header("content-type"), "application/problem+json");
    assert_eq!(refused.json()["type"], "/problems/maintenance");
    assert!(refused.json()["detail"].as_str().is_some_and(|detail| detail.ends_with(MESSAGE)));
    assert_eq!(app.ledger().await, before, "nothing was changed");
    app.end_maintenance().await;
    let request = machine.request("POST", &machine.url("keys")).header("idempotency-key", "once");
    request.body("application/json", r#"{"name":"Worker"}"#).send().await.must_be(201);
}

#[tokio::test]
async fn whatever_changes_something_is_turned_away() {
    let app = TestApp::builder().without_housekeeping().spawn().await;
    app.maintain(None).await;
    let goes_on = |route: &Route| {
        route.pattern.starts_with("/api/v2/keys/verify")
            || route.pattern.starts_with("/preferences/")
            || ["/auth", "/logout"].contains(&route.pattern)
    };
    let mut refused = 0;
    for route in ROUTES {
        let method = if route.method == "ANY" { "POST" } else { route.method };
        let path = route.pattern.replace(['{', '}'], "");
        let answer = app.client().request(method, &path).send().await;
        let is_refused = answer.status == 503;
        assert_eq!(is_refused, method != "GET" && !goes_on(route), "{route:?}: {}", answer.summary());
        refused += i32::from(is_refused);
    }
    assert!(refused > 100, "only {refused}");
}

#[tokio::test]
async fn it_ends_by_itself_when_it_was_said_to() {
    let app = TestApp::builder().without_housekeeping().spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    app.maintain(Some(START + Duration::hours(1))).await;
    browser.post(&lumen.url("settings"), &[("name", "Alder")]).await.must_be(503);
    app.clock.advance(Duration::hours(1));
    browser.post(&lumen.url("settings"), &[("name", "Alder")]).await.must_be(303);
    assert!(!browser.get("/orgs").await.must_be(200).html().has("#maintenance"));
}
