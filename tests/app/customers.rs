//! Organizations as those see and change them who operate the instance: made for customers, noted about, found by
//! their plan and by the limits that they reach.

use serde_json::{Value, json};
use tessera::{
    domain::{access::Role, instance_access::InstanceAccess, token_access::TokenAccess},
    web::urls,
};

use crate::support::{Client, Company, Html, InstanceMachine, TestApp};

const LIST: &str = urls::ALL_ORGANIZATIONS;

async fn operator(app: &TestApp) -> Client {
    let olga = app.user("Olga Operator").await;
    app.appoint(&olga).await;
    app.log_in_as(&olga).await
}

fn url_of(company: &Company) -> String {
    urls::instance_organization(&company.id)
}

fn url(company: &Company, verb: &str) -> String {
    urls::with_instance_organization(&company.id, verb)
}

/// A plan on which an organization may send one request a month and have one key and one member.
async fn smallest_plan(app: &TestApp, browser: &Client) -> String {
    let fields = [
        ("name", "Starter"),
        ("rate_count", "1000"),
        ("rate_period", "minute"),
        ("monthly_quota", "1"),
        ("max_active_keys", "5"),
        ("max_members", "1"),
        ("max_lifetime_days", "365"),
        ("scopes", "invoices:read"),
    ];
    browser.post(urls::PLANS, &fields).await.must_be(303);
    app.query("SELECT id AS text FROM plans").await.remove(0)
}

async fn put_on(machine: &InstanceMachine, company: &Company, plan: &str) {
    let path = format!("organizations/{}", company.id);
    machine.send("PATCH", &path, json!({ "plan_id": plan })).await.must_be(200);
}

fn names(page: &Html) -> Vec<String> {
    page.texts("#organizations tbody th a")
}

#[tokio::test]
async fn an_organization_is_made_for_a_customer() {
    let app = TestApp::spawn().await;
    let browser = operator(&app).await;
    let plan = smallest_plan(&app, &browser).await;
    let page = browser.get(LIST).await.must_be(200).html();
    let dialog = browser.get(&page.link("New organization")).await.must_be(200).html();
    assert_eq!(dialog.dialog_title(), "New organization");
    let form_id = dialog.hidden("form_id");
    let send = async |name: &str, plan: &str, email: &str| {
        let fields = [("form_id", form_id.as_str()), ("name", name), ("plan", plan), ("email", email)];
        browser.post(LIST, &fields).await
    };
    let refused = send(" ", &plan, "mara").await.must_be(422).html();
    assert_eq!(refused.field_error("Organization name"), "Enter a name.");
    assert!(refused.try_field_error("Email of its first administrator").is_some());
    assert_eq!(refused.value("Email of its first administrator"), "mara", "nothing that was typed is lost");
    let gone = send("Alder", "019a8f40-11c2-7a3e-8b5d-2f6e7a8b9c0d", "").await.must_be(422).html();
    assert!(gone.dialog_text().contains("This plan was removed."), "{}", gone.dialog_text());
    assert_eq!(app.query("SELECT id AS text FROM organizations").await.len(), 0);

    let made = send("Alder", &plan, "mara@alder.example").await.must_be(303);
    let page = browser.follow(&made).await.must_be(200).html();
    assert_eq!(page.heading(), "Alder");
    assert_eq!(page.toast(), "“Alder” created. mara@alder.example is invited");
    assert!(page.text("#plan").contains("Starter"));
    assert_eq!(app.mail_to("mara@alder.example").await.recipient, "mara@alder.example");
    let again = send("Alder", &plan, "").await.must_be(303);
    let page = browser.follow(&again).await.must_be(200).html();
    assert_eq!(page.toast(), "This organization was already created");
    assert_eq!(names(&page), ["Alder"]);
}

