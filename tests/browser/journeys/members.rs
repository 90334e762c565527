//! The tab "Users": roles, removal, and what each role may see.

use crate::support::stage::Stage;

async fn an_administrator_changes_roles_and_removes(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let mut ravi = server.person("Ravi Menon").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    server.join(&organization, &mut dana, &mut ravi, "user").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/users")).await;

    page.open_menu("Actions for Ravi Menon").await;
    page.click_link("Change role").await;
    assert!(page.is_chosen("User").await, "the role that the person has");
    page.expect_text("Can also manage members.").await;
    page.choose("Supervisor").await;
    page.click_button("Save").await;
    page.expect_row("Ravi Menon", "Supervisor").await;

    page.fill("Search members", "menon").await;
    page.press(thirtyfour::Key::Enter).await;
    page.expect_no_row("Dana Whitfield").await;
    page.expect_row("Ravi Menon", &ravi.email).await;
    page.fill("Search members", "enon").await;
    page.press(thirtyfour::Key::Enter).await;
    page.expect_text("No members match “enon”. Search looks for this text at the start of a word.").await;
    page.visit(&format!("{organization}/users")).await;

    page.open_menu("Actions for Ravi Menon").await;
    page.click_link("Remove user from organization").await;
    page.expect_dialog("Remove Ravi Menon from Lumen Logistics?").await;
    page.click_button("Remove user").await;
    // An open dialog hides the row, too: only the toast tells that it is done.
    page.expect_toast("removed from").await;
    page.expect_no_row("Ravi Menon").await;
    assert_eq!(ravi.get(&server, &format!("{organization}/users")).await, 404, "access ends at once");
}

async fn the_last_administrator_stays(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/users")).await;
    page.open_menu("Actions for Dana Whitfield").await;
    page.click_link("Change role").await;
    page.choose("User").await;
    page.click_button("Save").await;
    page.expect_text("last administrator").await;

    page.visit(&format!("{organization}/users")).await;
    page.open_menu("Actions for Dana Whitfield").await;
    page.click_link("Remove user from organization").await;
    page.expect_text("last administrator").await;

    page.visit(&format!("{organization}/settings/leave")).await;
    page.click_button("Leave organization").await;
    page.expect_text("last administrator").await;
    page.visit(&format!("{organization}/users")).await;
    page.expect_row("Dana Whitfield", "Administrator").await;
}

async fn a_supervisor_manages_users_and_sees_no_keys(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let mut ravi = server.person("Ravi Menon").await;
    let mut sofie = server.person("Sofie Lindqvist").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    server.join(&organization, &mut dana, &mut ravi, "supervisor").await;
    server.join(&organization, &mut dana, &mut sofie, "user").await;
    page.become_person(&ravi).await;
    page.visit(&organization).await;
    page.expect_link("Invite Users").await;
    page.expect_no_link("Invite Admins").await;
    page.expect_no_link("API").await;
    page.expect_no_button("Actions for Dana Whitfield").await;
    assert_eq!(ravi.get(&server, &format!("{organization}/api")).await, 403);
    page.visit(&format!("{organization}/api")).await;
    page.expect_no_text("API Keys").await;

    page.visit(&organization).await;
    page.open_menu("Actions for Sofie Lindqvist").await;
    page.click_link("Remove user from organization").await;
    page.click_button("Remove user").await;
    page.expect_toast("removed from").await;
    page.expect_no_row("Sofie Lindqvist").await;
}

async fn a_developer_manages_keys_and_nothing_else(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let mut ravi = server.person("Ravi Menon").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    server.join(&organization, &mut dana, &mut ravi, "developer").await;
    page.become_person(&ravi).await;
    page.visit(&organization).await;
    page.expect_row("Ravi Menon", "Developer").await;
    page.expect_no_link("Invite Users").await;
    page.expect_no_button("Actions for Dana Whitfield").await;
    page.click_link("API").await;
    page.expect_heading("API Keys").await;
    page.expect_no_text("Master Tokens").await;
    page.click_link("New API Key").await;
    page.fill("Name", "Billing worker").await;
    page.click_button("Save").await;
    page.expect_dialog("API key created").await;
    page.click_link("Done").await;
    page.open_menu("Actions for Billing worker").await;
    page.click_button("Deactivate").await;
    page.expect_toast("Billing worker").await;
    page.to_list().await;
    page.expect_row("Billing worker", "Deactivated").await;
    page.click_link("Expiration calendar").await;
    page.click_button("Create URL").await;
    page.expect_text("Copy the URL now").await;
    page.click_link("Done").await;
    page.click_link("Activity").await;
    page.expect_text("created the API key Billing worker").await;
    page.expect_no_text("joined by invitation").await;
    page.click_link("Settings").await;
    page.expect_link("Leave organization").await;
    page.expect_no_link("Manage webhooks").await;
    assert_eq!(ravi.get(&server, &format!("{organization}/webhooks")).await, 403);
    assert_eq!(ravi.get(&server, &format!("{organization}/api/tokens/new")).await, 403);
}

async fn a_user_sees_the_members_and_may_leave(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let mut ravi = server.person("Ravi Menon").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    server.join(&organization, &mut dana, &mut ravi, "user").await;
    page.become_person(&ravi).await;
    page.visit(&organization).await;
    page.expect_row("Dana Whitfield", "Administrator").await;
    page.expect_no_link("Invite Users").await;
    page.expect_no_link("API").await;
    page.click_link("Settings").await;
    page.click_link("Leave organization").await;
    page.click_button("Leave organization").await;
    page.expect_page("My Organizations").await;
    page.expect_no_row("Lumen Logistics").await;
    assert_eq!(ravi.get(&server, &organization).await, 404, "an outsider sees nothing");
}

crate::with_and_without_javascript!(
    an_administrator_changes_roles_and_removes,
    the_last_administrator_stays,
    a_supervisor_manages_users_and_sees_no_keys,
    a_developer_manages_keys_and_nothing_else,
    a_user_sees_the_members_and_may_leave,
);
