//! Rotation: a new secret for the same key, while the previous one keeps working for a while.

use crate::support::page::Page;
use crate::support::stage::Stage;

async fn both_secrets_work_until_the_previous_one_is_revoked(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    let old = dana.create_key(&server, &organization, "Billing worker", "90").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/api")).await;
    assert_eq!(server.ask_api(&old).await.0, 200);

    open_rotation(&page).await;
    assert!(page.text().await.contains("Keep current ("), "{}", page.text().await);
    assert!(page.is_chosen("24 hours").await && page.is_chosen("When the new secret is first used").await);
    page.choose("7 days").await;
    let new = rotate(&page).await;
    page.expect_text("The previous secret keeps working for 24 hours after the new one is first used").await;
    page.click_link("Done").await;
    page.to_list().await;
    page.expect_row("Billing worker", "New secret not used yet").await;
    assert!(!page.source().await.contains(&new), "the new secret is shown only once");
    page.expect_row("Billing worker", "Expires in").await;

    assert_eq!(server.ask_api(&old).await.0, 200);
    assert_eq!(server.ask_api(&new).await.0, 200);
    assert_eq!(server.ask_api(&old).await.0, 200);
    page.visit(&format!("{organization}/api")).await;
    page.expect_row("Billing worker", "Previous secret last used").await;
    page.expect_row("Billing worker", "expires in 23 hours").await;
    page.click_button("Revoke previous secret").await;
    page.expect_toast("Previous secret of “Billing worker” revoked").await;
    page.expect_no_text("Previous secret last used").await;
    assert_eq!(server.ask_api(&old).await.0, 401);
    assert_eq!(server.ask_api(&new).await.0, 200);
}

async fn an_old_secret_can_end_at_once(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    let old = dana.create_key(&server, &organization, "Billing worker", "none").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/api")).await;
    open_rotation(&page).await;
    page.expect_no_text("Keep current").await;
    page.choose("None").await;
    page.choose("Immediately").await;
    let new = rotate(&page).await;
    assert_eq!((server.ask_api(&old).await.0, server.ask_api(&new).await.0), (401, 200));
    page.click_link("Done").await;
    page.to_list().await;
    page.expect_row("Billing worker", "Never").await;
    page.expect_no_button("Revoke previous secret").await;
}

async fn the_link_of_the_mail_opens_a_rotation_with_a_new_end(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    dana.create_key(&server, &organization, "Billing worker", "30").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/api")).await;
    open_rotation(&page).await;
    page.choose("Custom date").await;
    page.click_button("Rotate key").await;
    page.expect_text("Choose a date.").await;
    assert!(page.is_chosen("24 hours").await);
    page.click_link("Cancel").await;
    page.click_link("Billing worker").await;
    page.expect_text("Recent clients").await;
    let key = page.browser().current_url().await.expect("an address");
    page.visit(&format!("{key}/rotate?duration=same")).await;
    page.expect_dialog("Rotate “Billing worker”?").await;
    assert!(page.is_chosen("30 days").await);
    page.choose("365 days").await;
    rotate(&page).await;
    page.expect_text("Expires ").await;
    page.click_link("Done").await;
    page.to_list().await;
    page.expect_row("Billing worker", "Active").await;
}

async fn open_rotation(page: &Page) {
    page.open_menu("Actions for Billing worker").await;
    page.click_link("Rotate").await;
    page.expect_dialog("Rotate “Billing worker”?").await;
}

/// Sends the dialog; answers the new secret.
async fn rotate(page: &Page) -> String {
    page.click_button("Rotate key").await;
    page.expect_dialog("API key rotated").await;
    page.value("API key").await.trim().to_owned()
}

crate::with_and_without_javascript!(
    both_secrets_work_until_the_previous_one_is_revoked,
    an_old_secret_can_end_at_once,
    the_link_of_the_mail_opens_a_rotation_with_a_new_end,
);
