//! The end of a key that is rotated.

use tessera::domain::expiry_notices;
use time::{Duration, macros::datetime};

use crate::{
    pages::bounded_key::BoundedKey,
    support::{Html, TestApp},
    verification::auth,
};

impl BoundedKey {
    async fn dialog(&self, query: &str) -> Html {
        self.browser.get(&self.verb_url(&format!("rotate{query}"))).await.must_be(200).html()
    }

    async fn rotate(&self, fields: &[(&str, &str)], status: u16) -> Html {
        let form = self.dialog("").await.hidden("form_id");
        let mut all = vec![("grace_period", "7d"), ("starts", "immediately"), ("form_id", form.as_str())];
        all.extend(fields);
        self.browser.post(&self.verb_url("rotate"), &all).await.must_be(status).html()
    }

    async fn end(&self) -> String {
        let ends =
            self.app.query("SELECT coalesce(CAST(expires_at AS TEXT), 'none') AS text FROM api_keys").await;
        ends.into_iter().next().expect("a key")
    }
}

#[tokio::test]
async fn the_end_stays_unless_another_is_chosen() {
    let ground = BoundedKey::new().await;
    let dialog = ground.dialog("").await;
    assert_eq!(dialog.chosen("duration"), "keep");
    assert!(dialog.dialog_text().contains("Keep current (Feb 21, 2027)"), "{}", dialog.dialog_text());
    assert!(!dialog.dialog_text().contains("No expiration"));
    let before = ground.end().await;
    ground.rotate(&[], 200).await;
    ground.rotate(&[("duration", "keep")], 200).await;
    assert_eq!(ground.end().await, before);
    let shown = ground.rotate(&[("duration", "365")], 200).await;
    assert!(shown.dialog_text().contains("Expires Nov 23, 2027"), "{}", shown.dialog_text());
    assert!(ground.end().await.starts_with("2027-11-23"));
    ground.rotate(&[("duration", "custom"), ("until", "2026-12-01")], 200).await;
    assert!(ground.end().await.starts_with("2026-12-01 23:59:59"), "{}", ground.end().await);
    let trail = ground.browser.get(&ground.lumen.url("activity")).await.html().main_text();
    let moved = "; expiration changed from Feb 21, 2027, 10:00 UTC to Nov 23, 2027, 10:00 UTC";
    assert!(trail.contains(moved), "{trail}");
}

#[tokio::test]
async fn what_is_no_end_for_the_key_is_refused_and_kept_in_the_form() {
    let ground = BoundedKey::new().await;
    let before = ground.end().await;
    for (fields, error) in [
        (&[("duration", "none")][..], "Choose an expiration date."),
        (&[("duration", "8")], "Choose when the key expires."),
        (
            &[("duration", "custom"), ("until", "2026-11-22")],
            "This date has passed. Today is Nov 23, 2026 (UTC).",
        ),
        (&[("duration", "custom"), ("until", "2037-01-01")], "Choose a date up to Nov 20, 2036."),
        (&[("duration", "custom"), ("until", "soon")], "Choose a date."),
    ] {
        let dialog = ground.rotate(fields, 422).await;
        assert!(dialog.dialog_text().contains(error), "{}", dialog.dialog_text());
        assert_eq!(
            (dialog.chosen("grace_period"), dialog.chosen("starts")),
            ("7d".into(), "immediately".into())
        );
    }
    assert_eq!(ground.end().await, before);
    assert!(ground.is_accepted(&ground.secret).await);
    // The last day of all is the tenth year's.
    ground.rotate(&[("duration", "custom"), ("until", "2036-11-20")], 200).await;
}

#[tokio::test]
async fn a_key_without_an_end_is_asked_for_none_and_gets_none() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    let (key, secret) = app.api_key(&lumen, "Forever").await;
    let url = lumen.url(&format!("api/keys/{}/rotate", key.id));
    let dialog = browser.get(&format!("{url}?duration=same")).await.must_be(200).html();
    assert!(!dialog.has("input[name=duration]"), "{}", dialog.dialog_text());
    let form = dialog.hidden("form_id");
    let fields =
        [("grace_period", "none"), ("starts", "immediately"), ("duration", "90"), ("form_id", form.as_str())];
    browser.post(&url, &fields).await.must_be(409);
    auth(&app.client(), "/auth", &secret).await.must_be(204);
    assert_eq!(app.query("SELECT id AS text FROM api_keys WHERE expires_at IS NOT NULL").await.len(), 0);
}

