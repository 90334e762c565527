//! What the API is asked and what it answers, in types that server and client share.
//!
//! A type says what is sent and nothing else: what is checked in it, and how it is made of what is
//! stored, stands with the handlers in `web::api`.

mod instance;
mod keys;
mod members;
mod object;
mod organization;
mod usage;
mod verification;
mod webhooks;
mod whole;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use instance::*;
pub use keys::*;
pub use members::*;
pub use object::*;
pub use organization::*;
pub use usage::*;
pub use verification::*;
pub use webhooks::*;

use crate::vocabulary::LimitedBy;

/// A page of a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct List<T> {
    /// The items of this page.
    pub data: Vec<T>,
    /// Pass this as `cursor` to get the next page; null on the last page.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// An error as problem details (RFC 9457). `type` is stable; clients can rely on it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ProblemDocument {
    /// The type of the problem.
    #[serde(rename = "type")]
    #[schema(example = "/problems/not-found")]
    pub kind: String,
    /// A short title of the status.
    pub title: String,
    /// The HTTP status code.
    pub status: u16,
    /// What went wrong with this request.
    pub detail: String,
    /// The request ID. Include it when you contact the operator.
    pub request_id: String,
    /// The invalid fields or parameters; absent if there are none.
    #[serde(default, skip_serializing_if = "<[FieldProblem]>::is_empty")]
    pub errors: Vec<FieldProblem>,
    /// Which limit of the key or its organization was exceeded; absent if none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limited_by: Option<LimitedBy>,
}

/// An invalid field or parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldProblem {
    /// The field as a JSON pointer (RFC 6901) into the body, or the name of the parameter.
    #[schema(example = "/name")]
    pub pointer: String,
    /// What’s wrong and how to fix it.
    #[schema(example = "Enter a name.")]
    pub detail: String,
}

impl FieldProblem {
    /// What is wrong with the field at `pointer`.
    pub fn new(pointer: impl Into<String>, detail: impl ToString) -> Self {
        Self { pointer: pointer.into(), detail: detail.to_string() }
    }
}
