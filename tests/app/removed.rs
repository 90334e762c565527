//! What was removed and comes back: keys, and organizations as a whole.

use serde_json::{Value, json};
use tessera::{
    clock::Timestamp,
    db::{DbError, Tx},
    domain::{access::Role, api_keys, organizations, token_access::TokenAccess},
    web::urls,
};
use time::Duration;

use crate::{
    api::leaks::{app as app_that_takes_reports, found, report},
    support::{Client, Company, Machine, Response, TestApp},
};

async fn auth(app: &TestApp, secret: &str) -> Response {
    app.client().request("GET", "/auth").header("x-api-key", secret).send().await
}

/// Removes a key by the API.
async fn remove(machine: &Machine, key_id: &str) {
    machine.send("DELETE", &format!("keys/{key_id}"), json!(null)).await.must_be(204);
}

async fn restore(machine: &Machine, key_id: &str) -> Response {
    machine.send("POST", &format!("removed-keys/{key_id}/restore"), json!({})).await
}

fn names(list: &Value) -> Vec<String> {
    let rows = list["data"].as_array().expect("a list").iter();
    rows.map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
}

/// Forgets what can't be restored any more, as the housekeeping does.
async fn forget(app: &TestApp) {
    async fn all(app: &TestApp, purge: fn(&mut Tx<'_>, Timestamp) -> Result<bool, DbError>) {
        let now = app.now();
        while app.write(move |tx| Ok(purge(tx, now)?)).await {}
    }
    all(app, api_keys::purge_removed).await;
    all(app, organizations::purge_removed).await;
}

#[tokio::test]
async fn a_removed_key_comes_back_deactivated_with_all_that_was_known_of_it() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Keys).await;
    let new = json!({ "name": "Billing worker", "scopes": ["invoices:read"], "monthly_quota": 50 });
    let created = machine.send("POST", "keys", new).await.must_be(201).json();
    let (id, secret) = (created["id"].as_str().unwrap(), created["secret"].as_str().unwrap());
    for _ in 0..3 {
        auth(&app, secret).await.must_be(204);
    }
    let before = machine.get(&format!("keys/{id}")).await.must_be(200).json();
    let usage_before = machine.get(&format!("keys/{id}/usage")).await.must_be(200).json();
    app.clock.advance(Duration::HOUR);

    remove(&machine, id).await;
    auth(&app, secret).await.must_be(401);
    machine.get(&format!("keys/{id}")).await.must_be(404);
    assert_eq!(names(&machine.get("keys").await.json()), [""; 0]);
    assert_eq!(names(&machine.get("keys?q=billing").await.json()), [""; 0]);
    let removed = machine.get("removed-keys").await.must_be(200).json()["data"][0].clone();
    assert_eq!(
        (&removed["id"], &removed["name"], &removed["removed_at"], &removed["restorable_until"]),
        (
            &json!(id),
            &json!("Billing worker"),
            &json!("2026-11-23T11:00:00Z"),
            &json!("2026-12-07T11:00:00Z")
        )
    );
    assert!(!removed.to_string().contains(secret), "{removed}");

    let restored = restore(&machine, id).await.must_be(200).json();
    let expected = json!({ "status": "deactivated", "deactivated_at": "2026-11-23T11:00:00Z" });
    for (field, value) in before.as_object().expect("a key") {
        assert_eq!(&restored[field], expected.get(field).unwrap_or(value), "{field}");
    }
    let usage = machine.get(&format!("keys/{id}/usage")).await.must_be(200).json();
    assert_eq!(usage["totals"], usage_before["totals"]);
    assert_eq!(names(&machine.get("keys?q=billing").await.json()), ["Billing worker"]);
    assert_eq!(names(&machine.get("removed-keys").await.json()), [""; 0]);
    auth(&app, secret).await.must_be(401);
    machine.send("POST", &format!("keys/{id}/activate"), json!({})).await.must_be(200);
    let accepted = auth(&app, secret).await.must_be(204);
    assert!(accepted.header("ratelimit").contains("46"), "the quota knows of the calls before: {accepted:?}");
    restore(&machine, id).await.must_be(404);
}