#[tokio::test]
async fn the_mail_leads_to_a_rotation_that_gives_the_key_its_duration_again() {
    let mut ground = BoundedKey::new().await;
    ground.wait(87).await;
    let path = ground.verb_url("rotate?duration=same");
    let asked = ground.app.client().get(&path).await.must_be(303);
    assert!(asked.header("location").ends_with("rotate%3Fduration%3Dsame"), "{}", asked.header("location"));
    let dialog = ground.dialog("?duration=same").await;
    assert_eq!(dialog.chosen("duration"), "90");
    let new = ground.rotate(&[("duration", "90")], 200).await.text("#secret");
    assert!(ground.end().await.starts_with("2027-05-19"), "{}", ground.end().await);
    assert!(ground.is_accepted(&ground.secret).await && ground.is_accepted(&new).await);
    // The week of grace period goes beyond the end that the previous secret had.
    ground.wait(3).await;
    assert!(!ground.is_accepted(&ground.secret).await, "the previous secret does not outlive its end");
    assert!(ground.is_accepted(&new).await, "the new one holds from the next request on");
    ground.wait(86).await;
    assert!(ground.is_accepted(&new).await);
    assert_eq!(ground.dialog("?duration=same").await.chosen("duration"), "90");
    ground.wait(1).await;
    assert!(!ground.is_accepted(&new).await);
}

#[tokio::test]
async fn an_end_that_was_just_chosen_is_not_told_of_before_it_comes_near() {
    let mut ground = BoundedKey::new().await;
    let told = async |ground: &BoundedKey| {
        let told = expiry_notices::tell(&ground.app.db, &ground.lumen.id, ground.app.now()).await;
        told.expect("the administrators are told");
        ground
            .app
            .query("SELECT days_before || ' ' || expires_at AS text FROM expiry_notices ORDER BY 1")
            .await
    };
    ground.rotate(&[("duration", "7")], 200).await;
    assert_eq!(told(&ground).await, Vec::<String>::new());
    ground.wait(4).await;
    assert_eq!(told(&ground).await.len(), 1);
    ground.rotate(&[("duration", "30")], 200).await;
    ground.wait(15).await;
    assert_eq!(told(&ground).await.len(), 1);
    ground.wait(1).await;
    let notices = told(&ground).await;
    assert!(notices.iter().any(|notice| notice.starts_with("14 2026-12-27")), "{notices:?}");
}

#[tokio::test]
async fn an_expired_key_is_rotated_only_with_a_new_end() {
    let mut ground = BoundedKey::new().await;
    ground.wait(91).await;
    assert!(!ground.is_accepted(&ground.secret).await);
    let dialog = ground.dialog("").await;
    assert!(dialog.dialog_text().contains("This key has expired"), "{}", dialog.dialog_text());
    assert_eq!(dialog.chosen("duration"), "90");
    assert!(
        !dialog.has("input[type=radio][name=grace_period]") && !dialog.dialog_text().contains("Keep current")
    );
    let refused = ground.rotate(&[("duration", "keep")], 422).await;
    assert!(refused.dialog_text().contains("Choose an expiration date."), "{}", refused.dialog_text());
    let shown = ground.rotate(&[("duration", "30")], 200).await;
    assert!(
        shown.dialog_text().contains("The previous secret expired and won’t work again."),
        "{}",
        shown.dialog_text()
    );
    assert!(ground.is_accepted(&shown.text("#secret")).await);
    assert!(!ground.is_accepted(&ground.secret).await, "a new end does not bring a previous secret back");
    let trail = ground.browser.get(&ground.lumen.url("activity")).await.html().main_text();
    assert!(
        trail.contains("the previous secret had expired; expiration changed from Feb 21, 2027"),
        "{trail}"
    );
}

#[tokio::test]
async fn a_rotation_before_the_end_that_is_kept_does_not_last_beyond_it() {
    let mut ground = BoundedKey::new().await;
    ground.wait(88).await;
    let new = ground.rotate(&[("duration", "keep")], 200).await.text("#secret");
    let row = ground.browser.get(&ground.lumen.url("api")).await.html().row("Billing worker");
    assert!(
        row.contains("New secret not used yet · previous secret expires in 2 days at the latest"),
        "{row}"
    );
    assert_eq!(ground.app.now() + Duration::days(2), datetime!(2027-02-21 10:00));
    ground.wait(2).await;
    assert!(!ground.is_accepted(&ground.secret).await && !ground.is_accepted(&new).await);
    let row = ground.browser.get(&ground.lumen.url("api")).await.html().row("Billing worker");
    assert!(row.contains("Expired") && !row.contains("not used yet"), "{row}");
}
