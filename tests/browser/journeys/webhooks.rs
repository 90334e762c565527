//! "Webhooks", from the first one to its end.

use crate::hooks::HookReceiver;
use crate::support::stage::Stage;

async fn a_webhook_is_created_tried_and_removed(Stage { page, server, .. }: Stage) {
    let mut dana = server.person("Dana Whitfield").await;
    let organization = server.organization(&mut dana, "Lumen Logistics").await;
    let receiver = HookReceiver::start().await;
    page.become_person(&dana).await;
    page.visit(&format!("{organization}/settings")).await;
    page.click_link("Manage webhooks").await;
    page.expect_text("No webhooks yet").await;

    page.click_link("New webhook").await;
    page.expect_dialog("New webhook").await;
    page.fill("Payload URL", "https://10.0.0.1/").await;
    page.click_button("Save").await;
    page.expect_field_error("Payload URL", "points to a private network").await;
    page.fill("Payload URL", &receiver.url()).await;
    assert!(page.is_chosen("Key created").await);
    page.choose("Member left").await;
    page.click_button("Save").await;
    page.expect_dialog("Webhook created").await;
    let secret = page.value("Signing secret").await.trim().to_owned();
    assert!(secret.starts_with("whsec_"), "{secret}");
    page.click_link("Done").await;
    page.expect_no_text("You won’t be able to see it again").await;
    assert!(!page.source().await.contains(&secret), "the secret is shown only once");
    page.expect_row(&receiver.url(), "20 events").await;

    page.click_link(&receiver.url()).await;
    receiver.answer_next(500, "\r\nout of order");
    page.click_button("Send test event").await;
    page.expect_toast("Test event queued.").await;
    receiver.wait_for(1).await;
    page.expect_row("webhook.test", "").await;
    page.reload().await;
    page.click_link("webhook.test").await;
    page.expect_text("webhook.test").await;
    page.click_button("Resend").await;
    page.expect_toast("queued again").await;
    let messages = receiver.wait_for(2).await;
    let ids: Vec<&str> = messages.iter().map(|message| message.header("webhook-id")).collect();
    assert!(ids.windows(2).all(|pair| pair.first() == pair.last()), "one message, sent twice: {ids:?}");

    page.open_menu("Actions for the webhook").await;
    page.click_link("Rotate secret").await;
    page.click_button("Rotate secret").await;
    page.expect_dialog("Secret rotated").await;
    page.click_link("Done").await;
    page.expect_text("The previous secret also signs").await;

    page.open_menu("Actions for the webhook").await;
    page.click_button("Deactivate").await;
    page.expect_toast("Webhook deactivated").await;
    page.expect_no_button("Send test event").await;
    page.open_menu("Actions for the webhook").await;
    page.click_link("Remove").await;
    page.expect_dialog("Remove the webhook?").await;
    page.click_button("Remove webhook").await;
    page.expect_text("No webhooks yet").await;
}

crate::with_and_without_javascript!(a_webhook_is_created_tried_and_removed);
