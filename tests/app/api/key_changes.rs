//! Changes of keys in the management API: settings, switches, rotations and pauses.

use serde_json::{Value, json};
use tessera::domain::token_access::TokenAccess;
use time::Duration;

use crate::{
    support::{Machine, Response, TestApp},
    verification::auth,
};

#[tokio::test]
async fn settings_that_are_left_out_stay_and_null_takes_them_away() {
    let ground = Ground::new().await;
    let all = json!({
        "description": "Nightly invoices", "scopes": ["read", "write"], "networks": ["10.0.0.0/8"],
        "rate_limit": { "requests": 5, "per": "minute" }, "monthly_quota": 100, "metadata": { "customer": 7 },
    });
    let changed = ground.send("PATCH", "", all.clone()).await.must_be(200).json();
    for (field, value) in all.as_object().expect("an object") {
        assert_eq!(&changed[field], value, "{field}");
    }
    let one = ground.send("PATCH", "", json!({ "scopes": ["read"] })).await.must_be(200).json();
    assert_eq!((&one["scopes"], &one["monthly_quota"]), (&json!(["read"]), &json!(100)));
    let none = json!({
        "description": null, "scopes": null, "networks": null, "rate_limit": null, "monthly_quota": null,
        "metadata": null,
    });
    let emptied = ground.send("PATCH", "", none).await.must_be(200).json();
    for field in ["description", "rate_limit", "monthly_quota", "metadata"] {
        assert_eq!(emptied[field], Value::Null, "{field}");
    }
    assert_eq!((&emptied["scopes"], &emptied["networks"]), (&json!([]), &json!([])));
    let same = ground.send("PATCH", "", json!({})).await.must_be(200);
    assert_eq!(same.json(), emptied);
}

#[tokio::test]
async fn every_wrong_setting_is_told_at_once_and_nothing_is_changed() {
    let ground = Ground::new().await;
    let wrong = json!({
        "description": "x".repeat(201), "scopes": ["ok", "\u{e9}"], "networks": ["10.0.0.1/8"],
        "rate_limit": { "requests": 0, "per": "hour" }, "monthly_quota": 0, "metadata": { "a": "b".repeat(5000) },
    });
    let problem = ground.send("PATCH", "", wrong).await.must_be(422).json();
    let fields = problem["errors"].as_array().expect("fields").iter().map(|field| field["pointer"].clone());
    assert_eq!(
        fields.collect::<Vec<_>>(),
        ["/description", "/scopes", "/networks", "/rate_limit/requests", "/monthly_quota", "/metadata"]
    );
    let misspelt = ground.send("PATCH", "", json!({ "scope": ["read"] })).await.must_be(400).json();
    assert_eq!(misspelt["errors"][0]["pointer"], "/scope");
    ground.send("PATCH", "", json!({ "secret": "tess_" })).await.must_be(400);
    assert_eq!(ground.show().await.header("etag"), ground.created.header("etag"));
}

#[tokio::test]
async fn a_key_gets_another_name_and_another_expiration() {
    let ground = Ground::new().await;
    let first = ground.created.header("etag").to_owned();
    let end = "2027-01-31T12:00:00Z";
    let changed =
        ground.send("PATCH", "", json!({ "name": "Invoices", "expires_at": end })).await.must_be(200);
    assert_ne!(changed.header("etag"), first);
    let shown = changed.json();
    assert_eq!((&shown["name"], &shown["expires_at"]), (&json!("Invoices"), &json!(end)));
    assert_eq!(ground.show().await.json(), shown);
    let endless = ground.send("PATCH", "", json!({ "expires_at": null })).await.must_be(200).json();
    assert_eq!((&endless["name"], &endless["expires_at"]), (&json!("Invoices"), &Value::Null));
    let log = "SELECT action || ' ' || details AS text FROM audit_events WHERE subject_name = 'Invoices'";
    assert_eq!(
        ground.app.query(&format!("{log} ORDER BY id")).await,
        [
            r#"api_key.renamed {"type":"name_change","from":"Billing","to":"Invoices"}"#,
            r#"api_key.expiration_changed {"type":"expiration_change","from":null,"to":"2027-01-31T12:00:00Z"}"#,
            r#"api_key.expiration_changed {"type":"expiration_change","from":"2027-01-31T12:00:00Z","to":null}"#,
        ]
    );
}

