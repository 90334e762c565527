//! Sign up, confirm the address, log in, choose a new password.

use tessera::domain::{accounts, email::EmailAddress, outbox::Message};
use time::Duration;
use tokio::task::JoinSet;

use crate::support::{Client, PASSWORD, Response, TestApp, address_of, until};

const NEW_PASSWORD: &str = "ninety blue herons over the pier";

async fn sign_up(browser: &Client, name: &str, password: &str) -> Response {
    let email = address_of(name);
    browser.post("/signup", &[("name", name), ("email", &email), ("password", password)]).await
}

async fn log_in(browser: &Client, name: &str, password: &str) -> Response {
    browser.post("/login", &[("email", &address_of(name)), ("password", password)]).await
}

/// What is done after an answer may take a moment.
async fn wait_for_mails(app: &TestApp, number: usize) {
    until(async || app.mails().await.len() == number).await;
}

#[tokio::test]
async fn a_newcomer_signs_up_confirms_and_is_logged_in() {
    let app = TestApp::spawn().await;
    let browser = app.client();
    let answer = browser
        .post(
            "/signup",
            &[
                ("name", "Dana Whitfield"),
                ("email", "Dana@Lumen.Example"),
                ("password", PASSWORD),
                ("next", "/docs"),
            ],
        )
        .await
        .must_be(303);
    let page = browser.follow(&answer).await.must_be(200).html();
    assert_eq!(page.heading(), "Check your email");
    assert!(page.main_text().contains("dana@lumen.example"));

    let link = format!("/verify-email/{}", app.mailed_token("dana@lumen.example").await);
    let page = browser.get(&link).await.must_be(200).html();
    assert_eq!(page.action("Confirm email"), link);
    let answer = browser.post(&link, &[("password", PASSWORD)]).await.must_be(303);
    assert_eq!(answer.location(), "/docs");
    assert_eq!(browser.follow(&answer).await.html().toast(), "Email confirmed");
    browser.get("/account").await.must_be(200);
    assert_eq!(browser.get(&link).await.must_be(404).html().heading(), "This link no longer works");
}

#[tokio::test]
async fn the_browser_that_signed_up_confirms_with_one_click_and_another_one_by_the_password() {
    let app = TestApp::spawn().await;
    let (own, other) = (app.client(), app.client());
    sign_up(&own, "Dana Whitfield", PASSWORD).await.must_be(303);
    let link = format!("/verify-email/{}", app.mailed_token(&address_of("Dana Whitfield")).await);

    let page = other.get(&link).await.must_be(200).html();
    assert!(page.main_text().contains("This isn’t the browser you signed up in"), "{}", page.main_text());
    other.post(&link, &[]).await.must_be(422);
    assert!(!own.get(&link).await.must_be(200).html().has("input[type=password]"), "nothing is asked for");
    let answer = own.post(&link, &[]).await.must_be(303);
    assert_eq!(own.follow(&answer).await.must_be(200).html().toast(), "Email confirmed");
    own.get("/account").await.must_be(200);
}

/// What the browser keeps tells of the password that was typed there, and of no other.
#[tokio::test]
async fn after_another_sign_up_with_the_address_the_first_browser_is_asked_too() {
    let app = TestApp::spawn().await;
    let (first, second) = (app.client(), app.client());
    sign_up(&first, "Dana Whitfield", PASSWORD).await.must_be(303);
    sign_up(&second, "Dana Whitfield", NEW_PASSWORD).await.must_be(303);
    let link = format!("/verify-email/{}", app.mailed_token(&address_of("Dana Whitfield")).await);
    first.post(&link, &[]).await.must_be(422);
    first.post(&link, &[("password", PASSWORD)]).await.must_be(422);
    second.post(&link, &[]).await.must_be(303);
    second.get("/account").await.must_be(200);

    // Of an account that is there already a sign-up tells nothing.
    let guesser = app.client();
    sign_up(&guesser, "Dana Whitfield", PASSWORD).await.must_be(303);
    assert_ne!(guesser.get("/account").await.status, 200);
}