#[tokio::test]
async fn a_name_that_was_taken_meanwhile_gets_a_suffix() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Keys).await;
    let long = "x".repeat(60);
    for name in ["Worker", long.as_str()] {
        let mut ids = Vec::new();
        for _ in 0..3 {
            let created = machine.send("POST", "keys", json!({ "name": name })).await.must_be(201).json();
            let id = created["id"].as_str().expect("an id").to_owned();
            remove(&machine, &id).await;
            ids.push(id);
        }
        let restored = async |id: &String| restore(&machine, id).await.must_be(200).json()["name"].clone();
        assert_eq!(restored(&ids[0]).await, json!(name));
        let [second, third] = [restored(&ids[1]).await, restored(&ids[2]).await];
        assert!(second.as_str().unwrap().ends_with(" (restored)"), "{second}");
        assert!(third.as_str().unwrap().ends_with(" (restored 2)"), "{third}");
        assert!(third.as_str().unwrap().chars().count() <= 60, "{third}");
    }
}

#[tokio::test]
async fn a_secret_that_was_found_in_public_never_works_again() {
    let app = app_that_takes_reports().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Keys).await;
    for is_found_first in [false, true] {
        let (key, secret) = app.api_key(&lumen, &format!("Worker {is_found_first}")).await;
        let reported = async || {
            let place = format!("https://code.example/{is_found_first}");
            let answer = report(&app.client(), &[found(&secret, &place)]).await.must_be(200).json();
            assert_eq!(answer[0]["label"], "true_positive");
        };
        if is_found_first {
            reported().await;
        }
        remove(&machine, &key.id).await;
        let mails = app.mails().await.len();
        if !is_found_first {
            reported().await;
        }
        assert_eq!(app.mails().await.len(), mails, "nobody has to do anything about a removed key");
        restore(&machine, &key.id).await.must_be(200);
        let activate = format!("keys/{}/activate", key.id);
        let refused = machine.send("POST", &activate, json!({})).await.must_be(409);
        assert!(refused.text().contains("found in public"), "{refused:?}");
        auth(&app, &secret).await.must_be(401);

        // A grace period would open it to everybody once more.
        let plan = json!({ "grace_period": "7d", "starts": "immediately" });
        let rotated =
            machine.send("POST", &format!("keys/{}/rotate", key.id), plan).await.must_be(200).json();
        assert_eq!(rotated["rotation"], Value::Null);
        machine.send("POST", &activate, json!({})).await.must_be(200);
        auth(&app, rotated["secret"].as_str().expect("a secret")).await.must_be(204);
        auth(&app, &secret).await.must_be(401);
    }
}

#[tokio::test]
async fn after_fourteen_days_a_key_is_forgotten() {
    let app = TestApp::builder().without_housekeeping().spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Keys).await;
    let (key, secret) = app.api_key(&lumen, "Old worker").await;
    let (_, stays) = app.api_key(&lumen, "New worker").await;
    for secret in [&secret, &stays] {
        auth(&app, secret).await.must_be(204);
    }
    machine.get(&format!("keys/{}/usage", key.id)).await.must_be(200);
    remove(&machine, &key.id).await;
    app.clock.advance(Duration::days(14) - Duration::SECOND);
    forget(&app).await;
    assert_eq!(names(&machine.get("removed-keys").await.json()), ["Old worker"]);
    app.clock.advance(Duration::SECOND);
    assert_eq!(names(&machine.get("removed-keys").await.json()), [""; 0]);
    restore(&machine, &key.id).await.must_be(404);
    forget(&app).await;
    for table in ["removed_keys", "key_usage", "key_clients"] {
        let column = if table == "removed_keys" { "id" } else { "api_key_id" };
        let sql = format!("SELECT {column} AS text FROM {table} WHERE {column} = '{}'", key.id);
        assert_eq!(app.query(&sql).await, [""; 0], "{table}");
    }
    assert!(
        !app.query("SELECT api_key_id AS text FROM key_usage").await.is_empty(),
        "other keys keep theirs"
    );
}