#[tokio::test]
async fn what_is_noted_about_an_organization_is_for_those_who_operate_the_instance() {
    let app = TestApp::spawn().await;
    let (lumen, browser) = (app.lumen().await, operator(&app).await);
    let dialog = browser.get(&url(&lumen, "notes")).await.must_be(200).html();
    assert_eq!(dialog.dialog_title(), "Notes about “Lumen”");
    let notes = "Renews in May.\r\n<b>Ask Ben</b>";
    let saved = browser.post(&url(&lumen, "notes"), &[("text", notes)]).await.must_be(303);
    let shown = browser.follow(&saved).await.must_be(200).html();
    assert_eq!(shown.toast(), "Notes saved");
    assert_eq!(shown.text("#notes .notes"), "Renews in May. <b>Ask Ben</b>");
    let too_long = "x".repeat(2001);
    let refused = browser.post(&url(&lumen, "notes"), &[("text", &too_long)]).await.must_be(422).html();
    assert_eq!(refused.field_error("Notes"), "Use at most 2000 characters.");
    // The same once more is no event.
    browser.post(&url(&lumen, "notes"), &[("text", notes)]).await.must_be(303);
    let noted = "SELECT subject_name || ' ' || coalesce(details, '') AS text FROM audit_events
                 WHERE action = 'instance.organization_notes_changed'";
    assert_eq!(app.query(noted).await, ["Lumen "], "and the log does not hold the notes");

    let dana = app.log_in_as(&lumen.owner).await;
    for path in ["", "/users", "/settings", "/activity"] {
        let seen = dana.get(&format!("/orgs/{}{path}", lumen.id)).await.text();
        assert!(!seen.contains("Ask Ben"), "{path}");
    }
    let own = app.machine(&lumen, TokenAccess::Full).await.get("").await.must_be(200);
    assert!(!own.text().contains("Ask Ben") && own.json().get("notes").is_none());

    let machine = app.instance_machine(InstanceAccess::Operate).await;
    let path = format!("organizations/{}", lumen.id);
    assert_eq!(machine.get(&path).await.json()["notes"], "Renews in May.\n<b>Ask Ben</b>");
    let emptied = machine.send("PATCH", &path, json!({ "notes": null })).await.must_be(200).json();
    assert_eq!((&emptied["notes"], &emptied["name"]), (&Value::Null, &json!("Lumen")));
    let wrong = machine.send("PATCH", &path, json!({ "notes": too_long })).await.must_be(422).json();
    assert_eq!(wrong["errors"][0]["pointer"], "/notes");
}

#[tokio::test]
async fn an_organization_is_renamed_and_gets_an_administrator_from_outside() {
    let app = TestApp::spawn().await;
    let (lumen, browser) = (app.lumen().await, operator(&app).await);
    let dialog = browser.get(&url(&lumen, "name")).await.must_be(200).html();
    assert_eq!(dialog.value("Organization name"), "Lumen");
    let refused = browser.post(&url(&lumen, "name"), &[("text", "www.lumen.example")]).await;
    let refused = refused.must_be(422).html();
    assert_eq!(refused.value("Organization name"), "www.lumen.example");
    let renamed = browser.post(&url(&lumen, "name"), &[("text", "Lumen Logistics")]).await.must_be(303);
    assert_eq!(browser.follow(&renamed).await.html().heading(), "Lumen Logistics");

    let invite = async |email: &str| browser.post(&url(&lumen, "administrators"), &[("text", email)]).await;
    assert!(invite("mara").await.must_be(422).html().try_field_error("Email").is_some());
    for (email, said) in [
        ("mara@alder.example", "Invitation sent to mara@alder.example"),
        ("mara@alder.example", "mara@alder.example is already invited"),
        (lumen.owner.email.as_str(), &format!("{} is already an administrator", lumen.owner.email)),
    ] {
        let sent = invite(email).await.must_be(303);
        assert_eq!(browser.follow(&sent).await.html().toast(), said);
    }
    let invited = "SELECT email || ' ' || role || ' ' || invited_by_name AS text FROM invitations";
    assert_eq!(app.query(invited).await, ["mara@alder.example administrator The operator of this server"]);
}

