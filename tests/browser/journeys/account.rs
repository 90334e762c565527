//! An account, from sign-up to its settings.

use crate::support::people::PASSWORD;
use crate::support::server::Server;
use crate::support::stage::Stage;

const EMAIL: &str = "dana@example.org";

pub(super) async fn sign_up_and_create_an_organization(Stage { page, server, .. }: Stage) {
    // Nobody has an account yet, so that it leads to where one gets one.
    page.visit("/").await;
    page.click_link("GET STARTED").await;
    page.fill("Full name", "Dana Whitfield").await;
    page.fill("Work email", EMAIL).await;
    page.fill("Password", PASSWORD).await;
    page.click_button("Sign up").await;
    page.expect_page("Check your email").await;
    page.become_nobody().await;
    page.visit("/").await;
    page.click_link("GET STARTED").await;
    page.expect_page("Log in to Tessera").await;

    let mail = server.inbox.expect(EMAIL, "").await;
    page.visit(&mail.link("/verify-email/")).await;
    // Another browser, which knows nothing of the sign-up.
    page.become_nobody().await;
    page.visit(&mail.link("/verify-email/")).await;
    page.expect_text("This isn’t the browser you signed up in").await;
    page.fill("Password", "not the password at all").await;
    page.click_button("Confirm email").await;
    page.expect_field_error("Password", "Incorrect password").await;
    page.fill("Password", PASSWORD).await;
    page.click_button("Confirm email").await;
    page.expect_button("Dana Whitfield").await;
    page.expect_page("My Organizations").await;

    page.click_link("Create Organization").await;
    page.expect_dialog("Create Organization").await;
    page.click_button("Ok").await;
    page.expect_field_error("Organization name", "name").await;
    page.fill("Organization name", "Lumen Logistics").await;
    page.click_button("Ok").await;
    page.expect_page("Lumen Logistics").await;
    page.expect_text("Organization Details").await;
    for tab in ["Users", "API", "Activity", "Settings"] {
        page.expect_link(tab).await;
    }

    page.open_menu("Dana Whitfield").await;
    page.click_link("My Organizations").await;
    page.expect_page("My Organizations").await;
    page.expect_row("Lumen Logistics", "Administrator").await;
    page.click_link("Organization Details of Lumen Logistics").await;
    page.expect_page("Lumen Logistics").await;

    page.open_menu("Dana Whitfield").await;
    page.click_button("Log out").await;
    page.expect_link("Log in").await;
    page.visit("/orgs").await;
    page.expect_page("Log in to Tessera").await;
}

/// From the first page to the secret: what is clicked is counted, and what is typed is not.
async fn the_first_key_takes_nine_clicks(Stage { page, server, .. }: Stage) {
    page.visit("/").await;
    page.click_link("Sign up").await; // 1
    page.fill("Full name", "Dana Whitfield").await;
    page.fill("Work email", EMAIL).await;
    page.fill("Password", PASSWORD).await;
    page.click_button("Sign up").await; // 2
    page.expect_page("Check your email").await;
    let mail = server.inbox.expect(EMAIL, "").await; // 3: the email is opened
    page.visit(&mail.link("/verify-email/")).await; // 4: its link
    page.click_button("Confirm email").await; // 5
    page.expect_page("My Organizations").await;
    page.click_link("Create Organization").await; // 6
    page.fill("Organization name", "Lumen Logistics").await;
    page.click_button("Ok").await; // 7
    page.expect_text("No API keys yet").await;
    page.click_link("New API Key").await; // 8
    page.expect_dialog("New API Key").await;
    page.fill("Name", "Billing worker").await;
    page.click_button("Save").await; // 9
    page.expect_dialog("API key created").await;
    assert!(page.value("API key").await.trim().starts_with("tess_"));
}

async fn a_wrong_sign_up_keeps_what_was_typed(Stage { page, .. }: Stage) {
    page.visit("/signup").await;
    page.fill("Full name", "Dana Whitfield").await;
    page.fill("Work email", "not an address").await;
    page.fill("Password", "short").await;
    page.click_button("Sign up").await;
    page.expect_field_error("Work email", "email").await;
    page.expect_field_error("Password", "15").await;
    assert_eq!(page.value("Full name").await, "Dana Whitfield");
    assert_eq!(page.value("Work email").await, "not an address");
    assert_eq!(page.value("Password").await, "", "a password is never sent back");
}

async fn an_unverified_account_gets_a_clear_page(Stage { page, server, .. }: Stage) {
    page.visit("/signup").await;
    page.fill("Full name", "Dana Whitfield").await;
    page.fill("Work email", EMAIL).await;
    page.fill("Password", PASSWORD).await;
    page.click_button("Sign up").await;
    let mail = server.inbox.expect(EMAIL, "").await;

    page.visit("/login").await;
    log_in(&page, PASSWORD).await;
    page.expect_page("Check your email").await;
    page.visit("/orgs").await;
    page.expect_page("Check your email").await;
    page.click_button("Resend email").await;
    page.expect_one_of(["Email sent", "less than a minute ago"]).await;
    // One address gets one email a minute; where the journey took longer, the second one is the newest.
    let mail = match page.text().await.contains("Email sent") {
        true => server.inbox.expect(EMAIL, "").await,
        false => mail,
    };
    page.visit(&mail.link("/verify-email/")).await;
    page.click_button("Confirm email").await;
    page.expect_page("My Organizations").await;
}

