//! Rejections and failures in words.

use std::error::Error;

use super::output::printable;
use crate::api_types::{FieldProblem, ProblemDocument};

/// A problem document in words, the fields and the request's number below.
pub(super) fn told(problem: &ProblemDocument) -> String {
    let mut message = printable(&format!("{}: {}", problem.title, problem.detail));
    for FieldProblem { pointer, detail } in &problem.errors {
        message.push_str(&format!("\n  {}", printable(&format!("{pointer}: {detail}"))));
    }
    message.push_str(&format!("\n  Request ID: {}", printable(&problem.request_id)));
    message
}

/// The innermost reason of a failed exchange.
pub(super) fn explain(error: &reqwest::Error) -> String {
    let mut reason: &(dyn Error + 'static) = error;
    while let Some(inner) = reason.source() {
        reason = inner;
    }
    if error.is_timeout() { "it timed out".to_owned() } else { printable(&reason.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_with_its_fields_and_its_number() {
        let problem = ProblemDocument {
            kind: "/problems/invalid-fields".to_owned(),
            title: "Unprocessable Content".to_owned(),
            status: 422,
            detail: "Some fields are invalid. See errors.".to_owned(),
            request_id: "req_1".to_owned(),
            errors: vec![FieldProblem::new("/name", "Enter a \u{1b}name.")],
            limited_by: None,
        };
        let expected = "Unprocessable Content: Some fields are invalid. See errors.\n  /name: Enter a \\u{1b}name.\n  Request ID: req_1";
        assert_eq!(told(&problem), expected);
    }
}
