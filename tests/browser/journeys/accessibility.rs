//! axe-core and the console on every page, dialog and open menu, in two sizes and two colour schemes.
//!
//! `TESSERA_SCREENSHOTS=directory cargo test --test browser accessibility` saves a screenshot of each.

use crate::support::axe::Inspection;
use crate::support::page::Page;
use crate::support::stage::Stage;

async fn pages_for_everybody(Stage { page, server, .. }: Stage) {
    let mut inspection = Inspection::default();
    for (path, name) in [
        ("/", "landing"),
        ("/login", "log-in"),
        ("/signup", "sign-up"),
        ("/forgot-password", "forgot-password"),
        ("/docs", "docs"),
        ("/api/docs", "reference"),
        ("/api/docs?q=grace", "reference-search"),
        ("/api/docs?q=keys+xyzzy", "reference-empty"),
        ("/no-such-page", "not-found"),
        ("/i/0123456789abcdefghijABCDEFGHIJ", "invitation-unknown"),
    ] {
        page.visit(path).await;
        inspection.look_at(&page, name).await;
    }
    page.visit("/signup").await;
    page.click_button("Sign up").await;
    page.expect_text("15").await;
    inspection.look_at(&page, "sign-up-errors").await;

    let dana = server.person("Dana Whitfield").await;
    page.visit("/forgot-password").await;
    page.fill("Email", &dana.email).await;
    page.click_button("Send link").await;
    inspection.look_at(&page, "forgot-password-sent").await;
    let reset = server.inbox.expect(&dana.email, "").await.link("/reset-password/");
    page.visit(&reset).await;
    inspection.look_at(&page, "reset-password").await;
    inspection.conclude();
}

async fn pages_of_an_account(Stage { page, server, .. }: Stage) {
    let mut inspection = Inspection::default();
    let mut dana = server.person("Dana Whitfield").await;
    page.become_person(&dana).await;
    page.visit("/orgs").await;
    inspection.look_at(&page, "my-organizations-empty").await;
    page.click_link("Create Organization").await;
    page.expect_dialog("Create Organization").await;
    inspection.look_at(&page, "create-organization").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    page.visit("/orgs").await;
    inspection.look_at(&page, "my-organizations").await;
    page.open_menu("Dana Whitfield").await;
    inspection.look_at(&page, "user-menu").await;
    page.visit("/account").await;
    inspection.look_at(&page, "account").await;

    let ravi = server.person("Ravi Menon").await;
    dana.invite(&server, &organization, &ravi.email, "user").await;
    page.become_person(&ravi).await;
    page.visit("/orgs").await;
    inspection.look_at(&page, "my-organizations-invited").await;
    let link = server.inbox.expect(&ravi.email, "Dana Whitfield invited you to join Lumen Logistics").await;
    page.visit(&link.link_labelled("Accept Invite")).await;
    inspection.look_at(&page, "invitation").await;
    page.become_nobody().await;
    page.visit(&link.link_labelled("Accept Invite")).await;
    inspection.look_at(&page, "invitation-without-account").await;
    page.become_person(&dana).await;
    page.visit(&link.link_labelled("Accept Invite")).await;
    inspection.look_at(&page, "invitation-other-account").await;
    inspection.conclude();
}

async fn pages_of_an_organization(stage: Stage) {
    let mut inspection = Inspection::default();
    walk_organization(&stage, &mut inspection).await;
    inspection.conclude();
}

async fn pages_of_an_organization_as_served_without_scripts(stage: Stage) {
    let mut inspection = Inspection::without_scripts(&stage.page).await;
    walk_organization(&stage, &mut inspection).await;
    inspection.conclude();
}

