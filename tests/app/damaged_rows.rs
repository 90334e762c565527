//! Rows that cannot be read: each is an error of its own, never a default, and stops nothing else.

use tessera::domain::{access::Role, key_settings::KeySettings, token_access::TokenAccess};

use crate::{
    pages::key_rotation::rotate,
    smtp::SmtpSink,
    support::{Company, START, TestApp, until},
    verification::{Ground, auth},
};

#[tokio::test]
async fn mails_that_cannot_be_read_are_given_up_and_hold_up_no_other() {
    let sink = SmtpSink::start().await;
    let app = TestApp::builder().smtp(&sink).spawn().await;
    // More than one batch of the worker, and due before any other mail.
    app.execute(
        "WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < 59)
         INSERT INTO outbox (id, recipient, message, state, next_attempt_at, created_at)
         SELECT '0000-' || n, 'nobody@lumen.example', '{\"kind\":\"of_a_later_version\"}', 'queued',
                '2026-01-01 00:00:00', '2026-01-01 00:00:00'
         FROM number",
    )
    .await;
    let lumen = app.lumen().await;
    app.invitation(&lumen, Role::User, "mara@lumen.example").await;

    sink.wait_for(1).await;
    assert!(sink.received().iter().all(|mail| mail.is_to("mara@lumen.example")));
    let given_up = "SELECT id AS text FROM outbox WHERE state = 'failed' AND last_error LIKE '%of_a_later%'";
    until(async || app.query(given_up).await.len() == 60).await;
}

/// Forty keys with these columns. All but one have networks that cannot be read, and their ids come
/// first; tells the id of that one.
async fn damaged_keys(app: &TestApp, lumen: &Company, columns: &str) -> String {
    for number in 0..39 {
        app.api_key(lumen, &format!("Damaged {number}")).await;
    }
    let (good, _) = app.api_key(lumen, "Billing worker").await;
    app.execute("UPDATE api_keys SET networks = 'nowhere' WHERE name <> 'Billing worker'").await;
    app.execute(&format!("UPDATE api_keys SET {columns}")).await;
    good.id
}

#[tokio::test]
async fn keys_that_cannot_be_read_hold_up_no_end_of_a_pause() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let id = damaged_keys(
        &app,
        &lumen,
        "deactivated_at = '2026-11-23 09:00:00', paused_until = '2026-11-23 09:30:00'",
    )
    .await;
    let active = "SELECT id AS text FROM api_keys WHERE deactivated_at IS NULL";
    until(async || app.query(active).await == [id.clone()]).await;
    let paused = "SELECT id AS text FROM api_keys WHERE paused_until IS NOT NULL";
    until(async || app.query(paused).await.is_empty()).await;
    assert_eq!(app.query(active).await, [id], "what cannot be read stays switched off");
}

#[tokio::test]
async fn keys_that_cannot_be_read_hold_up_no_note_of_an_end() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let id = damaged_keys(&app, &lumen, "expires_at = '2026-11-23 09:00:00'").await;
    let noted = "SELECT subject_id AS text FROM audit_events WHERE action = 'api_key.expired'";
    until(async || app.query(noted).await == [id.clone()]).await;
    let passed = "SELECT api_key_id AS text FROM expiry_notices WHERE days_before = 0";
    until(async || app.query(passed).await.len() == 40).await;
}

#[tokio::test]
async fn keys_that_cannot_be_read_hold_up_no_mail_about_others() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let frida = app.user("Frida Fern").await;
    let fern = app.organization("Fern", &frida).await;
    damaged_keys(&app, &lumen, "created_at = '2026-01-01 00:00:00', expires_at = '2026-11-25 09:00:00'")
        .await;
    app.api_key_until(&fern, "Invoices", Some(START + time::Duration::days(16))).await;
    app.clock.advance(time::Duration::hours(15));
    let told = "SELECT recipient AS text FROM outbox WHERE message LIKE '%key_expires%' ORDER BY 1";
    until(async || app.query(told).await == ["dana.whitfield@lumen.example"]).await;
    app.clock.advance(time::Duration::days(2));
    let both = ["dana.whitfield@lumen.example", "frida.fern@lumen.example"];
    until(async || app.query(told).await == both).await;
}

