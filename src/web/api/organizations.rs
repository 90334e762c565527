//! The organization behind a master token.

use actix_web::HttpResponse;

use super::{call::Call, json::Json, response::Response};
use crate::{
    api_types::{Organization, OrganizationChange},
    domain::{
        access::{Govern, Grant, See},
        names::{MAX_NAME_LENGTH, Name},
        organization::Organization as StoredOrganization,
        organizations,
    },
    web::{display, error::AppError},
};

impl Organization {
    fn of(organization: &StoredOrganization) -> Self {
        Self {
            id: organization.id.clone(),
            name: organization.name.clone(),
            created_at: display::iso(&organization.created_at),
            suspended_at: organization.suspended_at.as_ref().map(display::iso),
            suspension_reason: organization.suspension_reason.clone(),
        }
    }
}

/// Get the organization.
///
/// # Errors
/// 404 not found.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}",
    tag = "Organization",
    responses((status = 200, description = "The organization.", body = Organization))
)]
pub async fn show(call: Call<Grant<See>>) -> Result<HttpResponse, AppError> {
    call.show(&Organization::of(&call.proof))
}

/// Rename the organization.
///
/// # Errors
/// 422 invalid name, 412 `If-Match` doesn’t match.
#[utoipa::path(
    patch,
    path = "/api/v2/organizations/{organization}",
    tag = "Organization",
    request_body = OrganizationChange,
    responses((status = 200, description = "The updated organization.", body = Organization))
)]
pub async fn change(call: Call<Grant<Govern>, Json<OrganizationChange>>) -> Result<HttpResponse, AppError> {
    let Json(OrganizationChange { name }) = &call.input;
    let name = name.as_deref().map(|name| Name::parse(name, MAX_NAME_LENGTH)).transpose();
    let name = name.map_err(|error| AppError::field("/name", error))?;
    let precondition = call.precondition();
    call.change(move |tx, grant, now| {
        precondition.check(&Organization::of(grant))?;
        if let Some(name) = &name {
            let renamed = organizations::rename(tx, grant, name, now)?;
            return Response::resource(&Organization::of(&renamed));
        }
        Response::resource(&Organization::of(grant))
    })
    .await
}
