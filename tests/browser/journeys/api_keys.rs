//! The tab "API", section "API Keys".

use crate::support::page::Page;
use crate::support::server::Server;
use crate::support::stage::Stage;

pub(super) async fn a_key_is_created_used_stopped_and_removed(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    page.become_person(&dana).await;
    page.visit(&organization).await;
    page.click_link("API").await;
    page.expect_heading("API Keys").await;

    page.click_link("New API Key").await;
    page.expect_dialog("New API Key").await;
    for duration in ["7 days", "30 days", "60 days", "90 days", "180 days", "365 days"] {
        assert_eq!(page.is_chosen(duration).await, duration == "90 days", "{duration}");
    }
    page.fill("Name", "Billing worker").await;
    page.click_button("Save").await;
    page.expect_dialog("API key created").await;
    page.expect_text("You won’t be able to see it again").await;
    page.click_button("Try it").await;
    page.expect_text("curl").await;
    let key = page.value("API key").await.trim().to_owned();
    assert!(is_key(&key), "{key}");

    let (status, answer) = server.ask_api(&key).await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer.to_string().contains("Lumen Logistics") && answer.to_string().contains("Billing worker"));

    page.click_link("Done").await;
    page.expect_no_dialog("API key created").await;
    page.expect_row("Billing worker", "Active").await;
    assert!(!page.source().await.contains(&key), "the key is shown only once");

    choose_for_key(&page, "Deactivate").await;
    page.expect_row("Billing worker", "Deactivated").await;
    assert_eq!(server.ask_api(&key).await.0, 401);
    choose_for_key(&page, "Activate").await;
    page.expect_row("Billing worker", "Active").await;
    assert_eq!(server.ask_api(&key).await.0, 200);

    page.open_menu("Actions for Billing worker").await;
    page.click_link("Remove").await;
    page.expect_dialog("Remove “Billing worker”?").await;
    page.expect_text("Last used").await;
    page.click_link("Cancel").await;
    page.to_list().await;
    page.expect_row("Billing worker", "Active").await;
    page.open_menu("Actions for Billing worker").await;
    page.click_link("Remove").await;
    page.click_button("Remove key").await;
    page.expect_no_row("Billing worker").await;
    page.expect_toast("“Billing worker” removed").await;
    assert_eq!(server.ask_api(&key).await.0, 401);

    page.click_link("Removed keys").await;
    page.expect_row("Billing worker", "by Dana Whitfield").await;
    page.click_button("Restore Billing worker").await;
    page.expect_toast("“Billing worker” restored").await;
    page.expect_text("No keys were removed in the last 14 days.").await;
    page.click_link("API Keys").await;
    page.expect_row("Billing worker", "Deactivated").await;
    assert_eq!(server.ask_api(&key).await.0, 401, "until somebody activates it");
}

async fn a_reload_makes_no_second_key(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/api/keys/new")).await;
    page.fill("Name", "Billing worker").await;
    page.click_button("Save").await;
    page.expect_dialog("API key created").await;
    let key = page.value("API key").await;
    // Without JavaScript the page is the answer to a form, which a reload sends again.
    page.reload().await;
    assert!(!page.source().await.contains(key.trim()), "a reload does not show the key again");
    page.visit(&format!("{organization}/api")).await;
    page.expect_row("Billing worker", "Active").await;
    assert_eq!(page.source().await.matches("Actions for Billing worker").count(), 1);
    page.expect_text("API Keys 1").await;
}

async fn a_name_in_use_is_refused_by_its_field(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    page.become_person(&dana).await;
    for title in ["API key created", "New API Key"] {
        page.visit(&format!("{organization}/api")).await;
        page.click_link("New API Key").await;
        page.fill("Name", "Mobile app").await;
        page.choose("365 days").await;
        page.click_button("Save").await;
        page.expect_dialog(title).await;
    }
    page.expect_field_error("Name", "already exists").await;
    assert_eq!(page.value("Name").await, "Mobile app");
    assert!(page.is_chosen("365 days").await);
    page.fill("Name", "").await;
    page.click_button("Save").await;
    page.expect_field_error("Name", "name").await;
    page.fill("Name", "Tablet app").await;
    page.choose("No expiration").await;
    page.click_button("Save").await;
    page.expect_dialog("API key created").await;
    page.click_link("Done").await;
    page.expect_row("Tablet app", "Never").await;
}

