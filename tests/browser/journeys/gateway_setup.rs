//! "Gateway setup": from the first key to the text that protects an API.

use crate::support::stage::Stage;

async fn the_first_key_leads_to_the_gateway(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/api")).await;
    page.expect_link("Gateway setup").await;
    page.click_link("Expiration calendar").await;
    page.expect_dialog("Expiration calendar").await;
    page.click_link("Close").await;

    page.click_link("New API Key").await;
    page.fill("Name", "Billing worker").await;
    page.click_button("Save").await;
    page.expect_dialog("API key created").await;
    page.click_link("Next: set up your gateway").await;
    page.expect_heading("Gateway setup").await;
    page.expect_heading("nginx").await;
    page.expect_text("auth_request /_tessera;").await;
    page.expect_text("The host name that clients send requests to.").await;

    page.click_link("HAProxy").await;
    page.expect_heading("/etc/haproxy/tessera.lua").await;
    page.expect_no_text("auth_request /_tessera;").await;
    page.click_link("JavaScript").await;
    page.expect_heading("api.mjs").await;
    page.expect_text("An active master token with the access “Verify only”.").await;
    page.reload().await;
    page.expect_heading("api.mjs").await;

    page.click_link("Troubleshoot a request").await;
    page.expect_heading("Troubleshoot a request").await;
    page.visit(&format!("{organization}/api")).await;
    page.click_link("Gateway setup").await;
    page.expect_heading("nginx").await;
    page.click_link("API Keys").await;
    page.expect_row("Billing worker", "Active").await;
}

async fn a_text_is_copied(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/api/gateway-setup")).await;
    page.click_link("HAProxy").await;
    for text in ["/etc/haproxy/haproxy.cfg", "/etc/haproxy/tessera.lua"] {
        page.click_button(&format!("Copy {text}")).await;
        page.expect_toast("Copied to clipboard").await;
        page.expect_no_status("Copied to clipboard").await;
    }
}

crate::with_and_without_javascript!(the_first_key_leads_to_the_gateway);
crate::with_javascript_only!(a_text_is_copied);
