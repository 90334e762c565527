//! What those see who operate the instance of emails that do not arrive and of webhooks that fail.

use tessera::{
    domain::{
        access::Role,
        instance_access::InstanceAccess,
        outbox::{self, Class, QueuedMail},
        webhooks::{self, Attempt, AttemptOutcome},
    },
    web::urls,
};
use time::Duration;

use crate::support::{Client, TestApp};

async fn operator(app: &TestApp) -> Client {
    let olga = app.user("Olga Operator").await;
    app.appoint(&olga).await;
    app.log_in_as(&olga).await
}

async fn fail(app: &TestApp, mail: &QueuedMail, permanent: bool) {
    let (mail, now) = (mail.clone(), app.now());
    app.write(move |tx| {
        let reason = "550 5.1.1 <nobody>: user unknown";
        Ok(outbox::mark_attempt_failed(tx, &mail, reason, permanent, now)?)
    })
    .await;
}

#[tokio::test]
async fn emails_that_wait_or_failed_are_listed_without_what_they_say_and_sent_again() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = operator(&app).await;
    for mail in app.mails().await {
        let now = app.now();
        app.write(move |tx| Ok(outbox::mark_sent(tx, &mail, now)?)).await;
    }
    let (_, link) = app.invitation(&lumen, Role::User, "mara@lumen.example").await;
    app.instance_machine(InstanceAccess::Read).await;
    let page = async |state: &str| {
        let page = browser.get(&format!("/instance/email?state={state}")).await.must_be(200);
        assert!(!page.text().contains(&link), "a link of somebody else's stays out of sight");
        page.html()
    };
    let rows = page("").await.texts("#mails tbody tr");
    assert_eq!(rows.len(), 5, "{rows:?}");
    assert!(rows[4].contains("mara@lumen.example") && rows[4].contains("Lumen"), "{rows:?}");
    assert!(page("failed").await.main_text().contains("No email failed"), "nothing yet");

    let mails = app.mails().await;
    let invitation = mails.iter().find(|mail| mail.class == Class::Invitation).expect("the invitation");
    let notice = mails.iter().find(|mail| mail.class == Class::Notice).expect("the notice");
    fail(&app, invitation, false).await;
    let row = page("").await.text(&format!("#mail-{}", invitation.id));
    assert!(row.contains("user unknown"), "{row}");
    let send = |id: &str| format!("/instance/email/{id}/send");
    browser.post(&send(&invitation.id), &[]).await.must_be(303);
    let row = page("").await.text(&format!("#mail-{}", invitation.id));
    assert!(row.contains("user unknown") && row.contains(" 0 "), "tried anew: {row}");

    for mail in [invitation, notice] {
        fail(&app, mail, true).await;
    }
    let failed = page("failed").await;
    assert_eq!(page("").await.texts("#mails tbody tr").len(), 3);
    assert!(!failed.has_button("Send again"), "there is no mail server that could take it");
    let row = failed.text(&format!("#mail-{}", invitation.id));
    assert!(row.contains("Its link is gone"), "{row}");
    browser.post(&send(&invitation.id), &[]).await.must_be(404);
    let answer = browser.htmx_post(&send(&notice.id), "panel", &[]).await.must_be(200).html();
    assert_eq!(answer.toast(), "The email is being sent.");
    assert_eq!(page("").await.texts("#mails tbody tr").len(), 4);
    app.log_in_as(&lumen.owner).await.post(&send(&notice.id), &[]).await.must_be(404);
}

#[tokio::test]
async fn an_email_that_cannot_be_read_hides_no_other() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = operator(&app).await;
    app.invitation(&lumen, Role::User, "mara@lumen.example").await;
    app.invitation(&lumen, Role::User, "dot@lumen.example").await;
    app.execute("UPDATE outbox SET message = 'torn' WHERE recipient = 'dot@lumen.example'").await;
    let page = browser.get("/instance/email").await.must_be(200).html();
    let rows = page.texts("#mails tbody tr").join("\n");
    assert!(rows.contains("An email that can’t be read") && rows.contains("mara@lumen.example"), "{rows}");
}

#[tokio::test]
async fn failing_webhooks_of_all_organizations_are_listed_without_their_secrets() {
    let app = TestApp::builder().spawn().await;
    let lumen = app.lumen().await;
    let browser = operator(&app).await;
    let page = async || browser.get("/instance/webhooks").await.must_be(200).html();
    assert!(page().await.main_text().contains("No webhook is failing."));
    let (webhook, delivery) = app.webhook(&lumen, "https://receiver.invalid/hook?token=hunter2").await;
    app.execute(&format!(
        "UPDATE webhooks SET failing_since = '2026-11-22 10:00:00' WHERE id = '{}'",
        webhook.id
    ))
    .await;
    let html = page().await;
    let row = html.text(&format!("#webhook-{}", webhook.id));
    assert!(row.contains("https://receiver.invalid/hook") && row.contains("Failing"), "{row}");
    assert!(!row.contains("hunter2"), "{row}");
    assert_eq!(html.link("Lumen"), urls::instance_organization(&lumen.id));
    app.clock.advance(Duration::days(5));
    let (id, now) = (delivery.id.clone(), app.now());
    let gone =
        Attempt { outcome: AttemptOutcome::Gone, status: Some(410), response: None, retry_after: None };
    app.write(move |tx| Ok(webhooks::record_attempt(tx, &id, &gone, now)?)).await;
    let row = page().await.text(&format!("#webhook-{}", webhook.id));
    assert!(row.contains("Deactivated") && row.contains("410 (Gone)"), "{row}");
    app.remove(&lumen).await;
    assert!(
        page().await.main_text().contains("No webhook is failing."),
        "of no organization that is removed"
    );
}
