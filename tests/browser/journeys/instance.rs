//! "Instance": from the set-up link that the start prints to all organizations and people.

use crate::support::axe::Inspection;
use crate::support::people::PASSWORD;
use crate::support::stage::Stage;

const EMAIL: &str = "olga@example.org";

async fn the_set_up_link_leads_to_the_instance(Stage { page, server, .. }: Stage) {
    page.visit("/login").await;
    page.click_link("Set up this server").await;
    page.expect_page("Set up this server").await;
    page.visit(&server.setup_link()).await;
    page.click_link("Sign up").await;
    page.fill("Full name", "Olga Operator").await;
    page.fill("Work email", EMAIL).await;
    page.fill("Password", PASSWORD).await;
    page.click_button("Sign up").await;
    page.expect_page("Check your email").await;
    let mail = server.inbox.expect(EMAIL, "").await;
    page.visit(&mail.link("/verify-email/")).await;
    page.click_button("Confirm email").await;
    page.expect_page("Set up this server").await;
    page.click_button("Become instance administrator").await;
    page.expect_page("Instance").await;
    page.expect_text("No organizations yet").await;

    let mut dana = server.person("Dana Whitfield").await;
    server.organization(&mut dana, "Lumen Logistics").await;
    page.open_menu("Olga Operator").await;
    page.click_link("Instance").await;
    page.expect_row("Lumen Logistics", "1").await;
    page.click_link("Lumen Logistics").await;
    page.expect_page("Lumen Logistics").await;
    page.expect_text("dana.whitfield@example.org").await;
    page.click_link("People").await;
    page.expect_row("Olga Operator", "Instance administrator").await;
    page.open_menu("Actions for Dana Whitfield").await;
    page.click_button("Deactivate").await;
    page.expect_toast("Dana Whitfield deactivated").await;
    page.expect_row("Dana Whitfield", "Deactivated").await;
    assert_ne!(dana.get(&server, "/orgs").await, 200, "she is logged out");
    page.open_menu("Actions for Dana Whitfield").await;
    page.click_button("Activate").await;
    page.expect_toast("Dana Whitfield activated").await;
    page.open_menu("Actions for Dana Whitfield").await;
    page.click_button("Make instance administrator").await;
    page.expect_row("Dana Whitfield", "Instance administrator").await;
    page.click_link("Nodes").await;
    page.expect_text("Live").await;
    page.click_link("Activity").await;
    page.expect_text("deactivated the account of").await;
}

/// The page of an organization, known by its address, for instance administrators.
fn in_instance(organization: &str) -> String {
    organization.replace("/orgs/", "/instance/organizations/")
}

/// A plan is made and chosen, binds, and the organization is suspended and resumed.
async fn an_organization_gets_a_plan_and_is_suspended(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    let secret = dana.create_key(&server, &organization, "Billing worker", "90").await;
    page.become_person(&dana).await;
    page.visit(&server.setup_link()).await;
    page.click_button("Become instance administrator").await;
    page.click_link("Plans").await;
    page.click_link("New plan").await;
    page.fill("Name", "Free").await;
    page.fill("Active API keys optional", "0").await;
    page.click_button("Save").await;
    page.expect_text("Enter a whole number from 1 to 1,000,000").await;
    page.fill("Active API keys optional", "1").await;
    page.fill("Monthly quota optional", "2").await;
    page.click_button("Save").await;
    page.expect_toast("Plan “Free” created").await;
    page.expect_row("Free", "2 requests per month · 1 active API key").await;

    page.click_link("Organizations").await;
    page.expect_row("Lumen Logistics", "None").await;
    page.click_link("Lumen Logistics").await;
    page.expect_text("No plan. Nothing is limited.").await;
    page.click_link("Change plan").await;
    page.pick("Plan", "Free").await;
    page.click_button("Save").await;
    page.expect_toast("Plan “Free” applies from the next request").await;
    for expected in [200, 200, 429] {
        assert_eq!(server.ask_api(&secret).await.0, expected);
    }
    page.visit(&in_instance(&organization)).await;
    page.expect_text("2 of 2 requests").await;
    page.expect_text("1 request rejected in the last 30 days").await;
    page.visit("/instance/organizations?state=limited").await;
    page.expect_row("Lumen Logistics", "Limit reached").await;
    page.visit(&format!("{organization}/api")).await;
    page.click_link("New API Key").await;
    page.fill("Name", "One too many").await;
    page.click_button("Save").await;
    page.expect_text("Your plan allows 1 active API key.").await;

    page.visit(&in_instance(&organization)).await;
    page.click_link("Suspend organization").await;
    page.click_button("Suspend organization").await;
    page.expect_text("Enter a reason.").await;
    page.fill("Reason", "Payment is overdue.").await;
    page.click_button("Suspend organization").await;
    page.expect_toast("“Lumen Logistics” suspended").await;
    assert_eq!(server.ask_api(&secret).await.0, 403);
    page.visit(&format!("{organization}/users")).await;
    page.expect_text("This organization is suspended").await;
    page.expect_text("Payment is overdue.").await;
    page.click_link("Invite Users").await;
    page.expect_dialog("This organization is suspended").await;
    page.visit("/instance/organizations").await;
    page.expect_row("Lumen Logistics", "Suspended").await;
    page.click_link("Lumen Logistics").await;
    page.click_button("Resume organization").await;
    page.expect_toast("“Lumen Logistics” resumed").await;
    assert_eq!(server.ask_api(&secret).await.0, 429);
}

