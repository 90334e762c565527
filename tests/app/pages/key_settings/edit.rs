//! The dialog "Edit": another name and another expiration for a key.

use std::ops::{Deref, DerefMut};

use tessera::domain::{access::Role, expiry_notices};

use crate::{
    api::leaks::{self, found, report},
    pages::bounded_key::BoundedKey,
    support::{Html, Response, TestApp},
    verification::auth,
};

/// [`BoundedKey`] with the dialog that edits it.
struct Ground(BoundedKey);

impl Deref for Ground {
    type Target = BoundedKey;

    fn deref(&self) -> &BoundedKey {
        &self.0
    }
}

impl DerefMut for Ground {
    fn deref_mut(&mut self) -> &mut BoundedKey {
        &mut self.0
    }
}

impl Ground {
    async fn new() -> Self {
        Self(BoundedKey::new().await)
    }

    async fn on(app: TestApp) -> Self {
        Self(BoundedKey::on(app).await)
    }

    fn url(&self) -> String {
        self.verb_url("settings")
    }

    async fn dialog(&self) -> Html {
        self.browser.get(&self.url()).await.must_be(200).html()
    }

    async fn page(&self) -> Html {
        self.browser.get(&self.page_url()).await.must_be(200).html()
    }

    async fn save(&self, fields: &[(&str, &str)]) -> Response {
        self.browser.post(&self.url(), fields).await
    }

    async fn end(&self) -> String {
        self.app
            .query("SELECT coalesce(CAST(expires_at AS TEXT), 'never') AS text FROM api_keys")
            .await
            .remove(0)
    }

    async fn ask(&self) -> Response {
        auth(&self.app.client(), "/auth", &self.secret).await
    }

    async fn rotate(&self, fields: &[(&str, &str)]) -> String {
        let url = self.verb_url("rotate");
        let form = self.browser.get(&url).await.must_be(200).html().hidden("form_id");
        let mut all = vec![("form_id", form.as_str()), ("starts", "immediately")];
        all.extend(fields);
        self.browser.post(&url, &all).await.must_be(200).html().text("#secret")
    }

    async fn told(&self) -> Vec<String> {
        let told = expiry_notices::tell(&self.app.db, &self.lumen.id, self.app.now()).await;
        told.expect("the administrators are told");
        let sql = "SELECT days_before || ' ' || date(expires_at) AS text FROM expiry_notices ORDER BY sent_at, expires_at, days_before";
        self.app.query(sql).await
    }
}

#[tokio::test]
async fn a_key_gets_another_name_and_another_expiration() {
    let ground = Ground::new().await;
    assert_eq!(ground.ask().await.must_be(204).header("x-tessera-key-name"), "Billing worker");
    let dialog = ground.dialog().await;
    assert_eq!(dialog.dialog_title(), "Edit “Billing worker”");
    assert_eq!(
        (dialog.value("Name").as_str(), dialog.chosen("duration").as_str()),
        ("Billing worker", "keep")
    );
    let text = dialog.dialog_text();
    assert!(text.contains("Keep current (Feb 21, 2027)") && text.contains("No expiration"), "{text}");

    let saved = ground.save(&[("name", " Invoice  worker "), ("duration", "365")]).await.must_be(303);
    assert_eq!(ground.ask().await.must_be(204).header("x-tessera-key-name"), "Invoice worker");
    let page = ground.browser.follow(&saved).await.must_be(200).html();
    assert_eq!(page.toast(), "“Invoice worker” updated");
    assert!(ground.end().await.starts_with("2027-11-23 10:00"), "{}", ground.end().await);
    let found = ground.browser.get(&ground.lumen.url("api?q=invoice")).await.html();
    assert!(found.row("Invoice worker").contains("Nov 23, 2027"), "{}", found.row("Invoice worker"));
    let history = ground.page().await.main_text();
    for line in [
        "renamed the API key from “Billing worker” to “Invoice worker”",
        "changed the expiration of the API key from Feb 21, 2027, 10:00 UTC to Nov 23, 2027, 10:00 UTC",
    ] {
        assert!(history.contains(line), "{line}: {history}");
    }
    ground.save(&[("name", "Invoice worker"), ("duration", "none")]).await.must_be(303);
    assert_eq!(ground.end().await, "never");
    let endless = ground.dialog().await;
    assert_eq!(endless.chosen("duration"), "keep");
    assert!(endless.dialog_text().contains("Keep current (no expiration)"), "{}", endless.dialog_text());
    assert!(!endless.has("input[value=none]"), "it would be the same");
    let custom = [("name", "Invoice worker"), ("duration", "custom"), ("until", "2026-12-01")];
    ground.save(&custom).await.must_be(303);
    assert!(ground.end().await.starts_with("2026-12-01 23:59:59"), "{}", ground.end().await);
}

