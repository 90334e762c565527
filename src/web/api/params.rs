//! Parameters in an address of the API.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde::de::DeserializeOwned;

use crate::web::error::{AppError, FieldProblem};

/// The parameters after the question mark. Types with `deny_unknown_fields` refuse those of which
/// the address knows nothing, so that a misspelt filter does not pass for none.
#[derive(Clone, Debug)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Params<T> {
    type Error = AppError;
    type Future = Ready<Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = serde_html_form::from_str(request.query_string()).map(Self);
        ready(read.map_err(|error| {
            AppError::BadParameter(FieldProblem::new("", format!("The query can’t be read: {error}.")))
        }))
    }
}
