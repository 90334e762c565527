//! Who may read the local mailbox: somebody at this very machine, and nobody through a proxy.

use std::net::IpAddr;

use actix_web::{HttpRequest, http::header::HOST};

use crate::web::{error::AppError, visit::Visitor};

/// Lets in whoever sits at this machine. The mails hold links that open accounts, so everybody else
/// gets the answer of a page that does not exist.
pub(super) fn only_local(visitor: &Visitor) -> Result<(), AppError> {
    let is_let_in = is_local(visitor.request()) && visitor.state.has_mailbox();
    if is_let_in { Ok(()) } else { Err(AppError::NotFound) }
}

/// A proxy on this machine would connect from it too, so nothing may look forwarded; and the name
/// in `Host` must be this machine's, or a foreign page could have its own name resolve to it (DNS
/// rebinding) and read the answer.
fn is_local(request: &HttpRequest) -> bool {
    let is_loopback = request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    let is_forwarded = request.headers().keys().any(|name| {
        let name = name.as_str();
        name == "forwarded" || name == "via" || name == "x-real-ip" || name.starts_with("x-forwarded-")
    });
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    is_loopback && !is_forwarded && is_loopback_name(host)
}

fn is_loopback_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn request(peer: &str, host: &str) -> TestRequest {
        TestRequest::default().peer_addr(peer.parse().unwrap()).insert_header((HOST, host))
    }

    #[test]
    fn this_machine_by_its_own_name_may_read() {
        for host in ["localhost", "127.0.0.1:8080", "[::1]:8080", "tessera.localhost:8080"] {
            assert!(is_local(&request("127.0.0.1:5000", host).to_http_request()), "{host}");
        }
    }

    #[test]
    fn nobody_else_may() {
        assert!(!is_local(&request("192.0.2.7:5000", "localhost").to_http_request()));
        for host in ["", "rebound.example:8080", "localhost.evil.example", "192.0.2.7"] {
            assert!(!is_local(&request("127.0.0.1:5000", host).to_http_request()), "{host}");
        }
        for header in ["Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "Via"] {
            let forwarded = request("127.0.0.1:5000", "localhost").insert_header((header, "x"));
            assert!(!is_local(&forwarded.to_http_request()), "{header}");
        }
    }
}