/// An organization is made for a customer, who takes it over by the link in the email.
async fn a_customer_gets_an_organization(Stage { page, server, .. }: Stage) {
    let dana = server.person("Dana Whitfield").await;
    page.become_person(&dana).await;
    page.visit(&server.setup_link()).await;
    page.click_button("Become instance administrator").await;
    page.click_link("New organization").await;
    page.expect_dialog("New organization").await;
    page.fill("Organization name", "Lumen Logistics").await;
    page.fill("Email of its first administrator optional", "mara").await;
    page.click_button("Create").await;
    page.expect_text("Enter a valid email").await;
    page.fill("Email of its first administrator optional", "mara@lumen.example").await;
    page.click_button("Create").await;
    page.expect_page("Lumen Logistics").await;
    page.expect_toast("“Lumen Logistics” created. mara@lumen.example is invited").await;
    page.expect_text("This organization has no administrator.").await;

    page.click_link("Edit notes").await;
    page.fill("Notes optional", "Renews in May.").await;
    page.click_button("Save").await;
    page.expect_toast("Notes saved").await;
    page.expect_text("Renews in May.").await;
    page.click_link("Rename").await;
    page.fill("Organization name", "Lumen").await;
    page.click_button("Save").await;
    page.expect_toast("Renamed to “Lumen”").await;
    page.expect_page("Lumen").await;
    page.click_link("Invite administrator").await;
    page.fill("Email", "jonas@lumen.example").await;
    page.click_button("Invite").await;
    page.expect_toast("Invitation sent to jonas@lumen.example").await;
    let mail = server.inbox.expect("mara@lumen.example", "").await;
    page.become_nobody().await;
    page.visit(&mail.link("/i/")).await;
    page.expect_text("The operator of this server").await;
}

/// A key that another system made, and one that anybody could guess.
const KEYS: &str = "name,key\nTheirs,sk_live_3f9c1b7a2d5e4f608192a3b4c5d6e7f8\nWeak,secret";

/// What is pasted is previewed, imported, and works.
async fn keys_of_another_system_are_imported(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    page.become_person(&dana).await;
    page.visit(&server.setup_link()).await;
    page.click_button("Become instance administrator").await;
    page.click_link("Import").await;
    page.fill("Organization optional", "Nobody").await;
    page.fill("Keys", KEYS).await;
    page.click_button("Preview").await;
    page.expect_text("There is no organization “Nobody”.").await;
    page.fill("Organization optional", "Lumen Logistics").await;
    page.click_button("Preview").await;
    page.expect_row("Theirs", "Ready").await;
    page.expect_row("Weak", "This key is too easy to guess").await;
    page.click_button("Import 1 key").await;
    page.expect_text("1 imported, 0 were here already, 1 rejected.").await;
    page.expect_text("0 of 1 have called since the import.").await;
    assert_eq!(server.ask_api("sk_live_3f9c1b7a2d5e4f608192a3b4c5d6e7f8").await.0, 200);
    page.visit(&format!("{organization}/api")).await;
    page.click_link("Theirs").await;
    page.expect_text("From a CSV file on").await;
}

async fn pages_of_the_instance(stage: Stage) {
    let mut inspection = Inspection::default();
    walk(&stage, &mut inspection).await;
    inspection.conclude();
}

async fn pages_of_the_instance_as_served_without_scripts(stage: Stage) {
    let mut inspection = Inspection::without_scripts(&stage.page).await;
    walk(&stage, &mut inspection).await;
    inspection.conclude();
}

