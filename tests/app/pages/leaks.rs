//! Leaked keys: the choice in the tab "Settings", and what the pages of keys say.

use tessera::domain::access::Role;

use crate::{
    api::leaks::{app, found, report, rotate},
    support::TestApp,
};

const PLACE: &str = "https://code.example/lumen/app/blob/12ab/.env";

fn chosen(page: &crate::support::Html) -> Vec<String> {
    page.attributes("input[name=policy][checked]", "value")
}

#[tokio::test]
async fn an_administrator_chooses_what_happens_to_leaked_keys() {
    let app = app().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    let settings = lumen.url("settings");
    let page = browser.get(&settings).await.must_be(200).html();
    assert_eq!(chosen(&page), ["notify"], "a report may be wrong, so nothing stops by itself");
    assert!(!page.main_text().contains("Leak reporting isn’t set up"));
    let action = page.action("Save");

    let answer = browser.post(&action, &[("policy", "deactivate")]).await.must_be(303);
    assert_eq!(answer.location(), settings);
    let page = browser.follow(&answer).await.html();
    assert_eq!(page.toast(), "Saved. Leaked keys are deactivated and administrators get an email.");
    assert_eq!(chosen(&page), ["deactivate"]);

    let panel = browser.htmx_post(&action, "panel", &[("policy", "notify")]).await.must_be(200).html();
    assert!(!panel.has("h1") && panel.toast().starts_with("Saved. Leaked keys stay active"));
    assert_eq!(chosen(&panel), ["notify"]);
    browser.post(&action, &[("policy", "notify")]).await.must_be(303);
    let sql = "SELECT details AS text FROM audit_events WHERE action = 'organization.leak_policy_changed' ORDER BY id";
    assert_eq!(
        app.query(sql).await,
        [
            r#"{"type":"leak_policy_change","from":"notify","to":"deactivate"}"#,
            r#"{"type":"leak_policy_change","from":"deactivate","to":"notify"}"#,
        ],
        "the same choice again is no change"
    );
    let trail = browser.get(&lumen.url("activity")).await.html().main_text();
    assert!(
        trail.contains("Dana Whitfield changed what happens to leaked keys from “Notify administrators” to"),
        "{trail}"
    );
}

#[tokio::test]
async fn what_was_not_offered_is_not_chosen() {
    let app = app().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    let action = lumen.url("settings/leaks");
    for fields in [&[("policy", "remove")][..], &[]] {
        let page = browser.post(&action, fields).await.must_be(422).html();
        assert!(page.title().starts_with("Error:"), "{}", page.title());
        assert!(page.main_text().contains("Choose what happens to leaked keys."), "{}", page.main_text());
        assert_eq!(page.value("Organization name"), "Lumen");
    }
    browser.post(&action, &[("policy", "deactivate"), ("name", "x")]).await.must_be(400);
    assert_eq!(app.query("SELECT leak_policy AS text FROM organizations").await, ["notify"]);
}

#[tokio::test]
async fn lower_roles_and_strangers_do_not_choose() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let outsider = app.user("Frida Fern").await;
    let action = lumen.url("settings/leaks");
    for role in [Role::Supervisor, Role::Developer, Role::User] {
        let member = app.member(&lumen, role, &format!("A {role}")).await;
        let browser = app.log_in_as(&member).await;
        assert!(browser.get(&lumen.url("settings")).await.html().try_action("Save").is_none());
        browser.post(&action, &[("policy", "deactivate")]).await.must_be(403);
    }
    let browser = app.log_in_as(&outsider).await;
    browser.post(&action, &[("policy", "deactivate")]).await.must_be(404);
    assert_eq!(app.query("SELECT leak_policy AS text FROM organizations").await, ["notify"]);
}

#[tokio::test]
async fn a_server_without_reporters_says_so() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    let text = browser.get(&lumen.url("settings")).await.html().main_text();
    assert!(text.contains("Leak reporting isn’t set up on this server"), "{text}");
}