#[tokio::test]
async fn pages_show_what_was_removed_and_only_those_who_manage_keys_restore() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (key, _) = app.api_key(&lumen, "Billing worker").await;
    let browser = app.log_in_as(&lumen.owner).await;
    let page = async || browser.get(&lumen.url("api/removed")).await.must_be(200).html();
    assert!(page().await.main_text().contains("No keys were removed in the last 14 days."));
    let dialog = browser.get(&lumen.url(&format!("api/keys/{}/remove", key.id))).await.must_be(200).html();
    assert!(
        dialog.text("dialog, [role=dialog]").contains("You can restore it for 14 days"),
        "{}",
        dialog.main_text()
    );
    browser.post(&lumen.url(&format!("api/keys/{}/remove", key.id)), &[]).await.must_be(303);
    let [row] = page().await.texts("#removed tbody tr").try_into().expect("one row");
    assert!(row.contains("Billing worker") && row.contains("Dana Whitfield"), "{row}");

    let restore = lumen.url(&format!("api/removed/{}/restore", key.id));
    for (role, status) in [(Role::User, 403), (Role::Supervisor, 403)] {
        let member = app.member(&lumen, role, &format!("Member {}", role.as_str())).await;
        app.log_in_as(&member).await.post(&restore, &[]).await.must_be(status);
    }
    let answer = browser.htmx_post(&restore, "panel", &[]).await.must_be(200).html();
    assert_eq!(answer.toast(), "“Billing worker” restored. It’s deactivated until you activate it.");
    assert!(page().await.main_text().contains("No keys were removed"));
    let lines = browser.get(&lumen.url("activity")).await.must_be(200).html().texts("#log li p");
    assert!(lines[0].starts_with("Dana Whitfield restored the API key Billing worker"), "{lines:?}");
}

#[tokio::test]
async fn there_is_no_room_beyond_the_limit() {
    let app = TestApp::builder().flag("--max-keys", "1").spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Keys).await;
    let (key, _) = app.api_key(&lumen, "First").await;
    remove(&machine, &key.id).await;
    machine.send("POST", "keys", json!({ "name": "Second" })).await.must_be(201);
    restore(&machine, &key.id).await.must_be(409);
    assert_eq!(names(&machine.get("removed-keys").await.json()), ["First"], "nothing is lost");
}

/// Removes an organization as its administrator does.
async fn remove_organization(browser: &Client, company: &Company) {
    browser.post(&company.url("settings/remove"), &[("name", "Lumen")]).await.must_be(303);
}

fn restore_url(company: &Company) -> String {
    format!("/removed-organizations/{}/restore", company.id)
}

#[tokio::test]
async fn a_removed_organization_comes_back_as_it_was() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let ravi = app.member(&lumen, Role::User, "Ravi Menon").await;
    let (_, secret) = app.api_key(&lumen, "Billing worker").await;
    let (off, off_secret) = app.api_key(&lumen, "Old worker").await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    machine.send("POST", &format!("keys/{}/deactivate", off.id), json!({})).await.must_be(200);
    let (browser, frida) = (app.log_in_as(&lumen.owner).await, app.user("Frida Fern").await);
    auth(&app, &secret).await.must_be(204);
    for _ in 0..2 {
        remove_organization(&browser, &lumen).await;
        auth(&app, &secret).await.must_be(401);
        machine.get("").await.must_be(401);
        browser.get(&lumen.url("users")).await.must_be(404);
        let page = browser.get("/orgs").await.must_be(200).html();
        assert!(page.text("#removed").contains("Lumen"), "{}", page.main_text());
        let member = app.log_in_as(&ravi).await;
        assert!(
            !member.get("/orgs").await.html().has("#removed"),
            "a user can’t restore it, and has no button"
        );
        member.post(&restore_url(&lumen), &[]).await.must_be(404);
        app.log_in_as(&frida).await.post(&restore_url(&lumen), &[]).await.must_be(404);

        let answer = browser.htmx_post(&restore_url(&lumen), "panel", &[]).await.must_be(200).html();
        assert_eq!(answer.toast(), "“Lumen” restored");
        assert!(!answer.has("#removed"));
        auth(&app, &secret).await.must_be(204);
        auth(&app, &off_secret).await.must_be(401);
        machine.get("").await.must_be(200);
        assert_eq!(app.role_of(&lumen, &ravi).await, Some(Role::User));
        assert_eq!(app.role_of(&lumen, &lumen.owner).await, Some(Role::Administrator));
        let found = browser.get(&lumen.url("users?q=ravi")).await.must_be(200).html();
        assert!(found.main_text().contains("Ravi Menon"), "{}", found.main_text());
        browser.post(&restore_url(&lumen), &[]).await.must_be(404);
    }
}