/// With the longest names, without a place to break.
async fn walk(Stage { page, server, .. }: &Stage, inspection: &mut Inspection) {
    page.visit(&server.setup_link()).await;
    inspection.look_at(page, "set-up-for-nobody").await;
    let mut dana = server.person("Dana Whitfield").await;
    page.become_person(&dana).await;
    page.visit(&server.setup_link()).await;
    inspection.look_at(page, "set-up").await;
    page.click_button("Become instance administrator").await;
    page.expect_page("Instance").await;
    inspection.look_at(page, "instance-empty").await;
    page.visit(&server.setup_link()).await;
    inspection.look_at(page, "set-up-over").await;

    let long_name = "W".repeat(80);
    let organization = server.organization(&mut dana, &long_name).await;
    server.person(&"W".repeat(60)).await;
    let secret = dana.create_key(server, &organization, "Billing worker", "90").await;
    assert_eq!(server.ask_api(&secret).await.0, 200);
    page.visit("/instance/organizations").await;
    inspection.look_at(page, "instance-organizations").await;
    page.click_link(&long_name).await;
    page.expect_text("1 request").await;
    inspection.look_at(page, "instance-organization").await;
    page.visit("/instance/tokens").await;
    inspection.look_at(page, "instance-tokens-empty").await;
    page.click_link("Generate token").await;
    page.expect_dialog("Generate token").await;
    inspection.look_at(page, "instance-token-new").await;
    page.fill("Name", &"W".repeat(60)).await;
    page.click_button("Save").await;
    page.expect_dialog("Instance token generated").await;
    inspection.look_at(page, "instance-token-generated").await;
    page.visit("/instance/tokens").await;
    inspection.look_at(page, "instance-tokens").await;
    for tab in ["people", "people?q=none", "sign-up", "nodes", "activity", "email", "webhooks"] {
        page.visit(&format!("/instance/{tab}")).await;
        inspection.look_at(page, &format!("instance-{}", tab.replace("?q=", "-"))).await;
    }
    page.visit("/instance/import").await;
    inspection.look_at(page, "instance-import").await;
    page.click_button("Preview").await;
    page.expect_text("The file is empty.").await;
    inspection.look_at(page, "instance-import-invalid").await;
    page.fill("Organization optional", &long_name).await;
    page.fill("Keys", &KEYS.replace("Theirs", &"W".repeat(60))).await;
    page.click_button("Preview").await;
    page.expect_text("1 would be imported").await;
    inspection.look_at(page, "instance-import-preview").await;
    page.click_button("Import 1 key").await;
    page.expect_text("1 imported").await;
    inspection.look_at(page, "instance-import-done").await;

    page.visit("/instance/people").await;
    page.open_menu("Actions for Dana Whitfield").await;
    inspection.look_at(page, "instance-people-menu").await;

    page.visit("/instance/plans").await;
    inspection.look_at(page, "instance-plans-empty").await;
    page.click_link("New plan").await;
    inspection.look_at(page, "instance-plan-new").await;
    page.click_button("Save").await;
    page.expect_text("Enter a name.").await;
    inspection.look_at(page, "instance-plan-new-invalid").await;
    page.fill("Name", &"W".repeat(60)).await;
    page.fill("Rate limit optional", "600").await;
    page.fill("Scopes optional", &"w".repeat(64)).await;
    page.click_button("Save").await;
    page.expect_text("600 requests per minute").await;
    inspection.look_at(page, "instance-plans").await;
    page.visit(&format!("{}/plan", in_instance(&organization))).await;
    inspection.look_at(page, "instance-organization-plan").await;
    page.pick("Plan", &"W".repeat(60)).await;
    page.click_button("Save").await;
    page.expect_text("600 requests per minute").await;
    for (verb, text) in
        [("notes", "W".repeat(2000)), ("name", "W".repeat(80)), ("administrators", "mara".to_owned())]
    {
        page.visit(&format!("{}/{verb}", in_instance(&organization))).await;
        inspection.look_at(page, &format!("instance-organization-{verb}")).await;
        let label = match verb {
            "notes" => "Notes optional",
            "name" => "Organization name",
            _ => "Email",
        };
        page.fill(label, &text).await;
        page.click_button(if verb == "administrators" { "Invite" } else { "Save" }).await;
        inspection.look_at(page, &format!("instance-organization-{verb}-sent")).await;
    }
    page.visit("/instance/organizations/new").await;
    inspection.look_at(page, "instance-organization-new").await;
    page.visit("/instance/organizations?state=limited").await;
    inspection.look_at(page, "instance-organizations-limited").await;
    page.visit(&format!("{}/suspend", in_instance(&organization))).await;
    inspection.look_at(page, "instance-organization-suspend").await;
    page.fill("Reason", &"W".repeat(300)).await;
    page.click_button("Suspend organization").await;
    page.expect_text("Resume organization").await;
    inspection.look_at(page, "instance-organization-suspended").await;
    page.visit(&format!("{organization}/users")).await;
    inspection.look_at(page, "organization-suspended").await;
    page.visit(&format!("{organization}/api/keys/new")).await;
    inspection.look_at(page, "organization-suspended-new-key").await;
}

crate::with_and_without_javascript!(
    the_set_up_link_leads_to_the_instance,
    an_organization_gets_a_plan_and_is_suspended,
    a_customer_gets_an_organization,
    keys_of_another_system_are_imported
);
crate::with_javascript_only!(pages_of_the_instance, pages_of_the_instance_as_served_without_scripts);
