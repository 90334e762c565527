//! Sign-up where strangers have no way in: the operator comes by the set-up link, everybody else by an invitation.

use crate::support::axe::Inspection;
use crate::support::page::Page;
use crate::support::people::PASSWORD;
use crate::support::server::Server;
use crate::support::stage::Stage;

const OLGA: &str = "olga@example.org";
const JONAS: &str = "jonas@example.org";
const PRIYA: &str = "priya@example.org";

async fn where_an_invitation_is_needed_one_comes_in_by_it(Stage { page, .. }: Stage) {
    let server = Server::start_with("TESSERA_SIGN_UP", "invited").await;
    let page = Page::new(page.browser().clone(), server.url.clone());
    let links = invitations_of_the_operator(&page, &server).await;

    page.visit("/").await;
    page.expect_text("To sign up, you need an invitation").await;
    page.click_link("Sign up").await;
    page.expect_page("You need an invitation").await;
    page.expect_no_button("Sign up").await;
    page.click_link("Log in").await;
    page.expect_text("you need an invitation").await;
    page.expect_no_link("Sign up").await;

    page.visit(&links.emailed).await;
    page.expect_text(JONAS).await;
    page.fill("Full name", "Jonas Brandt").await;
    page.fill("Password", PASSWORD).await;
    page.click_button("Accept").await;
    page.expect_page("Lumen Logistics").await;
    page.expect_row("Jonas Brandt", "User").await;

    page.become_nobody().await;
    page.visit(&links.copied).await;
    page.expect_text("p•••@example.org").await;
    page.expect_no_text(PRIYA).await;
    page.click_button("Sign up").await;
    page.expect_field_error("Full name", "Enter a name").await;
    page.fill("Full name", "Priya Nair").await;
    page.fill("Password", PASSWORD).await;
    page.click_button("Sign up").await;
    page.expect_page("Check your email").await;
    page.expect_text("p•••@example.org").await;
    page.expect_button("Resend email").await;
    page.expect_no_text(PRIYA).await;
}

async fn pages_where_strangers_have_no_way_in(Stage { page, .. }: Stage) {
    let mut inspection = Inspection::default();
    let server = Server::start_with("TESSERA_SIGN_UP", "invited").await;
    let invited = Page::new(page.browser().clone(), server.url.clone());
    for (path, name) in [("/", "landing-invited-first"), ("/signup", "sign-up-invited-first")] {
        invited.visit(path).await;
        inspection.look_at(&invited, name).await;
    }
    let links = invitations_of_the_operator(&invited, &server).await;
    for (path, name) in [
        ("/", "landing-invited"),
        ("/signup", "sign-up-invited"),
        (&links.copied, "invitation-copied-invited"),
    ] {
        invited.visit(path).await;
        inspection.look_at(&invited, name).await;
    }
    for (mode, name) in [("closed", "closed"), ("lumen.example, fern.example", "domains")] {
        let server = Server::start_with("TESSERA_SIGN_UP", mode).await;
        let page = Page::new(invited.browser().clone(), server.url.clone());
        for (path, what) in [("/", "landing"), ("/signup", "sign-up"), ("/login", "log-in")] {
            page.visit(path).await;
            inspection.look_at(&page, &format!("{what}-{name}")).await;
        }
        page.visit(&server.setup_link()).await;
        page.click_link("Sign up").await;
        page.expect_page("Create your account").await;
    }
    inspection.conclude();
}

/// The links of two invitations: one emailed to Jonas, one for Priya that is passed on by hand.
struct Links {
    emailed: String,
    copied: String,
}

/// Sets the server up by its link, creates an organization and invites two people.
async fn invitations_of_the_operator(page: &Page, server: &Server) -> Links {
    page.become_nobody().await;
    page.visit(&server.setup_link()).await;
    page.click_link("Sign up").await;
    page.fill("Full name", "Olga Operator").await;
    page.fill("Work email", OLGA).await;
    page.fill("Password", PASSWORD).await;
    page.click_button("Sign up").await;
    page.expect_page("Check your email").await;
    let mail = server.inbox.expect(OLGA, "").await;
    page.visit(&mail.link("/verify-email/")).await;
    page.click_button("Confirm email").await;
    page.click_button("Become instance administrator").await;
    page.expect_page("Instance").await;
    page.click_link("Sign-up").await;
    page.expect_text("Only people with an invitation").await;
    page.expect_text("set by TESSERA_SIGN_UP in the environment").await;

    page.visit("/orgs").await;
    page.click_link("Create Organization").await;
    page.expect_dialog("Create Organization").await;
    page.fill("Organization name", "Lumen Logistics").await;
    page.click_button("Ok").await;
    page.expect_page("Lumen Logistics").await;
    page.click_link("Invite Users").await;
    page.expect_dialog("Invite Users").await;
    page.fill("Email addresses", &format!("{JONAS}, {PRIYA}")).await;
    page.click_button("Send invitations").await;
    page.click_link("Done").await;
    page.open_menu(&format!("Actions for {PRIYA}")).await;
    page.click_button("Copy link").await;
    let copied = page.value("Invitation link").await.trim().to_owned();
    let emailed = server.inbox.expect(JONAS, "invited you to join").await.link_labelled("Accept Invite");
    page.become_nobody().await;
    Links { emailed, copied }
}

crate::with_and_without_javascript!(where_an_invitation_is_needed_one_comes_in_by_it);
crate::with_javascript_only!(pages_where_strangers_have_no_way_in);
