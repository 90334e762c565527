//! The page behind an invitation's link, and the three ways to accept.

mod over;

use tessera::domain::access::Role;

use crate::support::{Company, PASSWORD, TestApp};

const MARA: &str = "mara.jensen@lumen.example";

/// The link that a supervisor copies for the pending invitation with this id.
pub(super) async fn copied_link(app: &TestApp, company: &Company, invitation_id: &str) -> String {
    let browser = app.log_in_as(&company.owner).await;
    let copy = company.url(&format!("invitations/{invitation_id}/link"));
    let page = browser.post(&copy, &[]).await.must_be(200).html();
    let url = page.text("#secret");
    url.strip_prefix("http://localhost:8080").expect("a link of this server").to_owned()
}

/// An invitation for Mara, with its id and the mailed and the copied link.
async fn invited(app: &TestApp, company: &Company) -> (String, String, String) {
    let (invitation, token) = app.invitation(company, Role::Supervisor, MARA).await;
    let copied = copied_link(app, company, &invitation.id).await;
    (invitation.id, format!("/i/{token}"), copied)
}

#[tokio::test]
async fn a_mailed_link_makes_the_account_and_accepts() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, link, _) = invited(&app, &lumen).await;
    let browser = app.client();
    let answer = browser.get(&link).await.must_be(200);
    assert_eq!(answer.header("referrer-policy"), "strict-origin");
    let page = answer.html();
    assert_eq!(page.heading(), "Join Lumen");
    assert!(page.main_text().contains("Dana Whitfield invited you to join as a Supervisor"));
    assert_eq!(page.value("Email"), MARA);
    assert!(page.has_button("Accept") && page.has_button("Decline"));

    let mails = app.mails().await.len();
    let form = [("name", "Mara Jensen"), ("password", PASSWORD)];
    let answer = browser.post(&page.action("Accept"), &form).await.must_be(303);
    let page = browser.follow(&answer).await.must_be(200).html();
    assert_eq!(page.toast(), "You joined Lumen");
    assert!(page.row("Mara Jensen").contains("Supervisor"));
    assert_eq!(app.mails().await.len(), mails, "the link proved the address already");
    let elsewhere = app.client();
    let again = elsewhere.post("/login", &[("email", MARA), ("password", PASSWORD)]).await.must_be(303);
    assert_eq!(elsewhere.destination(&again).await, "/orgs");
    app.client().post(&format!("{link}/signup"), &form).await.must_be(404);
}

#[tokio::test]
async fn a_mailed_link_leads_an_account_through_the_log_in() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, link, _) = invited(&app, &lumen).await;
    let mara = app.user("Mara Jensen").await;
    let browser = app.client();
    let page = browser.get(&link).await.must_be(200).html();
    assert!(!page.has_button("Accept"));
    let log_in = browser.get(&page.link("Log in to accept")).await.must_be(200).html();
    assert_eq!(log_in.hidden("next"), link);
    let form = [("email", MARA), ("password", PASSWORD), ("next", &link)];
    let answer = browser.post("/login", &form).await.must_be(303);
    let page = browser.follow(&answer).await.must_be(200).html();
    let answer = browser.post(&page.action("Accept"), &[]).await.must_be(303);
    assert_eq!(browser.destination(&answer).await, lumen.url("users"));
    assert_eq!(app.role_of(&lumen, &mara).await, Some(Role::Supervisor));
}

#[tokio::test]
async fn a_copied_link_serves_the_invited_account_alone() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, _, link) = invited(&app, &lumen).await;
    let nobody = app.client().get(&link).await.must_be(200);
    assert!(!nobody.text().contains(MARA), "a copied link may be in any hands");
    assert!(nobody.html().try_link("Sign up").is_some());
    let mara = app.user("Mara Jensen").await;
    let with_account = app.client().get(&link).await.must_be(200);
    assert_eq!(nobody.text(), with_account.text(), "it tells nobody who has an account");

    let browser = app.log_in_as(&mara).await;
    let page = browser.get(&link).await.must_be(200).html();
    browser.post(&page.action("Accept"), &[]).await.must_be(303);
    assert_eq!(app.role_of(&lumen, &mara).await, Some(Role::Supervisor));
}

