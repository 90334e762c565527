//! The ground itself: what other tests take for granted.

use tessera::domain::access::Role;

use crate::{
    smtp::SmtpSink,
    support::{Html, TestApp},
};

#[tokio::test]
async fn a_server_of_ones_own_answers_under_its_brand() {
    let app = TestApp::builder().brand("Lumen – Schlüssel").spawn().await;
    let page = app.client().get("/").await.must_be(200).html();
    assert!(page.title().ends_with("Lumen – Schlüssel"), "{}", page.title());
    let health = app.client().get("/healthz").await.must_be(200);
    assert_eq!(health.json()["status"], "ok");
}

#[tokio::test]
async fn a_logged_in_person_sees_the_organization_and_its_key() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, secret) = app.api_key(&lumen, "Billing worker").await;
    let browser = app.log_in_as(&lumen.owner).await;
    let page = browser.get(&lumen.url("api")).await.must_be(200).html();
    assert_eq!(page.heading(), "Lumen");
    assert!(page.row("Billing worker").contains("Active"));
    assert!(!page.main_text().contains(&secret));
}

#[tokio::test]
async fn roles_and_invitations_are_what_they_are_called() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let jonas = app.member(&lumen, Role::Supervisor, "Jonas Berg").await;
    let stranger = app.unverified_user("Eve Stranger").await;
    assert!(jonas.is_verified() && !stranger.is_verified());
    assert_eq!(app.role_of(&lumen, &lumen.owner).await, Some(Role::Administrator));
    assert_eq!(app.role_of(&lumen, &jonas).await, Some(Role::Supervisor));
    assert_eq!(app.role_of(&lumen, &stranger).await, None);
    let (invitation, token) = app.invitation(&lumen, Role::User, "mara@lumen.example").await;
    assert_eq!(invitation.email, "mara@lumen.example");
    assert_eq!(app.mailed_token("mara@lumen.example").await, token);
}

#[tokio::test]
async fn only_the_mail_that_a_test_is_about_goes_out() {
    let sink = SmtpSink::start().await;
    let app = TestApp::builder().smtp(&sink).spawn().await;
    let lumen = app.lumen().await;
    app.member(&lumen, Role::User, "Jonas Berg").await;
    app.invitation(&lumen, Role::User, "mara@lumen.example").await;
    let mail = sink.wait_for_mail_to("mara@lumen.example").await;
    assert_eq!(mail.subject, "Dana Whitfield invited you to join Lumen");
    assert_eq!(sink.received().len(), 1);
}

#[tokio::test]
async fn the_ledger_tells_a_change_from_none() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    let before = app.ledger().await;
    browser.get(&lumen.url("api")).await.must_be(200);
    assert_eq!(app.ledger().await, before);
    app.api_key(&lumen, "Billing worker").await;
    assert_ne!(app.ledger().await, before);
}

#[test]
fn a_page_is_read_by_its_labels() {
    let page = Html::parse(
        r#"<main><form action="/send"><label for="a"><span>Name <span class="opt">optional</span></span></label>
        <input id="a" value="x" aria-invalid="true" aria-describedby="a-e"><p class="error" id="a-e">Enter a
        name.</p><label for="b">Why</label><textarea id="b">because</textarea><button>Save</button></form></main>"#,
    );
    assert_eq!(page.value("Name"), "x");
    assert_eq!(page.field_error("Name"), "Enter a name.");
    assert_eq!(page.value("Why"), "because");
    assert_eq!(page.try_field_error("Why"), None);
    assert_eq!(page.action("Save"), "/send");
}
