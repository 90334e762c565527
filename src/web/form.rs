//! Forms as they are sent, and what is wrong with them.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header::CONTENT_TYPE, web::BytesMut};
use futures_util::StreamExt as _;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use super::error::AppError;

/// 500 addresses of 254 characters, percent-encoded at worst, fit in.
const MAX_FORM_BYTES: usize = 512 * 1024;

/// A form's fields as they were typed. Types with `deny_unknown_fields` refuse fields of which
/// the form knows nothing, such as a `role` that nobody offered.
#[derive(Debug)]
pub struct Submitted<F>(pub F);

impl<F: DeserializeOwned + 'static> FromRequest for Submitted<F> {
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AppError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_form = content_type.is_none_or(|value| value.starts_with("application/x-www-form-urlencoded"));
        let payload = payload.take();
        Box::pin(async move {
            if !is_form {
                return Err(AppError::UnsupportedMediaType);
            }
            let body = read_body(payload, MAX_FORM_BYTES).await?;
            let text = std::str::from_utf8(&body)
                .ok()
                // The decoder of forms would put replacement characters where bytes are no text.
                .filter(|text| percent_decode_str(text).decode_utf8().is_ok())
                .ok_or_else(|| unreadable("The form is not valid UTF-8 text."))?;
            serde_html_form::from_str(text)
                .map(Self)
                .map_err(|error| unreadable(&format!("The form could not be read: {error}.")))
        })
    }
}

fn unreadable(text: &str) -> AppError {
    AppError::Unreadable(text.to_owned())
}

/// A body of at most `most_bytes`.
///
/// # Errors
/// 413 for a larger one, 400 for one that does not arrive whole.
pub(super) async fn read_body(mut payload: Payload, most_bytes: usize) -> Result<BytesMut, AppError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| unreadable("The body did not arrive whole."))?;
        if body.len() + chunk.len() > most_bytes {
            return Err(AppError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What is wrong with a form, field by field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldErrors(Vec<(&'static str, String)>);

impl FieldErrors {
    /// One field that needs a change.
    pub fn one(field: &'static str, text: impl ToString) -> Self {
        Self(vec![(field, text.to_string())])
    }

    /// Notes that a field needs a change.
    pub fn add(&mut self, field: &'static str, text: impl ToString) {
        self.0.push((field, text.to_string()));
    }

    /// The value, or `None` with the error noted.
    pub fn check<T, E: ToString>(&mut self, field: &'static str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|error| self.add(field, error)).ok()
    }

    /// What is wrong with one field.
    pub fn of(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| *name == field).map(|(_, text)| text.as_str())
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
