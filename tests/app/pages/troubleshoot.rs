//! "Troubleshoot a request"

mod attempt;
mod rejected;

use time::Duration;

use crate::support::{Client, Company, START, TestApp, mistyped};

async fn ask(browser: &Client, company: &Company, text: &str) -> String {
    let answer = browser.post(&company.url("api/troubleshoot"), &[("key", text)]).await.must_be(200);
    assert!(text.len() < 30 || !answer.text().contains(text), "what was pasted is repeated");
    answer.html().main_text()
}

#[tokio::test]
async fn every_state_is_told_in_plain_words() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let frida = app.user("Frida Fern").await;
    let fern = app.organization("Fern", &frida).await;
    let (_, active) = app.api_key(&lumen, "In use").await;
    let (_, expired) = app.api_key_until(&lumen, "Old", Some(START + Duration::days(1))).await;
    let (off, switched_off) = app.api_key(&lumen, "Off").await;
    let (paused, paused_secret) = app.api_key(&lumen, "Paused").await;
    let (gone, removed) = app.api_key(&lumen, "Gone").await;
    let (_, foreign) = app.api_key(&fern, "Foreign").await;
    let (_, token) = app.master_token(&lumen, "Deployment").await;
    app.client().request("GET", "/auth").header("x-api-key", &active).send().await.must_be(204);
    app.clock.advance(Duration::days(2));
    let browser = app.log_in_as(&lumen.owner).await;
    let key = |id: &str, verb: &str| lumen.url(&format!("api/keys/{id}/{verb}"));
    browser.post(&key(&off.id, "deactivate"), &[]).await.must_be(303);
    browser.post(&key(&gone.id, "remove"), &[]).await.must_be(303);
    browser.post(&key(&paused.id, "pause"), &[("hours", "4")]).await.must_be(303);
    app.state.usage.flush(&app.state.db).await.unwrap();

    let before = app.ledger().await;
    let with_an_error = mistyped(&active);
    for (text, words) in [
        (active.as_str(), "In use : Key active It was last accepted on Nov 23, 2026, 10:00 UTC."),
        (&expired, "Key expired It expired on Nov 24, 2026, 10:00 UTC."),
        (&switched_off, "Key deactivated It was deactivated on Nov 25, 2026, 10:00 UTC."),
        (&paused_secret, "It’s paused until 14:00 UTC, then it works again."),
        (&removed, "Dana Whitfield removed the key “Gone” on Nov 25, 2026"),
        (&gone.masked, "Dana Whitfield removed the key “Gone”"),
        (&off.masked, "Off : Key deactivated"),
        (&off.masked.replace('…', "..."), "Off : Key deactivated"),
        (&switched_off[..12], "Off : Key deactivated"),
        (&foreign, "Key not found"),
        (&with_an_error, "The checksum doesn’t match. The key may be mistyped or incomplete."),
        (&token, "Master token, not an API key"),
        ("tess_ab", "Too short"),
        ("sk_live_1", "Not a Tessera key"),
    ] {
        let answer = ask(&browser, &lumen, text).await;
        assert!(answer.contains(words), "{words}: {answer}");
    }
    let empty = browser.post(&lumen.url("api/troubleshoot"), &[("key", " ")]).await.must_be(422).html();
    assert!(empty.field_error("Request ID or key").starts_with("Paste a request ID"));
    app.state.rejections.flush(&app.state.db).await.unwrap();
    assert_eq!(app.ledger().await, before);
}