#[tokio::test]
async fn a_webhook_that_cannot_be_read_fails_no_change_and_hides_no_other() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    app.webhook(&lumen, "https://hooks.example.com/one").await;
    app.webhook(&lumen, "https://hooks.example.com/two").await;
    app.execute("UPDATE webhooks SET events = ''").await;
    for damage in ["'of_a_later_version'", "x'ff00ff'"] {
        app.execute(&format!("UPDATE webhooks SET events = {damage} WHERE url LIKE '%one'")).await;
        app.execute("DELETE FROM webhook_deliveries").await;
        app.api_key(&lumen, &format!("Billing worker {damage}")).await;
        let told = "SELECT url AS text FROM webhook_deliveries, webhooks
                    WHERE webhooks.id = webhook_id AND event = 'api_key.created'";
        assert_eq!(app.query(told).await, ["https://hooks.example.com/two"], "{damage}");
    }
}

#[tokio::test]
async fn the_mailbox_shows_a_mail_that_cannot_be_read_among_the_others() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    app.invitation(&lumen, Role::User, "mara@lumen.example").await;
    app.invitation(&lumen, Role::User, "ines@lumen.example").await;
    app.execute("UPDATE outbox SET message = '{}' WHERE recipient = 'ines@lumen.example'").await;
    let page = app.client().get("/mailbox").await.must_be(200).html();
    let text = page.main_text();
    assert!(text.contains("This email can’t be read") && text.contains("missing field `kind`"), "{text}");
    let readable = page.link("Dana Whitfield invited you to join Lumen to mara@lumen.example");
    app.client().get(&readable).await.must_be(200);
}

#[tokio::test]
async fn a_role_that_is_none_makes_nobody_a_user() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let uli = app.member(&lumen, Role::User, "Uli Berg").await;
    let (owner, browser) = (app.log_in_as(&lumen.owner).await, app.log_in_as(&uli).await);
    let machine = app.machine(&lumen, TokenAccess::Read).await;
    app.execute("UPDATE memberships SET role = 'owner' WHERE role = 'user'").await;
    for path in [lumen.url("users"), "/orgs".to_owned()] {
        browser.get(&path).await.must_be(500);
    }
    owner.get(&lumen.url("users")).await.must_be(500);
    machine.get("members").await.must_be(500);
    // What does not ask for that row is as it was.
    owner.get(&lumen.url("settings")).await.must_be(200);
    machine.get("keys").await.must_be(200);
}

#[tokio::test]
async fn a_rotation_that_cannot_be_read_is_not_taken_for_none() {
    for damage in [
        "UPDATE key_rotations SET grace_period = 'forever'",
        "UPDATE key_rotations SET starts = 'never'",
        "UPDATE key_rotations SET previous_digest = CAST('0' AS BLOB)",
    ] {
        let ground = Ground::new(KeySettings::default()).await;
        let browser = ground.app.log_in_as(&ground.lumen.owner).await;
        rotate(&ground, &browser, "24h", "immediately").await;
        let (other, secret) = ground.app.api_key(&ground.lumen, "Another one").await;
        ground.app.execute(damage).await;

        browser.get(&ground.lumen.url("api")).await.must_be(500);
        browser.get(&ground.lumen.url(&format!("api/keys/{}", ground.key_id))).await.must_be(500);
        browser.get(&ground.lumen.url(&format!("api/keys/{}", other.id))).await.must_be(200);
        auth(&ground.client, "/auth", &secret).await.must_be(204);
    }
}

#[tokio::test]
async fn a_rejection_of_an_unknown_code_is_not_left_out() {
    let ground = Ground::new(KeySettings::default()).await;
    let refused = auth(&ground.client, "/auth", "tess_mistyped").await.must_be(401);
    let request_id = refused.header("x-request-id").to_owned();
    ground.app.state.rejections.flush(&ground.app.state.db).await.expect("written");
    let browser = ground.app.log_in_as(&ground.lumen.owner).await;
    let (page, asked) = (ground.lumen.url("api/troubleshoot"), [("key", request_id.as_str())]);
    browser.post(&page, &asked).await.must_be(200);
    ground.app.execute("UPDATE rejections SET code = 'too_early'").await;
    browser.post(&page, &asked).await.must_be(500);
}
