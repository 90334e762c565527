//! Plans: what binds at verification, what when something is made, and who says so.

use serde_json::json;
use tessera::{
    domain::{access::Role, instance, outbox::Message, token_access::TokenAccess},
    web::urls,
};
use time::Duration;

use crate::support::{Client, Company, Response, TestApp, until};

/// Fields of a form.
pub(crate) type Fields<'a> = &'a [(&'a str, &'a str)];

pub(crate) async fn operator(app: &TestApp) -> Client {
    let olga = app.user("Olga Operator").await;
    app.appoint(&olga).await;
    app.log_in_as(&olga).await
}

/// Makes a plan with these ceilings; its id.
pub(crate) async fn plan(app: &TestApp, browser: &Client, name: &str, ceilings: Fields<'_>) -> String {
    let mut fields = vec![("name", name)];
    fields.extend_from_slice(ceilings);
    if !ceilings.iter().any(|(field, _)| *field == "rate_period") {
        fields.push(("rate_period", "minute"));
    }
    browser.post(urls::PLANS, &fields).await.must_be(303);
    app.query(&format!("SELECT id AS text FROM plans WHERE name = '{name}'")).await.remove(0)
}

pub(crate) async fn put_on(browser: &Client, company: &Company, plan: &str, exceptions: Fields<'_>) {
    let fields: Vec<_> =
        [("plan", plan), ("rate_period", "minute")].into_iter().chain(exceptions.iter().copied()).collect();
    browser.post(&urls::with_instance_organization(&company.id, "plan"), &fields).await.must_be(303);
}

async fn auth(app: &TestApp, secret: &str) -> Response {
    app.client().request("GET", "/auth").header("x-api-key", secret).send().await
}

