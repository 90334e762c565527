//! JSON bodies as they are sent.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header::CONTENT_TYPE};
use serde::de::DeserializeOwned;

use crate::web::{error::AppError, form::read_body};

/// 100 keys with room to spare.
const LARGEST_BODY_BYTES: usize = 64 * 1024;

/// A JSON body. Anything else is refused, so that no form of another site passes for one
/// (ASVS 3.5.2).
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AppError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
        let is_json = essence.trim().eq_ignore_ascii_case("application/json");
        let payload = payload.take();
        Box::pin(async move {
            if !is_json {
                return Err(AppError::UnsupportedMediaType);
            }
            let body = read_body(payload, LARGEST_BODY_BYTES).await?;
            parse(&body).map(Self)
        })
    }
}

/// Reads a whole body.
///
/// # Errors
/// 400 when it is not the JSON that is expected.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, AppError> {
    serde_json::from_slice(body)
        .map_err(|error| AppError::Unreadable(format!("The body is not the JSON that is expected: {error}.")))
}