#[tokio::test]
async fn where_no_email_can_be_sent_the_page_says_so() {
    let app = TestApp::builder().flag("--public-url", "http://keys.lumen.example:8080").spawn().await;
    let browser = app.client();
    let answer = sign_up(&browser, "Dana Whitfield", PASSWORD).await.must_be(303);
    let text = browser.follow(&answer).await.must_be(200).html().main_text();
    assert!(text.contains("isn’t set up to send email") && !text.contains("We sent"), "{text}");
}

#[tokio::test]
async fn a_wrong_sign_up_keeps_what_was_typed_but_no_password() {
    let app = TestApp::spawn().await;
    let form = [("name", "Dana"), ("email", "nowhere"), ("password", "short")];
    let page = app.client().post("/signup", &form).await.must_be(422).html();
    assert!(page.title().starts_with("Error:"), "{}", page.title());
    assert!(page.field_error("Work email").contains("email"));
    assert!(page.field_error("Password").contains("15"));
    assert_eq!((page.value("Full name"), page.value("Work email")), ("Dana".into(), "nowhere".into()));
    assert_eq!(page.value("Password"), "");
    let unknown = [("name", "Dana"), ("role", "administrator")];
    app.client().post("/signup", &unknown).await.must_be(400);
}

#[tokio::test]
async fn a_password_made_of_the_brand_and_the_name_is_refused() {
    let app = TestApp::builder().brand("Lumenworks").spawn().await;
    let page = sign_up(&app.client(), "Dana Whitfield", "LumenworksWhitfield1").await.must_be(422).html();
    assert!(page.field_error("Password").contains("Lumenworks"));
    assert!(app.mails().await.is_empty());
}

#[tokio::test]
async fn a_known_address_is_answered_like_an_unknown_one() {
    let app = TestApp::spawn().await;
    app.user("Dana Whitfield").await;
    let (stranger, guesser) = (app.client(), app.client());
    let unknown = sign_up(&stranger, "Nobody Here", PASSWORD).await.must_be(303);
    let known = sign_up(&guesser, "Dana Whitfield", PASSWORD).await.must_be(303);
    assert_eq!(unknown.location(), known.location());
    let unknown = stranger.follow(&unknown).await.html().main_text();
    let known = guesser.follow(&known).await.html().main_text();
    let (nobody, dana) = (address_of("Nobody Here"), address_of("Dana Whitfield"));
    assert_eq!(unknown.replace(&nobody, ""), known.replace(&dana, ""));
    assert!(matches!(app.mail_to(&dana).await.message, Message::AccountExists { .. }));

    let unknown = log_in(&app.client(), "Nobody There", "x").await.must_be(422).html().main_text();
    let known = log_in(&app.client(), "Dana Whitfield", "x").await.must_be(422).html().main_text();
    assert_eq!(unknown, known);
    assert!(known.contains("Incorrect email or password."));
}

#[tokio::test]
async fn a_stranger_who_signed_up_first_keeps_nothing() {
    let app = TestApp::spawn().await;
    let stranger = app.client();
    sign_up(&stranger, "Dana Whitfield", PASSWORD).await.must_be(303);
    log_in(&stranger, "Dana Whitfield", PASSWORD).await.must_be(303);

    let dana = app.client();
    let link = format!("/verify-email/{}", app.mailed_token(&address_of("Dana Whitfield")).await);
    dana.post(&link, &[]).await.must_be(422);
    let page = dana.post(&link, &[("password", NEW_PASSWORD)]).await.must_be(422).html();
    assert!(page.field_error("Password").contains("Incorrect password"));
    let answer = dana.post(&link, &[("new_password", NEW_PASSWORD)]).await.must_be(303);
    assert!(dana.destination(&answer).await.starts_with("/login"));

    assert!(stranger.get("/account").await.location().starts_with("/login"));
    log_in(&stranger, "Dana Whitfield", PASSWORD).await.must_be(422);
    log_in(&dana, "Dana Whitfield", NEW_PASSWORD).await.must_be(303);
    dana.get("/account").await.must_be(200);
}

