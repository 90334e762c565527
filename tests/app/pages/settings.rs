//! The tab "Settings": rename, leave, remove.

use tessera::domain::access::Role;

use super::unusual_names;
use crate::support::TestApp;

#[tokio::test]
async fn an_organization_gets_another_name() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    let settings = lumen.url("settings");
    let page = browser.get(&settings).await.must_be(200).html();
    assert_eq!(page.value("Organization name"), "Lumen");
    assert_eq!(page.action("Save changes"), settings);
    for name in unusual_names() {
        let answer = browser.post(&settings, &[("name", &name)]).await.must_be(303);
        assert_eq!(answer.location(), settings);
        let answer = browser.follow(&answer).await.must_be(200);
        assert!(!answer.text().contains("<b>Ada"));
        let page = answer.html();
        assert_eq!(page.toast(), format!("Organization renamed to “{name}”"));
        assert_eq!((page.heading(), page.value("Organization name")), (name.clone(), name.clone()));
        assert!(page.title().contains(&name));
    }
    let answer = browser.htmx_post(&settings, "panel", &[("name", "Fern")]).await.must_be(200);
    assert_eq!(answer.header("hx-redirect"), settings, "the name stands in the head, too");
    assert_eq!(browser.get(&settings).await.html().heading(), "Fern");
}

#[tokio::test]
async fn everybody_in_it_finds_the_id_of_an_organization() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let user = app.member(&lumen, Role::User, "Uli Berg").await;
    for person in [&lumen.owner, &user] {
        let page = app.log_in_as(person).await.get(&lumen.url("settings")).await.must_be(200).html();
        assert_eq!(page.text("#organization-id"), lumen.id);
        assert_eq!(page.attributes("button[data-copy]", "data-copy"), ["organization-id"]);
        assert_eq!(page.attributes("button[data-copy]", "aria-label"), ["Copy organization ID"]);
    }
}

#[tokio::test]
async fn a_name_that_cannot_be_is_kept_to_be_mended() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    let (settings, too_long) = (lumen.url("settings"), "x".repeat(81));
    for (name, error) in [("", "Enter a name."), (too_long.as_str(), "Use at most 80 characters.")] {
        let page = browser.post(&settings, &[("name", name)]).await.must_be(422).html();
        assert!(page.title().starts_with("Error:"), "{}", page.title());
        assert_eq!(page.heading(), "Lumen");
        let panel = browser.htmx_post(&settings, "panel", &[("name", name)]).await.must_be(422).html();
        assert!(!panel.has("h1"), "htmx gets the panel alone");
        for form in [page, panel] {
            assert_eq!(form.field_error("Organization name"), error);
            assert_eq!(form.value("Organization name"), name);
        }
    }
    browser.post(&settings, &[("name", "Fern"), ("id", "x")]).await.must_be(400);
    assert_eq!(browser.get(&settings).await.html().heading(), "Lumen");
}

#[tokio::test]
async fn lower_roles_can_leave_and_no_more() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    for (role, name) in
        [(Role::Supervisor, "Sam Berg"), (Role::Developer, "Dev Berg"), (Role::User, "Uli Berg")]
    {
        let member = app.member(&lumen, role, name).await;
        let browser = app.log_in_as(&member).await;
        let page = browser.get(&lumen.url("settings")).await.must_be(200).html();
        assert!(page.try_action("Save changes").is_none() && page.try_link("Remove organization").is_none());
        browser.post(&lumen.url("settings"), &[("name", "Fern")]).await.must_be(403);
        browser.get(&lumen.url("settings/remove")).await.must_be(403);
        browser.post(&lumen.url("settings/remove"), &[("name", "Lumen")]).await.must_be(403);

        let dialog = browser.get(&page.link("Leave organization")).await.must_be(200).html();
        assert_eq!(dialog.dialog_title(), "Leave “Lumen”?");
        let answer = browser.post(&dialog.action("Leave organization"), &[]).await.must_be(303);
        assert_eq!(answer.location(), "/orgs");
        assert_eq!(browser.follow(&answer).await.html().toast(), "You left “Lumen”");
        browser.get(&lumen.url("users")).await.must_be(404);
        assert_eq!(app.role_of(&lumen, &member).await, None);
    }
    assert_eq!(app.query("SELECT name AS text FROM organizations").await, ["Lumen"]);
}

