//! Organizations that an instance administrator suspends: what comes of their keys, who is told, and how it ends.

use serde_json::{Value, json};
use tessera::{
    domain::{access::Role, token_access::TokenAccess},
    web::urls,
};

use crate::support::{Client, Company, TestApp};

const REASON: &str = "Payment is overdue since October.";

async fn operator(app: &TestApp) -> Client {
    let olga = app.user("Olga Operator").await;
    app.appoint(&olga).await;
    app.log_in_as(&olga).await
}

fn url(company: &Company, verb: &str) -> String {
    urls::with_instance_organization(&company.id, verb)
}

async fn auth(app: &TestApp, secret: &str) -> crate::support::Response {
    app.client().request("GET", "/auth").header("x-api-key", secret).send().await
}

#[tokio::test]
async fn keys_are_rejected_from_the_next_request_and_work_again_from_the_next_one_after_it() {
    let app = TestApp::spawn().await;
    let (lumen, fern) = (app.lumen().await, app.organization("Fern", &app.user("Frida Fern").await).await);
    let (key, secret) = app.api_key(&lumen, "Billing worker").await;
    let (_, other) = app.api_key(&fern, "Billing worker").await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    let browser = operator(&app).await;
    for _ in 0..2 {
        auth(&app, &secret).await.must_be(204);
        browser.post(&url(&lumen, "suspend"), &[("reason", REASON)]).await.must_be(303);
        let refused = auth(&app, &secret).await.must_be(403);
        assert_eq!(refused.json()["type"], "/problems/organization-suspended");
        assert!(!refused.text().contains("Payment"), "whoever has a key need not know: {refused:?}");
        auth(&app, &other).await.must_be(204);
        let organization = app.client().request("GET", "/api/v2/organization").header("x-api-key", &secret);
        organization.send().await.must_be(403);
        let verified = machine.request("POST", "/api/v2/keys/verify");
        let verified = verified.body("application/json", json!({ "key": secret }).to_string()).send().await;
        let verified = verified.must_be(200).json();
        assert_eq!(
            (&verified["valid"], &verified["code"]),
            (&json!(false), &json!("organization_suspended"))
        );
        assert_eq!(verified["key"]["id"], json!(key.id));
        let told = machine.get("").await.must_be(200).json();
        assert_eq!((&told["suspension_reason"], told["suspended_at"].is_string()), (&json!(REASON), true));

        browser.post(&url(&lumen, "resume"), &[]).await.must_be(303);
        auth(&app, &secret).await.must_be(204);
        let told = machine.get("").await.must_be(200).json();
        assert_eq!((&told["suspension_reason"], &told["suspended_at"]), (&Value::Null, &Value::Null));
    }
    let usage = machine.get(&format!("keys/{}/usage", key.id)).await.must_be(200).json();
    let totals = &usage["totals"];
    assert_eq!((&totals["valid"], &totals["organization_suspended"]), (&json!(4), &json!(6)), "{totals}");
}

#[tokio::test]
async fn the_organization_learns_why_and_not_by_whom() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let ravi = app.member(&lumen, Role::User, "Ravi Menon").await;
    let browser = operator(&app).await;
    let refused = browser.htmx_post(&url(&lumen, "suspend"), "dialog-slot", &[("reason", " ")]).await;
    assert!(refused.must_be(422).text().contains("Enter a reason."));
    let too_long = "x".repeat(301);
    browser.post(&url(&lumen, "suspend"), &[("reason", &too_long)]).await.must_be(422);
    let page = browser.htmx_post(&url(&lumen, "suspend"), "dialog-slot", &[("reason", REASON)]).await;
    let page = page.must_be(200).html();
    assert_eq!(page.toast(), "“Lumen” suspended");
    // Once more with another reason: members see the last one.
    browser.post(&url(&lumen, "suspend"), &[("reason", "Abuse")]).await.must_be(303);

    for (user, sees_activity) in [(&lumen.owner, true), (&ravi, false)] {
        let member = app.log_in_as(user).await;
        let page = member.get(&lumen.url("users")).await.must_be(200).html();
        assert!(page.text("#suspended").contains("Abuse"), "{}", page.text("#suspended"));
        assert!(member.get("/orgs").await.html().main_text().contains("Suspended"));
        if sees_activity {
            let lines = member.get(&lumen.url("activity")).await.must_be(200).html().texts("#log li p");
            assert!(lines[0].starts_with("System suspended the organization Lumen"), "{lines:?}");
            assert!(lines[1].contains(REASON), "{lines:?}");
            assert!(!lines.concat().contains("Olga"), "{lines:?}");
        }
    }
    let lines = browser.get("/instance/activity").await.html().texts("#log li p");
    assert!(lines[0].starts_with("Olga Operator suspended the organization Lumen"), "{lines:?}");
    assert!(lines[0].contains("Abuse"), "{lines:?}");

    let found = async |query: &str| {
        let page = browser.get(&format!("/instance/organizations{query}")).await.must_be(200).html();
        page.texts("#organizations tbody th")
    };
    app.organization("Fern", &ravi).await;
    assert_eq!(found("").await.len(), 2);
    let [suspended] = found("?state=suspended").await.try_into().expect("one");
    assert!(suspended.contains("Lumen") && suspended.contains("Suspended"), "{suspended}");
    assert_eq!(found("?state=suspended&q=lum&sort=-members").await.len(), 1);
    assert_eq!(found("?state=suspended&q=fern").await.len(), 0);
    browser.post(&url(&lumen, "resume"), &[]).await.must_be(303);
    assert_eq!(found("?state=suspended").await.len(), 0);
    let page = app.log_in_as(&ravi).await.get(&lumen.url("users")).await.must_be(200).html();
    assert!(!page.has("#suspended"));
}

