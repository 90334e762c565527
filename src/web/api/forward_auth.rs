//! Verification for gateways: nginx, Traefik, Caddy and HAProxy ask here before they let a
//! request through.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, HeaderName, HeaderValue},
    web::{Data, Query},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Deserialize;

use super::{callers, credentials};
use crate::{
    domain::{
        usage::Outcome,
        verification::{KnownKey, Verdict},
    },
    web::{error::AppError, state::State},
};

const ORGANIZATION: HeaderName = HeaderName::from_static("x-tessera-organization");
const KEY_ID: HeaderName = HeaderName::from_static("x-tessera-key-id");
const KEY_NAME: HeaderName = HeaderName::from_static("x-tessera-key-name");

/// What a header value cannot hold, and the sign that marks the rest as encoded.
const NOT_IN_HEADERS: &AsciiSet = &CONTROLS.add(b'%');

/// What the route behind the gateway asks of a key.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demand {
    /// The only organization whose keys are let through.
    organization: Option<String>,
}

/// A key as it was presented, with the name that Basic asks for beside it.
struct Presented {
    key: String,
    name: Option<String>,
}

/// `/auth`, by any method: 204 with who the key belongs to, 401 or 403.
///
/// # Errors
/// 401 without an active key, 403 for a key of another organization than the one demanded.
pub async fn answer(
    request: HttpRequest,
    state: Data<State>,
    demand: Query<Demand>,
) -> Result<HttpResponse, AppError> {
    let Presented { key, name } = presented(&request)?;
    let now = state.clock.now();
    let verdict = state.verifier.verify(&key, now).await?;
    if let Some(known) = verdict.known() {
        state.usage.note_caller(known, callers::of(&request), now);
    }
    let known = match verdict {
        Verdict::Valid(known) if name.is_none_or(|name| name == known.key.name) => known,
        Verdict::Expired(known) => {
            state.usage.note(&known, Outcome::Expired, now);
            return Err(refused("This key has expired."));
        }
        Verdict::Deactivated(known) => {
            state.usage.note(&known, Outcome::Deactivated, now);
            return Err(refused("This key is deactivated."));
        }
        _ => return Err(refused("This key does not exist.")),
    };
    if demand.organization.as_ref().is_some_and(|wanted| *wanted != known.organization.id) {
        return Err(AppError::KeyForbidden("This key belongs to another organization."));
    }
    state.usage.note(&known, Outcome::Valid, now);
    Ok(accepted(&known))
}

fn accepted(known: &KnownKey) -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((ORGANIZATION, header_value(&known.organization.id)))
        .insert_header((KEY_ID, header_value(&known.key.id)))
        .insert_header((KEY_NAME, header_value(&known.key.name)))
        .insert_header((CACHE_CONTROL, "no-store"))
        .finish()
}

/// Letters beyond ASCII are percent-encoded as UTF-8.
fn header_value(text: &str) -> HeaderValue {
    let encoded = utf8_percent_encode(text, NOT_IN_HEADERS).to_string();
    HeaderValue::from_str(&encoded).unwrap_or(HeaderValue::from_static(""))
}

fn refused(detail: &'static str) -> AppError {
    AppError::Unauthorized { detail, presented: true }
}

fn presented(request: &HttpRequest) -> Result<Presented, AppError> {
    match credentials::authorization(request)? {
        Some((scheme, credential)) if scheme.eq_ignore_ascii_case("basic") => {
            basic(credential).ok_or_else(|| refused("The credential could not be read."))
        }
        _ => Ok(Presented { key: credentials::api_key(request)?.to_owned(), name: None }),
    }
}

/// RFC 7617: the key's name and the key, in Base64.
fn basic(credential: &str) -> Option<Presented> {
    let text = String::from_utf8(BASE64.decode(credential).ok()?).ok()?;
    let (name, key) = text.rsplit_once(':')?;
    Some(Presented { key: key.to_owned(), name: Some(name.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_into_a_header_whatever_its_letters() {
        assert_eq!(header_value("Billing worker"), "Billing worker");
        assert_eq!(header_value("100 % Zürich\r\n"), "100 %25 Z%C3%BCrich%0D%0A");
    }

    #[test]
    fn basic_takes_the_last_colon_for_the_border() {
        let presented = basic(&BASE64.encode("a: b:tess_x")).unwrap();
        assert_eq!((presented.name.as_deref(), presented.key.as_str()), (Some("a: b"), "tess_x"));
        assert!(basic("%%%").is_none());
    }
}
