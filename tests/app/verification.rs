//! Verification as gateways and backends ask for it.

use std::{
    slice,
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::{Value, json};
use tessera::{
    config::InstanceRules,
    db::Db,
    domain::{
        api_keys::{self, ChosenExpiration, KeyEdit},
        key_settings::KeySettings,
        master_tokens::{self, NewToken},
        token_access::TokenAccess,
        verification::{Decision, KeyRequest, Outcome, Verifier},
    },
};
use time::Duration;
use tokio::task::JoinSet;

use crate::{
    pages::key_rotation::rotate,
    support::{Client, Company, Response, TestApp},
};

/// Tasks that verify while something changes.
const TASKS: usize = 8;

#[tokio::test]
async fn a_backend_learns_what_the_key_is_and_what_is_left() {
    let ground = Ground::new(settings("invoices:read", "10.0.0.0/8", Some("10/minute"), Some(12))).await;
    let answer = ground.verify(json!({ "scopes": ["invoices:read"], "client_ip": "10.1.2.3" })).await;
    assert_eq!(answer["code"], "valid", "{answer}");
    assert_eq!(answer["key"]["scopes"], json!(["invoices:read"]));
    assert_eq!(answer["key"]["metadata"], json!({ "customer": "4711" }));
    assert_eq!(answer["key"]["expires_at"], Value::Null);
    assert_eq!(
        answer["rate_limit"],
        json!({ "limit": 10, "window_seconds": 60, "remaining": 9, "reset_seconds": 6 })
    );
    assert_eq!((&answer["quota"]["limit"], &answer["quota"]["remaining"]), (&json!(12), &json!(11)));
}

#[tokio::test]
async fn each_rejection_has_its_code_and_the_first_reason_counts() {
    let ground = Ground::new(settings("read", "10.0.0.0/8", Some("4/minute"), Some(6))).await;
    let code = async |asked| ground.verify(asked).await["code"].clone();
    assert_eq!(code(json!({ "scopes": ["write"] })).await, "forbidden_ip");
    assert_eq!(code(json!({ "scopes": ["write"], "client_ip": "11.0.0.1" })).await, "forbidden_ip");
    assert_eq!(
        code(json!({ "scopes": ["write"], "client_ip": "::ffff:10.0.0.1" })).await,
        "insufficient_scope"
    );
    let inside = json!({ "client_ip": "10.0.0.1", "cost": 4 });
    assert_eq!(code(inside.clone()).await, "valid");
    let limited = ground.verify(inside.clone()).await;
    assert_eq!((&limited["code"], &limited["retry_after_seconds"]), (&json!("rate_limited"), &json!(60)));
    ground.app.clock.advance(Duration::minutes(1));
    assert_eq!(code(inside.clone()).await, "quota_exceeded");
    ground.app.clock.advance(Duration::minutes(1));
    assert_eq!(code(json!({ "client_ip": "10.0.0.1", "cost": 2 })).await, "valid");
    for cost in [0, 1001] {
        ground.ask(json!({ "key": ground.secret, "cost": cost })).await.must_be(400);
    }
    ground.app.state.usage.flush(&ground.app.db).await.expect("a flush");
    let counted =
        ground.app.query("SELECT outcome || ' ' || requests || ' ' || units AS text FROM key_usage WHERE span = 'day' ORDER BY 1");
    assert_eq!(
        counted.await,
        ["forbidden_ip 2 0", "insufficient_scope 1 0", "quota_exceeded 1 0", "rate_limited 1 0", "valid 2 6"]
    );
}

#[tokio::test]
async fn a_gateway_gets_headers_for_each_answer() {
    let ground = Ground::new(settings("read write", "", Some("2/minute"), None)).await;
    let answer = ground.auth("/auth?scope=read&scope=write").await.must_be(204);
    assert_eq!(answer.header("x-tessera-scopes"), "read write");
    assert_eq!(answer.header("ratelimit-policy"), r#""rate";q=2;w=60"#);
    assert_eq!(answer.header("ratelimit"), r#""rate";r=1;t=30"#);
    ground.auth("/auth?scope=read%20write").await.must_be(204);
    let limited = ground.auth("/auth").await.must_be(429);
    assert_eq!(limited.header("retry-after"), "30");
    assert_eq!(limited.header("ratelimit"), r#""rate";r=0;t=60"#);
    let lacking = ground.auth("/auth?scope=read+admin").await.must_be(403);
    assert_eq!(lacking.header("www-authenticate"), r#"Bearer realm="api", error="insufficient_scope""#);
    ground.auth("/auth?scopes=read").await.must_be(400);
}

/// Envoy takes every other status than 200 for a rejection.
#[tokio::test]
async fn a_gateway_that_takes_only_200_gets_it() {
    let ground = Ground::new(settings("read", "", None, None)).await;
    let answer = ground.auth("/auth?scope=read&accepted_status=200").await.must_be(200);
    assert_eq!((answer.header("x-tessera-scopes"), answer.text()), ("read", String::new()));
    ground.auth("/auth?accepted_status=204").await.must_be(204);
    ground.auth("/auth?scope=write&accepted_status=200").await.must_be(403);
    for wrong in ["401", "", "200&accepted_status=204"] {
        ground.auth(&format!("/auth?accepted_status={wrong}")).await.must_be(400);
    }
}

#[tokio::test]
async fn a_backend_tells_who_its_own_client_is() {
    let ground = Ground::new(KeySettings::default()).await;
    ground.verify(json!({})).await;
    ground.verify(json!({ "client_ip": "::ffff:192.0.2.7", "user_agent": "billing/2.1" })).await;
    ground.verify(json!({ "user_agent": " billing/2.2 " })).await;
    let batch = json!({ "keys": [{ "key": ground.secret, "client_ip": "192.0.2.8" }] });
    let request = ground.client.request("POST", "/api/v2/keys/verify/batch");
    let request = request.header("authorization", &format!("Bearer {}", ground.token));
    request.body("application/json", batch.to_string()).send().await.must_be(200);
    let longest = "é".repeat(200);
    ground.verify(json!({ "user_agent": longest })).await;
    let too_long = json!({ "key": ground.secret, "user_agent": format!("{longest}é") });
    let answer = ground.ask(too_long).await.must_be(400).json();
    assert!(answer["detail"].as_str().unwrap().contains("at most 200 characters"), "{answer}");

    let browser = ground.app.log_in_as(&ground.lumen.owner).await;
    let page =
        browser.get(&ground.lumen.url(&format!("api/keys/{}", ground.key_id))).await.must_be(200).html();
    assert_eq!(page.row("192.0.2.7"), "192.0.2.7 billing/2.1 1 Just now");
    assert_eq!(page.row("192.0.2.8"), "192.0.2.8 - 1 Just now");
    let clients = ground.app.query("SELECT address || user_agent AS text FROM key_clients ORDER BY 1").await;
    assert_eq!(clients.len(), 4, "a backend that tells nothing is no client: {clients:?}");
    assert_eq!(clients[2], "billing/2.2");
}

#[tokio::test]
async fn only_a_trusted_proxy_says_where_a_client_is() {
    for (proxies, status) in [("127.0.0.1", 204), ("192.0.2.1", 403)] {
        let app = TestApp::builder().flag("--trusted-proxies", proxies).spawn().await;
        let ground = Ground::on(app, settings("", "10.0.0.0/8", None, None)).await;
        let key = format!("Bearer {}", ground.secret);
        let request = ground.client.request("GET", "/auth").header("authorization", &key);
        request.header("x-forwarded-for", "10.9.9.9").send().await.must_be(status);
    }
}

#[tokio::test]
async fn another_organization_neither_finds_a_key_nor_uses_up_its_limits() {
    let ground = Ground::new(settings("", "", Some("1/hour"), None)).await;
    let frida = ground.app.user("Frida Fern").await;
    let fern = ground.app.organization("Fern", &frida).await;
    let token = active_token(&ground.app, &fern).await;
    let foreign = ask(&ground.client, &token, json!({ "key": ground.secret })).await.must_be(200).json();
    assert_eq!(foreign, json!({ "valid": false, "code": "not_found" }));
    ground.auth(&format!("/auth?organization={}", fern.id)).await.must_be(403);
    ground.auth("/auth").await.must_be(204);
}

#[tokio::test]
async fn a_change_of_settings_resets_no_limit_but_the_one_that_changed() {
    let ground = Ground::new(settings("", "", Some("2/hour"), Some(3))).await;
    ground.auth("/auth").await.must_be(204);
    ground.auth("/auth").await.must_be(204);
    ground.change(settings("read", "", Some("2/hour"), Some(3))).await;
    ground.auth("/auth").await.must_be(429);
    ground.change(settings("read", "", Some("3/hour"), Some(3))).await;
    ground.auth("/auth").await.must_be(204);
    let spent = ground.auth("/auth").await.must_be(429);
    assert!(spent.header("ratelimit").contains(r#""month";r=0"#), "{}", spent.header("ratelimit"));
}

#[tokio::test]
async fn a_quota_holds_over_a_restart() {
    let ground = Ground::new(settings("", "", None, Some(3))).await;
    ground.auth("/auth").await.must_be(204);
    ground.auth("/auth").await.must_be(204);
    ground.app.state.usage.flush(&ground.app.db).await.expect("a flush");
    let fresh = restarted(&ground);
    let mut left = Vec::new();
    for _ in 0..2 {
        let decision = fresh.verify(&ground.secret, &KeyRequest::default(), ground.app.now()).await;
        let Ok(Decision::Known { outcome, .. }) = decision else { panic!("{decision:?}") };
        left.push(outcome.as_str());
    }
    assert_eq!(left, ["valid", "quota_exceeded"]);
}

#[tokio::test]
async fn a_change_holds_from_the_first_request_after_its_answer_at_full_load() {
    let ground = Ground::new(KeySettings::default()).await;
    let browser = ground.app.log_in_as(&ground.lumen.owner).await;
    let key = ground.lumen.url(&format!("api/keys/{}", ground.key_id));
    let stop = Arc::new(AtomicBool::new(false));
    let presented = Arc::new(RwLock::new(vec![ground.secret.clone()]));
    let mut load = JoinSet::new();
    for _ in 0..TASKS {
        let (stop, client, presented) = (stop.clone(), ground.app.client(), presented.clone());
        load.spawn(async move {
            let mut answered = 0;
            while !stop.load(Ordering::Relaxed) {
                let secrets = presented.read().expect("the secrets").clone();
                let answer = auth(&client, "/auth", &secrets[answered % secrets.len()]).await;
                assert!([204, 401, 403].contains(&answer.status), "{answer:?}");
                answered += 1;
            }
            answered
        });
    }
    for _ in 0..10 {
        browser.post(&format!("{key}/deactivate"), &[]).await.must_be(303);
        ground.auth("/auth").await.must_be(401);
        browser.post(&format!("{key}/activate"), &[]).await.must_be(303);
        ground.auth("/auth").await.must_be(204);
        let elsewhere = [("name", "Billing worker"), ("networks", "192.0.2.0/24")];
        browser.post(&format!("{key}/settings"), &elsewhere).await.must_be(303);
        ground.auth("/auth").await.must_be(403);
        browser.post(&format!("{key}/settings"), &[("name", "Billing worker")]).await.must_be(303);
        ground.auth("/auth").await.must_be(204);
    }
    let mut secrets = vec![ground.secret.clone()];
    for (grace_period, begin) in
        [("none", "immediately"), ("7d", "immediately"), ("none", "on_first_use"), ("24h", "on_first_use")]
    {
        let old = secrets.last().expect("a secret").clone();
        let new = rotate(&ground, &browser, grace_period, begin).await;
        let goes_on = (grace_period, begin) != ("none", "immediately");
        auth(&ground.client, "/auth", &old).await.must_be(if goes_on { 204 } else { 401 });
        if goes_on && begin == "immediately" {
            browser.post(&format!("{key}/revoke-previous"), &[]).await.must_be(303);
            auth(&ground.client, "/auth", &old).await.must_be(401);
        }
        auth(&ground.client, "/auth", &new).await.must_be(204);
        if grace_period == "none" {
            auth(&ground.client, "/auth", &old).await.must_be(401);
        }
        secrets.push(new);
        *presented.write().expect("the secrets") = secrets.clone();
    }
    browser.post(&format!("{key}/revoke-previous"), &[]).await.must_be(303);
    let new = secrets.pop().expect("the new secret");
    for old in &secrets {
        auth(&ground.client, "/auth", old).await.must_be(401);
    }
    auth(&ground.client, "/auth", &new).await.must_be(204);
    // Another process knows only what the database knows, and that is the same.
    assert_eq!(accepted_after_a_restart(&ground, &secrets).await, Vec::<&String>::new());
    assert_eq!(accepted_after_a_restart(&ground, slice::from_ref(&new)).await, [&new]);
    browser.post(&format!("{key}/remove"), &[]).await.must_be(303);
    auth(&ground.client, "/auth", &new).await.must_be(401);
    assert_eq!(accepted_after_a_restart(&ground, slice::from_ref(&new)).await, Vec::<&String>::new());
    stop.store(true, Ordering::Relaxed);
    assert!(load.join_all().await.iter().all(|answered| *answered > 0));
}

/// A verifier that knows what another process would: what the database knows.
fn restarted(ground: &Ground) -> Verifier {
    let db = Db::open(&ground.app.state.config.database).expect("the database");
    Verifier::new(&db, 100)
}

/// Those of `secrets` that open something after a restart.
async fn accepted_after_a_restart<'a>(ground: &Ground, secrets: &'a [String]) -> Vec<&'a String> {
    let (fresh, mut accepted) = (restarted(ground), Vec::new());
    for secret in secrets {
        let decision = fresh.verify(secret, &KeyRequest::default(), ground.app.now()).await;
        if matches!(decision, Ok(Decision::Known { outcome: Outcome::Valid, .. })) {
            accepted.push(secret);
        }
    }
    accepted
}

/// An organization with one key and an active master token.
pub(crate) struct Ground {
    pub(crate) app: TestApp,
    pub(crate) lumen: Company,
    pub(crate) key_id: String,
    pub(crate) secret: String,
    pub(crate) client: Client,
    token: String,
}

impl Ground {
    pub(crate) async fn new(settings: KeySettings) -> Self {
        Self::on(TestApp::spawn().await, settings).await
    }

    pub(crate) async fn on(app: TestApp, settings: KeySettings) -> Self {
        let lumen = app.lumen().await;
        let (key, secret) = app.api_key(&lumen, "Billing worker").await;
        let (token, client) = (active_token(&app, &lumen).await, app.client());
        let ground = Self { app, lumen, key_id: key.id, secret, client, token };
        ground.change(settings).await;
        ground
    }

    pub(crate) async fn change(&self, settings: KeySettings) {
        let (lumen, key_id, now) = (self.lumen.clone(), self.key_id.clone(), self.app.now());
        self.app
            .write(move |tx| {
                let admin = lumen.admin(tx)?;
                let edit = KeyEdit { name: None, expiration: ChosenExpiration::Keep, settings };
                api_keys::edit(tx, &admin, &key_id, &edit, now)?;
                Ok(())
            })
            .await;
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The key as lists show it.
    pub(crate) async fn masked(&self) -> String {
        let (lumen, key_id) = (self.lumen.clone(), self.key_id.clone());
        let found = self.app.write(move |tx| {
            let admin = lumen.admin(tx)?;
            Ok(api_keys::find(tx.connection(), &admin, &key_id)?.masked)
        });
        found.await
    }

    pub(crate) async fn auth(&self, path: &str) -> Response {
        auth(&self.client, path, &self.secret).await
    }

    pub(crate) async fn ask(&self, body: Value) -> Response {
        ask(&self.client, &self.token, body).await
    }

    /// Asks about the key.
    pub(crate) async fn verify(&self, mut asked: Value) -> Value {
        asked["key"] = json!(self.secret);
        self.ask(asked).await.must_be(200).json()
    }
}

pub(crate) async fn auth(client: &Client, path: &str, secret: &str) -> Response {
    client.request("GET", path).header("authorization", &format!("Bearer {secret}")).send().await
}

pub(crate) async fn ask(client: &Client, token: &str, body: Value) -> Response {
    let request = client.request("POST", "/api/v2/keys/verify");
    let request = request.header("authorization", &format!("Bearer {token}"));
    request.body("application/json", body.to_string()).send().await
}

pub(crate) async fn active_token(app: &TestApp, company: &Company) -> String {
    let (company, now) = (company.clone(), app.now());
    app.write(move |tx| {
        let admin = company.admin(tx)?;
        let new = NewToken {
            name: tessera::domain::names::Name::parse("Backend", 60)?,
            access: TokenAccess::Verify,
            expires_at: None,
        };
        let (token, secret) = master_tokens::generate(tx, &admin, &new, &InstanceRules::default(), now)?;
        master_tokens::switch(tx, &admin, &token.id, true, now)?;
        Ok(secret.expose().to_owned())
    })
    .await
}

pub(crate) fn settings(scopes: &str, networks: &str, rate: Option<&str>, quota: Option<u64>) -> KeySettings {
    KeySettings {
        description: None,
        scopes: scopes.parse().expect("scopes"),
        networks: networks.parse().expect("networks"),
        rate_limit: rate.map(|rate| rate.parse().expect("a rate")),
        monthly_quota: quota
            .map(|quota| tessera::domain::key_settings::MonthlyQuota::new(quota).expect("a quota")),
        metadata: tessera::domain::key_settings::Metadata::parse(r#"{"customer": "4711"}"#)
            .expect("metadata"),
    }
}
