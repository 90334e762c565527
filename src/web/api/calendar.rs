//! The secret URL of the calendar in which the ends of keys stand.

use actix_web::HttpResponse;

use super::{call::Call, response::Response};
use crate::{
    api_types::CalendarLink,
    domain::{
        access::{Grant, ManageCalendar},
        calendar_links,
    },
    web::{error::AppError, urls},
};

/// Create a URL for the expiration calendar (iCalendar).
///
/// The previous URL stops working immediately.
///
/// # Errors
/// 403 insufficient access.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/calendar-link",
    tag = "API keys",
    responses((status = 200, description = "The new URL. It’s returned only once.", body = CalendarLink))
)]
pub async fn replace(call: Call<Grant<ManageCalendar>>) -> Result<HttpResponse, AppError> {
    let public_url = call.state.config.public_url.clone();
    call.change(move |tx, grant, now| {
        let secret = calendar_links::replace(tx, grant, now)?;
        let url = public_url.join(&urls::calendar_feed(&grant.id, secret.expose()));
        Response::ok(&CalendarLink { url })
    })
    .await
}

/// Revoke the URL of the expiration calendar.
///
/// It stops working immediately. Revoking it again changes nothing.
///
/// # Errors
/// 403 insufficient access.
#[utoipa::path(
    delete,
    path = "/api/v2/organizations/{organization}/calendar-link",
    tag = "API keys",
    responses((status = 204, description = "There is no URL anymore."))
)]
pub async fn revoke(call: Call<Grant<ManageCalendar>>) -> Result<HttpResponse, AppError> {
    call.change(move |tx, grant, now| {
        calendar_links::revoke(tx, grant, now)?;
        Ok(Response::done())
    })
    .await
}