#[tokio::test]
async fn a_sign_up_that_came_in_between_makes_a_password_void() {
    let app = TestApp::spawn().await;
    let email = address_of("Dana Whitfield");
    sign_up(&app.client(), "Dana Whitfield", PASSWORD).await.must_be(303);
    let token = app.mailed_token(&email).await;
    let address = EmailAddress::parse(&email).expect("an address");
    let shown = app
        .read(move |connection| Ok(accounts::credentials(connection, &address)?.expect("the account")))
        .await
        .password_hash;
    sign_up(&app.client(), "Dana Whitfield", NEW_PASSWORD).await.must_be(303);
    let now = app.now();
    let verified = app
        .write(move |tx| {
            let shown = accounts::SignedUp::Password(shown);
            Ok(accounts::verify_email(tx, &token, &shown, None, now).is_ok())
        })
        .await;
    assert!(!verified);
}

#[tokio::test]
async fn an_unverified_account_gets_a_clear_page_and_three_mails() {
    let app = TestApp::spawn().await;
    let eve = app.unverified_user("Eve Stranger").await;
    let browser = app.client();
    let answer = log_in(&browser, "Eve Stranger", PASSWORD).await.must_be(303);
    assert_eq!(browser.destination(&answer).await, "/verify-email");
    assert_eq!(browser.get("/account").await.location(), "/verify-email");
    for expected in ["less than a minute ago", "Email sent", "Email sent", "several emails"] {
        let answer = browser.post("/verify-email/resend", &[]).await.must_be(303);
        let page = browser.follow(&answer).await.html();
        assert!(page.toast().contains(expected), "{}", page.toast());
        assert!(page.has_button("Resend email") && page.has_button("Log out"));
        app.clock.advance(Duration::MINUTE);
    }
    let link = format!("/verify-email/{}", app.mailed_token(&eve.email).await);
    browser.get(&link).await.must_be(200);
    assert_eq!(browser.get("/account").await.location(), "/verify-email", "GET changes nothing");
    browser.post(&link, &[]).await.must_be(303);
    browser.get("/account").await.must_be(200);
    assert_eq!(browser.get("/verify-email").await.location(), "/orgs");
}

#[tokio::test]
async fn a_link_for_a_new_password_works_once_and_ends_every_session() {
    let app = TestApp::spawn().await;
    let dana = app.user("Dana Whitfield").await;
    let elsewhere = app.log_in_as(&dana).await;
    let mails = app.mails().await.len();
    let browser = app.client();
    for email in ["nobody@lumen.example", dana.email.as_str()] {
        let answer = browser.post("/forgot-password", &[("email", email)]).await.must_be(303);
        let page = browser.follow(&answer).await.html();
        assert_eq!(page.heading(), "Check your email");
        assert!(page.main_text().contains(&format!("If {email} has an account")));
    }
    wait_for_mails(&app, mails + 1).await;
    let link = format!("/reset-password/{}", app.mailed_token(&dana.email).await);
    assert_eq!(browser.get(&link).await.header("referrer-policy"), "strict-origin");
    let page = browser.post(&link, &[("password", "passwordpassword")]).await.must_be(422).html();
    assert!(page.field_error("New password").contains("common"));
    let answer = browser.post(&link, &[("password", NEW_PASSWORD)]).await.must_be(303);
    assert_eq!(answer.location(), "/login");
    let page = browser.follow(&answer).await.html();
    assert!(page.toast().contains("Password changed"), "not logged in by itself");
    assert!(elsewhere.get("/account").await.location().starts_with("/login"));
    log_in(&browser, "Dana Whitfield", PASSWORD).await.must_be(422);
    log_in(&browser, "Dana Whitfield", NEW_PASSWORD).await.must_be(303);
    browser.post(&link, &[("password", PASSWORD)]).await.must_be(404);
}

