//! Invitations: sent to many, accepted in three ways, canceled and sent again.

use crate::support::page::Page;
use crate::support::people::PASSWORD;
use crate::support::stage::Stage;

const SUBJECT: &str = "Dana Whitfield invited you to join Lumen Logistics";
const JONAS: &str = "jonas@example.org";

async fn each_address_is_told_its_outcome(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/users")).await;
    invite(&page, "Invite Users", JONAS).await;
    page.click_link("Done").await;

    let addresses = format!("priya@example.org, {JONAS} {} not-an-address\nsofie@example.org", dana.email);
    invite(&page, "Invite Admins", &addresses).await;
    page.expect_row("priya@example.org", "Sent").await;
    page.expect_row("sofie@example.org", "Sent").await;
    page.expect_row(JONAS, "Already invited").await;
    page.expect_row(&dana.email, "Already a member").await;
    page.expect_row("not-an-address", "Invalid email").await;
    for address in ["priya@example.org", "sofie@example.org"] {
        let mail = server.inbox.expect(address, SUBJECT).await;
        assert_eq!(mail.subject, SUBJECT);
        assert!(
            mail.text.contains("Lumen Logistics") && mail.text.contains("Dana Whitfield"),
            "{}",
            mail.text
        );
    }
    page.click_link("Done").await;
    page.expect_row("sofie@example.org", "Administrator").await;
    page.expect_row("sofie@example.org", "Dana Whitfield").await;
}

async fn the_role_is_chosen_in_the_dialog(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let mut ravi = server.person("Ravi Menon").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    server.join(&organization, &mut dana, &mut ravi, "supervisor").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/users")).await;
    for (label, role) in [("Invite Admins", "Administrator"), ("Invite Users", "User")] {
        page.click_link(label).await;
        page.expect_dialog(label).await;
        assert!(page.is_chosen(role).await, "{label} is for {role}");
        page.expect_text("Can create and manage API keys").await;
        page.click_link("Cancel").await;
        page.expect_no_dialog(label).await;
    }
    page.click_link("Invite Users").await;
    page.choose("Developer").await;
    page.click_button("Send invitations").await;
    page.expect_field_error("Email addresses", "Enter at least one").await;
    assert!(page.is_chosen("Developer").await, "what was chosen is kept");
    page.fill("Email addresses", JONAS).await;
    page.click_button("Send invitations").await;
    page.expect_row(JONAS, "Sent").await;
    page.click_link("Done").await;
    page.expect_row(JONAS, "Developer").await;
    let mail = server.inbox.expect(JONAS, SUBJECT).await;
    assert!(mail.text.contains("as a Developer") && mail.text.contains("create and manage API keys"));

    page.become_person(&ravi).await;
    page.visit(&format!("{organization}/users")).await;
    page.expect_no_button(&format!("Actions for {JONAS}")).await;
    page.click_link("Invite Users").await;
    page.expect_dialog("Invite Users").await;
    page.expect_text("Can invite and manage supervisors and users").await;
    page.expect_no_text("Can create and manage API keys").await;
    page.fill("Email addresses", "sofie@example.org").await;
    page.click_button("Send invitations").await;
    page.expect_row("sofie@example.org", "Sent").await;
}

async fn a_stranger_joins_by_the_mailed_link(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/users")).await;
    invite(&page, "Invite Users", JONAS).await;
    let link = server.inbox.expect(JONAS, SUBJECT).await.link_labelled("Accept Invite");

    page.become_nobody().await;
    // Mail scanners open links, too.
    for _ in 0..2 {
        page.visit(&link).await;
        page.expect_page("Join Lumen Logistics").await;
    }
    page.expect_text("Dana Whitfield").await;
    page.expect_text("User").await;
    page.expect_button("Decline").await;
    page.expect_text(JONAS).await;
    page.fill("Full name", "Jonas Brandt").await;
    page.fill("Password", PASSWORD).await;
    page.click_button("Accept").await;
    page.expect_page("Lumen Logistics").await;
    page.expect_button("Jonas Brandt").await;
    page.expect_row("Jonas Brandt", "User").await;
    assert_eq!(server.inbox.count(JONAS), 1, "the mailed link proves the address, no second mail is needed");

    page.visit(&link).await;
    page.expect_no_button("Accept").await;
}

