//! The organization behind a key.

use actix_web::{HttpResponse, http::header::CACHE_CONTROL};

use super::{
    credentials::{self, Presented},
    gate::{self, Asked, Gate, WithKey},
};
use crate::{
    api_types::{OrganizationOfKey, PresentedKey},
    domain::{
        rejections::{Code, Endpoint},
        verification::{Decision, KeyRequest},
    },
    web::{display, error::AppError, rate_headers::RateHeaders},
};

/// Get the organization and key of a request.
///
/// Counts as a request with the key.
///
/// # Errors
/// 401 missing or inactive key, 403 suspended organization or IP address not allowed, 429 limit exceeded.
#[utoipa::path(
    get,
    path = "/api/v2/organization",
    tag = "Verification",
    operation_id = "show_organization_of_key",
    responses((
        status = 200,
        description = "The organization and the key.",
        body = OrganizationOfKey,
        headers(
            ("RateLimit" = String, description = "What’s left of the key’s limits; absent without limits."),
            ("RateLimit-Policy" = String, description = "The key’s limits; absent without limits."),
        )
    ))
)]
pub async fn show(gate: Gate<WithKey>) -> Result<HttpResponse, AppError> {
    let from = KeyRequest { client_ip: credentials::client_ip(&gate.request), ..KeyRequest::default() };
    let Presented { key, name } = credentials::api_key(&gate.request, &gate.state)
        .await
        .inspect_err(|_| gate.note_unverified(Endpoint::Organization, Code::NoKey, &from))?;
    let wanted = KeyRequest { name: name.as_deref(), ..from };
    let client = Some(gate.client());
    let asked = Asked { endpoint: Endpoint::Organization, place: 0, key: &key, wanted: &wanted, client };
    let Decision::Known { key: known, outcome, limits } = gate.verify(asked).await? else {
        return Err(AppError::Unauthorized { detail: "This key doesn’t exist.", presented: true });
    };
    if let Some(rejection) = gate::rejection(outcome, &limits) {
        return Err(rejection);
    }
    let mut response = HttpResponse::Ok();
    RateHeaders::of(&limits).add(&mut response);
    Ok(response.insert_header((CACHE_CONTROL, "no-store")).json(OrganizationOfKey {
        id: known.organization.id.clone(),
        name: known.organization.name.clone(),
        key: PresentedKey {
            name: known.name.to_string(),
            expires_at: known.expires_at.map(|at| display::iso(&at)),
        },
    }))
}
