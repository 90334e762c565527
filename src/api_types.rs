//! What the API is asked and what it answers, in types that server and client share.
//!
//! A type says what is sent and nothing else: what is checked in it, and how it is made of what is
//! stored, stands with the handlers in `web::api`.

mod keys;
mod members;
mod object;
mod organization;
mod usage;
mod verification;
mod webhooks;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use keys::*;
pub use members::*;
pub use object::*;
pub use organization::*;
pub use usage::*;
pub use verification::*;
pub use webhooks::*;

/// A part of a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct List<T> {
    /// The items of this part.
    pub data: Vec<T>,
    /// Ask for the next part with this as `cursor`; null at the end of the list.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// RFC 9457. `type` is stable; clients may rely on it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ProblemDocument {
    /// A name for the kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "/problems/not-found")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// HTTP's status again.
    pub status: u16,
    /// What happened this time.
    pub detail: String,
    /// The number to quote to the operator.
    pub request_id: String,
    /// The fields that are wrong, if that is the problem.
    #[serde(default, skip_serializing_if = "<[FieldProblem]>::is_empty")]
    pub errors: Vec<FieldProblem>,
}

/// What is wrong with one field, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldProblem {
    /// The field as a JSON pointer (RFC 6901) into the body, or the parameter's name.
    #[schema(example = "/name")]
    pub pointer: String,
    /// What is wrong, and what to do.
    #[schema(example = "Enter a name.")]
    pub detail: String,
}

impl FieldProblem {
    /// What is wrong with the field at `pointer`.
    pub fn new(pointer: impl Into<String>, detail: impl ToString) -> Self {
        Self { pointer: pointer.into(), detail: detail.to_string() }
    }
}