async fn walk_organization(Stage { page, server, .. }: &Stage, inspection: &mut Inspection) {
    let mut dana = server.person("Dana Whitfield").await;
    let mut ravi = server.person("Ravi Menon").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/api")).await;
    inspection.look_at(page, "api-empty").await;
    server.join(&organization, &mut dana, &mut ravi, "user").await;

    page.visit(&format!("{organization}/users")).await;
    open_and_look(page, inspection, "Invite Users", "invite-users").await;
    page.fill("Email addresses", "jonas@example.org, not-an-address").await;
    page.click_button("Send invitations").await;
    page.expect_link("Done").await;
    inspection.look_at(page, "invite-users-outcome").await;
    page.click_link("Done").await;
    page.expect_row("jonas@example.org", "User").await;
    inspection.look_at(page, "users").await;
    page.open_menu("Actions for Ravi Menon").await;
    inspection.look_at(page, "users-menu").await;
    page.click_link("Remove user from organization").await;
    page.expect_dialog("Remove Ravi Menon from Lumen Logistics?").await;
    inspection.look_at(page, "remove-user").await;
    page.click_link("Cancel").await;
    page.open_menu("Actions for Ravi Menon").await;
    page.click_link("Change role").await;
    page.expect_button("Save").await;
    inspection.look_at(page, "change-role").await;

    page.visit(&format!("{organization}/api")).await;
    open_and_look(page, inspection, "New API Key", "new-api-key").await;
    page.click_button("Save").await;
    page.expect_field_error("Name", "name").await;
    inspection.look_at(page, "new-api-key-errors").await;
    page.fill("Name", "Billing worker").await;
    page.click_button("Save").await;
    page.expect_dialog("API key created").await;
    inspection.look_at(page, "reveal-key").await;
    page.click_link("Done").await;
    page.open_menu("Actions for Billing worker").await;
    inspection.look_at(page, "api-menu").await;
    page.click_link("Remove").await;
    page.expect_dialog("Remove “Billing worker”?").await;
    inspection.look_at(page, "remove-key").await;
    page.click_link("Cancel").await;
    page.open_menu("Actions for Billing worker").await;
    page.click_link("Pause key").await;
    page.expect_dialog("Pause “Billing worker” temporarily").await;
    inspection.look_at(page, "pause-key").await;
    page.click_button("Pause key").await;
    page.expect_row("Billing worker", "Paused until").await;
    page.click_link("Billing worker").await;
    page.expect_text("Recent clients").await;
    inspection.look_at(page, "key").await;
    page.click_link("48 hours").await;
    page.visit(&format!("{organization}/api/calendar")).await;
    inspection.look_at(page, "calendar").await;
    page.visit(&format!("{organization}/api/troubleshoot")).await;
    page.fill("Request ID or key", "tess_none").await;
    page.click_button("Look up").await;
    page.expect_text("Key not found").await;
    inspection.look_at(page, "why").await;
    page.fill("Key", "tess_none").await;
    page.fill("Cost", "1001").await;
    page.click_button("Test key").await;
    page.expect_field_error("Cost", "from 1 to 1000").await;
    inspection.look_at(page, "why-try-errors").await;
    page.fill("Cost", "1").await;
    page.click_button("Test key").await;
    page.expect_text("This request would be rejected").await;
    inspection.look_at(page, "why-try").await;
    page.visit(&format!("{organization}/api/removed")).await;
    inspection.look_at(page, "removed-keys").await;
    page.visit(&format!("{organization}/api/gateway-setup")).await;
    inspection.look_at(page, "gateway-setup").await;
    page.click_link("Python").await;
    page.expect_heading("api.py").await;
    inspection.look_at(page, "gateway-setup-python").await;
    page.visit(&format!("{organization}/api")).await;

    page.open_menu("Actions for Master Tokens").await;
    open_and_look(page, inspection, "Generate token", "generate-token").await;
    page.fill("Name", "ERP sync").await;
    page.click_button("Save").await;
    page.expect_dialog("Master token generated").await;
    inspection.look_at(page, "reveal-token").await;
    page.click_link("Done").await;
    page.open_menu("Actions for ERP sync").await;
    page.click_link("Replace").await;
    page.expect_dialog("Replace “ERP sync”?").await;
    inspection.look_at(page, "replace-token").await;
    page.click_link("Cancel").await;
    page.click_link("ERP sync").await;
    page.expect_heading("Can").await;
    inspection.look_at(page, "token").await;
    page.visit(&format!("{organization}/api")).await;
    inspection.look_at(page, "api").await;

    page.visit(&format!("{organization}/webhooks")).await;
    inspection.look_at(page, "webhooks-empty").await;
    open_and_look(page, inspection, "New webhook", "new-webhook").await;
    page.click_button("Save").await;
    page.expect_field_error("Payload URL", "Enter a URL").await;
    inspection.look_at(page, "new-webhook-errors").await;
    // Nothing listens there, so that the log has a failure.
    page.fill("Payload URL", "http://127.0.0.1:9/hook").await;
    page.click_button("Save").await;
    page.expect_dialog("Webhook created").await;
    page.click_link("Done").await;
    page.click_link("http://127.0.0.1:9/hook").await;
    page.click_button("Send test event").await;
    page.expect_row("webhook.test", "Pending").await;
    inspection.look_at(page, "webhook").await;
    page.click_link("webhook.test").await;
    page.expect_dialog("webhook.test").await;
    inspection.look_at(page, "webhook-message").await;
    page.click_link("Close").await;
    for dialog in ["Rotate secret", "Remove"] {
        page.open_menu("Actions for the webhook").await;
        page.click_link(dialog).await;
        page.expect_link("Cancel").await;
        inspection.look_at(page, &format!("webhook-{}", dialog.to_lowercase().replace(' ', "-"))).await;
        page.click_link("Cancel").await;
    }
    page.visit(&format!("{organization}/webhooks")).await;
    inspection.look_at(page, "webhooks").await;

    for tab in ["activity", "settings", "settings/leave", "settings/remove"] {
        page.visit(&format!("{organization}/{tab}")).await;
        inspection.look_at(page, &tab.replace('/', "-")).await;
    }
    page.become_person(&ravi).await;
    for tab in ["users", "settings", "api"] {
        page.visit(&format!("{organization}/{tab}")).await;
        inspection.look_at(page, &format!("{tab}-for-a-user")).await;
    }
    let mut sofie = server.person("Sofie Lindqvist").await;
    server.join(&organization, &mut dana, &mut sofie, "developer").await;
    page.become_person(&sofie).await;
    for tab in ["users", "api", "activity"] {
        page.visit(&format!("{organization}/{tab}")).await;
        inspection.look_at(page, &format!("{tab}-for-a-developer")).await;
    }
}

