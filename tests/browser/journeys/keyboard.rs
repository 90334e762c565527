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

crate::with_javascript_only!(a_dialog_takes_the_focus_and_gives_it_back, a_menu_works_by_keyboard);
