//! Instance tokens: how they are made and end, which keys they verify, and what machines do to organizations with them.

use serde_json::{Value, json};
use tessera::{
    domain::{access::Role, instance_access::InstanceAccess, outbox::Message, token_access::TokenAccess},
    web::urls,
};
use time::Duration;

use crate::{
    api::leaks::{found, report},
    support::{Client, Html, InstanceMachine, Response, TestApp},
};

async fn operator(app: &TestApp) -> Client {
    let olga = app.user("Olga Operator").await;
    app.appoint(&olga).await;
    app.log_in_as(&olga).await
}

/// "Generate token", filled in.
async fn generate(olga: &Client, name: &str, access: &str, duration: &str) -> Response {
    let dialog = olga.get("/instance/tokens/new").await.must_be(200).html();
    let form_id = dialog.hidden("form_id");
    let form =
        [("name", name), ("access", access), ("duration", duration), ("until", ""), ("form_id", &form_id)];
    olga.post(&dialog.action("Save"), &form).await
}

fn secret_in(page: &Html) -> String {
    page.text("dialog code#secret")
}

async fn verify(app: &TestApp, credential: &str, key: &str) -> Response {
    let request = app.client().request("POST", "/api/v2/keys/verify").without_site();
    let request = request.header("authorization", &format!("Bearer {credential}"));
    request.body("application/json", json!({ "key": key }).to_string()).send().await
}

async fn events(app: &TestApp) -> Vec<String> {
    app.query("SELECT action AS text FROM audit_events WHERE action LIKE 'instance.token%' ORDER BY id").await
}

/// The id of the only token.
async fn only_token(app: &TestApp) -> String {
    app.query("SELECT id AS text FROM instance_tokens").await.remove(0)
}

#[tokio::test]
async fn a_token_is_shown_once_works_once_activated_and_ends_with_the_next_request() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, key) = app.api_key(&lumen, "Billing worker").await;
    let olga = operator(&app).await;
    let empty = olga.get("/instance/tokens").await.must_be(200).html();
    assert!(empty.main_text().contains("No instance tokens yet"));
    let answer = generate(&olga, "Gateway", "verify", "90").await.must_be(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let page = answer.html();
    assert_eq!(page.dialog_title(), "Instance token generated");
    let first = secret_in(&page);
    assert!(first.starts_with("tess_i_") && first.len() == "tess_i_".len() + 36, "{first}");
    assert!(page.row("Gateway").contains("Deactivated") && page.row("Gateway").contains("Verify only"));
    verify(&app, &first, &key).await.must_be(401);
    let told = async |event: &str| {
        let mail = app.mail_to("olga.operator@lumen.example").await.message;
        assert!(
            matches!(&mail, Message::InstanceTokenNotice { event: told, .. } if told == event),
            "{mail:?}"
        );
    };
    told("generated").await;

    let url = async |verb: &str| urls::instance_token(&only_token(&app).await, verb);
    olga.post(&url("activate").await, &[]).await.must_be(303);
    assert_eq!(verify(&app, &first, &key).await.must_be(200).json()["valid"], true);
    told("activated").await;
    olga.post(&url("deactivate").await, &[]).await.must_be(303);
    verify(&app, &first, &key).await.must_be(401);
    olga.post(&url("activate").await, &[]).await.must_be(303);
    verify(&app, &first, &key).await.must_be(200);

    let form_id = olga.get(&url("replace").await).await.must_be(200).html().hidden("form_id");
    let replaced = olga.post(&url("replace").await, &[("form_id", &form_id)]).await.must_be(200).html();
    assert_eq!(replaced.dialog_title(), "Instance token replaced");
    let second = secret_in(&replaced);
    verify(&app, &first, &key).await.must_be(401);
    verify(&app, &second, &key).await.must_be(200);
    let tab = olga.get("/instance/tokens").await.must_be(200).html();
    assert!(!tab.main_text().contains(&second) && tab.row("Gateway").contains("Active"));

    app.state.usage.flush(&app.db).await.expect("a flush");
    let used = olga.get("/instance/tokens").await.must_be(200).html();
    assert!(!used.row("Gateway").contains("Never used"), "{}", used.row("Gateway"));

    let dialog = olga.get(&url("remove").await).await.must_be(200).html();
    assert_eq!(dialog.dialog_title(), "Remove “Gateway”?");
    olga.post(&url("remove").await, &[]).await.must_be(303);
    verify(&app, &second, &key).await.must_be(401);
    let noted = [
        "instance.token_generated",
        "instance.token_activated",
        "instance.token_deactivated",
        "instance.token_activated",
        "instance.token_replaced",
        "instance.token_removed",
    ];
    assert_eq!(events(&app).await, noted);
    let lines = olga.get("/instance/activity").await.must_be(200).html().texts("#log li p");
    assert!(lines[0].starts_with("Olga Operator removed the instance token Gateway"), "{lines:?}");
    // What ends a secret has a receipt, and nothing else has.
    let ended = "SELECT action AS text FROM audit_events WHERE id IN (SELECT event_id FROM stops WHERE spread IS NOT NULL)
                 ORDER BY id";
    let stopped = ["instance.token_deactivated", "instance.token_replaced", "instance.token_removed"];
    assert_eq!(app.query(ended).await, stopped);
}

