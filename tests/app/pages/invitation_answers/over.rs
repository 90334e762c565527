//! Links of invitations that are over.

use tessera::domain::{access::Role, outbox::Message, user::User};
use time::Duration;

use super::{MARA, invited};
use crate::support::{Client, Company, PASSWORD, Response, TestApp};

/// How an invitation ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Accepted,
    Declined,
    Canceled,
    Expired,
}

/// Brings the invitation to its end.
async fn end(app: &TestApp, lumen: &Company, mara: &User, id: &str, end: End) {
    let (browser, path) = match end {
        End::Accepted => (app.log_in_as(mara).await, format!("/invitations/{id}/accept")),
        End::Declined => (app.log_in_as(mara).await, format!("/invitations/{id}/decline")),
        End::Canceled => (app.log_in_as(&lumen.owner).await, lumen.url(&format!("invitations/{id}/cancel"))),
        End::Expired => return app.clock.advance(Duration::days(7)),
    };
    browser.post(&path, &[]).await.must_be(303);
}

/// Status and body without the token.
fn without_token(answer: &Response, link: &str) -> (u16, String) {
    (answer.status, answer.text().replace(link.trim_start_matches("/i/"), ""))
}

async fn open_and_try(browser: &Client, link: &str) -> Vec<(u16, String)> {
    let mut answers = vec![without_token(&browser.get(link).await, link)];
    let form = [("name", "Eve Stranger"), ("password", PASSWORD)];
    for (verb, fields) in [("accept", &[][..]), ("decline", &[]), ("renew", &[]), ("signup", &form)] {
        answers.push(without_token(&browser.post(&format!("{link}/{verb}"), fields).await, link));
    }
    answers
}

#[tokio::test]
async fn outsiders_cannot_tell_one_end_from_another() {
    for how in [End::Accepted, End::Declined, End::Canceled, End::Expired] {
        let app = TestApp::spawn().await;
        let lumen = app.lumen().await;
        let (mara, eve) = (app.user("Mara Jensen").await, app.user("Eve Stranger").await);
        let (id, mailed, copied) = invited(&app, &lumen).await;
        end(&app, &lumen, &mara, &id, how).await;
        for browser in [app.client(), app.log_in_as(&eve).await] {
            let unknown = open_and_try(&browser, "/i/unknown").await;
            assert!(unknown.iter().all(|(status, _)| *status == 404), "an unknown link");
            for link in [&mailed, &copied] {
                let tried = open_and_try(&browser, link).await;
                let statuses: Vec<u16> = tried.iter().map(|(status, _)| *status).collect();
                assert!(tried == unknown, "{how:?}: {statuses:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_invited_person_is_told_how_it_ended() {
    for (how, heading, words) in [
        (End::Accepted, "You accepted this invitation", "You’re already a member of Lumen."),
        (End::Declined, "You declined this invitation", "It was for Lumen."),
        (End::Canceled, "This invitation was canceled", "of Lumen canceled it."),
        (
            End::Expired,
            "This invitation has expired",
            "Your invitation to Lumen expired on Nov 30, 2026, 10:00 UTC.",
        ),
    ] {
        let app = TestApp::spawn().await;
        let lumen = app.lumen().await;
        let mara = app.user("Mara Jensen").await;
        let (id, mailed, copied) = invited(&app, &lumen).await;
        end(&app, &lumen, &mara, &id, how).await;
        let browser = app.log_in_as(&mara).await;
        for link in [mailed, copied] {
            let page = browser.get(&link).await.must_be(200).html();
            assert_eq!(page.heading(), heading);
            assert!(page.main_text().contains(words), "{}", page.main_text());
            let accepted = matches!(how, End::Accepted);
            assert_eq!(page.try_action("Request a new invitation").is_none(), accepted);
            assert_eq!(page.try_link("Organization Details").is_some(), accepted);
            assert_eq!(browser.post(&format!("{link}/accept"), &[]).await.must_be(303).location(), link);
        }
        let is_member = app.role_of(&lumen, &mara).await.is_some();
        assert_eq!(is_member, matches!(how, End::Accepted));
    }
}

#[tokio::test]
async fn an_invitation_works_until_its_last_second() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, link, _) = invited(&app, &lumen).await;
    app.clock.advance(Duration::days(7) - Duration::SECOND);
    app.client().get(&link).await.must_be(200);
    app.clock.advance(Duration::SECOND);
    app.client().get(&link).await.must_be(404);
}

#[tokio::test]
async fn a_new_invitation_is_asked_for_once_a_day() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let ada = app.member(&lumen, Role::Administrator, "Ada Berg").await;
    app.member(&lumen, Role::Supervisor, "Sam Berg").await;
    let mara = app.user("Mara Jensen").await;
    let (_, link, _) = invited(&app, &lumen).await;
    app.clock.advance(Duration::days(8));
    let browser = app.log_in_as(&mara).await;
    let mails = app.mails().await.len();
    let renew = browser.get(&link).await.html().action("Request a new invitation");
    for (words, queued) in
        [("New invitation to Lumen requested", 2), ("already requested a new invitation", 2)]
    {
        let answer = browser.post(&renew, &[]).await.must_be(303);
        let page = browser.follow(&answer).await.html();
        assert!(page.toast().contains(words), "{}", page.toast());
        assert_eq!(app.mails().await.len(), mails + queued, "one for each administrator");
    }
    for administrator in [&lumen.owner, &ada] {
        let mail = app.mail_to(&administrator.email).await;
        assert!(
            matches!(&mail.message, Message::RenewalAsked { invited, .. } if invited == MARA),
            "{mail:?}"
        );
    }
    app.clock.advance(Duration::days(1));
    browser.post(&renew, &[]).await.must_be(303);
    assert_eq!(app.mails().await.len(), mails + 4);
}

#[tokio::test]
async fn an_open_invitation_needs_no_renewal() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let mara = app.user("Mara Jensen").await;
    let (_, link, _) = invited(&app, &lumen).await;
    let browser = app.log_in_as(&mara).await;
    let before = app.ledger().await;
    assert_eq!(browser.post(&format!("{link}/renew"), &[]).await.must_be(303).location(), link);
    assert_eq!(app.ledger().await, before);
}