#[tokio::test]
async fn organizations_are_found_by_their_plan_and_by_the_limits_that_they_reach() {
    let app = TestApp::spawn().await;
    let (lumen, fern) = (app.lumen().await, app.organization("Fern", &app.user("Frida Fern").await).await);
    let browser = operator(&app).await;
    let none = browser.get(LIST).await.must_be(200).html();
    assert_eq!(none.texts("#organizations-plan"), [""; 0], "without plans nobody is asked for one");
    let plan = smallest_plan(&app, &browser).await;
    let machine = app.instance_machine(InstanceAccess::Operate).await;
    let (_, secret) = app.api_key(&lumen, "Billing worker").await;
    let (_, other) = app.api_key(&fern, "Billing worker").await;
    put_on(&machine, &lumen, &plan).await;

    for (query, found) in [
        (format!("?plan={plan}"), vec!["Lumen"]),
        ("?plan=none".to_owned(), vec!["Fern"]),
        (format!("?plan={plan}&q=fern"), vec![]),
        ("?plan=none&sort=-name".to_owned(), vec!["Fern"]),
        ("?plan=gone".to_owned(), vec![]),
        ("?state=limited".to_owned(), vec![]),
        (String::new(), vec!["Fern", "Lumen"]),
    ] {
        let page = browser.get(&format!("{LIST}{query}")).await.must_be(200).html();
        assert_eq!(names(&page), found, "{query}");
        let list = machine.get(&format!("organizations{query}")).await.must_be(200).json();
        let listed: Vec<&str> =
            list["data"].as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect();
        assert_eq!(listed, found, "{query}");
    }
    let page = browser.get(LIST).await.html();
    assert!(page.row("Lumen").contains("Starter") && page.row("Fern").contains("None"));
    assert!(!page.row("Lumen").contains("Limit reached"));

    for (key, status) in [(&secret, 204), (&secret, 429), (&other, 204)] {
        app.client().request("GET", "/auth").header("x-api-key", key).send().await.must_be(status);
    }
    // What was counted is written first by whoever asks for the page of the organization.
    let details = browser.get(&url_of(&lumen)).await.must_be(200).html();
    let plan_text = details.text("#plan");
    for words in [
        "1,000 requests per minute",
        "1 of 1 requests",
        "1 request rejected in the last 30 days",
        "1 of 5",
        "365 days",
        "invoices:read",
    ] {
        assert!(plan_text.contains(words), "{words}: {plan_text}");
    }
    assert_eq!(plan_text.matches("Limit reached").count(), 1, "of members alone: {plan_text}");
    assert_eq!(details.attributes("#plan meter", "value"), ["1", "1", "1"]);
    assert_eq!(details.attributes("#plan meter", "max"), ["1", "5", "1"]);
    let limited = browser.get(&format!("{LIST}?state=limited")).await.html();
    assert_eq!(names(&limited), ["Lumen"]);
    assert!(limited.row("Lumen").contains("Limit reached"));
    app.clock.advance(time::Duration::days(31));
    let later = machine.get("organizations?state=limited").await.must_be(200).json();
    assert_eq!(later["data"], json!([]), "that was more than 30 days ago");
}