#[tokio::test]
async fn a_token_that_expires_is_accepted_no_longer_and_cannot_be_activated() {
    let app = TestApp::spawn().await;
    let olga = operator(&app).await;
    let secret = secret_in(&generate(&olga, "Gateway", "verify", "7").await.must_be(200).html());
    let url = urls::instance_token(&only_token(&app).await, "activate");
    olga.post(&url, &[]).await.must_be(303);
    verify(&app, &secret, "tess_x").await.must_be(200);
    app.clock.advance(Duration::days(7));
    verify(&app, &secret, "tess_x").await.must_be(401);
    olga.post(&url, &[]).await.must_be(303);
    verify(&app, &secret, "tess_x").await.must_be(401);
    assert_eq!(events(&app).await, ["instance.token_generated", "instance.token_activated"]);
}

#[tokio::test]
async fn a_name_that_is_taken_and_an_unknown_access_come_back_with_the_dialog() {
    let app = TestApp::spawn().await;
    let olga = operator(&app).await;
    generate(&olga, "Gateway", "operate", "none").await.must_be(200);
    let again = generate(&olga, "GATEWAY", "verify", "none").await.must_be(422).html();
    assert!(again.field_error("Name").contains("already exists"));
    let unknown = generate(&olga, "Other", "everything", "none").await.must_be(422);
    assert!(unknown.text().contains("Choose an access level."));
    assert_eq!(app.query("SELECT name AS text FROM instance_tokens").await, ["Gateway"]);
}

#[tokio::test]
async fn keys_of_every_organization_are_verified_from_memory() {
    let app = TestApp::spawn().await;
    let (lumen, fern) = (app.lumen().await, app.organization("Fern", &app.user("Frida Fern").await).await);
    let (_, of_lumen) = app.api_key(&lumen, "Billing worker").await;
    let (_, of_fern) = app.api_key(&fern, "Crawler").await;
    let machine = app.machine(&lumen, TokenAccess::Verify).await;
    assert_eq!(verify(&app, &machine.credential, &of_fern).await.json()["code"], "not_found");
    for access in InstanceAccess::ALL {
        let backend = app.instance_machine(access).await;
        for (key, company) in [(&of_lumen, &lumen), (&of_fern, &fern)] {
            let verified = backend.verify(key).await.must_be(200).json();
            assert_eq!(
                (&verified["valid"], &verified["organization"]["id"]),
                (&json!(true), &json!(company.id))
            );
        }
        let asked = app.statements(backend.verify(&of_fern)).await;
        assert!(asked.is_empty(), "{asked:?}");
        assert_eq!(backend.verify("tess_x").await.must_be(200).json()["code"], "malformed");
        let body = json!({ "keys": [{ "key": of_lumen }, { "key": of_fern }, { "key": "tess_x" }] });
        let batch = backend.request("POST", "/api/v2/keys/verify/batch");
        let batch = batch.body("application/json", body.to_string()).send().await.must_be(200).json();
        let codes: Vec<&Value> =
            batch["results"].as_array().expect("results").iter().map(|one| &one["code"]).collect();
        assert_eq!(codes, ["valid", "valid", "malformed"]);
    }
    app.suspend(&fern, "Payment is overdue.").await;
    let backend = app.instance_machine(InstanceAccess::Verify).await;
    assert_eq!(backend.verify(&of_fern).await.json()["code"], "organization_suspended");
    backend.request("GET", "/api/v2/sessionToken").send().await.must_be(401);
}