#[tokio::test]
async fn a_link_is_over_after_its_time() {
    let app = TestApp::spawn().await;
    sign_up(&app.client(), "Dana Whitfield", PASSWORD).await.must_be(303);
    let link = format!("/verify-email/{}", app.mailed_token(&address_of("Dana Whitfield")).await);
    app.clock.advance(Duration::hours(25));
    let page = app.client().post(&link, &[("password", PASSWORD)]).await.must_be(404).html();
    assert_eq!(page.action("Resend email"), "/verify-email/resend");
}

#[tokio::test]
async fn a_strangers_failures_do_not_lock_a_known_browser_out() {
    let app = TestApp::builder().flag("--trusted-proxies", "127.0.0.1").spawn().await;
    app.user("Dana Whitfield").await;
    let dana = app.client();
    log_in(&dana, "Dana Whitfield", PASSWORD).await.must_be(303);
    dana.post("/logout", &[]).await.must_be(303);
    let form = [("email", "dana.whitfield@lumen.example"), ("password", "x"), ("next", "/docs")];
    let mut last = None;
    for number in 0..11 {
        let request = app.client().request("POST", "/login").form(&form);
        last = Some(request.header("x-forwarded-for", &format!("192.0.2.{number}")).send().await);
    }
    let refused = last.expect("an answer").must_be(429);
    assert!(!refused.header("retry-after").is_empty());
    let page = refused.html();
    assert!(page.main_text().contains("Too many attempts"), "{}", page.main_text());
    assert_eq!(page.value("Email"), "dana.whitfield@lumen.example");
    assert_eq!(page.hidden("next"), "/docs");
    log_in(&dana, "Dana Whitfield", PASSWORD).await.must_be(303);
}

/// A log-in that compared the password before it was changed, and begins its session after.
#[tokio::test]
async fn no_log_in_with_the_password_before_outlives_a_reset() {
    const AT_ONCE: usize = 6;
    let app = TestApp::spawn().await;
    let dana = app.user("Dana Whitfield").await;
    let (mut old, mut new) = (PASSWORD, NEW_PASSWORD);
    for round in 0..3 {
        let owner = app.client();
        let mails = app.mails().await.len();
        owner.post("/forgot-password", &[("email", &dana.email)]).await.must_be(303);
        wait_for_mails(&app, mails + 1).await;
        let link = format!("/reset-password/{}", app.mailed_token(&dana.email).await);
        let mut tries = JoinSet::new();
        for _ in 0..AT_ONCE {
            let thief = app.client();
            tries.spawn(async move {
                log_in(&thief, "Dana Whitfield", old).await;
                thief
            });
        }
        owner.post(&link, &[("password", new)]).await.must_be(303);
        for thief in tries.join_all().await {
            assert!(thief.get("/account").await.location().starts_with("/login"), "round {round}");
        }
        log_in(&app.client(), "Dana Whitfield", old).await.must_be(422);
        log_in(&app.client(), "Dana Whitfield", new).await.must_be(303);
        (old, new) = (new, old);
        app.clock.advance(Duration::hours(1));
    }
}

#[tokio::test]
async fn a_log_in_gets_a_new_session_and_leads_nowhere_else() {
    let app = TestApp::spawn().await;
    app.user("Dana Whitfield").await;
    let browser = app.client();
    browser.post("/forgot-password", &[("email", "nobody@lumen.example")]).await.must_be(303);
    let before = browser.cookie(crate::support::SESSION_COOKIE);
    let email = address_of("Dana Whitfield");
    let form = [("email", email.as_str()), ("password", PASSWORD), ("next", "//evil.example")];
    assert_eq!(browser.post("/login", &form).await.must_be(303).location(), "/orgs");
    assert!(before.is_some() && browser.cookie(crate::support::SESSION_COOKIE) != before);
    assert_eq!(browser.get("/login?next=/docs").await.must_be(303).location(), "/docs");
    assert_eq!(browser.post("/logout", &[]).await.must_be(303).location(), "/");
    assert_eq!(browser.get("/account").await.location(), "/login?next=%2Faccount");
}