#[tokio::test]
async fn a_machine_makes_exceptions_of_a_plan() {
    let app = TestApp::spawn().await;
    let (lumen, browser) = (app.lumen().await, operator(&app).await);
    let plan = smallest_plan(&app, &browser).await;
    let machine = app.instance_machine(InstanceAccess::Operate).await;
    let path = format!("organizations/{}/plan-exceptions", lumen.id);
    let wanted = json!({
        "rate_limit": { "requests": 5000, "per": "minute" }, "monthly_quota": 2, "max_members": 9,
        "scopes": ["invoices:read", "invoices:write"], "ends_at": "2026-12-31T23:59:59Z"
    });
    let none = machine.get(&path).await.must_be(200).json();
    assert_eq!(
        (&none["monthly_quota"], &none["ends_at"], &none["scopes"]),
        (&Value::Null, &Value::Null, &json!([]))
    );
    machine.send("PUT", &path, wanted.clone()).await.must_be(409);
    let (_, secret) = app.api_key(&lumen, "Billing worker").await;
    put_on(&machine, &lumen, &plan).await;
    let auth = async || app.client().request("GET", "/auth").header("x-api-key", &secret).send().await.status;
    assert_eq!((auth().await, auth().await), (204, 429));
    let made = machine.send("PUT", &path, wanted.clone()).await.must_be(200).json();
    for (field, value) in wanted.as_object().expect("fields") {
        assert_eq!(&made[field], value, "{field}");
    }
    assert_eq!(made["max_lifetime_days"], Value::Null);
    assert_eq!(machine.get(&path).await.json(), made);
    assert_eq!((auth().await, auth().await), (204, 429), "from the next request");
    let seen = browser.get(&url_of(&lumen)).await.html().text("#plan");
    assert!(seen.contains("2 of 2 requests") && seen.contains("Exceptions for this organization"), "{seen}");

    let wrong = json!({
        "rate_limit": { "requests": 0, "per": "minute" }, "monthly_quota": 0, "max_active_keys": 0,
        "max_members": 1_000_001, "max_lifetime_days": 3651, "scopes": ["a?"], "ends_at": "tomorrow"
    });
    let refused = machine.send("PUT", &path, wrong).await.must_be(422).json();
    let pointers: Vec<&str> = refused["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .filter_map(|error| error["pointer"].as_str())
        .collect();
    let all = [
        "/rate_limit/requests",
        "/monthly_quota",
        "/max_active_keys",
        "/max_members",
        "/max_lifetime_days",
        "/scopes",
        "/ends_at",
    ];
    assert_eq!(pointers, all);
    let cleared = machine.send("PUT", &path, json!({})).await.must_be(200).json();
    assert_eq!(cleared, none);
    app.instance_machine(InstanceAccess::Read).await.send("PUT", &path, json!({})).await.must_be(403);
    machine.get("organizations/019a8f3e-7b1c-7d2e-9f40-5a6b7c8d9e0f/plan-exceptions").await.must_be(404);
}

/// Whoever suspends an organization may wait until every node has heard of it, as with a key.
#[tokio::test]
async fn what_stops_the_keys_of_an_organization_tells_when_each_node_had_heard_of_it() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    app.member(&lumen, Role::User, "Uli User").await;
    let machine = app.instance_machine(InstanceAccess::Operate).await;
    let path = format!("organizations/{}", lumen.id);
    for (method, verb, body) in [
        ("POST", "/suspend", json!({ "reason": "Payment is overdue." })),
        ("POST", "/resume", Value::Null),
        ("DELETE", "", Value::Null),
        ("POST", "/restore", Value::Null),
    ] {
        let url = format!("/api/v2/instance/{path}{verb}?wait=20s");
        let request = machine.request(method, &url);
        let request = match body {
            Value::Null => request,
            body => request.body("application/json", body.to_string()),
        };
        let answer = request.send().await.must_be(200).json();
        assert_eq!(answer["receipts"].as_array().map(Vec::len), Some(1), "{verb}: {answer}");
    }
    let wrong = machine.request("POST", &format!("/api/v2/instance/{path}/suspend?wait=soon"));
    let body = json!({ "reason": "Payment is overdue." }).to_string();
    wrong.body("application/json", body).send().await.must_be(400);
    assert_eq!(machine.get(&path).await.json()["suspended_at"], Value::Null, "and nothing is changed");
}

