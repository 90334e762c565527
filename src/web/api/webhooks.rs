//! Webhooks: list, read, create, change, switch on and off, try, rotate, remove.

pub mod deliveries;
mod fields;
mod resource;

use actix_web::HttpResponse;

use super::{call::Call, json::Json, response::Response};
use crate::{
    api_types::{Delivery, List, NewWebhook, Webhook, WebhookChange, WebhookWithSecret},
    clock::Timestamp,
    db::Tx,
    domain::{
        access::{Govern, Grant},
        webhooks::{self, AllowedNetworks, Webhook as StoredWebhook},
    },
    web::{error::AppError, urls},
};

/// List webhooks, newest first.
///
/// # Errors
/// 403 insufficient access.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/webhooks",
    tag = "Webhooks",
    responses((status = 200, description = "All webhooks.", body = List<Webhook>))
)]
pub async fn list(call: Call<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    let webhooks = call.read(webhooks::list).await?;
    Ok(Response::ok(&List::whole(webhooks.iter().map(Webhook::from).collect()))?.send())
}

/// Create a webhook.
///
/// The secret that signs its events is returned only once.
///
/// # Errors
/// 422 invalid fields, 409 too many webhooks.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/webhooks",
    tag = "Webhooks",
    request_body = NewWebhook,
    responses((status = 201, description = "The webhook with its secret.", body = WebhookWithSecret))
)]
pub async fn create(call: Call<Grant<Govern>, Json<NewWebhook>>) -> Result<HttpResponse, AppError> {
    let new = call.input.0.parse(&networks(&call))?;
    let rules = call.state.config.rules;
    call.change(move |tx, grant, now| {
        let (webhook, secret) = webhooks::create(tx, grant, &new, &rules, now)?;
        let location = urls::api_of_webhook(&grant.id, &webhook.id);
        let webhook = Webhook::from(&webhook);
        Response::created(&WebhookWithSecret { webhook, secret: secret.expose().to_owned() }, location)
    })
    .await
}

/// Get a webhook.
///
/// # Errors
/// 404 not found.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/webhooks/{webhook}",
    tag = "Webhooks",
    responses((status = 200, description = "The webhook.", body = Webhook))
)]
pub async fn show(call: Call<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    let webhook_id = call.path("webhook");
    let webhook = call.read(move |connection, grant| webhooks::find(connection, grant, &webhook_id)).await?;
    call.show(&Webhook::from(&webhook))
}

/// Update a webhook.
///
/// # Errors
/// 404 not found, 412 `If-Match` doesn’t match, 422 invalid fields.
#[utoipa::path(
    patch,
    path = "/api/v2/organizations/{organization}/webhooks/{webhook}",
    tag = "Webhooks",
    request_body = WebhookChange,
    responses((status = 200, description = "The updated webhook.", body = Webhook))
)]
pub async fn change(call: Call<Grant<Govern>, Json<WebhookChange>>) -> Result<HttpResponse, AppError> {
    let (change, networks) = (call.input.0.clone(), networks(&call));
    change_webhook(&call, move |tx, grant, webhook, now| {
        let new = change.apply(webhook, &networks)?;
        show_changed(&webhooks::change(tx, grant, &webhook.id, &new, now)?)
    })
    .await
}

/// Activate a webhook.
///
/// Events are sent again, pending deliveries first.
///
/// # Errors
/// 404 not found, 412 `If-Match` doesn’t match.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/webhooks/{webhook}/activate",
    tag = "Webhooks",
    responses((status = 200, description = "The active webhook.", body = Webhook))
)]
pub async fn activate(call: Call<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    change_webhook(&call, |tx, grant, webhook, now| {
        show_changed(&webhooks::switch(tx, grant, &webhook.id, true, now)?)
    })
    .await
}

/// Deactivate a webhook.
///
/// Pending deliveries wait, and no new ones are created.
///
/// # Errors
/// 404 not found, 412 `If-Match` doesn’t match.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/webhooks/{webhook}/deactivate",
    tag = "Webhooks",
    responses((status = 200, description = "The deactivated webhook.", body = Webhook))
)]
pub async fn deactivate(call: Call<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    change_webhook(&call, |tx, grant, webhook, now| {
        show_changed(&webhooks::switch(tx, grant, &webhook.id, false, now)?)
    })
    .await
}

/// Send a test event.
///
/// Sends an event of type `webhook.test`. Check the delivery for the result.
///
/// # Errors
/// 404 not found, 409 webhook deactivated, 412 `If-Match` doesn’t match.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/webhooks/{webhook}/test",
    tag = "Webhooks",
    operation_id = "test_webhook",
    responses((status = 200, description = "The delivery.", body = Delivery))
)]
pub async fn send_test(call: Call<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    change_webhook(&call, |tx, grant, webhook, now| {
        let delivery = webhooks::send_test(tx, grant, &webhook.id, now)?;
        Response::resource(&Delivery::from(delivery))
    })
    .await
}

/// Rotate the signing secret of a webhook.
///
/// The new secret is returned only once. The previous secret also signs for 24 hours.
///
/// # Errors
/// 404 not found, 412 `If-Match` doesn’t match.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/webhooks/{webhook}/rotate",
    tag = "Webhooks",
    responses((status = 200, description = "The webhook with its new secret.", body = WebhookWithSecret))
)]
pub async fn rotate(call: Call<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    let rules = call.state.config.rules;
    change_webhook(&call, move |tx, grant, webhook, now| {
        let (webhook, secret) = webhooks::rotate_secret(tx, grant, &webhook.id, &rules, now)?;
        let webhook = Webhook::from(&webhook);
        Response::resource(&WebhookWithSecret { webhook, secret: secret.expose().to_owned() })
    })
    .await
}

/// Remove a webhook.
///
/// Its delivery log is deleted, including pending deliveries.
///
/// # Errors
/// 404 not found, 412 `If-Match` doesn’t match.
#[utoipa::path(
    delete,
    path = "/api/v2/organizations/{organization}/webhooks/{webhook}",
    tag = "Webhooks",
    responses((status = 204, description = "Removed."))
)]
pub async fn remove(call: Call<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    change_webhook(&call, |tx, grant, webhook, now| {
        webhooks::remove(tx, grant, &webhook.id, now)?;
        Ok(Response::done())
    })
    .await
}

/// The networks of the operator's own that webhooks may reach.
fn networks<B>(call: &Call<Grant<Govern>, B>) -> AllowedNetworks {
    AllowedNetworks::new(&call.state.config.webhook_networks)
}

/// Carries out a change of the webhook in the address, if it is in the version that the client
/// demands.
async fn change_webhook<B>(
    call: &Call<Grant<Govern>, B>,
    work: impl FnOnce(&mut Tx<'_>, &Grant<Govern>, &StoredWebhook, Timestamp) -> Result<Response, AppError>
    + Send
    + 'static,
) -> Result<HttpResponse, AppError> {
    let (webhook_id, precondition) = (call.path("webhook"), call.precondition());
    call.change(move |tx, grant, now| {
        let webhook = webhooks::find(tx.connection(), grant, &webhook_id)?;
        precondition.check(&Webhook::from(&webhook))?;
        work(tx, grant, &webhook, now)
    })
    .await
}

fn show_changed(webhook: &StoredWebhook) -> Result<Response, AppError> {
    Response::resource(&Webhook::from(webhook))
}
