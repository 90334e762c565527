//! "Webhooks": the list, one webhook, its log.

use tessera::domain::access::Role;
use time::Duration;

use crate::{
    hooks::HookReceiver,
    support::{Client, Company, Html, Response, TestApp},
};

/// Lumen, whose administrator Dana is logged in, and a receiver that may be reached.
struct Stage {
    app: TestApp,
    lumen: Company,
    dana: Client,
    receiver: HookReceiver,
}

const ADDRESS: &str = "https://hooks.invalid/tessera?token=s3cret";

impl Stage {
    async fn new() -> Self {
        Self::with(&["--webhook-networks", "127.0.0.0/8"]).await
    }

    async fn with(flags: &[&str]) -> Self {
        let mut builder = TestApp::builder();
        if let [name, value] = flags {
            builder = builder.flag(name, value);
        }
        let app = builder.spawn().await;
        let lumen = app.lumen().await;
        let dana = app.log_in_as(&lumen.owner).await;
        Self { app, lumen, dana, receiver: HookReceiver::start().await }
    }

    async fn list(&self) -> Html {
        self.dana.get(&self.lumen.url("webhooks")).await.must_be(200).html()
    }

    async fn create(&self, fields: &[(&str, &str)]) -> Response {
        let dialog = self.dana.get(&self.lumen.url("webhooks/new")).await.must_be(200).html();
        let form_id = dialog.hidden("form_id");
        let fields = [fields, &[("form_id", &form_id)]].concat();
        self.dana.post(&dialog.action("Save"), &fields).await
    }

    /// The path of the page of a new webhook to the receiver.
    async fn webhook(&self) -> String {
        let url = self.receiver.url();
        self.create(&[("url", &url), ("events", "api_key.created")]).await.must_be(200);
        self.list().await.link(&url)
    }

    async fn page(&self, path: &str) -> Html {
        self.dana.get(path).await.must_be(200).html()
    }

