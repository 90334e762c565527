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

/// Lists the organization’s webhooks, the newest first.
///
/// # Errors
/// 403 for a token that may not do everything.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/webhooks",
    tag = "Webhooks",
    responses((status = 200, description = "All of them.", body = List<Webhook>))
)]
pub async fn list(call: Call<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    let webhooks = call.read(webhooks::list).await?;
    Ok(Response::ok(&List::whole(webhooks.iter().map(Webhook::from).collect()))?.send())
}

/// Creates a webhook. The secret that signs its messages is in the answer, this once.
///
/// # Errors
/// 422 for fields that need a change, 409 where there are too many webhooks.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/webhooks",
    tag = "Webhooks",
    request_body = NewWebhook,
    responses((status = 201, description = "The webhook with its secret.", body = WebhookWithSecret))
)]
pub async fn create(call: Call<Grant<Govern>, Json<NewWebhook>>) -> Result<HttpResponse, AppError> {
    let new = call.input.0.parse(&networks(&call))?;
    call.change(move |tx, grant, now| {
        let (webhook, secret) = webhooks::create(tx, grant, &new, now)?;
        let location = urls::api_of_webhook(&grant.id, &webhook.id);
        let webhook = Webhook::from(&webhook);
        Response::created(&WebhookWithSecret { webhook, secret: secret.expose().to_owned() }, location)
    })
    .await
}

/// One webhook.
///
/// # Errors
/// 404 for a webhook of another organization.
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

/// Gives a webhook another address, description or choice of events.
///
/// # Errors
/// 404 for a webhook of another organization, 412 for another version of it, 422 for fields that
/// need a change.
#[utoipa::path(
    patch,
    path = "/api/v2/organizations/{organization}/webhooks/{webhook}",
    tag = "Webhooks",
    request_body = WebhookChange,
    responses((status = 200, description = "The webhook as it is now.", body = Webhook))
)]
pub async fn change(call: Call<Grant<Govern>, Json<WebhookChange>>) -> Result<HttpResponse, AppError> {
    let (change, networks) = (call.input.0.clone(), networks(&call));
    change_webhook(&call, move |tx, grant, webhook, now| {
        let new = change.apply(webhook, &networks)?;
        show_changed(&webhooks::change(tx, grant, &webhook.id, &new, now)?)
    })
    .await
}

/// Switches a webhook on: messages are sent again, those first that waited meanwhile.
///
/// # Errors
/// 404 for a webhook of another organization, 412 for another version of it.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/webhooks/{webhook}/activate",
    tag = "Webhooks",
    responses((status = 200, description = "The webhook, whether it was on before or not.", body = Webhook))
)]
pub async fn activate(call: Call<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    change_webhook(&call, |tx, grant, webhook, now| {
        show_changed(&webhooks::switch(tx, grant, &webhook.id, true, now)?)
    })
    .await
}

/// Switches a webhook off: what waits goes on waiting, and nothing more is queued.
///
/// # Errors
/// 404 for a webhook of another organization, 412 for another version of it.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/webhooks/{webhook}/deactivate",
    tag = "Webhooks",
    responses((status = 200, description = "The webhook, whether it was off before or not.", body = Webhook))
)]
pub async fn deactivate(call: Call<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    change_webhook(&call, |tx, grant, webhook, now| {
        show_changed(&webhooks::switch(tx, grant, &webhook.id, false, now)?)
    })
    .await
}

/// Sends a message of the type `webhook.test`, which tells of nothing. Whether it arrives, its
/// delivery tells.
///
/// # Errors
/// 404 for a webhook of another organization, 409 for one that is deactivated, 412 for another
/// version of it.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/webhooks/{webhook}/test",
    tag = "Webhooks",
    operation_id = "test_webhook",
    responses((status = 200, description = "The message, on its way.", body = Delivery))
)]
pub async fn send_test(call: Call<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    change_webhook(&call, |tx, grant, webhook, now| {
        let delivery = webhooks::send_test(tx, grant, &webhook.id, now)?;
        Response::resource(&Delivery::from(delivery))
    })
    .await
}

/// Gives a webhook a new signing secret, which is in the answer, this once. For 24 hours the one
/// before signs, too.
///
/// # Errors
/// 404 for a webhook of another organization, 412 for another version of it.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/webhooks/{webhook}/rotate",
    tag = "Webhooks",
    responses((status = 200, description = "The webhook with its new secret.", body = WebhookWithSecret))
)]
pub async fn rotate(call: Call<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    change_webhook(&call, |tx, grant, webhook, now| {
        let (webhook, secret) = webhooks::rotate_secret(tx, grant, &webhook.id, now)?;
        let webhook = Webhook::from(&webhook);
        Response::resource(&WebhookWithSecret { webhook, secret: secret.expose().to_owned() })
    })
    .await
}

/// Removes a webhook with its log. What waits is not sent.
///
/// # Errors
/// 404 for a webhook of another organization, 412 for another version of it.
#[utoipa::path(
    delete,
    path = "/api/v2/organizations/{organization}/webhooks/{webhook}",
    tag = "Webhooks",
    responses((status = 204, description = "It is removed."))
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
