//! The page of one key: facts, chart, clients, history.

use time::Duration;

use crate::support::{START, TestApp};

#[tokio::test]
async fn a_key_is_shown_with_what_it_did() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (key, secret) = app.api_key_until(&lumen, "Billing worker", Some(START + Duration::days(90))).await;
    let gateway = app.client();
    for _ in 0..3 {
        let call = gateway.request("GET", "/auth").header("x-api-key", &secret);
        call.header("user-agent", "billing/2.1").send().await.must_be(204);
    }
    let browser = app.log_in_as(&lumen.owner).await;
    let list = browser.get(&lumen.url("api")).await.must_be(200).html();
    let page = browser.get(&list.link("Billing worker")).await.must_be(200).html();
    assert_eq!(page.title(), "Billing worker, Lumen · Tessera");
    let text = page.main_text();
    for words in [key.masked.as_str(), "Dana Whitfield", "Feb 21, 2027, 10:00 UTC", "created the API key"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains(&secret));
    assert_eq!(page.text("#bars-t"), "3 requests in the last 30 days · Peak: 3 per day");
    assert_eq!(page.row("127.0.0.1"), "127.0.0.1 billing/2.1 3 Just now");
    assert_eq!(page.row("Nov 23"), "Nov 23 3");

    browser.post(&page.action("Deactivate"), &[]).await.must_be(303);
    let call = gateway.request("GET", "/auth").header("x-api-key", &secret);
    call.header("user-agent", "curl/8.14").send().await.must_be(401);
    let hourly = browser.get(&page.link("48 hours")).await.must_be(200).html();
    assert_eq!(hourly.row("Nov 23, 10:00"), "Nov 23, 10:00 3 1");
    assert!(hourly.main_text().contains("Rejected: deactivated 1"), "{}", hourly.main_text());
    assert!(hourly.main_text().contains("deactivated the API key"));
    assert!(hourly.try_row("127.0.0.1").is_some() && hourly.main_text().contains("curl/8.14"));
}

#[tokio::test]
async fn what_is_done_on_the_page_of_a_key_stays_there() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (key, _) = app.api_key(&lumen, "Billing worker").await;
    let browser = app.log_in_as(&lumen.owner).await;
    let address = format!("http://localhost:8080{}?span=hours", lumen.url(&format!("api/keys/{}", key.id)));
    let send = |verb: &str, target: &str| {
        let path = lumen.url(&format!("api/keys/{}/{verb}", key.id));
        browser.request("POST", &path).htmx(target).header("HX-Current-URL", &address).send()
    };
    let panel = send("deactivate", "panel").await.must_be(200).html();
    assert_eq!(panel.text("#key-h"), "Billing worker");
    assert!(panel.toast().contains("“Billing worker” deactivated"));
    let removed = send("remove", "dialog-slot").await.must_be(200);
    assert_eq!(removed.header("hx-redirect"), lumen.url("api"));
}

#[tokio::test]
async fn the_last_twenty_clients_are_kept() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, secret) = app.api_key(&lumen, "Billing worker").await;
    for number in 0..30 {
        app.clock.advance(Duration::SECOND);
        let call = app.client().request("GET", "/api/v2/organization").header("x-api-key", &secret);
        call.header("user-agent", &format!("worker/{number}")).send().await.must_be(200);
        if number % 7 == 0 {
            app.state.usage.flush(&app.state.db).await.unwrap();
        }
    }
    app.state.usage.flush(&app.state.db).await.unwrap();
    let kept = app.query("SELECT user_agent AS text FROM key_clients ORDER BY last_seen_at").await;
    assert_eq!(kept.len(), 20);
    assert_eq!((kept[0].as_str(), kept[19].as_str()), ("worker/10", "worker/29"));
}
