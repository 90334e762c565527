//! What is done with an invitation that waits for an answer.

use tessera::domain::access::Role;
use time::Duration;

use super::{invite, outcomes};
use crate::{
    smtp::SmtpSink,
    support::{Client, Company, TestApp},
};

#[tokio::test]
async fn a_mail_goes_out_again_after_a_minute() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, first) = app.invitation(&lumen, Role::User, "mara@lumen.example").await;
    let browser = app.log_in_as(&lumen.owner).await;
    let resend = browser.get(&lumen.url("users")).await.html().action("Resend");
    let mails = app.mails().await.len();
    app.clock.advance(Duration::seconds(59));
    let answer = browser.post(&resend, &[]).await.must_be(303);
    assert!(browser.follow(&answer).await.html().toast().contains("less than a minute ago"));
    let panel = browser.htmx_post(&resend, "panel", &[]).await.must_be(200).html();
    assert!(panel.toast().contains("less than a minute ago"));
    assert_eq!(app.mails().await.len(), mails);

    app.clock.advance(Duration::SECOND);
    let answer = browser.post(&resend, &[]).await.must_be(303);
    let page = browser.follow(&answer).await.html();
    assert_eq!(page.toast(), "Invitation resent to mara@lumen.example");
    let second = app.mailed_token("mara@lumen.example").await;
    assert_ne!(first, second);
    app.clock.advance(Duration::days(7) - Duration::SECOND);
    for token in [first, second] {
        app.client().get(&format!("/i/{token}")).await.must_be(200);
    }
    let panel = app.log_in_as(&lumen.owner).await.htmx_post(&resend, "panel", &[]).await.must_be(200).html();
    assert!(
        panel.toast().contains("Invitation resent to mara@lumen.example")
            && panel.has("#pending")
            && !panel.has("h1")
    );
}

#[tokio::test]
async fn a_link_is_shown_once_and_told_of_in_the_trail() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (invitation, _) = app.invitation(&lumen, Role::User, "mara@lumen.example").await;
    let browser = app.log_in_as(&lumen.owner).await;
    let copy = browser.get(&lumen.url("users")).await.html().action("Copy link");
    let answer = browser.post(&copy, &[]).await.must_be(200);
    assert_eq!(
        (answer.html().heading(), answer.html().dialog_title()),
        ("Lumen".into(), "Invitation link".into())
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    let link = answer.html().text("#secret");
    assert!(link.starts_with("http://localhost:8080/i/"), "{link}");
    browser.get(&link).await.must_be(200);
    assert!(!browser.get(&lumen.url("users")).await.text().contains(&link));
    let dialog = browser.htmx_post(&copy, "dialog-slot", &[]).await.must_be(200).html();
    assert!(dialog.text("#secret") != link && !dialog.has("h1"));
    let copied = format!(
        "SELECT action AS text FROM audit_events WHERE subject_id = '{}' AND action LIKE '%copied'",
        invitation.id
    );
    assert_eq!(app.query(&copied).await.len(), 2);
}

#[tokio::test]
async fn an_invitation_is_canceled_with_its_links() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    let (_, mara) = app.invitation(&lumen, Role::User, "mara@lumen.example").await;
    let cancel = browser.get(&lumen.url("users")).await.html().action("Cancel invitation");
    let answer = browser.post(&cancel, &[]).await.must_be(303);
    let page = browser.follow(&answer).await.html();
    assert_eq!(page.toast(), "Invitation to mara@lumen.example canceled");
    assert!(!page.has("#pending"));
    app.client().get(&format!("/i/{mara}")).await.must_be(404);
    for verb in ["cancel", "resend", "link"] {
        browser.post(&cancel.replace("cancel", verb), &[]).await.must_be(404);
    }
    let (ines, token) = app.invitation(&lumen, Role::User, "ines@lumen.example").await;
    let cancel = lumen.url(&format!("invitations/{}/cancel", ines.id));
    let panel = browser.htmx_post(&cancel, "panel", &[]).await.must_be(200).html();
    assert!(panel.toast().contains("ines@lumen.example canceled") && !panel.has("#pending, h1"));
    app.client().get(&format!("/i/{token}")).await.must_be(404);
}

#[tokio::test]
async fn ends_that_are_near_or_over_are_pointed_out() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    app.invitation(&lumen, Role::User, "mara@lumen.example").await;
    for (days, badge) in [(4, None), (2, Some("Expires tomorrow")), (1, Some("Expired"))] {
        app.clock.advance(Duration::days(days));
        let page = app.log_in_as(&lumen.owner).await.get(&lumen.url("users")).await.html();
        let badges = page.texts("#pending .badge");
        assert_eq!(badges.first().map(String::as_str), badge);
    }
    let browser = app.log_in_as(&lumen.owner).await;
    let page = invite(&browser, &lumen, "user", "mara@lumen.example").await.must_be(200).html();
    assert_eq!(outcomes(&page), ["mara@lumen.example Sent"], "an expired one is in nobody's way");
}

/// What the list says of the invitation to `email` once that holds.
async fn row_once(browser: &Client, company: &Company, email: &str, words: &str) -> String {
    let mut row = String::new();
    for _ in 0..600 {
        let page = browser.get(&company.url("users")).await.must_be(200).html();
        row = page.row(email);
        if row.contains(words) {
            return row;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("not “{words}” but {row}");
}

#[tokio::test]
async fn the_list_tells_what_became_of_the_mail() {
    let sink = SmtpSink::start().await;
    sink.refuse_next(1, "550 5.1.1 no such user");
    let app = TestApp::builder().smtp(&sink).spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    invite(&browser, &lumen, "user", "mara@lumen.example").await.must_be(200);
    let row = row_once(&browser, &lumen, "mara@lumen.example", "Failed").await;
    assert!(row.contains("no such user"), "{row}");
    app.clock.advance(Duration::minutes(2));
    let resend = browser.get(&lumen.url("users")).await.html().action("Resend");
    browser.post(&resend, &[]).await.must_be(303);
    let row = row_once(&browser, &lumen, "mara@lumen.example", "Sent").await;
    assert!(!row.contains("no such user"), "{row}");
    assert_eq!(
        sink.wait_for_mail_to("mara@lumen.example").await.subject,
        "Dana Whitfield invited you to join Lumen"
    );
}