#[tokio::test]
async fn what_cannot_be_is_said_by_its_field_and_nothing_typed_is_lost() {
    let ground = Ground::new().await;
    ground.app.api_key(&ground.lumen, "Straße").await;
    let before = ground.app.ledger().await;
    let too_long = "x".repeat(61);
    for (name, error) in [
        ("", "Enter a name."),
        (too_long.as_str(), "Use at most 60 characters."),
        ("STRASSE", "A key with this name already exists. Choose another name."),
    ] {
        let typed = [("name", name), ("duration", "30"), ("scopes", "read")];
        let dialog = ground.save(&typed).await.must_be(422).html();
        assert_eq!(dialog.field_error("Name"), error);
        assert_eq!((dialog.value("Name").as_str(), dialog.value("Scopes").as_str()), (name, "read"));
        assert_eq!(dialog.chosen("duration"), "30");
        assert_eq!(dialog.attributes("dialog [autofocus]", "name"), ["name"]);
    }
    for (duration, until, error) in [
        ("custom", "2026-11-22", "This date has passed. Today is Nov 23, 2026 (UTC)."),
        ("custom", "2037-01-01", "Choose a date up to Nov 20, 2036. Keys can last 10 years at most."),
        ("custom", "", "Choose a date."),
        ("8", "", "Choose when the key expires."),
    ] {
        let typed = [("name", "Other"), ("duration", duration), ("until", until)];
        let dialog = ground.save(&typed).await.must_be(422).html();
        assert!(dialog.dialog_text().contains(error), "{}", dialog.dialog_text());
        assert_eq!(dialog.value("Name"), "Other");
        if duration == "custom" {
            assert_eq!(dialog.value("Expires on"), until);
            assert_eq!(dialog.attributes("dialog [autofocus]", "name"), ["until"]);
        }
    }
    let dialog =
        ground.save(&[("name", "Other"), ("metadata", "[1]"), ("scopes", "?")]).await.must_be(422).html();
    assert_eq!(
        dialog.attributes("dialog [autofocus]", "name"),
        ["scopes"],
        "the first of those that are wrong"
    );
    ground.save(&[("name", "Other"), ("secret", "tess_")]).await.must_be(400);
    assert_eq!(ground.app.ledger().await, before);
    // Its own name in other letters is no other key's.
    ground.save(&[("name", "BILLING WORKER")]).await.must_be(303);
}

#[tokio::test]
async fn what_stays_the_same_is_no_change_and_no_news() {
    let ground = Ground::new().await;
    let before = ground.app.ledger().await;
    for duration in ["keep", ""] {
        let same = [("name", "Billing worker"), ("duration", duration), ("rate_period", "minute")];
        ground.save(&same).await.must_be(303);
    }
    assert_eq!(ground.app.ledger().await, before);
}

#[tokio::test]
async fn an_expired_key_is_renamed_but_not_prolonged() {
    let mut ground = Ground::new().await;
    ground.wait(91).await;
    let dialog = ground.dialog().await;
    let text = dialog.dialog_text();
    assert!(text.contains("This key has expired") && text.contains("Rotate the key"), "{text}");
    assert!(!dialog.has("input[name=duration]"));
    assert!(dialog.link("Rotate the key").starts_with(&format!("{}/rotate", ground.page_url())));
    let end = ground.end().await;
    for duration in ["90", "none"] {
        let refused =
            ground.save(&[("name", "Billing worker"), ("duration", duration)]).await.must_be(422).html();
        assert!(refused.dialog_text().contains("This key has expired"), "{}", refused.dialog_text());
    }
    ground.save(&[("name", "Past worker")]).await.must_be(303);
    assert_eq!((ground.end().await, ground.page().await.heading()), (end, "Past worker".to_owned()));
    assert!(!ground.is_accepted(&ground.secret).await, "what has expired stays so");
}

#[tokio::test]
async fn a_previous_secret_gains_no_time_by_an_edit() {
    let mut ground = Ground::new().await;
    ground.wait(88).await;
    let new = ground.rotate(&[("grace_period", "7d"), ("duration", "keep")]).await;
    // Both are in memory when the key is edited.
    assert!(ground.is_accepted(&ground.secret).await && ground.is_accepted(&new).await);
    ground.save(&[("name", "Billing worker"), ("duration", "365")]).await.must_be(303);
    assert!(ground.is_accepted(&ground.secret).await && ground.is_accepted(&new).await);
    let page = ground.page().await.main_text();
    assert!(page.contains("expires in 2 days"), "{page}");
    ground.wait(2).await;
    assert!(!ground.is_accepted(&ground.secret).await, "the end that it had is its end");
    assert!(ground.is_accepted(&new).await);
    ground.save(&[("name", "Billing worker"), ("duration", "none")]).await.must_be(303);
    assert!(!ground.is_accepted(&ground.secret).await && ground.is_accepted(&new).await);
}