/// Whoever belongs there already, or is invited for less, is what the operator says.
#[tokio::test]
async fn whoever_is_there_already_becomes_an_administrator_at_once() {
    let app = TestApp::spawn().await;
    let (lumen, browser) = (app.lumen().await, operator(&app).await);
    let dev = app.member(&lumen, Role::Developer, "Dev Developer").await;
    app.invitation(&lumen, Role::User, "mara@alder.example").await;
    app.clock.advance(time::Duration::minutes(2));
    let invite = async |email: &str| browser.post(&url(&lumen, "administrators"), &[("text", email)]).await;
    for (email, said) in [
        (dev.email.as_str(), format!("{} is an administrator now", dev.email)),
        (dev.email.as_str(), format!("{} is already an administrator", dev.email)),
        ("mara@alder.example", "Invitation sent to mara@alder.example".to_owned()),
    ] {
        let sent = invite(email).await.must_be(303);
        assert_eq!(browser.follow(&sent).await.html().toast(), said);
    }
    let roles = app.query("SELECT role AS text FROM memberships ORDER BY 1").await;
    assert_eq!(roles, ["administrator", "administrator"]);
    let invitations = "SELECT role || coalesce(' ' || outcome, '') AS text FROM invitations ORDER BY id";
    assert_eq!(app.query(invitations).await, ["developer accepted", "user canceled", "administrator"]);
    app.log_in_as(&dev).await.get(&lumen.url("settings")).await.must_be(200);

    let una = app.member(&lumen, Role::User, "Una Gone").await;
    app.execute(&format!("UPDATE users SET deactivated_at = created_at WHERE id = '{}'", una.id)).await;
    let refused = invite(&una.email).await.must_be(422).html();
    assert_eq!(refused.field_error("Email"), "This person’s account is deactivated. Activate it first.");

    // Of a removed organization nobody is invited to be one.
    browser.post(&url(&lumen, "remove"), &[]).await.must_be(303);
    for verb in ["administrators", "name"] {
        browser.get(&url(&lumen, verb)).await.must_be(404);
        browser.post(&url(&lumen, verb), &[("text", "new@alder.example")]).await.must_be(404);
    }
    browser.get(&url(&lumen, "notes")).await.must_be(200);
    let machine = app.instance_machine(InstanceAccess::Operate).await;
    let path = format!("organizations/{}/administrators", lumen.id);
    machine.send("POST", &path, json!({ "email": "new@alder.example" })).await.must_be(404);
}

#[tokio::test]
async fn an_exception_that_has_ended_is_not_begun_anew_by_whoever_changes_the_plan() {
    let app = TestApp::spawn().await;
    let (lumen, browser) = (app.lumen().await, operator(&app).await);
    let plan = smallest_plan(&app, &browser).await;
    let machine = app.instance_machine(InstanceAccess::Operate).await;
    put_on(&machine, &lumen, &plan).await;
    let path = format!("organizations/{}/plan-exceptions", lumen.id);
    let stored = async || machine.get(&path).await.must_be(200).json();
    let save = async || {
        let dialog = browser.get(&url(&lumen, "plan")).await.must_be(200).html();
        let (members, until) = (dialog.value("Members optional"), dialog.value("Exceptions end on optional"));
        let fields = [
            ("plan", plan.as_str()),
            ("rate_period", "minute"),
            ("max_members", members.as_str()),
            ("until", until.as_str()),
        ];
        browser.post(&url(&lumen, "plan"), &fields).await.must_be(303);
        members
    };
    // An end at an hour stays there.
    let wanted = json!({ "max_members": 7, "ends_at": "2026-11-30T14:00:00Z" });
    machine.send("PUT", &path, wanted).await.must_be(200);
    assert_eq!(save().await, "7");
    assert_eq!(stored().await["ends_at"], "2026-11-30T14:00:00Z");
    let passed = json!({ "max_members": 7, "ends_at": "2026-11-23T09:00:00Z" });
    let refused = machine.send("PUT", &path, passed).await.must_be(422).json();
    assert_eq!(refused["errors"][0]["detail"], "This time has passed.");
    let soon = json!({ "max_members": 7, "ends_at": "2026-11-23T10:30:00Z" });
    machine.send("PUT", &path, soon).await.must_be(200);
    app.clock.advance(time::Duration::hours(1));
    assert_eq!(save().await, "", "today, but half an hour ago");
    assert_eq!(stored().await["max_members"], Value::Null);
}

