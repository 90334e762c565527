//! Rotation of a key.

mod ends;
mod model;

use tessera::{
    db::Db,
    domain::{
        key_settings::KeySettings,
        verification::{Decision, KeyRequest, Outcome, Verifier},
    },
};
use time::Duration;

use crate::{
    support::Client,
    verification::{Ground, auth},
};

#[tokio::test]
async fn both_secrets_open_the_same_key_until_the_grace_period_is_over() {
    let (ground, browser) = ground().await;
    let new = rotate(&ground, &browser, "1h", "on_first_use").await;
    assert_ne!(new, ground.secret);
    let row = row(&ground, &browser).await;
    assert!(row.contains("New secret not used yet"), "{row}");
    // The old one waits for the new one.
    ground.app.clock.advance(Duration::days(2));
    ground.auth("/auth").await.must_be(204);
    let key_id = auth(&ground.client, "/auth", &new).await.must_be(204).header("x-tessera-key-id").to_owned();
    assert_eq!(key_id, ground.key_id);
    ground.app.clock.advance(Duration::minutes(4));
    let row = self::row(&ground, &browser).await;
    assert!(row.contains("Previous secret last used 4 min ago"), "{row}");
    ground.auth("/auth").await.must_be(204);
    ground.app.clock.advance(Duration::minutes(56));
    ground.auth("/auth").await.must_be(401);
    auth(&ground.client, "/auth", &new).await.must_be(204);
    let row = self::row(&ground, &browser).await;
    assert!(!row.contains("ecret ") && !row.contains("Revoke previous secret"), "{row}");
}

#[tokio::test]
async fn without_a_grace_period_the_previous_secret_ends_with_the_response() {
    let (ground, browser) = ground().await;
    ground.auth("/auth").await.must_be(204);
    let new = rotate(&ground, &browser, "none", "immediately").await;
    ground.auth("/auth").await.must_be(401);
    auth(&ground.client, "/auth", &new).await.must_be(204);
}

#[tokio::test]
async fn an_old_secret_waits_thirty_days_at_most_and_a_restart_changes_nothing() {
    let (ground, browser) = ground().await;
    rotate(&ground, &browser, "24h", "on_first_use").await;
    let fresh = || {
        let db = Db::open(&ground.app.state.config.database).expect("the database");
        Verifier::new(&db, 100)
    };
    for (days, is_accepted) in [(29, true), (2, false)] {
        ground.app.clock.advance(Duration::days(days));
        let decision = fresh().verify(&ground.secret, &KeyRequest::default(), ground.app.now()).await;
        let found = matches!(decision, Ok(Decision::Known { outcome: Outcome::Valid, .. }));
        assert_eq!(found, is_accepted, "{decision:?}");
    }
}

#[tokio::test]
async fn a_first_use_is_remembered_over_a_restart() {
    let (ground, browser) = ground().await;
    let new = rotate(&ground, &browser, "1h", "on_first_use").await;
    auth(&ground.client, "/auth", &new).await.must_be(204);
    ground.app.state.usage.flush(&ground.app.db).await.expect("a flush");
    ground.app.clock.advance(Duration::hours(1));
    let db = Db::open(&ground.app.state.config.database).expect("the database");
    let decision =
        Verifier::new(&db, 100).verify(&ground.secret, &KeyRequest::default(), ground.app.now()).await;
    assert!(matches!(decision, Ok(Decision::NotFound)), "{decision:?}");
}

#[tokio::test]
async fn deactivation_stops_both_secrets_and_the_trail_tells_of_rotations() {
    let (ground, browser) = ground().await;
    let new = rotate(&ground, &browser, "7d", "immediately").await;
    ground.auth("/auth").await.must_be(204);
    auth(&ground.client, "/auth", &new).await.must_be(204);
    browser.post(&url(&ground, "deactivate"), &[]).await.must_be(303);
    ground.auth("/auth").await.must_be(401);
    auth(&ground.client, "/auth", &new).await.must_be(401);
    let trail = browser.get(&ground.lumen.url("activity")).await.html().main_text();
    assert!(trail.contains("rotated the API key") && trail.contains("keeps working for 7 days"), "{trail}");
}

#[tokio::test]
async fn a_form_rotates_once_and_what_is_not_offered_is_refused() {
    let (ground, browser) = ground().await;
    let form = browser.get(&url(&ground, "rotate")).await.must_be(200).html().hidden("form_id");
    let fields = [("grace_period", "year"), ("starts", "immediately"), ("form_id", form.as_str())];
    browser.post(&url(&ground, "rotate"), &fields).await.must_be(422);
    let fields = [("grace_period", "24h"), ("starts", "immediately"), ("form_id", form.as_str())];
    browser.post(&url(&ground, "rotate"), &fields).await.must_be(200);
    browser.post(&url(&ground, "rotate"), &fields).await.must_be(303);
    assert_eq!(
        ground.app.query("SELECT id AS text FROM audit_events WHERE action = 'api_key.rotated'").await.len(),
        1
    );
}

async fn ground() -> (Ground, Client) {
    let ground = Ground::new(KeySettings::default()).await;
    let browser = ground.app.log_in_as(&ground.lumen.owner).await;
    (ground, browser)
}

fn url(ground: &Ground, verb: &str) -> String {
    ground.lumen.url(&format!("api/keys/{}/{verb}", ground.key_id))
}

async fn row(ground: &Ground, browser: &Client) -> String {
    browser.get(&ground.lumen.url("api")).await.html().row("Billing worker")
}

/// Rotates the key by its dialog; returns the new secret.
pub(crate) async fn rotate(ground: &Ground, browser: &Client, grace_period: &str, starts: &str) -> String {
    let form = browser.get(&url(ground, "rotate")).await.must_be(200).html().hidden("form_id");
    let fields = [("grace_period", grace_period), ("starts", starts), ("form_id", form.as_str())];
    let shown = browser.post(&url(ground, "rotate"), &fields).await.must_be(200).html();
    assert_eq!(shown.dialog_title(), "API key rotated");
    shown.text("#secret")
}