#[tokio::test]
async fn a_name_or_expiration_that_cannot_be_is_told_by_its_field() {
    let ground = Ground::new().await;
    ground.machine.send("POST", "keys", json!({ "name": "Other" })).await.must_be(201);
    let wrong = json!({ "name": " ", "expires_at": "2026-11-23T09:59:59Z", "monthly_quota": 0 });
    let problem = ground.send("PATCH", "", wrong).await.must_be(422).json();
    let fields = problem["errors"].as_array().expect("fields").iter().map(|field| field["pointer"].clone());
    assert_eq!(fields.collect::<Vec<_>>(), ["/name", "/expires_at", "/monthly_quota"]);
    for (body, pointer) in [
        (json!({ "name": "OTHER" }), "/name"),
        (json!({ "name": "x".repeat(61) }), "/name"),
        (json!({ "expires_at": "2036-11-21T10:00:00Z" }), "/expires_at"),
        (json!({ "expires_at": "tomorrow" }), "/expires_at"),
    ] {
        let problem = ground.send("PATCH", "", body).await.must_be(422).json();
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    let problem = ground.send("PATCH", "", json!({ "name": null })).await.must_be(400).json();
    assert_eq!(problem["errors"][0]["pointer"], "/name", "a key has a name: {problem}");
    assert_eq!(ground.show().await.header("etag"), ground.created.header("etag"));
    // Its own name in other letters is no other key's.
    let renamed = ground.send("PATCH", "", json!({ "name": "BILLING" })).await.must_be(200).json();
    assert_eq!(renamed["name"], "BILLING");
}

#[tokio::test]
async fn what_is_sent_back_as_it_was_told_is_no_change() {
    let ground = Ground::new().await;
    let end = "2026-12-01T00:00:00.5Z";
    ground.send("PATCH", "", json!({ "expires_at": end })).await.must_be(200);
    let shown = ground.show().await;
    let told = json!({ "name": shown.json()["name"], "expires_at": shown.json()["expires_at"] });
    let events = ground.app.ledger().await["audit_events"].clone();
    for wait in [0, 30] {
        ground.app.clock.advance(Duration::days(wait));
        let same = ground.send("PATCH", "", told.clone()).await.must_be(200);
        assert_eq!(same.json()["expires_at"], shown.json()["expires_at"]);
    }
    assert_eq!(ground.app.ledger().await["audit_events"], events);
}

#[tokio::test]
async fn a_key_that_has_expired_is_rotated_and_not_prolonged() {
    let ground = Ground::new().await;
    let secret = ground.created.json()["secret"].as_str().expect("a secret").to_owned();
    ground.send("PATCH", "", json!({ "expires_at": "2026-12-01T00:00:00Z" })).await.must_be(200);
    auth(&ground.app.client(), "/auth", &secret).await.must_be(204);
    ground.app.clock.advance(Duration::days(30));
    for end in [json!("2027-12-01T00:00:00Z"), Value::Null] {
        let problem = ground.send("PATCH", "", json!({ "expires_at": end })).await.must_be(422).json();
        assert_eq!(problem["errors"][0]["pointer"], "/expires_at");
        let detail = problem["errors"][0]["detail"].as_str().expect("a sentence");
        assert!(detail.contains("Rotate it"), "{detail}");
    }
    ground.send("PATCH", "", json!({ "name": "Past" })).await.must_be(200);
    auth(&ground.app.client(), "/auth", &secret).await.must_be(401);
}

#[tokio::test]
async fn a_change_takes_the_version_that_was_read() {
    let ground = Ground::new().await;
    let first = ground.created.header("etag").to_owned();
    let bodies = [
        ("PATCH", "", Some(json!({ "description": "Invoices" }))),
        ("PATCH", "", Some(json!({ "name": "Invoices", "expires_at": "2027-01-31T12:00:00Z" }))),
        ("POST", "/rotate", Some(json!({ "grace_period": "none", "starts": "immediately" }))),
        ("POST", "/pause", Some(json!({ "hours": 1 }))),
        ("POST", "/deactivate", None),
        ("POST", "/activate", None),
        ("POST", "/revoke-previous", None),
        ("DELETE", "", None),
    ];
    let before = ground.app.ledger().await;
    for (method, rest, body) in bodies {
        let request = ground.request(method, rest).header("if-match", "\"0\"");
        let request = match body {
            Some(body) => request.body("application/json", body.to_string()),
            None => request,
        };
        let refused = request.send().await.must_be(412).json();
        assert_eq!(refused["type"], "/problems/precondition-failed", "{method} {rest}");
    }
    let after = ground.app.ledger().await;
    assert_eq!(before["api_keys"], after["api_keys"]);
    let request = ground.request("POST", "/deactivate").header("if-match", &first);
    let off = request.send().await.must_be(200);
    assert_ne!(off.header("etag"), first);
    assert_eq!(off.header("etag"), ground.show().await.header("etag"));
    ground.request("POST", "/activate").header("if-match", &first).send().await.must_be(412);
    // Several lines are one list (RFC 9110, 5.3).
    let request = ground.request("POST", "/activate").header("if-match", &first);
    request.header("if-match", off.header("etag")).send().await.must_be(200);
}

#[tokio::test]
async fn switching_twice_is_as_good_as_once() {
    let ground = Ground::new().await;
    let off = ground.request("POST", "/deactivate").send().await.must_be(200).json();
    ground.app.clock.advance(Duration::HOUR);
    assert_eq!(ground.request("POST", "/deactivate").send().await.must_be(200).json(), off);
    ground.request("POST", "/activate").send().await.must_be(200);
    ground.request("POST", "/activate").send().await.must_be(200);
    assert_eq!(ground.actions().await, ["api_key.activated", "api_key.created", "api_key.deactivated"]);
    let actors = ground
        .app
        .query("SELECT DISTINCT actor_kind AS text FROM audit_events WHERE subject_name = 'Billing'");
    assert_eq!(actors.await, ["master_token"]);
}

#[tokio::test]
async fn a_rotation_that_is_sent_twice_gives_one_secret() {
    let ground = Ground::new().await;
    let rotate = async |grace_period: &str| {
        let request = ground.request("POST", "/rotate").header("idempotency-key", "0c7e");
        let plan = json!({ "grace_period": grace_period, "starts": "on_first_use" });
        request.body("application/json", plan.to_string()).send().await
    };
    let first = rotate("1h").await.must_be(200);
    let again = rotate("1h").await.must_be(200);
    assert_eq!(first.json(), again.json(), "the secret included");
    assert_eq!(first.header("etag"), again.header("etag"));
    rotate("7d").await.must_be(422);
    assert_eq!(ground.actions().await, ["api_key.created", "api_key.rotated"]);
    assert_eq!(
        first.json()["rotation"]["ends_at"],
        "2026-12-23T11:00:00Z",
        "an hour after 30 days of waiting"
    );
    let mut shown = first.json();
    shown.as_object_mut().expect("an object").remove("secret");
    let answer = ground.show().await;
    assert_eq!((answer.json(), answer.header("etag")), (shown.clone(), first.header("etag")));
    assert_eq!(ground.machine.get("keys").await.json()["data"][0], shown);
    ground.app.clock.advance(Duration::days(31));
    assert_eq!(ground.show().await.json()["rotation"], Value::Null);
}

#[tokio::test]
async fn a_rotation_says_how_long_and_from_when() {
    let ground = Ground::new().await;
    let plans = [
        (json!({ "grace_period": "2h", "starts": "immediately" }), "/grace_period"),
        (json!({ "grace_period": "1h", "starts": "later" }), "/starts"),
        (json!({ "grace_period": "1h" }), ""),
        (json!({ "grace_period": "1h", "starts": "immediately", "form_id": "1" }), "/form_id"),
    ];
    for (plan, pointer) in plans {
        let problem = ground.send("POST", "/rotate", plan).await.must_be(400).json();
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    for grace_period in ["none", "1h", "24h", "7d"] {
        for starts in ["on_first_use", "immediately"] {
            let plan = json!({ "grace_period": grace_period, "starts": starts });
            let rotated = ground.send("POST", "/rotate", plan).await.must_be(200).json();
            let told = &rotated["rotation"];
            if (grace_period, starts) == ("none", "immediately") {
                assert_eq!(told, &Value::Null);
            } else {
                assert_eq!((&told["grace_period"], &told["starts"]), (&json!(grace_period), &json!(starts)));
            }
            ground.app.clock.advance(Duration::SECOND);
        }
    }
}

#[tokio::test]
async fn a_rotation_moves_an_end_and_neither_gives_nor_takes_one() {
    let ground = Ground::new().await;
    let plan = |end: &str| json!({ "grace_period": "1h", "starts": "immediately", "expires_at": end });
    let problem = ground.send("POST", "/rotate", plan("2027-01-31T00:00:00Z")).await.must_be(422).json();
    assert_eq!(problem["errors"][0]["pointer"], "/expires_at", "it has no end");
    let new = json!({ "name": "Ending", "expires_at": "2026-12-01T00:00:00Z" });
    let created = ground.machine.send("POST", "keys", new).await.must_be(201);
    let ground = Ground { path: created.header("location").to_owned(), created, ..ground };
    for end in ["2026-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "soon"] {
        let problem = ground.send("POST", "/rotate", plan(end)).await.must_be(422).json();
        assert_eq!(problem["errors"][0]["pointer"], "/expires_at", "{end}");
    }
    let keep = json!({ "grace_period": "1h", "starts": "immediately" });
    let kept = ground.send("POST", "/rotate", keep.clone()).await.must_be(200).json();
    assert_eq!(kept["expires_at"], "2026-12-01T00:00:00Z");
    ground.app.clock.advance(Duration::days(30));
    let problem = ground.send("POST", "/rotate", keep).await.must_be(422).json();
    assert_eq!(problem["errors"][0]["detail"], "This key has expired. Choose an expiration date.");
    let moved = ground.send("POST", "/rotate", plan("2027-01-31T00:00:00Z")).await.must_be(200).json();
    assert_eq!((&moved["status"], &moved["expires_at"]), (&json!("active"), &json!("2027-01-31T00:00:00Z")));
}

#[tokio::test]
async fn a_paused_key_tells_until_when_and_activating_it_ends_the_test() {
    let ground = Ground::new().await;
    for hours in [0, 2, 25] {
        let problem = ground.send("POST", "/pause", json!({ "hours": hours })).await.must_be(422).json();
        assert_eq!(problem["errors"][0]["pointer"], "/hours");
    }
    ground.send("POST", "/pause", json!({ "hours": "4" })).await.must_be(400);
    let paused = ground.send("POST", "/pause", json!({ "hours": 4 })).await.must_be(200).json();
    assert_eq!(
        (&paused["status"], &paused["paused_until"]),
        (&json!("deactivated"), &json!("2026-11-23T14:00:00Z"))
    );
    assert_eq!(ground.show().await.json(), paused);
    ground.send("POST", "/pause", json!({ "hours": 4 })).await.must_be(409);
    let back = ground.request("POST", "/activate").send().await.must_be(200).json();
    assert_eq!((&back["status"], &back["paused_until"]), (&json!("active"), &Value::Null));
}

#[tokio::test]
async fn the_scopes_in_use_are_told_once_each() {
    let ground = Ground::new().await;
    assert_eq!(ground.machine.get("scopes").await.must_be(200).json()["data"], json!([]));
    ground.send("PATCH", "", json!({ "scopes": ["write", "read"] })).await.must_be(200);
    ground
        .machine
        .send("POST", "keys", json!({ "name": "Other", "scopes": ["read", "admin"] }))
        .await
        .must_be(201);
    assert_eq!(
        ground.machine.get("scopes").await.must_be(200).json(),
        json!({ "data": ["admin", "read", "write"], "next_cursor": null })
    );
}

#[tokio::test]
async fn a_new_calendar_address_replaces_the_old_one() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    let new_path = async || {
        let answer = machine.ask("POST", "calendar-link").await.must_be(200).json();
        let address = answer["url"].as_str().expect("a URL").to_owned();
        let base = app.state.config.public_url.join("");
        address.strip_prefix(base.trim_end_matches('/')).expect("an address of ours").to_owned()
    };
    let first = new_path().await;
    let feed = app.client().get(&first).await.must_be(200);
    assert!(feed.text().starts_with("BEGIN:VCALENDAR"));
    let second = new_path().await;
    app.client().get(&first).await.must_be(404);
    app.client().get(&second).await.must_be(200);
    for _ in 0..2 {
        machine.ask("DELETE", "calendar-link").await.must_be(204);
        app.client().get(&second).await.must_be(404);
    }
}

struct Ground {
    app: TestApp,
    machine: Machine,
    /// The answer with the key.
    created: Response,
    path: String,
}

impl Ground {
    async fn new() -> Self {
        let app = TestApp::spawn().await;
        let lumen = app.lumen().await;
        let machine = app.machine(&lumen, TokenAccess::Keys).await;
        let created = machine.send("POST", "keys", json!({ "name": "Billing" })).await.must_be(201);
        let path = created.header("location").to_owned();
        Self { app, machine, created, path }
    }

    /// A request to something of the key: `request("POST", "/activate")`.
    fn request(&self, method: &str, rest: &str) -> crate::support::Request {
        self.machine.request(method, &format!("{}{rest}", self.path))
    }

    async fn send(&self, method: &str, rest: &str, body: Value) -> Response {
        self.request(method, rest).body("application/json", body.to_string()).send().await
    }

    async fn show(&self) -> Response {
        self.request("GET", "").send().await.must_be(200)
    }

    /// What was done to the key, in alphabetical order.
    async fn actions(&self) -> Vec<String> {
        let sql = "SELECT action AS text FROM audit_events WHERE subject_name = 'Billing' ORDER BY 1";
        self.app.query(sql).await
    }
}