#[tokio::test]
async fn a_verification_under_an_idempotency_key_is_run_once() {
    let app = TestApp::spawn().await;
    let (_, key) = app.api_key(&app.lumen().await, "Billing worker").await;
    let backend = app.instance_machine(InstanceAccess::Verify).await;
    let ask = async |key: &str| {
        let request = backend.request("POST", "/api/v2/keys/verify").header("idempotency-key", "4ab1");
        request.body("application/json", json!({ "key": key }).to_string()).send().await
    };
    let first = ask(&key).await.must_be(200).json();
    assert_eq!(ask(&key).await.must_be(200).json(), first);
    ask("tess_x").await.must_be(422);
    app.state.usage.flush(&app.db).await.expect("a flush");
    let counted = app.query("SELECT CAST(requests AS TEXT) AS text FROM organization_usage").await;
    assert_eq!(counted, ["1"]);
}

async fn created(machine: &InstanceMachine, body: Value) -> Value {
    machine.send("POST", "organizations", body).await.must_be(201).json()
}

#[tokio::test]
async fn an_organization_is_created_with_a_plan_and_an_invitation_to_its_first_administrator() {
    let app = TestApp::spawn().await;
    let machine = app.instance_machine(InstanceAccess::Operate).await;
    let plan = app.plan("Starter").await;
    let email = "mara@alder.example";
    let body = json!({ "name": "Alder", "plan_id": plan, "administrator_email": email });
    let alder = created(&machine, body.clone()).await;
    let id = alder["id"].as_str().expect("an id");
    assert_eq!(
        (&alder["name"], &alder["plan_id"], &alder["members"]),
        (&json!("Alder"), &json!(plan), &json!(0))
    );
    assert_eq!(machine.get(&format!("organizations/{id}")).await.must_be(200).json(), alder);
    assert!(app.mail_to(email).await.recipient == email);
    let role = app.query("SELECT role || ' ' || invited_by_name AS text FROM invitations").await;
    assert_eq!(role, ["administrator The operator of this server"]);

    let invite = async |email: &str| {
        machine.send("POST", &format!("organizations/{id}/administrators"), json!({ "email": email })).await
    };
    assert_eq!(invite(email).await.must_be(200).json()["outcome"], "already_invited");
    assert_eq!(invite("jonas@alder.example").await.must_be(200).json()["outcome"], "sent");
    let wrong = invite("jonas").await.must_be(422).json();
    assert_eq!(wrong["errors"][0]["pointer"], "/email");

    // The organization does not learn who works for the operator; the instance does.
    let told = "SELECT actor_kind || ' ' || actor_name || ' ' || action AS text FROM audit_events
                WHERE subject_name = 'Alder' OR action = 'invitation.created' ORDER BY id";
    let by = |action: &str| format!("instance_token {} instance.{action}", machine.token_name);
    let expected = [
        "system System organization.created".to_owned(),
        by("organization_created"),
        by("organization_plan_changed"),
        "system System invitation.created".to_owned(),
        by("organization_administrator_invited"),
        "system System invitation.created".to_owned(),
        by("organization_administrator_invited"),
    ];
    assert_eq!(app.query(told).await, expected);

    for (wrong, pointer) in [
        (json!({ "name": "" }), "/name"),
        (json!({ "name": "Birch", "plan_id": "none" }), "/plan_id"),
        (json!({ "name": "Birch", "administrator_email": "mara" }), "/administrator_email"),
    ] {
        let refused = machine.send("POST", "organizations", wrong).await.must_be(422).json();
        assert_eq!(refused["errors"][0]["pointer"], pointer);
    }
    assert_eq!(app.query("SELECT name AS text FROM organizations").await, ["Alder"], "nothing half");
}