async fn the_pending_list_accepts_and_declines(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let ravi = server.person("Ravi Menon").await;
    for name in ["Lumen Logistics", "Harbour Freight"] {
        let organization = server.organization(&mut dana, name).await;
        dana.invite(&server, &organization, &ravi.email, "user").await;
    }
    page.become_person(&ravi).await;
    page.visit("/orgs").await;
    page.open_menu("Ravi Menon 2 pending invitations").await;
    page.click_link("My Organizations").await;
    page.expect_heading("Pending invitations").await;
    page.click_button("Accept invitation to Lumen Logistics").await;
    page.expect_toast("Lumen Logistics").await;
    page.expect_row("Lumen Logistics", "User").await;
    page.click_button("Decline invitation to Harbour Freight").await;
    page.expect_no_row("Harbour Freight").await;
    page.expect_no_button("Accept").await;
    page.click_link("Organization Details of Lumen Logistics").await;
    page.expect_page("Lumen Logistics").await;
}

async fn a_copied_link_works_for_the_invited_address_only(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let ravi = server.person("Ravi Menon").await;
    let sofie = server.person("Sofie Lindqvist").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/users")).await;
    invite(&page, "Invite Users", &ravi.email).await;
    page.click_link("Done").await;
    page.open_menu(&format!("Actions for {}", ravi.email)).await;
    page.click_button("Copy link").await;
    let link = page.value("Invitation link").await.trim().to_owned();
    let mailed = server.inbox.expect(&ravi.email, SUBJECT).await.link_labelled("Accept Invite");
    assert_ne!(link, mailed, "the copied link is a secret of its own");

    page.become_nobody().await;
    page.visit(&link).await;
    page.expect_no_button("Accept").await;

    page.become_person(&sofie).await;
    page.visit(&link).await;
    page.expect_no_button("Accept").await;
    page.click_button("Switch account").await;
    page.expect_page("Log in to Tessera").await;
    page.fill("Email", &ravi.email).await;
    page.fill("Password", PASSWORD).await;
    page.click_button("Log in").await;
    page.expect_page("Join Lumen Logistics").await;
    page.click_button("Accept").await;
    page.expect_page("Lumen Logistics").await;
    page.expect_row("Ravi Menon", "User").await;
}

async fn a_canceled_link_answers_like_an_unknown_one(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/users")).await;
    invite(&page, "Invite Users", JONAS).await;
    page.click_link("Done").await;
    let link = server.inbox.expect(JONAS, SUBJECT).await.link_labelled("Accept Invite");
    page.open_menu(&format!("Actions for {JONAS}")).await;
    page.click_button("Cancel invitation").await;
    page.expect_no_row(JONAS).await;

    page.become_nobody().await;
    page.visit("/i/0123456789abcdefghijABCDEFGHIJ").await;
    let unknown = page.text().await;
    page.visit(&link).await;
    assert_eq!(page.text().await, unknown);
}

async fn invite(page: &Page, label: &str, addresses: &str) {
    page.click_link(label).await;
    page.expect_dialog(label).await;
    page.fill("Email addresses", addresses).await;
    page.click_button("Send invitations").await;
    page.expect_link("Done").await;
}

crate::with_and_without_javascript!(
    each_address_is_told_its_outcome,
    the_role_is_chosen_in_the_dialog,
    a_stranger_joins_by_the_mailed_link,
    the_pending_list_accepts_and_declines,
    a_copied_link_works_for_the_invited_address_only,
    a_canceled_link_answers_like_an_unknown_one,
);
