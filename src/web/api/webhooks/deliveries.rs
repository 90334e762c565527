//! The log of a webhook: its messages, and sending one again.

use actix_web::HttpResponse;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    api_types::{Delivery, DeliveryWithPayload, List},
    domain::{
        access::{Govern, Grant},
        webhooks::{self, Delivery as StoredDelivery, DeliveryState},
    },
    web::{
        api::{
            call::Call,
            pagination::{self, Pagination},
            params::Params,
            response::Response,
        },
        display,
        error::AppError,
    },
};

impl From<StoredDelivery> for Delivery {
    fn from(delivery: StoredDelivery) -> Self {
        let waits = delivery.state == DeliveryState::Pending;
        Self {
            state: delivery.state,
            next_attempt_at: waits.then(|| display::iso(&delivery.next_attempt_at)),
            id: delivery.id,
            event: delivery.event,
            attempts: delivery.attempts,
            last_attempt_at: delivery.last_attempt_at.map(|at| display::iso(&at)),
            last_status: delivery.last_status,
            last_error: delivery.last_error,
            created_at: display::iso(&delivery.created_at),
            finished_at: delivery.finished_at.map(|at| display::iso(&at)),
        }
    }
}

/// Which messages to list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct DeliveryFilter {
    /// Filter by state.
    state: Option<DeliveryState>,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// Items per page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

/// List deliveries of a webhook, newest first.
///
/// Returns the last 30 days.
///
/// # Errors
/// 400 invalid parameters, 404 not found.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/webhooks/{webhook}/deliveries",
    tag = "Webhooks",
    operation_id = "list_webhook_deliveries",
    params(DeliveryFilter),
    responses((status = 200, description = "A page of deliveries.", body = List<Delivery>))
)]
pub async fn list(call: Call<Grant<Govern>, Params<DeliveryFilter>>) -> Result<HttpResponse, AppError> {
    let Params(filter) = call.input.clone();
    let (webhook_id, state) = (call.path("webhook"), filter.state);
    let slice = Pagination::new(filter.cursor, filter.limit).list_request()?;
    let wanted = slice.clone();
    let deliveries = call
        .read(move |connection, grant| {
            let webhook = webhooks::find(connection, grant, &webhook_id)?;
            Ok::<_, AppError>(webhooks::list_after(connection, grant, &webhook, state, &wanted)?)
        })
        .await?;
    let listing = pagination::list(deliveries, &slice, StoredDelivery::cursor, Delivery::from);
    Ok(Response::ok(&listing)?.send())
}

/// Get a delivery.
///
/// Includes the payload and the response.
///
/// # Errors
/// 404 not found.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/webhooks/{webhook}/deliveries/{delivery}",
    tag = "Webhooks",
    operation_id = "show_webhook_delivery",
    responses((status = 200, description = "The delivery.", body = DeliveryWithPayload))
)]
pub async fn show(call: Call<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    let (webhook_id, delivery_id) = (call.path("webhook"), call.path("delivery"));
    let (_, mut delivery) = call
        .read(move |connection, grant| webhooks::delivery(connection, grant, &webhook_id, &delivery_id))
        .await?;
    let payload = serde_json::from_str(&delivery.payload).map_err(AppError::internal)?;
    let response = delivery.response.take();
    call.show(&DeliveryWithPayload { delivery: delivery.into(), payload, response })
}

/// Resend a delivery.
///
/// Sends the event again with the same ID. A pending delivery is sent immediately.
///
/// # Errors
/// 404 not found, 409 webhook deactivated.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/webhooks/{webhook}/deliveries/{delivery}/resend",
    tag = "Webhooks",
    operation_id = "resend_webhook_delivery",
    responses((status = 200, description = "The delivery.", body = Delivery))
)]
pub async fn resend(call: Call<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    let (webhook_id, delivery_id) = (call.path("webhook"), call.path("delivery"));
    call.change(move |tx, grant, now| {
        let delivery = webhooks::resend(tx, grant, &webhook_id, &delivery_id, now)?;
        Response::resource(&Delivery::from(delivery))
    })
    .await
}