#[tokio::test]
async fn after_fourteen_days_an_organization_is_forgotten_with_all_its_keys() {
    let app = TestApp::builder().without_housekeeping().spawn().await;
    let (lumen, fern) = (app.lumen().await, app.organization("Fern", &app.user("Frida Fern").await).await);
    for number in 0..120 {
        app.api_key(&lumen, &format!("Worker {number}")).await;
    }
    let (_, secret) = app.api_key(&fern, "Worker").await;
    let browser = app.log_in_as(&lumen.owner).await;
    remove_organization(&browser, &lumen).await;
    app.clock.advance(Duration::days(14));
    let browser = app.log_in_as(&lumen.owner).await;
    assert!(!browser.get("/orgs").await.html().has("#removed"));
    browser.post(&restore_url(&lumen), &[]).await.must_be(404);
    forget(&app).await;
    assert_eq!(app.query("SELECT name AS text FROM organizations").await, ["Fern"]);
    assert_eq!(app.query("SELECT name AS text FROM api_keys").await, ["Worker"]);
    auth(&app, &secret).await.must_be(204);
    let kept =
        app.query("SELECT action AS text FROM audit_events WHERE action = 'organization.removed'").await;
    assert_eq!(kept.len(), 1, "the audit log stays");
}

#[tokio::test]
async fn those_who_operate_the_instance_remove_and_restore() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, secret) = app.api_key(&lumen, "Billing worker").await;
    let olga = app.user("Olga Operator").await;
    app.appoint(&olga).await;
    let (operator, dana) = (app.log_in_as(&olga).await, app.log_in_as(&lumen.owner).await);
    let url = |verb: &str| urls::with_instance_organization(&lumen.id, verb);
    operator.get(&url("remove")).await.must_be(200);
    auth(&app, &secret).await.must_be(204);
    operator.post(&url("remove"), &[]).await.must_be(303);
    auth(&app, &secret).await.must_be(401);
    assert!(!dana.get("/orgs").await.html().has("#removed"), "its administrators can’t bring it back");
    dana.post(&restore_url(&lumen), &[]).await.must_be(404);
    operator.post(&url("suspend"), &[("reason", "Late")]).await.must_be(404);

    let listed = async |query: &str| {
        let page = operator.get(&format!("/instance/organizations{query}")).await.must_be(200).html();
        page.texts("#organizations tbody th")
    };
    assert_eq!(listed("").await.len(), 0);
    assert_eq!(listed("?state=suspended").await.len(), 0);
    let [row] = listed("?state=removed").await.try_into().expect("one");
    assert!(row.contains("Lumen") && row.contains("Removed"), "{row}");
    let page = operator.get(&urls::instance_organization(&lumen.id)).await.must_be(200).html();
    assert!(page.main_text().contains("You can restore it until"), "{}", page.main_text());

    operator.post(&url("restore"), &[]).await.must_be(303);
    auth(&app, &secret).await.must_be(204);
    dana.get(&lumen.url("users")).await.must_be(200);
    dana.post(&url("remove"), &[]).await.must_be(404);
    let lines = operator.get("/instance/activity").await.html().texts("#log li p");
    assert!(lines[0].starts_with("Olga Operator restored the organization Lumen"), "{lines:?}");
    assert!(lines[1].starts_with("Olga Operator removed the organization Lumen"), "{lines:?}");
    let lines = dana.get(&lumen.url("activity")).await.must_be(200).html().texts("#log li p");
    assert!(lines[0].starts_with("System restored the organization Lumen"), "{lines:?}");
    assert!(!lines.concat().contains("Olga"), "{lines:?}");
}

/// From a page that was open before: nobody joins, and so nobody could undo the removal.
#[tokio::test]
async fn an_invitation_to_a_removed_organization_is_answered_by_nobody() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (uli, dana) = (app.user("Uli Berg").await, app.log_in_as(&lumen.owner).await);
    let (invitation, token) = app.invitation(&lumen, Role::Administrator, &uli.email).await;
    let browser = app.log_in_as(&uli).await;
    let page = browser.get("/orgs").await.must_be(200).html();
    assert!(page.main_text().contains("Lumen"));
    app.remove(&lumen).await;
    for verb in ["accept", "decline"] {
        browser.post(&format!("/invitations/{}/{verb}", invitation.id), &[]).await.must_be(404);
        let answered = browser.post(&format!("{}/{verb}", urls::invitation_link(&token)), &[]).await;
        assert!(!answered.text().contains("Lumen"), "{answered:?}");
    }
    assert!(app.query("SELECT user_id AS text FROM memberships").await.is_empty());
    let restored = dana.post(&format!("/removed-organizations/{}/restore", lumen.id), &[]).await;
    restored.must_be(303);
    assert_eq!(app.role_of(&lumen, &lumen.owner).await, Some(Role::Administrator));
    browser.post(&format!("/invitations/{}/accept", invitation.id), &[]).await.must_be(303);
}