async fn several_keys_are_removed_after_one_question(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    for name in ["Billing worker", "Checkout", "Tablet app", "Reports"] {
        dana.create_key(&server, &organization, name, "90").await;
    }
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/api")).await;
    page.click_link("Select").await;
    page.expect_dialog("Select API keys").await;
    page.click_button("Remove").await;
    page.expect_text("Select at least one key.").await;
    page.choose("Checkout").await;
    page.choose("Reports").await;
    page.click_button("Remove").await;
    page.expect_dialog("Remove 2 API keys?").await;
    page.expect_text("Requests, last 7 days").await;
    page.click_button("Remove 2 API keys").await;
    page.expect_toast("2 API keys removed").await;
    page.expect_row("Billing worker", "Active").await;
    page.expect_no_row("Checkout").await;
    page.expect_no_row("Reports").await;
}

/// Goes to the page of a key in a browser that is nine hours ahead of UTC.
async fn read_in_tokyo(Stage { page, server, .. }: &Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    dana.create_key(server, &organization, "Billing worker", "90").await;
    page.become_person(&dana).await;
    page.move_to("Asia/Tokyo").await;
    page.visit(&format!("{organization}/api")).await;
    page.click_link("Billing worker").await;
    page.expect_page("Billing worker").await;
}

async fn times_are_in_the_zone_of_the_reader(stage: Stage) {
    read_in_tokyo(&stage).await;
    stage.page.expect_text("GMT+9").await;
    stage.page.until("UTC is at hand", "return !!document.querySelector('time[title$=\" UTC\"]')").await;
}

async fn without_scripts_times_are_in_utc(stage: Stage) {
    read_in_tokyo(&stage).await;
    stage.page.expect_text(" UTC").await;
    assert!(!stage.page.source().await.contains("GMT+9"));
}

async fn choose_for_key(page: &Page, action: &str) {
    page.open_menu("Actions for Billing worker").await;
    page.click_button(action).await;
    page.expect_toast("Billing worker").await;
    page.to_list().await;
}

/// As `^tess_[0-9A-Za-z]{36,}$`.
fn is_key(key: &str) -> bool {
    key.strip_prefix("tess_")
        .is_some_and(|rest| rest.len() >= 36 && rest.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// Where there are environments, each new key is for one of them, and gateways can ask for it.
async fn a_test_key_is_told_from_live_ones(Stage { page, .. }: Stage) {
    let server = Server::start_with("TESSERA_ENVIRONMENTS", "yes").await;
    let page = Page::new(page.browser().clone(), server.url.clone());
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    page.become_person(&dana).await;
    let mut keys = Vec::new();
    for (name, environment) in [("Checkout", "Live"), ("Trial", "Test")] {
        page.visit(&format!("{organization}/api/keys/new")).await;
        page.fill("Name", name).await;
        page.choose(environment).await;
        page.click_button("Save").await;
        page.expect_dialog("API key created").await;
        keys.push(page.value("API key").await.trim().to_owned());
    }
    let [live, test]: [String; 2] = keys.try_into().expect("two keys");
    assert!(live.starts_with("tess_live_") && test.starts_with("tess_test_"), "{live} {test}");
    page.visit(&format!("{organization}/api")).await;
    page.expect_row("Trial", "Test").await;
    page.visit(&format!("{organization}/api?show=test")).await;
    page.expect_row("Trial", "Test").await;
    page.expect_no_row("Checkout").await;
    let auth = async |key: &str| {
        let asked = server.http.get(format!("{}/auth?environment=live", server.url)).bearer_auth(key);
        asked.send().await.expect("the server answers").status().as_u16()
    };
    assert_eq!((auth(&live).await, auth(&test).await), (204, 403));
}

crate::with_and_without_javascript!(
    a_key_is_created_used_stopped_and_removed,
    a_reload_makes_no_second_key,
    a_name_in_use_is_refused_by_its_field,
    several_keys_are_removed_after_one_question,
    a_test_key_is_told_from_live_ones,
);
crate::with_javascript_only!(times_are_in_the_zone_of_the_reader);
crate::without_javascript_only!(without_scripts_times_are_in_utc);
