//! "Test a key": the decision of this moment, without consequences.

use serde_json::json;
use tessera::domain::key_settings::KeySettings;
use time::Duration;

use crate::{
    pages::key_rotation,
    support::{Client, Company, Html, TestApp},
    verification::{Ground, auth, settings},
};

/// What the page says after a request was tried.
async fn attempt(browser: &Client, company: &Company, fields: &[(&str, &str)]) -> Html {
    browser.post(&company.url("api/troubleshoot/try"), fields).await.must_be(200).html()
}

#[tokio::test]
async fn the_verdict_and_every_reason_are_told_in_order() {
    let ground = Ground::new(settings("read", "10.0.0.0/8", Some("4/minute"), Some(6))).await;
    let browser = ground.app.log_in_as(&ground.lumen.owner).await;
    let key = ground.masked().await;
    let inside = [("key", key.as_str()), ("scopes", "read"), ("client_ip", "10.0.0.1"), ("cost", "1")];
    let page = attempt(&browser, &ground.lumen, &inside).await;
    let text = page.main_text();
    for words in [
        "This request would be accepted",
        "Gateway response 204",
        "Verification code valid",
        "Rate limit 4 of 4 a minute left",
        "Monthly quota 6 of 6 left this month",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(page.value("Required scopes"), "read");

    ground.verify(json!({ "client_ip": "10.0.0.1", "cost": 3 })).await;
    let outside =
        [("key", ground.secret.as_str()), ("scopes", "write"), ("client_ip", "11.0.0.1"), ("cost", "5")];
    let page = attempt(&browser, &ground.lumen, &outside).await;
    let text = page.main_text();
    assert!(
        text.contains("for 4 reasons The client sees the first.")
            && text.contains("Verification code forbidden_ip"),
        "{text}"
    );
    assert!(text.contains("Rate limit 1 of 4 a minute left"), "{text}");
    assert!(text.contains("Monthly quota 3 of 6 left this month"), "{text}");
    let places: Vec<Option<usize>> = [
        "The request comes from 11.0.0.1, which is outside 10.0.0.0/8.",
        "The request needs the scope write; the key has read.",
        "The request costs 5, which is more than its rate limit of 4 a minute",
        "Its quota of 6 a month is exceeded by a request that costs 5.",
    ]
    .map(|words| text.find(words))
    .to_vec();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}: {text}");
    assert_eq!(page.value("Key"), key, "a whole key is not repeated");
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_foretells_the_next_request() {
    let ground = Ground::new(settings("", "", Some("2/hour"), Some(10))).await;
    let (app, lumen) = (&ground.app, &ground.lumen);
    let browser = app.log_in_as(&lumen.owner).await;
    let secret = key_rotation::rotate(&ground, &browser, "24h", "on_first_use").await;
    let masked = ground.masked().await;
    for status in [204, 204, 429] {
        app.state.usage.flush(&app.db).await.expect("a flush");
        let before = (app.ledger().await, app.query("SELECT id AS text FROM rejections").await);
        for key in [&secret, &masked, &ground.secret] {
            for _ in 0..3 {
                let text = attempt(&browser, lumen, &[("key", key)]).await.main_text();
                assert!(text.contains(&format!("Gateway response {status}")), "{text}");
            }
        }
        app.state.usage.flush(&app.db).await.expect("a flush");
        assert_eq!((app.ledger().await, app.query("SELECT id AS text FROM rejections").await), before);
        auth(&ground.client, "/auth", &ground.secret).await.must_be(status);
    }
    let used = "SELECT api_key_id AS text FROM key_rotations WHERE first_used_at IS NOT NULL";
    assert!(app.query(used).await.is_empty(), "a trial of the new secret is no first use");
    app.clock.advance(Duration::minutes(30));
    let text = attempt(&browser, lumen, &[("key", &secret)]).await.main_text();
    assert!(text.contains("Rate limit 1 of 2 an hour left"), "{text}");
}

#[tokio::test]
async fn another_organizations_key_is_not_found() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let frida = app.user("Frida Fern").await;
    let fern = app.organization("Fern", &frida).await;
    let (key, secret) = app.api_key(&fern, "Ferns only").await;
    let browser = app.log_in_as(&lumen.owner).await;
    for text in [secret.as_str(), &key.masked] {
        let page = attempt(&browser, &lumen, &[("key", text)]).await;
        let answer = page.main_text();
        assert!(
            answer.contains("This request would be rejected")
                && answer.contains("Verification code not_found")
        );
        assert!(answer.contains("Key not found") && !answer.contains("Ferns"), "{answer}");
        assert_ne!(page.value("Key"), secret);
    }
    let answer = attempt(&browser, &lumen, &[("key", "sk_live_1")]).await.main_text();
    assert!(answer.contains("Verification code malformed"), "{answer}");
}

#[tokio::test]
async fn what_cannot_be_read_is_told_by_its_field() {
    let ground = Ground::new(KeySettings::default()).await;
    let browser = ground.app.log_in_as(&ground.lumen.owner).await;
    let key = ground.masked().await;
    for (label, words, fields) in [
        ("Key", "Paste the full key", [("key", " "), ("scopes", ""), ("client_ip", ""), ("cost", "1")]),
        (
            "Key",
            "Paste more of the key",
            [("key", "tess_a"), ("scopes", ""), ("client_ip", ""), ("cost", "1")],
        ),
        (
            "Required scopes",
            "“a;b” isn’t a valid scope",
            [("key", key.as_str()), ("scopes", "a;b"), ("client_ip", ""), ("cost", "1")],
        ),
        (
            "Client IP address",
            "This isn’t an IP address",
            [("key", key.as_str()), ("scopes", "a"), ("client_ip", "office"), ("cost", "1")],
        ),
        (
            "Cost",
            "from 1 to 1000",
            [("key", key.as_str()), ("scopes", ""), ("client_ip", ""), ("cost", "1001")],
        ),
    ] {
        let answer =
            browser.post(&ground.lumen.url("api/troubleshoot/try"), &fields).await.must_be(422).html();
        assert!(answer.field_error(label).contains(words), "{}", answer.field_error(label));
        assert!(!answer.main_text().contains("This request would be"));
    }
    let (path, fields) =
        (ground.lumen.url("api/troubleshoot/try"), [("key", ground.secret.as_str()), ("cost", "0")]);
    let again = browser.htmx_post(&path, "panel", &fields).await.must_be(422).html();
    assert_eq!(again.value("Key"), key, "a whole key is not repeated, and need not be pasted again");
}
