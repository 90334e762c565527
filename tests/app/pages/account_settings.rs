//! Name, password and log-ins of an account.

use tessera::domain::sessions;

use crate::support::{PASSWORD, TestApp};

const NEW_PASSWORD: &str = "ninety blue herons over the pier";

#[tokio::test]
async fn a_new_name_is_shown_at_once() {
    let app = TestApp::spawn().await;
    let dana = app.user("Dana Whitfield").await;
    let browser = app.log_in_as(&dana).await;
    let page = browser.get("/account").await.must_be(200).html();
    assert_eq!(page.value("Full name"), "Dana Whitfield");
    let page = browser.post("/account/name", &[("name", " ")]).await.must_be(422).html();
    assert_eq!(page.field_error("Full name"), "Enter a name.");
    let answer = browser.post("/account/name", &[("name", "Dana W. Okafor")]).await.must_be(303);
    let page = browser.follow(&answer).await.html();
    assert_eq!(page.toast(), "Name updated");
    assert!(page.text(".user-btn").contains("Dana W. Okafor"));
}

#[tokio::test]
async fn a_new_password_needs_the_present_one_and_ends_other_log_ins() {
    let app = TestApp::spawn().await;
    let dana = app.user("Dana Whitfield").await;
    let (here, elsewhere) = (app.log_in_as(&dana).await, app.log_in_as(&dana).await);
    let wrong = [("current_password", "another one"), ("new_password", NEW_PASSWORD)];
    let page = here.post("/account/password", &wrong).await.must_be(422).html();
    assert!(page.field_error("Current password").contains("Incorrect password"));
    let short = [("current_password", PASSWORD), ("new_password", "short")];
    let page = here.post("/account/password", &short).await.must_be(422).html();
    assert!(page.field_error("New password").contains("15"));
    elsewhere.get("/account").await.must_be(200);

    let right = [("current_password", PASSWORD), ("new_password", NEW_PASSWORD)];
    here.post("/account/password", &right).await.must_be(303);
    here.get("/account").await.must_be(200);
    assert!(elsewhere.get("/account").await.location().starts_with("/login"));
    let mail = app.mail_to(&dana.email).await;
    assert!(format!("{:?}", mail.message).starts_with("PasswordChanged"));
}

#[tokio::test]
async fn guesses_at_the_present_password_are_counted() {
    let app = TestApp::spawn().await;
    let dana = app.user("Dana Whitfield").await;
    let browser = app.log_in_as(&dana).await;
    let wrong = [("current_password", "another one"), ("new_password", NEW_PASSWORD)];
    for _ in 0..10 {
        browser.post("/account/password", &wrong).await.must_be(422);
    }
    let refused = browser.post("/account/password", &wrong).await.must_be(429);
    assert!(!refused.header("retry-after").is_empty());
    assert!(refused.html().field_error("Current password").contains("Too many attempts"));
}

#[tokio::test]
async fn log_ins_elsewhere_are_ended_one_by_one_or_together() {
    let app = TestApp::spawn().await;
    let dana = app.user("Dana Whitfield").await;
    let jonas = app.user("Jonas Berg").await;
    let here = app.log_in_as(&dana).await;
    let (phone, tablet) = (app.log_in_as(&dana).await, app.log_in_as(&dana).await);
    let stranger = app.log_in_as(&jonas).await;
    let page = here.get("/account").await.html();
    let actions = page.attributes("form[action^='/account/sessions/']", "action");
    assert_eq!(actions.len(), 4, "{actions:?}");

    let owner = dana.clone();
    let now = app.now();
    let sessions = app.read(move |connection| Ok(sessions::of_user(connection, &owner, now)?)).await;
    let newest = sessions.iter().map(|session| session.id.clone()).max().expect("a log-in");
    let end = format!("/account/sessions/{newest}/end");
    stranger.post(&end, &[]).await.must_be(404);
    tablet.get("/account").await.must_be(200);
    here.post(&end, &[]).await.must_be(303);
    tablet.get("/account").await.must_be(303);
    phone.get("/account").await.must_be(200);
    here.post("/account/sessions/end-others", &[]).await.must_be(303);
    phone.get("/account").await.must_be(303);
    here.get("/account").await.must_be(200);
    stranger.get("/account").await.must_be(200);
}