#[tokio::test]
async fn the_rate_limit_of_a_plan_is_shared_by_all_keys_and_binds_from_the_next_request() {
    let app = TestApp::spawn().await;
    let (lumen, fern) = (app.lumen().await, app.organization("Fern", &app.user("Frida Fern").await).await);
    let (_, first) = app.api_key(&lumen, "First").await;
    let (_, second) = app.api_key(&lumen, "Second").await;
    let (_, foreign) = app.api_key(&fern, "Foreign").await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    auth(&app, &first).await.must_be(204);
    let browser = operator(&app).await;
    let free = plan(&app, &browser, "Free", &[("rate_count", "3")]).await;
    put_on(&browser, &lumen, &free, &[]).await;

    let accepted = auth(&app, &first).await.must_be(204);
    assert_eq!(accepted.header("ratelimit-policy"), r#""plan-rate";q=3;w=60"#);
    auth(&app, &second).await.must_be(204);
    auth(&app, &first).await.must_be(204);
    for secret in [&first, &second] {
        let refused = auth(&app, secret).await.must_be(429);
        assert_eq!(refused.json()["limited_by"], "plan_rate");
        assert_eq!(refused.header("retry-after"), "20");
    }
    auth(&app, &foreign).await.must_be(204);
    let body = json!({ "key": second }).to_string();
    let verified = machine.request("POST", "/api/v2/keys/verify").body("application/json", body);
    let verified = verified.send().await.must_be(200).json();
    assert_eq!((&verified["code"], &verified["limited_by"]), (&json!("rate_limited"), &json!("plan_rate")));
    assert_eq!(verified["plan_rate_limit"]["limit"], 3);

    // A larger one holds at once; what was used stays used where the limit is the same.
    put_on(&browser, &lumen, &free, &[("rate_count", "5"), ("until", "2026-11-23")]).await;
    for _ in 0..5 {
        auth(&app, &second).await.must_be(204);
    }
    auth(&app, &second).await.must_be(429);
    // Exceptions end by the clock, without anybody's doing.
    app.clock.advance(Duration::days(1));
    let accepted = auth(&app, &first).await.must_be(204);
    assert_eq!(accepted.header("ratelimit-policy"), r#""plan-rate";q=3;w=60"#);
    put_on(&browser, &lumen, "", &[]).await;
    assert_eq!(auth(&app, &first).await.must_be(204).header("ratelimit-policy"), "");
}

#[tokio::test]
async fn what_a_plan_refuses_takes_nothing_from_the_key() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    let limits = json!({
        "name": "Limited", "rate_limit": { "requests": 2, "per": "hour" }, "monthly_quota": 2,
    });
    let limited = machine.send("POST", "keys", limits).await.must_be(201).json();
    let (_, other) = app.api_key(&lumen, "Other").await;
    let browser = operator(&app).await;
    let free = plan(&app, &browser, "Free", &[("rate_count", "2"), ("rate_period", "second")]).await;
    put_on(&browser, &lumen, &free, &[]).await;
    for _ in 0..2 {
        auth(&app, &other).await.must_be(204);
    }
    let secret = limited["secret"].as_str().expect("a secret");
    for _ in 0..3 {
        assert_eq!(auth(&app, secret).await.must_be(429).json()["limited_by"], "plan_rate");
    }
    app.clock.advance(Duration::seconds(10));
    for _ in 0..2 {
        auth(&app, secret).await.must_be(204);
    }
    assert_eq!(auth(&app, secret).await.must_be(429).json()["limited_by"], "key_rate");
    app.clock.advance(Duration::hours(2));
    assert_eq!(auth(&app, secret).await.must_be(429).json()["limited_by"], "key_quota");
}

#[tokio::test]
async fn the_monthly_quota_of_a_plan_counts_what_was_used_before_it_and_by_keys_that_are_gone() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (gone, first) = app.api_key(&lumen, "First").await;
    let (_, second) = app.api_key(&lumen, "Second").await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    for _ in 0..3 {
        auth(&app, &first).await.must_be(204);
    }
    let browser = operator(&app).await;
    let free = plan(&app, &browser, "Free", &[("monthly_quota", "5")]).await;
    put_on(&browser, &lumen, &free, &[]).await;
    machine.ask("DELETE", &format!("keys/{}", gone.id)).await.must_be(204);
    let accepted = auth(&app, &second).await.must_be(204);
    assert!(accepted.header("ratelimit").starts_with(r#""plan-month";r=1;"#), "{accepted:?}");
    auth(&app, &second).await.must_be(204);
    let refused = auth(&app, &second).await.must_be(429);
    assert_eq!(refused.json()["limited_by"], "plan_quota");
    let page = browser.get(&urls::instance_organization(&lumen.id)).await.must_be(200).html();
    assert!(page.main_text().contains("5 of 5"), "{}", page.main_text());
    // After the month it is whole again.
    app.clock.advance(Duration::days(8));
    auth(&app, &second).await.must_be(204);
}

#[tokio::test]
async fn scopes_beyond_the_plan_open_nothing() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    let body = json!({ "name": "Reader", "scopes": ["read", "write"] });
    let key = machine.send("POST", "keys", body).await.must_be(201).json();
    let secret = key["secret"].as_str().expect("a secret");
    let browser = operator(&app).await;
    let free = plan(&app, &browser, "Free", &[("scopes", "read list")]).await;
    put_on(&browser, &lumen, &free, &[]).await;
    let wanted = async |scope: &str| {
        let auth = app.client().request("GET", &format!("/auth?scope={scope}"));
        auth.header("x-api-key", secret).send().await
    };
    assert_eq!(wanted("read").await.must_be(204).header("x-tessera-scopes"), "read");
    wanted("write").await.must_be(403);
    wanted("list").await.must_be(403);
    let refused = machine.send("POST", "keys", json!({ "name": "Writer", "scopes": ["write"] })).await;
    assert_eq!(refused.must_be(422).json()["errors"][0]["pointer"], "/scopes");
}

#[tokio::test]
async fn keys_are_made_within_the_plan_and_those_that_were_there_stay() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    let (old, _) = app.api_key(&lumen, "Old").await;
    let (off, _) = app.api_key(&lumen, "Off").await;
    machine.ask("POST", &format!("keys/{}/deactivate", off.id)).await.must_be(200);
    let browser = operator(&app).await;
    let ceilings: Fields<'_> = &[
        ("max_active_keys", "2"),
        ("max_lifetime_days", "30"),
        ("rate_count", "60"),
        ("monthly_quota", "1000"),
    ];
    let free = plan(&app, &browser, "Free", ceilings).await;
    put_on(&browser, &lumen, &free, &[]).await;
    let create = async |more: serde_json::Value| {
        let mut body = json!({ "name": "New", "expires_at": "2026-12-20T00:00:00Z" });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        machine.send("POST", "keys", body).await
    };
    for (more, pointer) in [
        (json!({ "expires_at": "2027-01-20T00:00:00Z" }), "/expires_at"),
        (json!({ "expires_at": null }), "/expires_at"),
        (json!({ "rate_limit": { "requests": 61, "per": "minute" } }), "/rate_limit"),
        (json!({ "rate_limit": { "requests": 2, "per": "second" } }), "/rate_limit"),
        (json!({ "monthly_quota": 1001 }), "/monthly_quota"),
    ] {
        let refused = create(more.clone()).await.must_be(422).json();
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{more}: {refused}");
    }
    create(json!({ "rate_limit": { "requests": 60, "per": "minute" } })).await.must_be(201);
    let full = create(json!({ "name": "Third" })).await.must_be(409);
    assert!(full.text().contains("Your plan allows 2 active API keys."), "{full:?}");
    machine.ask("POST", &format!("keys/{}/activate", off.id)).await.must_be(409);
    // What is not touched may stay as it is.
    let patch = json!({ "description": "As before" });
    machine.send("PATCH", &format!("keys/{}", old.id), patch).await.must_be(200);
    machine.ask("POST", &format!("keys/{}/deactivate", old.id)).await.must_be(200);
    machine.ask("POST", &format!("keys/{}/activate", off.id)).await.must_be(200);

    // The pages say it at the field.
    let dana = app.log_in_as(&lumen.owner).await;
    let form = dana.get(&lumen.url("api/keys/new")).await.must_be(200).html();
    let fields = [
        ("name", "Paged"),
        ("duration", "90"),
        ("rate_period", "minute"),
        ("form_id", &form.hidden("form_id")),
    ];
    let refused = dana.post(&lumen.url("api/keys"), &fields).await.must_be(422);
    assert!(refused.text().contains("Your plan allows at most 30 days."), "{refused:?}");
    let settings = dana.get(&lumen.url("settings")).await.must_be(200).html();
    assert!(settings.text("#plan").contains("60 requests per minute · 1,000 requests per month"));
}