#[tokio::test]
async fn a_creation_that_is_repeated_under_its_idempotency_key_creates_one_organization() {
    let app = TestApp::spawn().await;
    let machine = app.instance_machine(InstanceAccess::Operate).await;
    let create = async || {
        let request =
            machine.request("POST", "/api/v2/instance/organizations").header("idempotency-key", "7c");
        request.body("application/json", json!({ "name": "Alder" }).to_string()).send().await
    };
    let first = create().await.must_be(201);
    assert_eq!(create().await.must_be(201).json(), first.json());
    assert_eq!(app.query("SELECT name AS text FROM organizations").await.len(), 1);
}

#[tokio::test]
async fn organizations_are_listed_changed_suspended_and_resumed() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    app.member(&lumen, Role::User, "Uli User").await;
    let (_, key) = app.api_key(&lumen, "Billing worker").await;
    let machine = app.instance_machine(InstanceAccess::Operate).await;
    for name in ["Alder", "Birch"] {
        created(&machine, json!({ "name": name })).await;
    }
    let names = async |query: &str| {
        let list = machine.get(&format!("organizations{query}")).await.must_be(200).json();
        let names: Vec<String> = list["data"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| one["name"].as_str().expect("a name").to_owned())
            .collect();
        (names, list["next_cursor"].as_str().map(str::to_owned))
    };
    assert_eq!(names("").await, (vec!["Alder".into(), "Birch".into(), "Lumen".into()], None));
    assert_eq!(names("?sort=-members&limit=1").await.0, ["Lumen"]);
    assert_eq!(names("?q=bir").await.0, ["Birch"]);
    let (first, cursor) = names("?sort=-name&limit=2").await;
    let (second, end) = names(&format!("?sort=-name&limit=2&cursor={}", cursor.expect("more"))).await;
    assert_eq!((first.concat() + &second.concat(), end), ("LumenBirchAlder".to_owned(), None));
    machine.get("organizations?state=gone").await.must_be(400);

    let path = format!("organizations/{}", lumen.id);
    let url = format!("/api/v2/instance/{path}");
    let before = machine.get(&path).await.must_be(200);
    assert_eq!((&before.json()["members"], &before.json()["api_keys"]), (&json!(2), &json!(1)));
    let plan = app.plan("Starter").await;
    let change = json!({ "name": "Lumen Logistics", "plan_id": plan });
    let changed = machine.request("PATCH", &url).header("if-match", before.header("etag"));
    let changed = changed.body("application/json", change.to_string()).send().await.must_be(200).json();
    assert_eq!((&changed["name"], &changed["plan_id"]), (&json!("Lumen Logistics"), &json!(plan)));
    assert_eq!(machine.verify(&key).await.json()["organization"]["name"], "Lumen Logistics");
    let stale = machine.request("PATCH", &url).header("if-match", before.header("etag"));
    stale.body("application/json", change.to_string()).send().await.must_be(412);
    let none = machine.send("PATCH", &path, json!({ "plan_id": null })).await.must_be(200).json();
    assert_eq!((&none["plan_id"], &none["name"]), (&Value::Null, &json!("Lumen Logistics")));
    machine.send("PATCH", &path, json!({ "plan_id": "none" })).await.must_be(422);

    let reason = json!({ "reason": "Payment is overdue." });
    let suspended = machine.send("POST", &format!("{path}/suspend"), reason).await.must_be(200).json();
    assert_eq!(suspended["suspension_reason"], "Payment is overdue.");
    assert_eq!(machine.verify(&key).await.json()["code"], "organization_suspended");
    assert_eq!(names("?state=suspended").await.0, ["Lumen Logistics"]);
    machine.send("POST", &format!("{path}/suspend"), json!({ "reason": " " })).await.must_be(422);
    let resumed = machine.request("POST", &format!("{url}/resume")).send().await.must_be(200).json();
    assert_eq!(resumed["suspended_at"], Value::Null);
    assert_eq!(machine.verify(&key).await.json()["valid"], true);
}