async fn a_forgotten_password_is_replaced_by_mail(Stage { page, server, .. }: Stage) {
    let dana = server.person("Dana Whitfield").await;
    page.visit("/login").await;
    page.click_link("Forgot password?").await;
    page.fill("Email", "nobody@example.org").await;
    page.click_button("Send link").await;
    page.expect_page("Check your email").await;
    let answer_to_a_stranger = page.text().await.replace("nobody@example.org", "");

    page.visit("/forgot-password").await;
    page.fill("Email", &dana.email).await;
    page.click_button("Send link").await;
    page.expect_page("Check your email").await;
    assert_eq!(page.text().await.replace(&dana.email, ""), answer_to_a_stranger);
    assert_eq!(server.inbox.count("nobody@example.org"), 0);

    let mail = server.inbox.expect(&dana.email, "").await;
    page.visit(&mail.link("/reset-password/")).await;
    let new_password = "ninety blue herons over the pier";
    page.fill("New password", new_password).await;
    page.click_button("Save").await;
    page.expect_page("Log in to Tessera").await;
    page.fill("Email", &dana.email).await;
    page.fill("Password", PASSWORD).await;
    page.click_button("Log in").await;
    page.expect_page("Log in to Tessera").await;
    page.fill("Email", &dana.email).await;
    page.fill("Password", new_password).await;
    page.click_button("Log in").await;
    page.expect_page("My Organizations").await;
    page.visit(&mail.link("/reset-password/")).await;
    page.expect_no_button("Save").await;
}

async fn account_settings_change_name_password_and_theme(Stage { page, server, .. }: Stage) {
    let dana = server.person("Dana Whitfield").await;
    page.become_person(&dana).await;
    page.visit("/orgs").await;
    page.open_menu("Dana Whitfield").await;
    page.click_link("Account settings").await;
    page.expect_page("Account settings").await;

    page.fill("Full name", "Dana W. Okafor").await;
    page.click_button("Save name").await;
    page.expect_toast("Name updated").await;
    page.expect_button("Dana W. Okafor").await;

    let new_password = "ninety blue herons over the pier";
    page.fill("Current password", "not the password at all").await;
    page.fill("New password", new_password).await;
    page.click_button("Change password").await;
    page.expect_field_error("Current password", "password").await;
    page.fill("Current password", PASSWORD).await;
    page.fill("New password", new_password).await;
    page.click_button("Change password").await;
    page.expect_toast("Password changed").await;
    assert_eq!(dana.get(&server, "/orgs").await, 200, "this session goes on");

    page.open_menu("Dana W. Okafor").await;
    page.click_button("Dark").await;
    page.expect_page("Account settings").await;
    page.expect_theme("dark").await;
    page.reload().await;
    page.expect_theme("dark").await;
}

async fn the_mailbox_banner_is_hidden_until_the_next_email(Stage { page, .. }: Stage) {
    let server = Server::start_with_mailbox().await;
    page.visit(&format!("{}/signup", server.url)).await;
    page.expect_text("No mail server configured").await;
    page.click_button("Hide until the next email").await;
    page.expect_no_text("No mail server configured").await;
    // A link stays.
    page.expect_link("Local mailbox").await;
    page.fill("Full name", "Dana Whitfield").await;
    page.fill("Work email", EMAIL).await;
    page.fill("Password", PASSWORD).await;
    page.click_button("Sign up").await;
    page.expect_page("Check your email").await;
    page.expect_text("No mail server configured").await;
}

async fn what_is_typed_stays_where_the_banner_is_hidden(Stage { page, .. }: Stage) {
    let server = Server::start_with_mailbox().await;
    page.visit(&format!("{}/signup", server.url)).await;
    page.fill("Full name", "Dana Whitfield").await;
    page.click_button("Hide until the next email").await;
    page.expect_no_text("No mail server configured").await;
    assert_eq!(page.value("Full name").await, "Dana Whitfield");
    page.reload().await;
    page.expect_page("Create your account").await;
    page.expect_no_text("No mail server configured").await;
}

async fn log_in(page: &crate::support::page::Page, password: &str) {
    page.fill("Email", EMAIL).await;
    page.fill("Password", password).await;
    page.click_button("Log in").await;
}

crate::with_and_without_javascript!(
    sign_up_and_create_an_organization,
    the_first_key_takes_nine_clicks,
    a_wrong_sign_up_keeps_what_was_typed,
    an_unverified_account_gets_a_clear_page,
    a_forgotten_password_is_replaced_by_mail,
    account_settings_change_name_password_and_theme,
    the_mailbox_banner_is_hidden_until_the_next_email,
);
crate::with_javascript_only!(what_is_typed_stays_where_the_banner_is_hidden);
