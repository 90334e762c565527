//! Requests to a route, and what every answer must be like.

use std::collections::BTreeMap;

use tessera::web::access::Route;

use super::fixture;
use crate::support::{Client, Request, Response};

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(super) async fn send(client: &Client, route: &Route, path: &str) -> Response {
    with_fields(client.request(method(route), path), route).send().await
}

pub(super) async fn send_htmx(client: &Client, route: &Route, path: &str) -> Response {
    with_fields(client.request(method(route), path).htmx("dialog-slot"), route).send().await
}

/// What `ANY` stands for is a GET among others.
pub(super) fn method(route: &Route) -> &'static str {
    if route.method == "ANY" { "GET" } else { route.method }
}

fn with_fields(request: Request, route: &Route) -> Request {
    if method(route) == "GET" { request } else { request.form(&as_pairs(&fixture::fields(route))) }
}

pub(super) fn as_pairs<'a>(fields: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

pub(super) async fn assert_looks_like_none(client: &Client, route: &Route, foreign: &str, nowhere: &str) {
    let (at, none) = (send(client, route, foreign).await, send(client, route, nowhere).await);
    check_headers(route, &at);
    assert_eq!((at.status, none.status), (404, 404), "{route:?}: {}", at.summary());
    assert_alike(route, &at, &none);
    let (at, none) = (send_htmx(client, route, foreign).await, send_htmx(client, route, nowhere).await);
    check_headers(route, &at);
    assert_eq!((at.status, none.status), (404, 404), "{route:?}: {}", at.summary());
    assert_alike(route, &at, &none);
}

/// Takes credentials from headers and never a cookie; answers problems as documents.
pub(super) fn is_for_machines(pattern: &str) -> bool {
    (pattern.starts_with("/api/") && pattern != "/api/docs") || pattern == "/auth"
}

#[track_caller]
pub(super) fn assert_alike(route: &Route, one: &Response, other: &Response) {
    let ((text, headers), (other_text, other_headers)) = (anonymous(one), anonymous(other));
    assert_eq!(headers, other_headers, "{route:?}");
    assert!(text == other_text, "{route:?}: {one:?} is told from {other:?}");
}

/// The answer without what differs between any two requests: its number, the date, and whether
/// the connection outlives a body that nobody read.
fn anonymous(answer: &Response) -> (String, BTreeMap<String, String>) {
    let id = answer.header("x-request-id");
    let headers = answer
        .headers
        .iter()
        .filter(|(name, _)| !["date", "x-request-id", "connection"].contains(&name.as_str()));
    let headers =
        headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()));
    (answer.text().replace(id, "…"), headers.collect())
}

/// The local mailbox shows a mail's HTML part in a frame.
fn is_framed(route: &Route) -> bool {
    route.pattern.starts_with("/mailbox/{mail}")
}

pub(super) fn is_log_in(location: &str) -> bool {
    location == "/login" || location.starts_with("/login?next=%2F")
}

/// ASVS 3.4.3, 3.4.4, 14.3.2: on every answer, rejections too.
#[track_caller]
pub(super) fn check_headers(route: &Route, answer: &Response) {
    let policy = answer.header("content-security-policy");
    if is_framed(route) && answer.status == 200 {
        assert!(policy.starts_with("default-src 'none'; "), "{route:?}: {policy}");
        assert!(
            !policy.contains("unsafe-eval") && !policy.contains("script-src 'unsafe"),
            "{route:?}: {policy}"
        );
    } else {
        assert_eq!(policy, CONTENT_SECURITY_POLICY, "{route:?}");
    }
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{route:?}");
    let is_id = route.pattern.starts_with("/orgs/") || route.pattern.starts_with("/instance/");
    let holds_secret = route.pattern.contains("{token}") && !is_id;
    // On plain http, where the tests run, `no-referrer` would hide `Origin`, too.
    let referrer = if holds_secret { &["strict-origin"][..] } else { &["strict-origin", "same-origin"] };
    assert!(referrer.contains(&answer.header("referrer-policy")), "{route:?}: {:?}", answer.headers);
    assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{route:?}");
    assert!(!answer.header("x-request-id").is_empty(), "{route:?}");
    // What has nobody's name on it may be kept.
    let is_asset = route.pattern.starts_with("/static/");
    let is_reference = route.pattern == "/api/docs" && answer.header("cache-control") == "private, no-cache";
    assert!(
        is_asset || is_reference || answer.header("cache-control") == "no-store",
        "{route:?}: {:?}",
        answer.headers
    );
}
