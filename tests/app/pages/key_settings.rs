//! Settings of a key: in "New API Key" and later.

mod edit;

use crate::support::{Client, Company, Response, TestApp};

#[tokio::test]
async fn a_new_key_keeps_what_was_set_and_the_list_tells_it() {
    let (app, lumen, browser) = ground().await;
    let answer =
        create(&browser, &lumen, &[("scopes", "invoices:read invoices:write"), ("rate_count", "100")]);
    answer.await.must_be(200);
    let row = browser.get(&lumen.url("api")).await.html().row("Billing worker");
    assert!(row.contains("2 scopes") && row.contains("100 per minute"), "{row}");
    let dialog = browser.get(&settings_url(&app, &lumen).await).await.must_be(200).html();
    assert_eq!(dialog.value("Scopes"), "invoices:read invoices:write");
    assert_eq!(dialog.value("Rate limit"), "100");
    assert_eq!(dialog.attributes("datalist option", "value"), ["invoices:read", "invoices:write"]);
}

#[tokio::test]
async fn what_needs_a_change_is_said_by_its_field_and_nothing_typed_is_lost() {
    let (_app, lumen, browser) = ground().await;
    let typed = [
        ("scopes", "read;write"),
        ("networks", "10.0.0.5/8"),
        ("rate_count", "many"),
        ("monthly_quota", "0"),
        ("metadata", "[1]"),
        ("description", "For <billing>"),
    ];
    let dialog = create(&browser, &lumen, &typed).await.must_be(422).html();
    assert!(dialog.has("details[open]"));
    assert!(dialog.field_error("Scopes").contains("“read;write” isn’t a valid scope"));
    assert!(dialog.field_error("Allowed IP addresses").contains("enter 10.0.0.0/8"));
    assert!(dialog.field_error("Rate limit").contains("whole number"));
    assert!(dialog.field_error("Monthly quota").contains("from 1 to 1,000,000,000,000"));
    assert!(dialog.field_error("Metadata").contains("JSON object"));
    assert_eq!(dialog.value("Description"), "For <billing>");
    let plain = browser.get(&lumen.url("api/keys/new")).await.html();
    assert!(plain.has("details") && !plain.has("details[open]"));
}

#[tokio::test]
async fn settings_are_changed_and_the_trail_names_what_changed() {
    let (app, lumen, browser) = ground().await;
    app.api_key(&lumen, "Billing worker").await;
    let url = settings_url(&app, &lumen).await;
    let fields = [
        ("name", "Billing worker"),
        ("networks", "10.0.0.0/8"),
        ("monthly_quota", "5000"),
        ("rate_period", "minute"),
    ];
    browser.post(&url, &fields).await.must_be(303);
    let page = browser.get(&lumen.url("api")).await.html();
    assert_eq!(page.toast(), "“Billing worker” updated");
    assert!(page.row("Billing worker").contains("1 IP range 5,000 a month"));
    let trail = browser.get(&lumen.url("activity")).await.html().main_text();
    assert!(trail.contains("changed the settings of the API key"), "{trail}");
    assert!(trail.contains("allowed IP addresses, monthly quota"), "{trail}");
    // Saving the same again is no change and no news.
    let before = app.ledger().await;
    browser.post(&url, &fields).await.must_be(303);
    assert_eq!(app.ledger().await, before);
    browser.post(&url, &[("role", "administrator")]).await.must_be(400);
}

async fn ground() -> (TestApp, Company, Client) {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    (app, lumen, browser)
}

async fn create(browser: &Client, lumen: &Company, settings: &[(&str, &str)]) -> Response {
    let form = browser.get(&lumen.url("api/keys/new")).await.must_be(200).html().hidden("form_id");
    let mut fields =
        vec![("name", "Billing worker"), ("duration", "90"), ("form_id", &form), ("rate_period", "minute")];
    fields.extend(settings);
    browser.post(&lumen.url("api/keys"), &fields).await
}

async fn settings_url(app: &TestApp, lumen: &Company) -> String {
    let id = app.query("SELECT id AS text FROM api_keys").await.remove(0);
    lumen.url(&format!("api/keys/{id}/settings"))
}
