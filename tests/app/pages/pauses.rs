//! Pauses, and the recent_usage before a key is stopped.

use time::Duration;

use crate::support::{Client, Company, TestApp, until};

async fn call(app: &TestApp, secret: &str) -> u16 {
    let call = app.client().request("GET", "/auth").header("x-api-key", secret);
    call.header("user-agent", "billing/2.1").send().await.status
}

async fn row(browser: &Client, company: &Company) -> String {
    browser.get(&company.url("api")).await.must_be(200).html().row("Billing worker")
}

#[tokio::test]
async fn a_paused_key_is_refused_at_once_and_comes_back_by_itself() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (key, secret) = app.api_key(&lumen, "Billing worker").await;
    assert_eq!(call(&app, &secret).await, 204);
    let browser = app.log_in_as(&lumen.owner).await;
    let path = lumen.url(&format!("api/keys/{}/pause", key.id));
    let dialog = browser.get(&path).await.must_be(200).html();
    assert_eq!(dialog.dialog_title(), "Pause “Billing worker” temporarily");
    assert!(dialog.dialog_text().contains("Last 7 days 1 request Accepted: 1"), "{}", dialog.dialog_text());
    assert!(dialog.dialog_text().contains("127.0.0.1 billing/2.1"));
    browser.post(&path, &[("hours", "3")]).await.must_be(422);
    browser.post(&path, &[("hours", "4")]).await.must_be(303);
    assert_eq!(call(&app, &secret).await, 401);
    assert!(row(&browser, &lumen).await.contains("Paused until 14:00 UTC"));
    browser.post(&path, &[("hours", "4")]).await.must_be(409);

    app.clock.advance(Duration::hours(4));
    until(async || call(&app, &secret).await == 204).await;
    let page = browser.get(&lumen.url(&format!("api/keys/{}", key.id))).await.html();
    assert!(page.main_text().contains("System resumed the API key"), "{}", page.main_text());
    assert!(page.main_text().contains("until Nov 23, 2026, 14:00 UTC"));
}

#[tokio::test]
async fn a_key_that_is_kept_deactivated_does_not_come_back() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (key, secret) = app.api_key(&lumen, "Billing worker").await;
    let (other, other_secret) = app.api_key(&lumen, "Invoices").await;
    let browser = app.log_in_as(&lumen.owner).await;
    for id in [&key.id, &other.id] {
        browser.post(&lumen.url(&format!("api/keys/{id}/pause")), &[("hours", "1")]).await.must_be(303);
    }
    let page = browser.get(&lumen.url(&format!("api/keys/{}", key.id))).await.html();
    browser.post(&page.action("Don’t reactivate"), &[]).await.must_be(303);
    assert!(row(&browser, &lumen).await.contains("Deactivated"));
    app.clock.advance(Duration::hours(2));
    until(async || call(&app, &other_secret).await == 204).await;
    assert_eq!(call(&app, &secret).await, 401);
}

#[tokio::test]
async fn a_pause_that_somebody_ended_does_not_switch_anything_later() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (key, secret) = app.api_key(&lumen, "Billing worker").await;
    let browser = app.log_in_as(&lumen.owner).await;
    browser.post(&lumen.url(&format!("api/keys/{}/pause", key.id)), &[("hours", "1")]).await.must_be(303);
    for verb in ["activate", "deactivate"] {
        browser.post(&lumen.url(&format!("api/keys/{}/{verb}", key.id)), &[]).await.must_be(303);
    }
    assert_eq!(app.query("SELECT id AS text FROM api_keys WHERE paused_until IS NOT NULL").await.len(), 0);
    assert_eq!(call(&app, &secret).await, 401);
}

#[tokio::test]
async fn the_removal_shows_what_it_would_break() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (key, secret) = app.api_key(&lumen, "Billing worker").await;
    let browser = app.log_in_as(&lumen.owner).await;
    let path = lumen.url(&format!("api/keys/{}/remove", key.id));
    let dialog = browser.get(&path).await.must_be(200).html();
    assert!(dialog.dialog_text().contains("Never used"));
    call(&app, &secret).await;
    call(&app, &secret).await;
    let dialog = browser.get(&path).await.must_be(200).html();
    let words = dialog.dialog_text();
    assert!(words.contains("Last 7 days 2 requests") && words.contains("127.0.0.1 billing/2.1"), "{words}");
}