async fn open_and_look(page: &Page, inspection: &mut Inspection, label: &str, name: &str) {
    page.click_link(label).await;
    page.expect_dialog(label).await;
    inspection.look_at(page, name).await;
}

/// Long names and such as are read from right to left, recent usage of many clients, a rotation under way.
async fn dialogs_of_a_key(stage: Stage) {
    let mut inspection = Inspection::default();
    walk_key(&stage, &mut inspection).await;
    inspection.conclude();
}

async fn dialogs_of_a_key_as_served_without_scripts(stage: Stage) {
    let mut inspection = Inspection::without_scripts(&stage.page).await;
    walk_key(&stage, &mut inspection).await;
    inspection.conclude();
}

const LONG_NAME: &str = "Nightly-reconciliation-of-invoices-in-the-Rotterdam-warehouse";
const ARABIC_NAME: &str = "خدمة الفواتير الليلية";

async fn walk_key(Stage { page, server, .. }: &Stage, inspection: &mut Inspection) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    let long_name = &LONG_NAME[..60];
    let key = dana.create_key(server, &organization, long_name, "7").await;
    dana.create_key(server, &organization, ARABIC_NAME, "90").await;
    for program in
        ["billing-worker/2.14.1 (linux; x86_64; like the other twelve of them)", "curl/8.14", "", "a/1"]
    {
        let request = server.http.get(format!("{}/api/v2/organization", server.url)).bearer_auth(&key);
        let answer = request.header("user-agent", program).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
    }
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/api/calendar")).await;
    page.click_button("Create URL").await;
    page.expect_text("You won’t be able to see it again").await;
    inspection.look_at(page, "calendar-address").await;
    page.visit(&format!("{organization}/api")).await;
    for (link, name) in [
        ("Edit", "key-settings"),
        ("Rotate", "key-rotate"),
        ("Pause key", "key-pause"),
        ("Remove", "key-remove"),
    ] {
        for key in [long_name, ARABIC_NAME] {
            page.open_menu(&format!("Actions for {key}")).await;
            page.click_link(link).await;
            page.expect_link("Cancel").await;
            let kind = if key == long_name { "long" } else { "arabic" };
            inspection.look_at(page, &format!("{name}-{kind}")).await;
            page.click_link("Cancel").await;
        }
    }
    page.open_menu(&format!("Actions for {long_name}")).await;
    page.click_link("Edit").await;
    page.fill("Description optional", "Reconciles what the night brought").await;
    page.fill("Scopes optional", "invoices:read invoices:write orders:read").await;
    page.fill("Allowed IP addresses optional", "10.0.0.5/8").await;
    page.fill("Rate limit optional", "1000").await;
    page.fill("Metadata optional", "[1]").await;
    page.click_button("Save").await;
    page.expect_field_error("Metadata optional", "object").await;
    inspection.look_at(page, "key-settings-errors").await;
    page.fill("Allowed IP addresses optional", "127.0.0.0/8").await;
    page.fill("Metadata optional", r#"{"customer": 4711}"#).await;
    page.click_button("Save").await;
    page.expect_row(long_name, "3 scopes").await;
    page.open_menu(&format!("Actions for {long_name}")).await;
    page.click_link("Rotate").await;
    page.choose("Custom date").await;
    page.click_button("Rotate key").await;
    page.expect_text("Choose a date.").await;
    inspection.look_at(page, "key-rotate-error").await;
    page.choose("180 days").await;
    page.click_button("Rotate key").await;
    page.expect_dialog("API key rotated").await;
    inspection.look_at(page, "key-rotated").await;
    page.click_link("Done").await;
    page.expect_row(long_name, "New secret not used yet").await;
    inspection.look_at(page, "api-rotation").await;
    page.open_menu(&format!("Actions for {long_name}")).await;
    inspection.look_at(page, "api-recent usage").await;
    page.click_button("Deactivate").await;
    page.expect_toast("in the last 7 days").await;
    inspection.look_at(page, "api-deactivated").await;
    page.visit(&format!("{organization}/api?show=soon")).await;
    inspection.look_at(page, "api-filtered").await;
    look_at_longest_values(page, inspection, &organization, long_name).await;
}

