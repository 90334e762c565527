//! Rejections and failures in words.

use std::error::Error;

use serde_json::Value;

use super::output::{printable, text};

/// A problem document in words, the fields and the request's number below.
pub(super) fn told(problem: &Value) -> String {
    let mut message = printable(&format!("{}: {}", text(problem, "/title"), text(problem, "/detail")));
    let fields = problem.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for field in fields {
        let line = format!("{}: {}", text(field, "/pointer"), text(field, "/detail"));
        message.push_str(&format!("\n  {}", printable(&line)));
    }
    let request = text(problem, "/request_id");
    if !request.is_empty() {
        message.push_str(&format!("\n  Request {}", printable(request)));
    }
    message
}

/// The innermost reason of a failed exchange.
pub(super) fn explain(error: &reqwest::Error) -> String {
    let mut reason: &(dyn Error + 'static) = error;
    while let Some(inner) = reason.source() {
        reason = inner;
    }
    if error.is_timeout() { "it took too long".to_owned() } else { printable(&reason.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_with_its_fields_and_its_number() {
        let problem = serde_json::json!({
            "title": "Unprocessable Content", "detail": "Some fields need a change.", "request_id": "req_1",
            "errors": [{ "pointer": "/name", "detail": "Enter a \u{1b}name." }],
        });
        let expected = "Unprocessable Content: Some fields need a change.\n  /name: Enter a \\u{1b}name.\n  Request req_1";
        assert_eq!(told(&problem), expected);
    }
}