/// Removed organizations hold up nothing, and come back on a plan that is there.
#[tokio::test]
async fn a_plan_that_only_removed_organizations_are_on_can_be_removed() {
    let app = TestApp::spawn().await;
    let (lumen, browser) = (app.lumen().await, operator(&app).await);
    let plan = smallest_plan(&app, &browser).await;
    let other = app.plan("Business").await;
    app.execute(&format!("UPDATE plans SET is_default = (id = '{other}')")).await;
    let machine = app.instance_machine(InstanceAccess::Operate).await;
    put_on(&machine, &lumen, &plan).await;
    browser.post(&urls::instance_plan(&plan, "remove"), &[]).await.must_be(422);
    browser.post(&url(&lumen, "remove"), &[]).await.must_be(303);
    assert!(browser.get(urls::PLANS).await.html().row("Starter").contains('0'));
    browser.post(&urls::instance_plan(&plan, "remove"), &[]).await.must_be(303);
    browser.post(&url(&lumen, "restore"), &[]).await.must_be(303);
    assert_eq!(machine.get(&format!("organizations/{}", lumen.id)).await.json()["plan_id"], json!(other));

    // And whoever chooses one that is gone is told in the dialog.
    let fields = [("plan", plan.as_str()), ("rate_period", "minute")];
    let refused = browser.post(&url(&lumen, "plan"), &fields).await.must_be(422).html();
    assert!(refused.dialog_text().contains("This plan was removed."), "{}", refused.dialog_text());
}

#[tokio::test]
async fn whoever_is_invited_to_administer_stands_on_the_page_with_a_link_to_pass_on() {
    let app = TestApp::spawn().await;
    let (lumen, browser) = (app.lumen().await, operator(&app).await);
    let mara = "mara@lumen.example";
    browser.post(&url(&lumen, "administrators"), &[("text", mara)]).await.must_be(303);
    let (plain, _) = app.invitation(&lumen, Role::User, "uli@lumen.example").await;
    let listed = "[aria-label='Invited administrators'] li";
    let page = browser.get(&url_of(&lumen)).await.must_be(200).html();
    let shown = page.texts(listed);
    assert_eq!(shown.len(), 1, "only those that make administrators: {shown:?}");
    assert!(shown.iter().all(|one| one.contains(mara) && one.contains("Invited")), "{shown:?}");

    let link = page.action(&format!("Copy link for {mara}"));
    let dialog = browser.post(&link, &[]).await.must_be(200).html();
    let copied = dialog.text("#secret");
    let stranger = app.client();
    let path = copied.split_once("/i/").map(|(_, secret)| format!("/i/{secret}")).expect("a link");
    assert!(stranger.get(&path).await.text().contains("Lumen"));
    // One for another role is not the operator's affair, and neither is that of another organization.
    let other = app.organization("Fern", &app.user("Frida Fern").await).await;
    for verb in ["link", "cancel"] {
        let foreign = url(&lumen, &format!("invitations/{}/{verb}", plain.id));
        browser.post(&foreign, &[]).await.must_be(404);
        browser.post(&link.replace(&lumen.id, &other.id), &[]).await.must_be(404);
    }
    browser.post(&url(&lumen, "remove"), &[]).await.must_be(303);
    let removed = browser.get(&url_of(&lumen)).await.must_be(200).html();
    assert!(removed.texts(listed).is_empty(), "what could not be done is not offered");
    browser.post(&url(&lumen, "plan"), &[("plan", ""), ("rate_period", "minute")]).await.must_be(404);
    let restored = browser.post(&url(&lumen, "restore"), &[]).await.must_be(303);
    assert_eq!(browser.follow(&restored).await.html().toast(), "“Lumen” restored");
    let canceled = browser.post(&page.action(&format!("Cancel invitation to {mara}")), &[]).await;
    let page = browser.follow(&canceled.must_be(303)).await.html();
    assert_eq!(page.toast(), format!("Invitation to {mara} canceled"));
    assert!(page.texts(listed).is_empty());
    assert!(!stranger.get(&path).await.text().contains("Lumen"));
    let lines = browser.get("/instance/activity").await.html().texts("#log li p").join("\n");
    for done in [
        "copied the link that invites an administrator of Lumen",
        "canceled an invitation to administer Lumen",
    ] {
        assert!(lines.contains(done), "{done}: {lines}");
    }
}
