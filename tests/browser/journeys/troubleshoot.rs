//! "Troubleshoot a request": by a masked key, by the id of a request, and by trying one.

use crate::support::page::Page;
use crate::support::people::Person;
use crate::support::server::Server;
use crate::support::stage::Stage;

/// A key of the organization, as it was shown once.
async fn new_key(page: &Page, organization: &str, name: &str) -> String {
    page.visit(&format!("{organization}/api/keys/new")).await;
    page.fill("Name", name).await;
    page.click_button("Save").await;
    page.expect_dialog("API key created").await;
    let key = page.value("API key").await.trim().to_owned();
    page.click_link("Done").await;
    key
}

async fn prepare(page: &Page, server: &Server) -> (Person, String, String) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    page.become_person(&dana).await;
    let key = new_key(page, &organization, "Billing worker").await;
    (dana, organization, key)
}

async fn a_rejection_is_found_by_key_and_by_request(Stage { page, server, .. }: Stage) {
    let (_, organization, key) = prepare(&page, &server).await;
    let request = server.http.get(format!("{}/auth?scope=invoices:write", server.url)).bearer_auth(&key);
    let refused = request.send().await.expect("the server answers");
    assert_eq!(refused.status(), 403);
    let id = refused.headers()["x-request-id"].to_str().expect("an id").to_owned();

    page.visit(&format!("{organization}/api")).await;
    page.click_link("Troubleshoot a request").await;
    page.expect_heading("Troubleshoot a request").await;
    page.click_button("Look up").await;
    page.expect_field_error("Request ID or key", "Paste a request ID").await;
    page.fill("Request ID or key", &format!("{}…{}", &key[..9], &key[key.len() - 4..])).await;
    page.click_button("Look up").await;
    page.expect_text("It has never been accepted").await;

    page.fill("Request ID or key", &id).await;
    page.click_button("Look up").await;
    page.expect_heading(&id).await;
    page.expect_text("Requested by a gateway at /auth").await;
    page.expect_text("The request needed the scope invoices:write; the key had none.").await;
    assert_eq!(page.value("Required scopes optional").await, "invoices:write");
    page.click_button("Test key").await;
    page.expect_heading("This request would be rejected").await;
    page.expect_text("The request needs the scope invoices:write; the key has none.").await;

    page.click_link("Billing worker").await;
    page.expect_heading("Recent clients").await;
}

async fn a_request_is_tried_without_consequences(Stage { page, server, .. }: Stage) {
    let (_, organization, key) = prepare(&page, &server).await;
    page.visit(&format!("{organization}/api/troubleshoot")).await;
    page.fill("Key", &key).await;
    page.fill("Client IP address optional", "the office").await;
    page.click_button("Test key").await;
    page.expect_field_error("Client IP address optional", "This isn’t an IP address").await;
    assert!(!page.source().await.contains(&key), "a whole key is not repeated");
    page.fill("Client IP address optional", "203.0.113.7").await;
    page.click_button("Test key").await;
    page.expect_heading("This request would be accepted").await;
    page.expect_text("204").await;
    page.click_link("Billing worker").await;
    page.expect_text("Never used").await;
    page.expect_text("No requests yet.").await;
}

crate::with_and_without_javascript!(
    a_rejection_is_found_by_key_and_by_request,
    a_request_is_tried_without_consequences
);