#[tokio::test]
async fn what_was_used_in_a_month_is_told_of_one_organization_and_of_all() {
    let app = TestApp::spawn().await;
    let (lumen, fern) = (app.lumen().await, app.organization("Fern", &app.user("Frida Fern").await).await);
    let (_, key) = app.api_key(&lumen, "Billing worker").await;
    let machine = app.instance_machine(InstanceAccess::Read).await;
    let ask = async |cost: u32, scopes: &[&str]| {
        let body = json!({ "key": key, "cost": cost, "scopes": scopes });
        let request = machine.request("POST", "/api/v2/keys/verify");
        request.body("application/json", body.to_string()).send().await.must_be(200);
    };
    ask(3, &[]).await;
    ask(1, &["write"]).await;
    app.clock.advance(Duration::days(8));
    ask(5, &[]).await;

    let of_lumen = async |month: &str| {
        let path = format!("organizations/{}/usage{month}", lumen.id);
        let used = machine.get(&path).await.must_be(200).json();
        assert_eq!(used["organization"], json!({ "id": lumen.id, "name": "Lumen" }));
        let requests = &used["requests"];
        let count = |name: &str| requests[name].as_i64().expect("a number");
        let counts = [count("total"), count("valid"), count("insufficient_scope")];
        (used["month"].as_str().expect("a month").to_owned(), used["units"].as_i64(), counts)
    };
    assert_eq!(of_lumen("?month=2026-11").await, ("2026-11".into(), Some(3), [2, 1, 1]));
    assert_eq!(of_lumen("").await, ("2026-12".into(), Some(5), [1, 1, 0]));
    assert_eq!(of_lumen("?month=2026-10").await.2, [0, 0, 0]);
    for wrong in ["2026-13", "2026", "november", ""] {
        machine.get(&format!("usage?month={wrong}")).await.must_be(400);
    }

    let first = machine.get("usage?month=2026-11&limit=1").await.must_be(200).json();
    assert_eq!(first["data"][0]["organization"]["name"], "Lumen");
    let cursor = first["next_cursor"].as_str().expect("more");
    let second =
        machine.get(&format!("usage?month=2026-11&limit=1&cursor={cursor}")).await.must_be(200).json();
    assert_eq!(second["data"][0]["organization"]["id"], json!(fern.id));
    assert_eq!((&second["data"][0]["units"], &second["next_cursor"]), (&json!(0), &Value::Null));

    // What was used is owed, whoever removed the organization since.
    app.remove(&lumen).await;
    let all = machine.get("usage?month=2026-11").await.must_be(200).json();
    assert_eq!(all["data"], json!([first["data"][0], second["data"][0]]));
}

#[tokio::test]
async fn the_plans_are_listed_with_their_limits() {
    let app = TestApp::spawn().await;
    let machine = app.instance_machine(InstanceAccess::Read).await;
    assert_eq!(machine.get("plans").await.must_be(200).json()["data"], json!([]));
    let id = app.plan("Starter").await;
    let limits = "UPDATE plans SET rate_limit = '60/minute', monthly_quota = 1000, max_members = 5, scopes = 'read write'";
    app.execute(limits).await;
    let plans = machine.get("plans").await.must_be(200).json();
    let expected = json!([{
        "id": id, "name": "Starter", "is_default": false,
        "rate_limit": { "requests": 60, "per": "minute" }, "monthly_quota": 1000,
        "max_active_keys": null, "max_members": 5, "max_lifetime_days": null, "scopes": ["read", "write"],
    }]);
    assert_eq!(plans["data"], expected);
}

#[tokio::test]
async fn a_token_that_is_found_in_public_is_stopped() {
    const LEAK_SECRET: &str = "7b0c5ef4b1d44d0d9f0a3e6f1c2d8a57";
    let app = TestApp::builder().flag("--leak-secret", LEAK_SECRET).spawn().await;
    let backend = app.instance_machine(InstanceAccess::Operate).await;
    backend.get("plans").await.must_be(200);
    let reports = [found(&backend.credential, "https://code.example/.env")];
    for _ in 0..2 {
        report(&app.client(), &reports).await.must_be(200);
        backend.get("plans").await.must_be(401);
    }
    let told = "SELECT actor_kind || ' ' || action AS text FROM audit_events WHERE action LIKE 'instance.token_%' AND
                actor_kind = 'system' ORDER BY id";
    assert_eq!(
        app.query(told).await,
        ["system instance.token_leak_reported", "system instance.token_deactivated"]
    );
}
