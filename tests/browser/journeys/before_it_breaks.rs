//! What shows in time that a key ends, or that somebody still needs it.

use crate::support::page::Page;
use crate::support::stage::Stage;

async fn recent_usage_is_shown_wherever_a_key_is_stopped(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    let key = dana.create_key(&server, &organization, "Billing worker", "90").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/api")).await;
    page.open_menu("Actions for Billing worker").await;
    page.expect_text("Last request Never used").await;
    assert_eq!(server.ask_api(&key).await.0, 200);
    page.visit(&format!("{organization}/api")).await;
    page.open_menu("Actions for Billing worker").await;
    page.expect_text("Last 7 days 1 request Clients 127.0.0.1").await;
    page.click_button("Deactivate").await;
    page.expect_toast("1 request in the last 7 days").await;
    assert_eq!(server.ask_api(&key).await.0, 401);
    page.click_button("Undo").await;
    page.to_list().await;
    page.expect_row("Billing worker", "Active").await;
    assert_eq!(server.ask_api(&key).await.0, 200);

    page.open_menu("Actions for Billing worker").await;
    page.click_link("Remove").await;
    page.expect_dialog("Remove “Billing worker”?").await;
    page.expect_text("Last 7 days 3 requests Accepted: 2 Rejected: deactivated: 1").await;
    page.expect_text("Recent clients 127.0.0.1").await;
}

async fn a_key_is_paused_for_a_while_or_for_good(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    let key = dana.create_key(&server, &organization, "Billing worker", "90").await;
    assert_eq!(server.ask_api(&key).await.0, 200);
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/api")).await;
    begin_pause(&page).await;
    assert_eq!(server.ask_api(&key).await.0, 401);
    choose_for_key(&page, "Activate").await;
    page.expect_row("Billing worker", "Active").await;
    assert_eq!(server.ask_api(&key).await.0, 200);
    begin_pause(&page).await;
    choose_for_key(&page, "Don’t reactivate").await;
    page.expect_row("Billing worker", "Deactivated").await;
    assert_eq!(server.ask_api(&key).await.0, 401);
}

async fn the_list_is_narrowed_to_what_needs_a_look(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    dana.create_key(&server, &organization, "Ends in a week", "7").await;
    dana.create_key(&server, &organization, "Ends next year", "365").await;
    dana.create_key(&server, &organization, "Never ends", "none").await;
    let used = dana.create_key(&server, &organization, "In use", "90").await;
    assert_eq!(server.ask_api(&used).await.0, 200);
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/api")).await;
    show(&page, "Expires soon").await;
    page.expect_no_row("Never ends").await;
    page.expect_row("Ends in a week", "Expires in").await;
    show(&page, "Never used").await;
    page.expect_row("Never ends", "Never used").await;
    page.expect_no_row("In use").await;
    show(&page, "Deactivated").await;
    page.expect_text("No deactivated keys.").await;
    page.click_link("Show all keys").await;
    page.expect_row("In use", "Active").await;
}

async fn a_calendar_subscribes_to_the_expiries(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    dana.create_key(&server, &organization, "Billing worker", "90").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/api")).await;
    let mut addresses = Vec::new();
    for button in ["Create URL", "Replace URL"] {
        page.click_link("Expiration calendar").await;
        page.click_button(button).await;
        page.expect_text("You won’t be able to see it again").await;
        addresses.push(page.value("URL").await.trim().to_owned());
        page.click_link("Done").await;
        page.expect_row("Billing worker", "Active").await;
    }
    let ask = async |address: &str| {
        let answer = server.http.get(address).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    };
    let [replaced, address] = addresses.as_slice() else { panic!("{addresses:?}") };
    let (status, calendar) = ask(address).await;
    assert_eq!(status, 200);
    assert!(calendar.contains("SUMMARY:API key “Billing worker” expires"), "{calendar}");
    assert_eq!(ask(replaced).await.0, 404, "the address before was replaced");
}

async fn begin_pause(page: &Page) {
    page.open_menu("Actions for Billing worker").await;
    page.click_link("Pause key").await;
    page.expect_dialog("Pause “Billing worker” temporarily").await;
    page.expect_text("Recent clients 127.0.0.1").await;
    page.choose("1 hour").await;
    page.click_button("Pause key").await;
    page.expect_no_dialog("Pause “Billing worker” temporarily").await;
    page.to_list().await;
    page.expect_row("Billing worker", "Paused until").await;
}

async fn choose_for_key(page: &Page, action: &str) {
    page.open_menu("Actions for Billing worker").await;
    page.click_button(action).await;
    page.expect_toast("Billing worker").await;
    page.to_list().await;
}

/// Chooses a part of the list; without JavaScript a button asks for it.
async fn show(page: &Page, part: &str) {
    page.pick("Show", part).await;
    if page.has_button("Search").await {
        page.click_button("Search").await;
    }
}

crate::with_and_without_javascript!(
    recent_usage_is_shown_wherever_a_key_is_stopped,
    a_key_is_paused_for_a_while_or_for_good,
    the_list_is_narrowed_to_what_needs_a_look,
    a_calendar_subscribes_to_the_expiries,
);
