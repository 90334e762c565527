//! Forms as they are sent, and what is wrong with them.

use std::{future::Future, pin::Pin, time::Duration};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header::CONTENT_TYPE, web::BytesMut};
use futures_util::StreamExt as _;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use super::{access::MAX_BODY_OF_STRANGERS, connections::Connection, error::AppError, state::State};

/// How long a whole body may take, from its head on: a form of the largest kind at 200 kbit/s.
/// Slower is nobody with a browser, and a body that never ends holds a connection and memory.
const BODY_DEADLINE: Duration = Duration::from_secs(20);

/// Bytes above which a body is one of those few that may arrive at once.
const LARGE_BODY: usize = 64 * 1024;

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
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            if !is_form {
                return Err(AppError::UnsupportedMediaType);
            }
            let body = read_body(&request, payload).await?;
            let text = std::str::from_utf8(&body)
                .ok()
                // The decoder of forms would put replacement characters where bytes are no text.
                .filter(|text| percent_decode_str(text).decode_utf8().is_ok())
                .ok_or_else(|| unreadable("The form isn’t valid UTF-8 text."))?;
            serde_html_form::from_str(text)
                .map(Self)
                .map_err(|error| unreadable(&format!("The form couldn’t be read: {error}.")))
        })
    }
}

fn unreadable(text: &str) -> AppError {
    AppError::Unreadable(text.to_owned())
}

/// A body of at most as many bytes as the table of addresses allows.
///
/// # Errors
/// 413 for a larger one, 408 for one that takes too long, 400 for one that does not arrive whole, 503 for
/// a large one while many others arrive.
pub(super) async fn read_body(request: &HttpRequest, payload: Payload) -> Result<BytesMut, AppError> {
    let _waiting = request.conn_data::<Connection>().map(Connection::wait_for_body);
    match tokio::time::timeout(BODY_DEADLINE, read_whole(request, payload)).await {
        Ok(body) => body,
        Err(_) => Err(AppError::TooSlow),
    }
}

async fn read_whole(request: &HttpRequest, mut payload: Payload) -> Result<BytesMut, AppError> {
    let state = State::of(request)?;
    let mut body = BytesMut::new();
    let (mut most, mut room) = (MAX_BODY_OF_STRANGERS, None);
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| unreadable("The request body is incomplete."))?;
        // Small bodies are looked up nowhere.
        if body.len() + chunk.len() > most {
            most = (state.max_body)(request);
        }
        if body.len() + chunk.len() > most {
            return Err(AppError::TooLarge);
        }
        if body.len() + chunk.len() > LARGE_BODY && room.is_none() {
            room = Some(state.limits.room_for_large_body().ok_or(AppError::Busy)?);
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

    /// Whether a field is the first that needs a change, and so takes the focus. They are noted in the
    /// order in which they are shown.
    pub fn is_first(&self, field: &str) -> bool {
        self.0.first().is_some_and(|(name, _)| *name == field)
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