#[tokio::test]
async fn members_join_within_the_plan() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (mara, ravi) = (app.user("Mara Hill").await, app.user("Ravi Menon").await);
    let (invitation, _) = app.invitation(&lumen, Role::User, &mara.email).await;
    let (late, _) = app.invitation(&lumen, Role::User, &ravi.email).await;
    let browser = operator(&app).await;
    let free = plan(&app, &browser, "Free", &[("max_members", "2")]).await;
    put_on(&browser, &lumen, &free, &[]).await;
    let accept = |id: &str| format!("/invitations/{id}/accept");
    app.log_in_as(&mara).await.post(&accept(&invitation.id), &[]).await.must_be(303);
    let refused = app.log_in_as(&ravi).await.post(&accept(&late.id), &[]).await.must_be(409);
    assert!(refused.text().contains("plan allows 2 members"), "{refused:?}");
    assert_eq!(app.role_of(&lumen, &ravi).await, None);
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    let invited = json!({ "emails": ["new@lumen.example"], "role": "user" });
    machine.send("POST", "invitations", invited).await.must_be(409);
}

#[tokio::test]
async fn plans_are_made_changed_and_removed_by_instance_administrators() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    app.log_in_as(&lumen.owner).await.get(urls::PLANS).await.must_be(404);
    let browser = operator(&app).await;
    let free = plan(&app, &browser, "Free", &[("rate_count", "3")]).await;
    let pro = plan(&app, &browser, "Pro", &[]).await;
    let refused = browser.post(urls::PLANS, &[("name", "FREE"), ("rate_period", "hour")]).await.must_be(422);
    assert!(refused.text().contains("A plan with this name already exists."), "{refused:?}");

    // The first one is what new organizations get; those that are there have none until somebody says so.
    let fern = app.organization("Fern", &lumen.owner).await;
    let plan_of = async |company: &Company| {
        let sql =
            format!("SELECT coalesce(plan_id, '') AS text FROM organizations WHERE id = '{}'", company.id);
        app.query(&sql).await.remove(0)
    };
    assert_eq!((plan_of(&lumen).await, plan_of(&fern).await), (String::new(), free.clone()));
    let page = browser.get(urls::PLANS).await.must_be(200).html();
    assert!(page.main_text().contains("1 organization has no plan."), "{}", page.main_text());
    let asked = browser.get(&urls::instance_plan(&pro, "assign")).await.must_be(200).html();
    let question = asked.dialog_text();
    assert!(question.contains("The one organization without a plan gets “Pro”."), "{question}");
    assert!(question.contains("Nothing is limited"), "{question}");
    assert_eq!(plan_of(&lumen).await, "", "to ask changes nothing");
    browser.post(&asked.action("Put on this plan"), &[]).await.must_be(303);
    let asked = browser.get(&urls::instance_plan(&pro, "assign")).await.must_be(200).html();
    assert!(!asked.has_button("Put on this plan"), "{}", asked.dialog_text());
    assert_eq!((plan_of(&lumen).await, plan_of(&fern).await), (pro.clone(), free.clone()));
    browser.post(&urls::instance_plan(&pro, "default"), &[]).await.must_be(303);
    assert_eq!(plan_of(&app.organization("Alder", &lumen.owner).await).await, pro);

    // A change holds at once for all that are on it.
    let (_, secret) = app.api_key(&lumen, "Billing worker").await;
    assert_eq!(auth(&app, &secret).await.must_be(204).header("ratelimit-policy"), "");
    let edit = [("name", "Pro"), ("rate_count", "9"), ("rate_period", "hour")];
    browser.post(&urls::instance_plan(&pro, "edit"), &edit).await.must_be(303);
    let policy = auth(&app, &secret).await.must_be(204).header("ratelimit-policy").to_owned();
    assert_eq!(policy, r#""plan-rate";q=9;w=3600"#);

    let refused = browser.post(&urls::instance_plan(&free, "remove"), &[]).await.must_be(422);
    assert!(refused.text().contains("Organizations are on this plan."), "{refused:?}");
    put_on(&browser, &fern, &pro, &[]).await;
    browser.post(&urls::instance_plan(&free, "remove"), &[]).await.must_be(303);
    browser.get(&urls::instance_plan(&free, "edit")).await.must_be(404);
    let without_plan = [("plan", ""), ("rate_count", "3"), ("rate_period", "minute")];
    let refused = browser.post(&urls::with_instance_organization(&fern.id, "plan"), &without_plan).await;
    assert!(refused.must_be(422).text().contains("Choose a plan."));
    let lines = browser.get("/instance/activity").await.html().texts("#log li p").join("\n");
    for done in [
        "created the plan Free",
        "put all organizations without a plan on Pro",
        "changed the default plan to Pro",
        "changed the plan Pro",
        "changed the plan of Fern to “Pro”",
        "removed the plan Free",
    ] {
        assert!(lines.contains(done), "{done}: {lines}");
    }
}