    /// The page, once `ready`.
    async fn page_once(&self, path: &str, ready: impl Fn(&Html) -> bool) -> Html {
        for _ in 0..600 {
            let page = self.page(path).await;
            if ready(&page) {
                return page;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("it did not come so far within 30 seconds: {}", self.page(path).await.main_text());
    }

    async fn events(&self) -> Vec<String> {
        let sql = "SELECT action AS text FROM audit_events WHERE action LIKE 'webhook.%' ORDER BY id";
        self.app.query(sql).await
    }
}

#[tokio::test]
async fn a_webhook_is_created_and_its_secret_shown_once() {
    let stage = Stage::new().await;
    let settings = stage.page(&stage.lumen.url("settings")).await;
    assert_eq!(settings.link("Manage webhooks"), stage.lumen.url("webhooks"));
    assert!(stage.list().await.main_text().contains("No webhooks yet"));
    let answer =
        stage.create(&[("url", ADDRESS), ("description", "ERP"), ("events", "api_key.created")]).await;
    assert_eq!(answer.clone().must_be(200).header("cache-control"), "no-store");
    let page = answer.html();
    assert_eq!(page.dialog_title(), "Webhook created");
    let secret = page.text("dialog code#secret");
    assert!(secret.starts_with("whsec_") && secret.len() == "whsec_".len() + 44, "{secret}");
    assert!(!page.dialog_text().contains("s3cret"), "the receiver's own secret is not repeated");
    let row = stage.list().await.row("https://hooks.invalid/tessera");
    assert!(row.contains("ERP Active 1 event None yet"), "{row}");
    assert!(!stage.list().await.main_text().contains(&secret));
    let own = stage.page(&stage.list().await.link("https://hooks.invalid/tessera")).await;
    assert!(!own.main_text().contains(&secret) && own.main_text().contains("api_key.created"));
    assert_eq!(stage.events().await, ["webhook.created"]);
    let settings = stage.page(&stage.lumen.url("settings")).await;
    assert!(settings.main_text().contains("Webhooks 1 Notify other systems"), "{}", settings.main_text());
}

#[tokio::test]
async fn by_htmx_the_secret_comes_with_the_changed_list() {
    let stage = Stage::new().await;
    let dialog = stage.dana.htmx_get(&stage.lumen.url("webhooks/new"), "dialog-slot").await.must_be(200);
    assert!(dialog.text().starts_with("<dialog"), "{}", dialog.text());
    let form_id = dialog.html().hidden("form_id");
    let fields = [("url", ADDRESS), ("events", "member.left"), ("form_id", &form_id)];
    let address = stage.lumen.url("webhooks");
    let part = stage.dana.htmx_post(&address, "dialog-slot", &fields).await.must_be(200).html();
    assert!(part.has("#panel[hx-swap-oob]"));
    assert!(part.row("https://hooks.invalid/tessera").contains("Active"));
    let again = stage.dana.post(&address, &fields).await.must_be(303);
    let list = stage.dana.follow(&again).await.html();
    assert_eq!(list.toast(), "This was already saved. The secret can’t be shown again.");
    assert_eq!(stage.app.query("SELECT id AS text FROM webhooks").await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_is_said_beside_its_field() {
    let stage = Stage::with(&[]).await;
    let long = "x".repeat(201);
    for (url, error) in [
        ("", "Enter a URL."),
        ("hooks.invalid", "Enter a full URL, such as https://example.com/webhooks."),
        ("http://hooks.invalid/", "Use a URL that starts with https://."),
        (
            "https://dana:pass@hooks.invalid/",
            "Remove the user name and password. The receiver can verify the sender by the signature.",
        ),
        (
            "https://localhost/",
            "This URL points to a private network. Use a public URL, or ask your operator to allow it \
             (TESSERA_WEBHOOK_NETWORKS).",
        ),
        (
            "https://127.0.0.1:8443/",
            "This URL points to a private network. Use a public URL, or ask your operator to allow it \
             (TESSERA_WEBHOOK_NETWORKS).",
        ),
        (
            "https://[::ffff:169.254.169.254]/",
            "This URL points to a private network. Use a public URL, or ask your operator to allow it \
             (TESSERA_WEBHOOK_NETWORKS).",
        ),
    ] {
        let page = stage.create(&[("url", url), ("events", "member.left")]).await.must_be(422).html();
        assert_eq!(page.dialog_title(), "New webhook");
        assert_eq!(
            (page.field_error("Payload URL").as_str(), page.value("Payload URL").as_str()),
            (error, url)
        );
    }
    let page = stage.create(&[("url", ADDRESS), ("description", &long)]).await.must_be(422).html();
    assert_eq!(page.field_error("Description"), "Use at most 200 characters.");
    assert_eq!(page.text("#we-e"), "Choose at least one event.");
    let page = stage.create(&[("url", ADDRESS), ("events", "api_key.eaten")]).await.must_be(422).html();
    assert_eq!(page.text("#we-e"), "“api_key.eaten” isn’t an event.");
    stage.create(&[("url", ADDRESS), ("events", "member.left"), ("secret", "x")]).await.must_be(400);
    assert_eq!(stage.events().await.len(), 0);
}

#[tokio::test]
async fn the_settings_are_changed() {
    let stage = Stage::new().await;
    let path = stage.webhook().await;
    let dialog = stage.page(&stage.page(&path).await.link("Edit")).await;
    assert_eq!(dialog.value("Payload URL"), stage.receiver.url());
    let bad = [("url", "https://10.0.0.1/"), ("events", "member.left")];
    let again = stage.dana.post(&dialog.action("Save"), &bad).await.must_be(422).html();
    assert_eq!(again.value("Payload URL"), "https://10.0.0.1/");
    let good = [("url", ADDRESS), ("events", "member.left"), ("events", "member.joined")];
    let answer = stage.dana.post(&dialog.action("Save"), &good).await.must_be(303);
    let page = stage.dana.follow(&answer).await.html();
    assert_eq!(page.toast(), "Webhook settings saved");
    assert!(page.main_text().contains("member.joined member.left"), "{}", page.main_text());
    stage.dana.post(&dialog.action("Save"), &good).await.must_be(303);
    assert_eq!(stage.events().await, ["webhook.created", "webhook.changed"]);
}

#[tokio::test]
async fn the_log_shows_what_became_of_messages_and_sends_them_again() {
    let stage = Stage::new().await;
    let path = stage.webhook().await;
    stage.receiver.answer_next(500, "\r\nout of <order>");
    stage.app.api_key(&stage.lumen, "Billing worker").await;
    let page = stage
        .page_once(&path, |page| {
            page.main_text().contains("returned 500") && page.main_text().contains("Failing since")
        })
        .await;
    let row = page.row("api_key.created");
    assert!(row.contains("Pending next attempt in a moment 500 The receiver returned 500. 1"), "{row}");
    let delivered = stage.page(&format!("{path}?state=delivered")).await;
    assert!(delivered.main_text().contains("No matching deliveries."));
    assert!(stage.page(&format!("{path}?state=pending")).await.try_row("api_key.created").is_some());

    let dialog = stage.page(&page.link("Show delivery")).await;
    assert_eq!(dialog.dialog_title(), "api_key.created");
    let words = dialog.dialog_text();
    assert!(words.contains("out of <order>") && words.contains("\"name\": \"Billing worker\""), "{words}");
    let answer = stage.dana.post(&dialog.action("Resend"), &[]).await.must_be(303);
    let page = stage.dana.follow(&answer).await.html();
    assert_eq!(page.toast(), "“api_key.created” queued again");
    let page = stage.page_once(&path, |page| page.row("api_key.created").contains("Delivered")).await;
    assert!(!page.main_text().contains("Failing"));
    assert_eq!(stage.receiver.received().len(), 2);

    let part = stage.dana.htmx_post(&page.action("Send test event"), "panel", &[]).await.must_be(200).html();
    assert!(part.toast().starts_with("Test event queued."));
    stage
        .page_once(&path, |page| page.try_row("webhook.test").is_some_and(|row| row.contains("Delivered")))
        .await;
    let list = stage.list().await.row(&stage.receiver.url());
    assert!(list.contains("Delivered Just now"), "{list}");
}

#[tokio::test]
async fn a_webhook_is_deactivated_activated_and_removed() {
    let stage = Stage::new().await;
    let path = stage.webhook().await;
    let page = stage.page(&path).await;
    let part = stage.dana.htmx_post(&page.action("Deactivate"), "panel", &[]).await.must_be(200).html();
    assert_eq!(part.toast(), "Webhook deactivated");
    assert!(!part.has_button("Send test event") && part.has_button("Activate"));
    stage.dana.post(&format!("{path}/test"), &[]).await.must_be(409);
    stage.app.api_key(&stage.lumen, "While it is off").await;
    assert_eq!(stage.app.query("SELECT id AS text FROM webhook_deliveries").await.len(), 0);
    stage.dana.htmx_post(&part.action("Undo"), "panel", &[]).await.must_be(200);

    let asked = stage.page(&page.link("Remove")).await;
    assert_eq!(asked.dialog_title(), "Remove the webhook?");
    let answer = stage.dana.post(&asked.action("Remove webhook"), &[]).await.must_be(303);
    let list = stage.dana.follow(&answer).await.html();
    assert!(list.toast().ends_with(" removed") && list.main_text().contains("No webhooks yet"));
    stage.dana.get(&path).await.must_be(404);
    let expected = ["webhook.created", "webhook.deactivated", "webhook.activated", "webhook.removed"];
    assert_eq!(stage.events().await, expected);
    let activity = stage.page(&stage.lumen.url("activity?what=webhooks")).await;
    assert!(activity.main_text().contains("Dana Whitfield removed the webhook http://127.0.0.1"));
}

#[tokio::test]
async fn the_secret_is_rotated_after_a_question() {
    let stage = Stage::new().await;
    let path = stage.webhook().await;
    let asked = stage.page(&stage.page(&path).await.link("Rotate secret")).await;
    let form_id = asked.hidden("form_id");
    let fields = [("form_id", form_id.as_str())];
    let shown = stage.dana.post(&asked.action("Rotate secret"), &fields).await.must_be(200).html();
    assert_eq!(shown.dialog_title(), "Secret rotated");
    assert!(shown.text("dialog code#secret").starts_with("whsec_"));
    let reloaded = stage.dana.post(&asked.action("Rotate secret"), &fields).await.must_be(303);
    let page = stage.dana.follow(&reloaded).await.html();
    assert_eq!(page.toast(), "This was already saved. The secret can’t be shown again.");
    assert!(page.main_text().contains("The previous secret also signs until Nov 24, 2026, 10:00 UTC"));
    stage.app.clock.advance(Duration::hours(24));
    assert!(!stage.page(&path).await.main_text().contains("The previous secret also signs"));
    stage.dana.post(&format!("{path}/rotate"), &fields).await.must_be(409);
    assert_eq!(stage.events().await, ["webhook.created", "webhook.secret_rotated"]);
}

#[tokio::test]
async fn a_long_log_has_pages() {
    let stage = Stage::new().await;
    let path = stage.webhook().await;
    for number in 0..27 {
        stage.app.api_key(&stage.lumen, &format!("Key {number}")).await;
    }
    let first = stage.page(&path).await;
    assert!(first.main_text().contains("1–25 of 27"), "{}", first.main_text());
    let second = stage.page(&first.link("Next")).await;
    assert!(second.main_text().contains("26–27 of 27"));
    stage.receiver.wait_for(27).await;
}

#[tokio::test]
async fn only_administrators_see_webhooks() {
    let stage = Stage::new().await;
    let path = stage.webhook().await;
    let supervisor = stage.app.member(&stage.lumen, Role::Supervisor, "Sam Supervisor").await;
    let developer = stage.app.member(&stage.lumen, Role::Developer, "Dev Developer").await;
    let outsider = stage.app.user("Frida Fern").await;
    for (person, status) in [(&supervisor, 403), (&developer, 403), (&outsider, 404)] {
        let browser = stage.app.log_in_as(person).await;
        browser.get(&stage.lumen.url("webhooks")).await.must_be(status);
        browser.get(&path).await.must_be(status);
        for verb in ["activate", "deactivate", "test", "rotate", "remove", "settings"] {
            browser.post(&format!("{path}/{verb}"), &[]).await.must_be(status);
        }
    }
    for person in [&supervisor, &developer] {
        let browser = stage.app.log_in_as(person).await;
        let settings = browser.get(&stage.lumen.url("settings")).await.must_be(200).html();
        assert!(!settings.main_text().contains("Webhooks"));
    }
    assert_eq!(stage.events().await, ["webhook.created"]);
}
