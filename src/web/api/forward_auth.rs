//! Verification for gateways: nginx, Caddy, Traefik, HAProxy and Envoy ask here before they let a
//! request through.

use std::borrow::Cow;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, HeaderName, HeaderValue},
    },
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    credentials::{self, Presented},
    gate::{self, Asked, Gate, WithKey},
};
use crate::{
    domain::{
        id,
        rejections::{Code, Endpoint},
        verification::{Decision, KeyRequest, KnownKey, Limits},
    },
    vocabulary::Environment,
    web::{error::AppError, rate_headers::RateHeaders},
};

const ORGANIZATION: HeaderName = HeaderName::from_static("x-tessera-organization");
const KEY_ID: HeaderName = HeaderName::from_static("x-tessera-key-id");
const ENVIRONMENT: HeaderName = HeaderName::from_static("x-tessera-environment");
const KEY_NAME: HeaderName = HeaderName::from_static("x-tessera-key-name");
const SCOPES: HeaderName = HeaderName::from_static("x-tessera-scopes");

/// What a header value cannot hold, and the sign that marks the rest as encoded.
const NOT_IN_HEADERS: &AsciiSet = &CONTROLS.add(b'%');

/// What the route behind the gateway asks of a key, in the address.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct RouteRequirements {
    /// The ID of the organization. Keys of others are rejected.
    #[param(example = "019a8f3e-7b1c-7d2e-9f40-5a6b7c8d9e0f")]
    organization: Option<String>,
    /// The environment that the key must be for.
    #[param(inline, value_type = Option<Environment>)]
    environment: Option<Environment>,
    /// Required scopes. Repeat the parameter, or separate scopes with spaces.
    #[param(example = json!(["invoices:read"]))]
    scope: Vec<String>,
    /// The status for an accepted key. Envoy needs 200.
    #[param(inline)]
    accepted_status: AcceptedStatus,
}

/// The status for an accepted key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
pub enum AcceptedStatus {
    /// No content.
    #[default]
    #[serde(rename = "204")]
    NoContent,
    /// For gateways that treat any other status as a rejection.
    #[serde(rename = "200")]
    Ok,
}

impl AcceptedStatus {
    fn code(self) -> StatusCode {
        match self {
            Self::NoContent => StatusCode::NO_CONTENT,
            Self::Ok => StatusCode::OK,
        }
    }
}

impl RouteRequirements {
    /// Reads the part of the address after the question mark.
    pub fn read(query: &str) -> Result<Self, AppError> {
        if query.is_empty() {
            return Ok(Self::default());
        }
        let mut wanted: Self = serde_html_form::from_str(query)
            .map_err(|error| AppError::Unreadable(format!("The query can’t be read: {error}.")))?;
        if wanted.scope.iter().any(|scope| scope.contains(' ')) {
            wanted.scope =
                wanted.scope.iter().flat_map(|scope| scope.split(' ')).map(str::to_owned).collect();
        }
        wanted.organization = wanted.organization.as_deref().map(id::as_stored);
        wanted.scope.retain(|scope| !scope.is_empty());
        Ok(wanted)
    }

    /// The scopes that the key needs, each by itself.
    pub fn scopes(&self) -> &[String] {
        &self.scope
    }

    fn wanted<'a>(&'a self, request: &HttpRequest, name: Option<&'a str>) -> KeyRequest<'a> {
        KeyRequest {
            organization: self.organization.as_deref(),
            name,
            environment: self.environment,
            scopes: &self.scope,
            client_ip: credentials::client_ip(request),
            cost: 1,
        }
    }
}

/// Check a request at the gateway (forward auth).
///
/// Accepts any method. Send the headers of the request: the key is read from `X-API-Key`, or else from
/// `Authorization` as `Bearer` or as `Basic` (key name as user, key as password). Imported keys can also come
/// in `apikey` or a header in `TESSERA_KEY_HEADERS`, or in `Authorization` as `Api-Key` or `Token`.
///
/// # Errors
/// 401 missing or inactive key, 403 wrong or suspended organization, wrong environment, missing scope or IP address not
/// allowed, 429 limit exceeded.
#[utoipa::path(
    get,
    path = "/auth",
    tag = "Verification",
    operation_id = "verify_for_gateway",
    params(RouteRequirements),
    responses(
        (
            status = 204,
            description = "The key is accepted. Non-ASCII characters in names are percent-encoded.",
            headers(
                ("X-Tessera-Organization" = String, description = "The organization ID."),
                ("X-Tessera-Key-Id" = String, description = "The key ID."),
                ("X-Tessera-Key-Name" = String, description = "The name of the key."),
                ("X-Tessera-Scopes" = String, description = "The scopes of the key, separated by spaces."),
                ("X-Tessera-Environment" = String, description = "The environment of the key."),
                ("RateLimit" = String, description = "What’s left of the key’s limits; absent without limits."),
                ("RateLimit-Policy" = String, description = "The key’s limits; absent without limits."),
            )
        ),
        (status = 200, description = "The key is accepted, with `accepted_status=200`. The headers are those of 204."),
    )
)]
pub async fn answer(gate: Gate<WithKey>) -> Result<HttpResponse, AppError> {
    let presented = credentials::api_key(&gate.request, &gate.state).await;
    let route = RouteRequirements::read(gate.request.query_string());
    let Presented { key, name } = presented.inspect_err(|_| {
        let wanted = route.as_ref().map(|route| route.wanted(&gate.request, None)).unwrap_or_default();
        gate.note_unverified(Endpoint::Auth, Code::NoKey, &wanted);
    })?;
    let route = route?;
    let wanted = route.wanted(&gate.request, name.as_deref());
    let client = Some(gate.client());
    let asked = Asked { endpoint: Endpoint::Auth, place: 0, key: &key, wanted: &wanted, client };
    match gate.verify(asked).await? {
        Decision::Malformed | Decision::NotFound => Err(refused("This key doesn’t exist.")),
        Decision::Foreign => Err(AppError::KeyForbidden("This key belongs to another organization.")),
        Decision::Known { key, outcome, limits } => {
            let accepted = || Ok(accepted(&key, &limits, route.accepted_status));
            gate::rejection(outcome, &limits).map_or_else(accepted, Err)
        }
    }
}

fn accepted(key: &KnownKey, limits: &Limits, status: AcceptedStatus) -> HttpResponse {
    let mut response = HttpResponse::build(status.code());
    response
        .insert_header((ORGANIZATION, header_value(&key.organization.id)))
        .insert_header((KEY_ID, header_value(key.id.hyphenated().encode_lower(&mut Uuid::encode_buffer()))))
        .insert_header((KEY_NAME, header_value(&key.name)))
        .insert_header((ENVIRONMENT, HeaderValue::from_static(key.environment.as_str())))
        .insert_header((SCOPES, header_value(&key.scopes().join(" "))))
        .insert_header((CACHE_CONTROL, "no-store"));
    RateHeaders::of(limits).add(&mut response);
    response.finish()
}

/// Letters beyond ASCII are percent-encoded as UTF-8.
fn header_value(text: &str) -> HeaderValue {
    let encoded: Cow<'_, str> = utf8_percent_encode(text, NOT_IN_HEADERS).into();
    HeaderValue::from_str(&encoded).unwrap_or(HeaderValue::from_static(""))
}

fn refused(detail: &'static str) -> AppError {
    AppError::Unauthorized { detail, presented: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_into_a_header_whatever_its_letters() {
        assert_eq!(header_value("Billing worker"), "Billing worker");
        assert_eq!(header_value("100 % Zürich\r\n"), "100 %25 Z%C3%BCrich%0D%0A");
    }
}