/// A ceiling is lowered while keys are in use: from the answer on none gets through above it.
#[tokio::test]
async fn a_ceiling_that_is_lowered_holds_while_eight_clients_verify() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, secret) = app.api_key(&lumen, "Billing worker").await;
    let browser = operator(&app).await;
    let plan_id = plan(&app, &browser, "Large", &[("rate_count", "1000000")]).await;
    put_on(&browser, &lumen, &plan_id, &[]).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (client, secret, stopped) = (app.client(), secret.clone(), stopped.clone());
            tokio::spawn(async move {
                let mut answers = 0;
                while !*stopped.borrow() {
                    let status =
                        client.request("GET", "/auth").header("x-api-key", &secret).send().await.status;
                    assert!([204, 429].contains(&status), "{status}");
                    answers += 1;
                }
                answers
            })
        })
        .collect();
    for limit in ["5", "7", "2"] {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let edit = [("name", "Large"), ("rate_count", limit), ("rate_period", "hour")];
        browser.post(&urls::instance_plan(&plan_id, "edit"), &edit).await.must_be(303);
        let policy = auth(&app, &secret).await.header("ratelimit-policy").to_owned();
        assert_eq!(policy, format!(r#""plan-rate";q={limit};w=3600"#));
    }
    stop.send_replace(true);
    for client in clients {
        assert!(client.await.expect("no wrong answer") > 0);
    }
    let (id, now) = (lumen.id.clone(), app.now());
    let bounds = app
        .read(move |connection| {
            let operator = tessera::domain::access::Operator::at_the_machine();
            Ok(instance::find_organization(connection, &operator, &id, now)?.bounds)
        })
        .await;
    assert_eq!(bounds.ceilings.rate_limit.map(|limit| limit.to_string()).as_deref(), Some("2/hour"));
}

/// Of the key's own quota and of the plan's, at 80 and at 100 percent: each once.
#[tokio::test]
async fn administrators_and_webhooks_are_told_once_of_each_share_of_a_quota() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    let hook = json!({
        "url": "https://hooks.example/",
        "events": ["api_key.quota_reached", "organization.quota_reached"],
    });
    machine.send("POST", "webhooks", hook).await.must_be(201);
    let key = machine.send("POST", "keys", json!({ "name": "Limited", "monthly_quota": 5 })).await;
    let key = key.must_be(201).json();
    let (_, other) = app.api_key(&lumen, "Other").await;
    let browser = operator(&app).await;
    let free = plan(&app, &browser, "Free", &[("monthly_quota", "20")]).await;
    put_on(&browser, &lumen, &free, &[]).await;
    let told = async || {
        let mut told: Vec<String> = app
            .mails()
            .await
            .into_iter()
            .filter_map(|mail| match mail.message {
                Message::QuotaReached { key, percent, used, quota, .. } => {
                    let whose = key.map_or("Lumen".to_owned(), |key| key.name);
                    Some(format!("{whose}: {percent} percent, {used} of {quota}"))
                }
                _ => None,
            })
            .collect();
        told.sort();
        told
    };
    let told_of = async |number: usize| {
        until(async || told().await.len() >= number).await;
        let told = told().await;
        assert_eq!(told.len(), number, "{told:?}");
        told
    };
    let secret = key["secret"].as_str().expect("a secret");
    for _ in 0..4 {
        auth(&app, secret).await.must_be(204);
    }
    assert_eq!(told_of(1).await, ["Limited: 80 percent, 4 of 5"]);
    for _ in 0..2 {
        auth(&app, secret).await;
    }
    for _ in 0..12 {
        auth(&app, &other).await.must_be(204);
    }
    assert_eq!(told_of(3).await[1..], ["Limited: 80 percent, 4 of 5", "Lumen: 80 percent, 17 of 20"]);
    for _ in 0..4 {
        auth(&app, &other).await;
    }
    assert_eq!(told_of(4).await[1], "Limited: 80 percent, 4 of 5");
    // A larger quota and a smaller one again: nobody is told a second time.
    put_on(&browser, &lumen, &free, &[("monthly_quota", "1000")]).await;
    auth(&app, &other).await.must_be(204);
    put_on(&browser, &lumen, &free, &[]).await;
    auth(&app, &other).await.must_be(429);
    tokio::time::sleep(std::time::Duration::from_secs(8)).await;
    assert_eq!(told().await.len(), 4);
    let messages = app.query("SELECT payload AS text FROM webhook_deliveries ORDER BY id").await;
    let mut kinds: Vec<String> = messages
        .iter()
        .map(|message| serde_json::from_str::<serde_json::Value>(message).expect("JSON"))
        .filter(|message| message["data"]["details"]["type"] == "quota")
        .map(|message| format!("{} {}", message["type"], message["data"]["details"]["percent"]))
        .collect();
    kinds.sort();
    assert_eq!(
        kinds,
        [
            r#""api_key.quota_reached" 100"#,
            r#""api_key.quota_reached" 80"#,
            r#""organization.quota_reached" 100"#,
            r#""organization.quota_reached" 80"#,
        ]
    );
    // In the next month it begins anew.
    app.clock.advance(Duration::days(8));
    for _ in 0..4 {
        auth(&app, secret).await.must_be(204);
    }
    told_of(5).await;
}
