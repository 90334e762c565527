//! The tab "API", section "Master Tokens".

use crate::support::page::Page;
use crate::support::stage::Stage;

async fn a_token_is_generated_replaced_and_removed(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let mut ines = server.person("Ines Okafor").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    server.join(&organization, &mut dana, &mut ines, "administrator").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/api")).await;
    page.expect_heading("Master Tokens").await;

    page.open_menu("Actions for Master Tokens").await;
    page.click_link("Generate token").await;
    page.expect_dialog("Generate token").await;
    page.fill("Name", "ERP sync").await;
    page.click_button("Save").await;
    page.expect_dialog("Master token generated").await;
    let token = shown_token(&page).await;
    page.expect_row("ERP sync", "Deactivated").await;
    for administrator in [&dana, &ines] {
        server.inbox.expect(&administrator.email, "generated").await;
    }

    choose_for_token(&page, "Activate").await;
    page.expect_row("ERP sync", "Active").await;
    server.inbox.expect(&ines.email, "activated").await;

    page.open_menu("Actions for ERP sync").await;
    page.click_link("Replace").await;
    page.expect_dialog("Replace “ERP sync”?").await;
    page.click_button("Yes").await;
    page.expect_dialog("Master token replaced").await;
    assert_ne!(shown_token(&page).await, token);
    page.to_list().await;
    server.inbox.expect(&ines.email, "replaced").await;

    choose_for_token(&page, "Deactivate").await;
    page.expect_row("ERP sync", "Deactivated").await;
    page.open_menu("Actions for ERP sync").await;
    page.click_link("Remove").await;
    page.click_button("Remove token").await;
    page.expect_no_row("ERP sync").await;
}

async fn what_a_token_can_do_is_chosen_and_shown_on_its_page(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/api")).await;
    page.open_menu("Actions for Master Tokens").await;
    page.click_link("Generate token").await;
    page.expect_dialog("Generate token").await;
    assert!(page.is_chosen("Verify only").await && page.is_chosen("90 days").await);
    page.fill("Name", "Gateway").await;
    page.choose("Verify only").await;
    page.choose("7 days").await;
    page.click_button("Save").await;
    shown_token(&page).await;
    page.expect_row("Gateway", "Verify only").await;
    page.open_menu("Actions for Gateway").await;
    page.click_button("Activate").await;
    page.expect_toast("Gateway").await;
    page.to_list().await;
    page.expect_row("Gateway", "Expires in 7 days").await;

    page.click_link("Gateway").await;
    page.expect_heading("Can").await;
    page.expect_text("Verify API keys").await;
    page.expect_text("No activity in the last 30 days").await;
    page.open_menu("Actions for Gateway").await;
    page.click_button("Deactivate").await;
    page.expect_toast("Gateway").await;
}

/// Reads the token from the dialog that shows it, and closes the dialog.
async fn shown_token(page: &Page) -> String {
    page.expect_text("You won’t be able to see it again").await;
    let token = page.value("Master token").await.trim().to_owned();
    assert!(token.starts_with("tess_m_") && token.len() >= "tess_m_".len() + 36, "{token}");
    page.click_link("Done").await;
    page.expect_no_text("You won’t be able to see it again").await;
    assert!(!page.source().await.contains(&token), "the token is shown only once");
    token
}

async fn choose_for_token(page: &Page, action: &str) {
    page.open_menu("Actions for ERP sync").await;
    page.click_button(action).await;
    page.expect_toast("ERP sync").await;
    // Without JavaScript a toast stays, and may lie over the last row.
    page.reload().await;
    page.to_list().await;
}

crate::with_and_without_javascript!(
    a_token_is_generated_replaced_and_removed,
    what_a_token_can_do_is_chosen_and_shown_on_its_page,
);
