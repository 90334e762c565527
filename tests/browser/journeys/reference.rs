//! The reference of the API: searched, read in one's own language, and copied from.

use thirtyfour::Key;

use crate::support::axe::{Inspection, Look};
use crate::support::stage::Stage;

async fn the_reference_is_searched(Stage { page, .. }: Stage) {
    page.visit("/docs").await;
    page.click_link("API reference").await;
    page.expect_heading("API reference").await;
    page.expect_heading("Create a key").await;
    page.expect_heading("Idempotent requests").await;
    page.fill("Search the reference", "grace period").await;
    page.press(Key::Enter).await;
    page.expect_heading("Rotate a key").await;
    page.expect_no_heading("Create a key").await;
    page.expect_no_link("Create a key").await;
    page.expect_toast("results").await;
    // What was left out is there for a link that leads to it.
    page.click_link("Idempotency-Key").await;
    page.expect_heading("Idempotent requests").await;
    page.expect_no_heading("Create a key").await;

    page.fill("Search the reference", "keys xyzzy").await;
    page.press(Key::Enter).await;
    page.expect_heading("No results").await;
    page.expect_no_heading("Rotate a key").await;
    page.click_link("Clear search").await;
    page.expect_heading("Rotate a key").await;
    page.expect_heading("Create a key").await;
    page.expect_no_heading("No results").await;
}

async fn what_is_found_shows_as_one_types(Stage { page, .. }: Stage) {
    page.visit("/api/docs").await;
    page.fill("Search the reference", "pause").await;
    page.expect_heading("Pause a key").await;
    page.expect_no_heading("Create a key").await;
    page.fill("Search the reference", "role_change").await;
    page.expect_heading("Event object").await;
    page.expect_no_heading("Pause a key").await;
    // Found in a part that was closed.
    page.expect_text("A new role.").await;
    page.press(Key::Enter).await;
    let address = page.browser().current_url().await.expect("an address");
    assert_eq!(address.query(), Some("q=role_change"));
    page.reload().await;
    assert_eq!(page.value("Search the reference").await, "role_change");
    page.expect_no_heading("Pause a key").await;
}

async fn the_examples_are_in_one_language(Stage { page, .. }: Stage) {
    page.visit("/api/docs").await;
    page.expect_text("curl \"http").await;
    page.choose("Python").await;
    page.expect_text("from urllib.request import Request, urlopen").await;
    page.expect_no_text("curl \"http").await;
    page.reload().await;
    page.expect_text("from urllib.request import Request, urlopen").await;
    page.expect_no_text("curl \"http").await;
    page.click_button("Copy request: Create a key").await;
    page.expect_toast("Copied to clipboard").await;
    page.click_button("Copy response: Create a key").await;
    page.expect_toast("Copied to clipboard").await;
}

async fn each_example_has_its_own_switch(Stage { page, .. }: Stage) {
    page.visit("/api/docs?q=/pause+hours").await;
    page.expect_heading("Pause a key").await;
    page.expect_text("curl \"http").await;
    page.choose("Go").await;
    page.expect_text("package main").await;
    page.expect_no_text("curl \"http").await;
    page.expect_no_button("Copy request: Pause a key").await;
}

async fn the_contents_lead_through_the_page(Stage { page, .. }: Stage) {
    page.visit("/api/docs").await;
    page.click_link("Rate limits").await;
    page.expect_current("Rate limits").await;
    page.click_link("Create a webhook").await;
    page.expect_current("Create a webhook").await;
    let mut inspection = Inspection::default();
    inspection.look_at(&page, "reference-read").await;
    inspection.conclude();
}

async fn the_contents_give_way_to_what_is_chosen_on_a_phone(Stage { page, .. }: Stage) {
    const ARE_SHOWN: &str = "document.querySelector('nav[aria-label=Contents]').checkVisibility()";
    Look::PHONE_LIGHT.apply(page.browser()).await.expect("a phone");
    page.visit("/api/docs").await;
    for chosen in ["Rate limits", "Create a webhook"] {
        page.until("the contents are closed", &format!("return !{ARE_SHOWN}")).await;
        // A link without JavaScript.
        if page.has_button("Contents").await {
            page.click_button("Contents").await;
        } else {
            page.click_link("Contents").await;
        }
        page.until("the contents are open", &format!("return {ARE_SHOWN}")).await;
        page.click_link(chosen).await;
    }
    page.until("the contents are closed", &format!("return !{ARE_SHOWN}")).await;
    page.until("what was chosen is there", "return location.hash === '#create_webhook'").await;
}

crate::with_and_without_javascript!(
    the_reference_is_searched,
    the_contents_give_way_to_what_is_chosen_on_a_phone,
);
crate::with_javascript_only!(
    what_is_found_shows_as_one_types,
    the_examples_are_in_one_language,
    the_contents_lead_through_the_page,
);
crate::without_javascript_only!(each_example_has_its_own_switch);