#[tokio::test]
async fn an_edit_activates_nothing() {
    let ground = Ground::on(leaks::app().await).await;
    let action = ground.lumen.url("settings/leaks");
    ground.browser.post(&action, &[("policy", "deactivate")]).await.must_be(303);
    report(&ground.app.client(), &[found(&ground.secret, "")]).await;
    assert!(!ground.is_accepted(&ground.secret).await);
    ground.save(&[("name", "Found in public"), ("duration", "365")]).await.must_be(303);
    assert!(!ground.is_accepted(&ground.secret).await, "a leaked key stays deactivated");
    ground.browser.post(&format!("{}/remove", ground.page_url()), &[]).await.must_be(303);
    ground.save(&[("name", "Removed"), ("duration", "365")]).await.must_be(404);
    assert!(!ground.is_accepted(&ground.secret).await);
}

#[tokio::test]
async fn administrators_are_told_of_the_new_expiration_as_of_any_other() {
    let mut ground = Ground::new().await;
    ground.wait(77).await;
    assert_eq!(ground.told().await, ["14 2027-02-21"]);
    ground.save(&[("name", "Billing worker"), ("duration", "30")]).await.must_be(303);
    ground.wait(3).await;
    assert_eq!(ground.told().await, ["14 2027-02-21"], "the old one is no news any more");
    ground.wait(13).await;
    assert_eq!(ground.told().await, ["14 2027-02-21", "14 2027-03-10"]);
    // An end that was chosen no further away is known to whoever chose it.
    ground.save(&[("name", "Billing worker"), ("duration", "7")]).await.must_be(303);
    ground.wait(3).await;
    assert_eq!(ground.told().await.len(), 2);
    ground.wait(1).await;
    assert_eq!(ground.told().await, ["14 2027-02-21", "14 2027-03-10", "3 2027-03-03"]);
}

#[tokio::test]
async fn another_name_is_shown_wherever_the_page_has_it() {
    let ground = Ground::new().await;
    let address = format!("http://localhost:8080{}?span=hours", ground.page_url());
    let save = |form: &'static [(&str, &str)]| {
        let request = ground.browser.request("POST", &ground.url()).htmx("dialog-slot");
        request.header("HX-Current-URL", &address).form(form).send()
    };
    let panel = save(&[("name", "Billing worker"), ("scopes", "read")]).await.must_be(200).html();
    assert_eq!(
        (panel.heading(), panel.toast()),
        ("Billing worker".into(), "“Billing worker” updated".into())
    );
    let renamed = save(&[("name", "Invoice worker"), ("scopes", "read")]).await.must_be(200);
    let whole = format!("{}?span=hours", ground.page_url());
    assert_eq!(renamed.header("hx-redirect"), whole, "the name stands in the breadcrumb, too");
    let page = ground.browser.get(&whole).await.must_be(200).html();
    assert_eq!((page.heading(), page.toast()), ("Invoice worker".into(), "“Invoice worker” updated".into()));
    assert_eq!(
        page.texts("nav[aria-label=Breadcrumb] li"),
        ["My Organizations", "Lumen", "API", "Invoice worker"]
    );
}

#[tokio::test]
async fn only_those_who_manage_keys_edit_them() {
    let ground = Ground::new().await;
    let before = ground.app.ledger().await;
    let supervisor = ground.app.member(&ground.lumen, Role::Supervisor, "Sam Supervisor").await;
    let outsider = ground.app.user("Frida Fern").await;
    let form = [("name", "Mine"), ("duration", "none")];
    for (person, status) in [(&supervisor, 403), (&outsider, 404)] {
        let browser = ground.app.log_in_as(person).await;
        browser.get(&ground.url()).await.must_be(status);
        browser.post(&ground.url(), &form).await.must_be(status);
    }
    let fern = ground.app.organization("Fern", &outsider).await;
    let other_door = fern.url(&format!("api/keys/{}/settings", ground.key_id));
    ground.app.log_in_as(&outsider).await.post(&other_door, &form).await.must_be(404);
    assert_eq!(ground.app.ledger().await["api_keys"], before["api_keys"]);
}
