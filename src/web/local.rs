//! Who sits at this very machine: nobody who comes through a proxy.

use std::net::IpAddr;

use actix_web::{
    HttpRequest,
    http::{
        Version,
        header::{HOST, ORIGIN, REFERER},
    },
};

/// Whether a request comes from a browser on this machine. A proxy on this machine would connect from it too, so nothing may look forwarded: no browser speaks
/// HTTP/1.0 any longer, as nginx does to its upstream unless told otherwise, and none comes from a
/// page of another host. The name in `Host` must be this machine's, or a foreign page could have its
/// own name resolve to it (DNS rebinding) and read the answer.
pub(super) fn is_local(request: &HttpRequest) -> bool {
    let is_loopback = request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    let is_forwarded = request.headers().keys().any(|name| {
        let name = name.as_str();
        name == "forwarded" || name == "via" || name == "x-real-ip" || name.starts_with("x-forwarded-")
    });
    let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let is_from_here = [REFERER, ORIGIN].into_iter().filter_map(header).all(|page| {
        let page = url::Url::parse(page).ok();
        page.is_some_and(|page| page.host_str().is_some_and(is_loopback_name))
    });
    let host = header(HOST).unwrap_or_default();
    let is_browser = request.version() > Version::HTTP_10;
    is_loopback && is_browser && !is_forwarded && is_from_here && is_loopback_name(host)
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
        for header in ["Referer", "Origin"] {
            for (page, is_let_in) in [
                ("http://127.0.0.1:8080", true),
                ("http://localhost:8080/mailbox", true),
                ("http://[::1]:8080/", true),
                ("https://keys.example.com/mailbox", false),
                ("null", false),
            ] {
                let from = request("127.0.0.1:5000", "localhost").insert_header((header, page));
                assert_eq!(is_local(&from.to_http_request()), is_let_in, "{header} {page}");
            }
        }
        let nginx = request("127.0.0.1:5000", "127.0.0.1:8080").version(Version::HTTP_10);
        assert!(!is_local(&nginx.to_http_request()));
    }
}
