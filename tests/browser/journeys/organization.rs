//! The tabs "Activity" and "Settings".

use crate::support::stage::Stage;

async fn activity_tells_what_changed(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/api/keys/new")).await;
    page.fill("Name", "Billing worker").await;
    page.click_button("Save").await;
    page.click_link("Done").await;
    page.open_menu("Actions for Billing worker").await;
    page.click_button("Deactivate").await;
    page.expect_toast("Billing worker").await;
    page.to_list().await;
    page.expect_row("Billing worker", "Deactivated").await;

    page.click_link("Activity").await;
    page.expect_heading("Activity").await;
    page.expect_row("Billing worker", "Dana Whitfield").await;
    page.expect_text("127.0.0.1").await;
    page.visit(&format!("{organization}/activity?q=no-such-thing")).await;
    page.expect_link("Clear filters").await;
    page.expect_no_row("Billing worker").await;
    page.click_link("Clear filters").await;
    page.expect_row("Billing worker", "Dana Whitfield").await;
    assert_eq!(dana.get(&server, &format!("{organization}/activity.csv")).await, 200);
}

async fn settings_rename_and_remove_the_organization(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    page.become_person(&dana).await;
    page.visit(&organization).await;
    page.click_link("Settings").await;
    page.fill("Organization name", "").await;
    page.click_button("Save changes").await;
    page.expect_field_error("Organization name", "name").await;
    page.fill("Organization name", "Lumen Freight").await;
    page.click_button("Save changes").await;
    page.expect_page("Lumen Freight").await;

    page.click_link("Remove organization").await;
    page.expect_dialog("Remove “Lumen Freight”?").await;
    page.fill("Type the name to confirm", "Lumen Logistics").await;
    page.click_button("Remove organization").await;
    page.expect_field_error("Type the name to confirm", "exactly as shown").await;
    page.fill("Type the name to confirm", "Lumen Freight").await;
    page.click_button("Remove organization").await;
    page.expect_page("My Organizations").await;
    assert_eq!(dana.get(&server, &organization).await, 404);
    page.click_button("Restore Lumen Freight").await;
    page.expect_toast("“Lumen Freight” restored").await;
    assert_eq!(dana.get(&server, &format!("{organization}/users")).await, 200);
}

crate::with_and_without_javascript!(activity_tells_what_changed, settings_rename_and_remove_the_organization);
