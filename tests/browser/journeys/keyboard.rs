//! Focus and keys, as scripts move them.

use crate::support::stage::Stage;
use thirtyfour::Key;

async fn a_dialog_takes_the_focus_and_gives_it_back(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/api")).await;
    page.click_link("New API Key").await;
    page.expect_focus("field", "Name").await;
    page.press(Key::Escape).await;
    page.expect_no_dialog("New API Key").await;
    page.expect_focus("link", "New API Key").await;

    page.press(Key::Enter).await;
    page.expect_dialog("New API Key").await;
    page.click_button("Save").await;
    page.expect_field_error("Name", "name").await;
    page.expect_focus("field", "Name").await;
    page.fill("Name", "Billing worker").await;
    page.press(Key::Enter).await;
    page.expect_dialog("API key created").await;
    page.expect_focus("button", "Copy").await;
    // What cannot be shown again is not lost by a stray key.
    page.press(Key::Escape).await;
    page.expect_dialog("API key created").await;
    page.click_link("Done").await;
    page.expect_focus("link", "New API Key").await;
}

async fn a_menu_works_by_keyboard(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/api/keys/new")).await;
    page.fill("Name", "Billing worker").await;
    page.click_button("Save").await;
    page.click_link("Done").await;

    page.open_menu("Actions for Billing worker").await;
    page.press(Key::Down).await;
    page.expect_focus("button", "Deactivate").await;
    page.press(Key::Down).await;
    page.expect_focus("link", "Pause key").await;
    page.press(Key::End).await;
    page.expect_focus("link", "Remove").await;
    page.press(Key::Escape).await;
    page.expect_no_button("Deactivate").await;
    page.expect_focus("button", "Actions for Billing worker").await;

    page.press(Key::Enter).await;
    page.press(Key::Down).await;
    page.press(Key::Enter).await;
    page.expect_row("Billing worker", "Deactivated").await;
    page.expect_focus("button", "Actions for Billing worker").await;
}

/// Not the button that closes it.
async fn the_first_field_of_a_dialog_has_the_focus(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    dana.create_key(&server, &organization, "Billing worker", "none").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/api")).await;
    page.click_link("Billing worker").await;
    for (dialog, kind, field) in [
        ("Edit", "field", "Name"),
        ("Rotate", "option", "24 hours"),
        ("Pause key", "option", "4 hours"),
        ("Remove", "link", "Cancel"),
    ] {
        page.open_menu("Actions for Billing worker").await;
        page.click_link(dialog).await;
        page.expect_focus(kind, field).await;
        page.click_link("Cancel").await;
    }
}

async fn ids_are_copied(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    dana.create_key(&server, &organization, "Billing worker", "90").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/api")).await;
    page.click_link("Billing worker").await;
    for button in ["Copy masked key", "Copy key ID"] {
        page.click_button(button).await;
        page.expect_toast("Copied to clipboard").await;
        page.expect_no_status("Copied to clipboard").await;
    }
    page.click_link("Settings").await;
    page.click_button("Copy organization ID").await;
    page.expect_toast("Copied to clipboard").await;
}

/// They are there to be selected.
async fn ids_are_shown_where_nothing_copies_them(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    dana.create_key(&server, &organization, "Billing worker", "90").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/settings")).await;
    page.expect_text(organization.trim_start_matches("/orgs/")).await;
    page.expect_no_button("Copy organization ID").await;
    page.visit(&format!("{organization}/api")).await;
    page.click_link("Billing worker").await;
    let address = page.browser().current_url().await.expect("an address");
    page.expect_text(address.path().rsplit('/').next().expect("an id")).await;
    page.expect_no_button("Copy key ID").await;
}

crate::with_and_without_javascript!(the_first_field_of_a_dialog_has_the_focus);
crate::without_javascript_only!(ids_are_shown_where_nothing_copies_them);
crate::with_javascript_only!(
    ids_are_copied,
    a_dialog_takes_the_focus_and_gives_it_back,
    a_menu_works_by_keyboard
);