/// Before anything is typed: each dialog says it instead of its form, and those that change nothing are as they were.
#[tokio::test]
async fn no_dialog_asks_for_what_a_suspended_organization_could_not_take() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (key, _) = app.api_key(&lumen, "Billing worker").await;
    let dana = app.log_in_as(&lumen.owner).await;
    operator(&app).await.post(&url(&lumen, "suspend"), &[("reason", REASON)]).await.must_be(303);
    for path in [
        "api/keys/new",
        &format!("api/keys/{}/remove", key.id),
        &format!("api/keys/{}/rotate", key.id),
        "api/tokens/new",
        "users/invite?role=user",
        "users/invite?role=administrator",
        "webhooks/new",
        "settings/remove",
    ] {
        let dialog = dana.get(&lumen.url(path)).await.must_be(200).html();
        assert_eq!(dialog.dialog_title(), "This organization is suspended", "{path}");
        assert!(dialog.dialog_text().contains(REASON), "{path}: {}", dialog.dialog_text());
        assert!(!dialog.has("dialog form"), "{path}");
        let alone = dana.htmx_get(&lumen.url(path), "dialog-slot").await.must_be(200).html();
        assert_eq!(alone.dialog_title(), "This organization is suspended", "{path}");
    }
    let leave = dana.get(&lumen.url("settings/leave")).await.must_be(200).html();
    assert_eq!(leave.dialog_title(), "Leave “Lumen”?", "leaving stays possible");
}

#[tokio::test]
async fn only_instance_administrators_suspend() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let dana = app.log_in_as(&lumen.owner).await;
    for verb in ["suspend", "resume"] {
        dana.post(&url(&lumen, verb), &[("reason", REASON)]).await.must_be(404);
    }
    let browser = operator(&app).await;
    for verb in ["suspend", "resume"] {
        let nowhere = urls::with_instance_organization("no-such", verb);
        browser.post(&nowhere, &[("reason", REASON)]).await.must_be(404);
    }
    assert!(!dana.get(&lumen.url("users")).await.must_be(200).html().has("#suspended"));
}

#[tokio::test]
async fn nobody_joins_while_it_is_suspended_and_the_invitation_stays() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let uli = app.user("Uli Berg").await;
    let (invitation, _) = app.invitation(&lumen, Role::User, &uli.email).await;
    let (_, token) = app.invitation(&lumen, Role::User, "new@lumen.example").await;
    app.suspend(&lumen, REASON).await;
    let accept = format!("/invitations/{}/accept", invitation.id);
    let browser = app.log_in_as(&uli).await;
    let refused = browser.post(&accept, &[]).await.must_be(409);
    assert!(refused.text().contains("This organization is suspended."), "{refused:?}");
    let fields = [("name", "New Person"), ("password", "a long enough phrase 47")];
    app.client().post(&format!("{}/signup", urls::invitation_link(&token)), &fields).await.must_be(409);
    assert_eq!(app.query("SELECT user_id AS text FROM memberships").await.len(), 1);
    let operator = operator(&app).await;
    operator.post(&url(&lumen, "resume"), &[]).await.must_be(303);
    browser.post(&accept, &[]).await.must_be(303);
    assert_eq!(app.role_of(&lumen, &uli).await, Some(Role::User));
}

#[tokio::test]
async fn a_reason_is_edited_where_it_was_given() {
    let app = TestApp::spawn().await;
    let (lumen, browser) = (app.lumen().await, operator(&app).await);
    browser.post(&url(&lumen, "suspend"), &[("reason", REASON)]).await.must_be(303);
    let page = browser.get(&urls::instance_organization(&lumen.id)).await.must_be(200).html();
    let dialog = browser.get(&page.link("Edit reason")).await.must_be(200).html();
    assert_eq!(
        (dialog.dialog_title().as_str(), dialog.value("Reason").as_str()),
        ("Why “Lumen” is suspended", REASON)
    );
    let saved = browser.post(&dialog.action("Save"), &[("reason", "Abuse")]).await.must_be(303);
    let page = browser.follow(&saved).await.must_be(200).html();
    assert_eq!(page.toast(), "Reason saved");
    assert!(page.main_text().contains("Abuse") && !page.main_text().contains(REASON));
}