#[tokio::test]
async fn a_copied_link_never_works_for_anybody_else() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (id, _, link) = invited(&app, &lumen).await;
    let eve = app.user("Eve Stranger").await;
    let unproven = app.unverified_user("Mara Jensen").await;
    let form = [("name", "Eve Stranger"), ("password", PASSWORD)];
    let before = app.ledger().await;
    for browser in [app.client(), app.log_in_as(&eve).await, app.log_in_as(&unproven).await] {
        let page = browser.get(&link).await.must_be(200);
        assert!(!page.html().has_button("Accept") && !page.html().has_button("Decline"));
        for (verb, fields) in [("accept", &[][..]), ("decline", &[]), ("renew", &[]), ("signup", &form)] {
            let answer = browser.post(&format!("{link}/{verb}"), fields).await.must_be(303);
            assert_eq!(answer.location(), link, "{verb}");
        }
    }
    let stranger = app.log_in_as(&eve).await;
    let page = stranger.get(&link).await;
    assert!(page.html().main_text().contains("for another email") && !page.text().contains(MARA));
    stranger.post(&format!("/invitations/{id}/accept"), &[]).await.must_be(404);
    assert_eq!(app.ledger().await, before);
}

#[tokio::test]
async fn somebody_else_switches_accounts() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, mailed, copied) = invited(&app, &lumen).await;
    let eve = app.user("Eve Stranger").await;
    let browser = app.log_in_as(&eve).await;
    let page = browser.get(&mailed).await.must_be(200).html();
    assert!(page.main_text().contains(&format!("It was sent to {MARA}. You’re logged in as {}", eve.email)));
    browser.post(&format!("{mailed}/accept"), &[]).await.must_be(303);
    browser.post(&format!("{mailed}/decline"), &[]).await.must_be(303);
    assert_eq!(app.role_of(&lumen, &eve).await, None);
    let answer = browser.post(&page.action("Switch account"), &[]).await.must_be(303);
    assert_eq!(answer.location(), mailed, "there is no account yet");
    assert!(browser.get(&mailed).await.html().has_button("Accept"));
    assert!(browser.get("/account").await.location().starts_with("/login"));

    app.user("Mara Jensen").await;
    for link in [mailed, copied] {
        let browser = app.log_in_as(&eve).await;
        let answer = browser.post(&format!("{link}/switch"), &[]).await.must_be(303);
        assert!(answer.location().starts_with("/login?next=%2Fi%2F"), "{}", answer.location());
    }
}

#[tokio::test]
async fn a_sign_up_that_needs_a_change_keeps_the_name() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, link, _) = invited(&app, &lumen).await;
    let sign_up = format!("{link}/signup");
    let before = app.ledger().await;
    let form = [("name", "Mara"), ("password", "short")];
    let page = app.client().post(&sign_up, &form).await.must_be(422).html();
    assert!(page.title().starts_with("Error:"), "{}", page.title());
    assert!(page.field_error("Password").contains("15"));
    assert_eq!((page.value("Full name"), page.value("Password")), ("Mara".into(), String::new()));
    let page =
        app.client().post(&sign_up, &[("name", " "), ("password", PASSWORD)]).await.must_be(422).html();
    assert_eq!(page.field_error("Full name"), "Enter a name.");
    let foreign = [("name", "Mara"), ("password", PASSWORD), ("role", "administrator")];
    app.client().post(&sign_up, &foreign).await.must_be(400);
    assert_eq!(app.ledger().await, before);
}

#[tokio::test]
async fn whoever_signed_up_with_the_address_before_keeps_nothing() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, link, _) = invited(&app, &lumen).await;
    let squatter = app.log_in_as(&app.unverified_user("Mara Jensen").await).await;
    let password = "ninety blue herons over the pier";
    let form = [("name", "Mara J."), ("password", password)];
    app.client().post(&format!("{link}/signup"), &form).await.must_be(303);
    assert!(squatter.get("/orgs").await.location().starts_with("/login"));
    let log_in =
        async |password| app.client().post("/login", &[("email", MARA), ("password", password)]).await;
    log_in(PASSWORD).await.must_be(422);
    log_in(password).await.must_be(303);
}

#[tokio::test]
async fn the_mailed_secret_is_enough_to_decline() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, link, _) = invited(&app, &lumen).await;
    let before = app.ledger().await;
    let page = app.client().get(&link).await.must_be(200).html();
    assert_eq!(app.ledger().await, before, "mail scanners open links, too");
    let browser = app.client();
    let answer = browser.post(&page.action("Decline"), &[]).await.must_be(303);
    assert_eq!(browser.destination(&answer).await, "/");
    app.client().get(&link).await.must_be(404);
    let users = app.log_in_as(&lumen.owner).await.get(&lumen.url("users")).await.html();
    assert!(!users.has("#pending"));
}
