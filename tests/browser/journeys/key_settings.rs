//! The settings of a key: under a disclosure when it is created, in a dialog later on.

use crate::support::page::Page;
use crate::support::stage::Stage;

async fn a_key_is_created_with_every_setting_and_changed_later(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/api")).await;
    page.click_link("New API Key").await;
    page.fill("Name", "Billing worker").await;
    page.click_button("More options").await;
    page.fill("Description optional", "Writes the invoices").await;
    page.fill("Scopes optional", "invoices:read invoices:write").await;
    page.fill("Allowed IP addresses optional", "127.0.0.0/8, 2001:db8::/32").await;
    page.fill("Rate limit optional", "3").await;
    page.pick("Rate limit period", "per hour").await;
    page.fill("Monthly quota optional", "50000").await;
    page.fill("Metadata optional", r#"{"customer": "4711"}"#).await;
    page.click_button("Save").await;
    page.expect_dialog("API key created").await;
    let key = page.value("API key").await.trim().to_owned();
    page.click_link("Done").await;
    for tag in ["2 scopes", "2 IP ranges", "3 per hour", "50,000 a month"] {
        page.expect_row("Billing worker", tag).await;
    }
    for status in [200, 200, 200, 429] {
        assert_eq!(server.ask_api(&key).await.0, status);
    }

    open_settings(&page).await;
    assert_eq!(page.value("Description optional").await, "Writes the invoices");
    assert_eq!(page.value("Allowed IP addresses optional").await.trim(), "127.0.0.0/8\n2001:db8::/32");
    assert_eq!(page.value("Rate limit period").await, "hour");
    page.fill("Allowed IP addresses optional", "203.0.113.0/24").await;
    page.fill("Rate limit optional", "").await;
    page.click_button("Save").await;
    page.expect_toast("“Billing worker” updated").await;
    page.to_list().await;
    page.expect_row("Billing worker", "1 IP range").await;
    assert_eq!(server.ask_api(&key).await.0, 403);

    // None of them is required.
    open_settings(&page).await;
    for field in ["Description", "Scopes", "Allowed IP addresses", "Monthly quota", "Metadata"] {
        page.fill(&format!("{field} optional"), "").await;
    }
    page.click_button("Save").await;
    page.expect_no_dialog("Edit “Billing worker”").await;
    page.to_list().await;
    page.expect_no_text("1 IP range").await;
    assert_eq!(server.ask_api(&key).await.0, 200);
}

async fn what_is_wrong_is_told_by_its_field_and_nothing_typed_is_lost(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/api/keys/new")).await;
    page.fill("Name", "Billing worker").await;
    page.click_button("More options").await;
    fill_wrongly(&page).await;
    page.click_button("Save").await;
    // The disclosure is open, since what needs a change lies in it.
    expect_errors(&page).await;
    assert_eq!(page.value("Name").await, "Billing worker");
    page.fill("Allowed IP addresses optional", "10.0.0.0/8").await;
    page.fill("Metadata optional", "").await;
    page.click_button("Save").await;
    page.expect_dialog("API key created").await;
    page.click_link("Done").await;

    open_settings(&page).await;
    fill_wrongly(&page).await;
    page.click_button("Save").await;
    expect_errors(&page).await;
    page.click_link("Cancel").await;
    page.to_list().await;
    page.expect_row("Billing worker", "1 IP range").await;
    open_settings(&page).await;
    assert_eq!(page.value("Allowed IP addresses optional").await.trim(), "10.0.0.0/8");
}

async fn a_key_is_renamed_and_gets_another_expiration(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    let key = dana.create_key(&server, &organization, "Billing worker", "30").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/api")).await;
    page.click_link("Billing worker").await;
    page.expect_page("Billing worker").await;
    page.expect_text("No requests yet. They’ll show up here once a service uses this key.").await;

    page.click_link("Edit").await;
    page.expect_dialog("Edit “Billing worker”").await;
    page.expect_focus("field", "Name").await;
    page.expect_text("Keep current (").await;
    page.fill("Name", "").await;
    page.click_button("Save").await;
    page.expect_field_error("Name", "Enter a name").await;
    page.expect_focus("field", "Name").await;
    page.fill("Name", "Invoice worker").await;
    page.choose("Custom date").await;
    page.click_button("Save").await;
    page.expect_field_error("Expires on", "Choose a date").await;
    page.expect_focus("field", "Expires on").await;
    assert_eq!(page.value("Name").await, "Invoice worker");
    page.choose("365 days").await;
    page.click_button("Save").await;
    page.expect_toast("“Invoice worker” updated").await;
    to_key_page(&page).await;
    page.expect_row("renamed the API key", "from “Billing worker” to “Invoice worker”").await;
    page.expect_row("changed the expiration of the API key", "UTC to").await;
    assert!(server.ask_api(&key).await.1.to_string().contains("Invoice worker"));

    // A change of anything else stays on the page, too.
    page.click_link("Edit").await;
    page.fill("Description optional", "Writes the invoices").await;
    page.choose("No expiration").await;
    page.click_button("Save").await;
    page.expect_toast("“Invoice worker” updated").await;
    to_key_page(&page).await;
    page.expect_text("Writes the invoices").await;
    page.click_link("API").await;
    page.expect_row("Invoice worker", "Never").await;
    page.expect_no_text("Billing worker").await;
}

/// Back to the page of the key: without JavaScript its dialogs stand over the list.
async fn to_key_page(page: &Page) {
    if page.has_link("Invoice worker").await {
        page.click_link("Invoice worker").await;
    }
    page.expect_page("Invoice worker").await;
}

async fn open_settings(page: &Page) {
    page.open_menu("Actions for Billing worker").await;
    page.click_link("Edit").await;
    page.expect_dialog("Edit “Billing worker”").await;
}

async fn fill_wrongly(page: &Page) {
    page.fill("Scopes optional", "invoices:read").await;
    page.fill("Allowed IP addresses optional", "10.0.0.5/8").await;
    page.fill("Metadata optional", r#"["no object"]"#).await;
}

async fn expect_errors(page: &Page) {
    page.expect_field_error("Allowed IP addresses optional", "For the whole range, enter 10.0.0.0/8").await;
    page.expect_field_error("Metadata optional", "object").await;
    assert_eq!(page.value("Scopes optional").await, "invoices:read");
    assert_eq!(page.value("Allowed IP addresses optional").await.trim(), "10.0.0.5/8");
    assert_eq!(page.value("Metadata optional").await.trim(), r#"["no object"]"#);
}

crate::with_and_without_javascript!(
    a_key_is_created_with_every_setting_and_changed_later,
    what_is_wrong_is_told_by_its_field_and_nothing_typed_is_lost,
    a_key_is_renamed_and_gets_another_expiration,
);