#[tokio::test]
async fn a_leaked_key_is_marked_until_it_has_another_secret() {
    let app = app().await;
    let lumen = app.lumen().await;
    let (key, secret) = app.api_key(&lumen, "Billing worker").await;
    app.api_key(&lumen, "Invoices").await;
    let browser = app.log_in_as(&lumen.owner).await;
    let (list, address) = (lumen.url("api"), lumen.url(&format!("api/keys/{}", key.id)));
    assert!(!browser.get(&address).await.html().main_text().contains("was exposed"));

    report(&app.client(), &[found(&secret, PLACE), found(&secret, "https://code.example/2")])
        .await
        .must_be(200);
    let rows = browser.get(&list).await.must_be(200).html();
    assert!(
        rows.row("Billing worker").contains("Leaked Found in public Nov 23, 2026"),
        "{}",
        rows.main_text()
    );
    assert!(!rows.row("Invoices").contains("Leaked"));
    let page = browser.get(&address).await.must_be(200).html();
    let note = page.text("#panel .note--bad");
    assert!(
        note.starts_with("This key was exposed Reported on Nov 23, 2026 , found at https://code.example/"),
        "{note}"
    );
    assert!(note.contains("and in 1 more place."), "{note}");
    assert_eq!(page.attributes("#panel .note--bad a[rel]", "rel"), ["noreferrer nofollow"]);
    assert_eq!(page.link("Rotate key"), format!("{address}/rotate"));
    assert_eq!(page.link("remove it"), format!("{address}/remove"));
    assert!(page.main_text().contains("System received a leak report for the API key"));

    rotate(&app, &lumen, &key.id, "7d").await;
    let note = browser.get(&address).await.html().text("#panel .note--bad");
    assert!(note.starts_with("The previous secret of this key was exposed"), "{note}");
    assert!(
        browser.get(&list).await.html().row("Billing worker").contains("Previous secret found in public")
    );
    browser.post(&format!("{address}/revoke-previous"), &[]).await.must_be(303);
    let page = browser.get(&address).await.html();
    assert!(!page.has("#panel .note--bad"), "{}", page.main_text());
    assert!(!browser.get(&list).await.html().row("Billing worker").contains("Leaked"));
}

#[tokio::test]
async fn only_an_address_on_the_web_becomes_a_link() {
    let app = app().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    for (number, url) in
        ["javascript:alert(1)", "data:text/html,x", "//code.example", "<b>x</b>", ""].iter().enumerate()
    {
        let (key, secret) = app.api_key(&lumen, &format!("Key {number}")).await;
        report(&app.client(), &[found(&secret, url)]).await.must_be(200);
        let page = browser.get(&lumen.url(&format!("api/keys/{}", key.id))).await.must_be(200).html();
        assert!(page.has("#panel .note--bad") && !page.has("#panel .note--bad b b"), "{url}");
        assert!(
            page.attributes("#panel .note--bad a", "href").iter().all(|href| href.starts_with("/orgs/")),
            "{url}"
        );
    }
}

#[tokio::test]
async fn a_leaked_token_is_marked_until_it_is_replaced() {
    let app = app().await;
    let lumen = app.lumen().await;
    let (token, secret) = app.master_token(&lumen, "Deployment").await;
    report(&app.client(), &[found(&secret, PLACE)]).await.must_be(200);
    let browser = app.log_in_as(&lumen.owner).await;
    let row = async || browser.get(&lumen.url("api")).await.must_be(200).html().row("Deployment");
    assert!(row().await.contains("Leaked Found in public Nov 23, 2026"), "{}", row().await);
    let replace = lumen.url(&format!("api/tokens/{}/replace", token.id));
    let form = browser.get(&replace).await.must_be(200).html().hidden("form_id");
    browser.post(&replace, &[("form_id", &form)]).await.must_be(200);
    assert!(!row().await.contains("Leaked"));
}