/// The page of a key whose every value is as long as it may be, without a place to break.
async fn look_at_longest_values(
    page: &Page,
    inspection: &mut Inspection,
    organization: &str,
    long_name: &str,
) {
    page.visit(&format!("{organization}/api")).await;
    page.click_link(long_name).await;
    page.click_link("Edit").await;
    page.fill("Name", &"W".repeat(60)).await;
    page.fill("Description optional", &"W".repeat(200)).await;
    page.fill("Scopes optional", &format!("{} invoices:read", "w".repeat(64))).await;
    let networks = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff/128 255.255.255.255/32";
    page.fill("Allowed IP addresses optional", networks).await;
    page.fill("Rate limit optional", "1000000").await;
    page.fill("Monthly quota optional", "999999999999").await;
    page.paste("Metadata optional", &format!(r#"{{"{}":"{}"}}"#, "W".repeat(1000), "W".repeat(3000))).await;
    inspection.look_at(page, "key-settings-longest").await;
    page.click_button("Save").await;
    page.expect_toast("updated").await;
    page.visit(&format!("{organization}/api")).await;
    page.click_link(&"W".repeat(60)).await;
    page.expect_page(&"W".repeat(60)).await;
    inspection.look_at(page, "key-longest").await;
}

/// Everything that has a name has the longest one, without a place to break.
async fn the_longest_names_fit(Stage { page, server, .. }: Stage) {
    let mut inspection = Inspection::default();
    let (name, short_name) = ("W".repeat(80), "W".repeat(60));
    let mut founder = server.person(&short_name).await;
    let organization = server.organization(&mut founder, &name).await;
    founder.create_key(&server, &organization, &short_name, "7").await;
    let invited = format!("{}@{}.example", "w".repeat(64), "w".repeat(63));
    founder.invite(&server, &organization, &invited, "supervisor").await;
    page.become_person(&founder).await;
    page.visit("/account").await;
    page.fill("Full name", &name).await;
    page.click_button("Save name").await;
    page.expect_toast("Name updated").await;
    inspection.measure(&page, "account").await;

    page.visit(&format!("{organization}/api")).await;
    page.open_menu("Actions for Master Tokens").await;
    page.click_link("Generate token").await;
    page.fill("Name", &short_name).await;
    page.click_button("Save").await;
    page.expect_dialog("Master token generated").await;
    inspection.measure(&page, "reveal-token").await;
    page.click_link("Done").await;
    inspection.measure(&page, "api").await;
    page.visit(&format!("{organization}/api/keys/select")).await;
    inspection.measure(&page, "select-keys").await;
    page.visit(&format!("{organization}/webhooks/new")).await;
    page.paste("Payload URL", &format!("http://127.0.0.1:9/{}", "w".repeat(400))).await;
    page.click_button("Save").await;
    page.expect_dialog("Webhook created").await;
    inspection.measure(&page, "reveal-webhook").await;
    page.click_link("Done").await;
    inspection.measure(&page, "webhooks").await;
    page.click_link(&format!("http://127.0.0.1:9/{}", "w".repeat(400))).await;
    page.expect_button("Send test event").await;
    inspection.measure(&page, "webhook").await;

    for path in [
        "/",
        "/orgs",
        "{}/users",
        "{}/invitations/select",
        "{}/activity",
        "{}/settings",
        "{}/settings/leave",
        "{}/settings/remove",
        "{}/api/gateway-setup",
        "{}/api/troubleshoot",
        "/api/docs",
    ] {
        page.visit(&path.replace("{}", &organization)).await;
        inspection.measure(&page, path).await;
    }
    page.open_menu(&name).await;
    inspection.measure(&page, "user-menu").await;
    let mail = server.inbox.expect(&invited, "invited you to join").await;
    page.visit(&mail.link_labelled("Accept Invite")).await;
    inspection.measure(&page, "invitation").await;
    inspection.conclude();
}

crate::with_javascript_only!(
    dialogs_of_a_key,
    dialogs_of_a_key_as_served_without_scripts,
    pages_for_everybody,
    pages_of_an_account,
    pages_of_an_organization,
    pages_of_an_organization_as_served_without_scripts,
    the_longest_names_fit,
);