#[tokio::test]
async fn the_last_administrator_cannot_leave() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    app.member(&lumen, Role::Supervisor, "Sam Berg").await;
    let browser = app.log_in_as(&lumen.owner).await;
    let leave = lumen.url("settings/leave");
    let page = browser.post(&leave, &[]).await.must_be(422).html();
    assert_eq!(page.heading(), "Lumen");
    let dialog = browser.htmx_post(&leave, "dialog-slot", &[]).await.must_be(422).html();
    assert!(!dialog.has("h1"));
    for shown in [page, dialog] {
        assert!(shown.dialog_text().contains("last administrator"), "{}", shown.dialog_text());
    }
    assert_eq!(app.role_of(&lumen, &lumen.owner).await, Some(Role::Administrator));

    app.member(&lumen, Role::Administrator, "Ada Berg").await;
    let answer = browser.htmx_post(&leave, "dialog-slot", &[]).await.must_be(200);
    assert_eq!(answer.header("hx-redirect"), "/orgs");
    assert_eq!(app.role_of(&lumen, &lumen.owner).await, None);
}

#[tokio::test]
async fn an_organization_is_removed_by_its_name() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let uli = app.member(&lumen, Role::User, "Uli Berg").await;
    let (_, secret) = app.api_key(&lumen, "Billing worker").await;
    let (_, link) = app.invitation(&lumen, Role::User, "mara@lumen.example").await;
    let browser = app.log_in_as(&lumen.owner).await;
    let remove = lumen.url("settings/remove");
    let dialog = browser.get(&remove).await.must_be(200).html();
    assert_eq!(dialog.dialog_title(), "Remove “Lumen”?");
    assert!(dialog.dialog_text().contains("This removes 2 members and 1 API key immediately"));
    for typed in ["", "lumen", "Lumen 2"] {
        let page = browser.post(&remove, &[("name", typed)]).await.must_be(422).html();
        assert_eq!(page.field_error("Type the name to confirm"), "Type the name exactly as shown.");
        assert_eq!(page.value("Type the name to confirm"), typed);
    }
    let dialog = browser.htmx_post(&remove, "dialog-slot", &[("name", "x")]).await.must_be(422).html();
    assert!(dialog.has_dialog() && !dialog.has("h1"));
    assert_eq!(app.role_of(&lumen, &uli).await, Some(Role::User));

    let answer = browser.post(&remove, &[("name", " Lumen ")]).await.must_be(303);
    assert_eq!(browser.follow(&answer).await.html().toast(), "“Lumen” removed");
    for browser in [browser, app.log_in_as(&uli).await] {
        browser.get(&lumen.url("users")).await.must_be(404);
        assert!(browser.get("/orgs").await.html().main_text().contains("No organizations yet"));
    }
    app.client().get(&format!("/i/{link}")).await.must_be(404);
    let request = app.client().request("GET", "/api/v2/organization");
    request.header("authorization", &format!("Bearer {secret}")).send().await.must_be(401);
    let trail =
        app.query("SELECT action AS text FROM audit_events WHERE action = 'organization.removed'").await;
    assert_eq!(trail.len(), 1, "the trail outlives the organization");
}

#[tokio::test]
async fn with_htmx_a_removal_leads_to_the_list() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    let remove = lumen.url("settings/remove");
    let answer = browser.htmx_post(&remove, "dialog-slot", &[("name", "Lumen")]).await.must_be(200);
    assert_eq!(answer.header("hx-redirect"), "/orgs");
    assert!(app.query("SELECT name AS text FROM organizations WHERE removed_at IS NULL").await.is_empty());
}
