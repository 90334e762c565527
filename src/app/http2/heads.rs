//! Heads of HTTP/2 in the words of HTTP/1.1, and back.

use h2::Reason;
use hyper::{
    Method, Uri, Version,
    header::{
        CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER,
        TRANSFER_ENCODING, UPGRADE,
    },
    http::{request, response},
};

/// What HTTP/1.1 says of one connection, and HTTP/2 by other means (RFC 9113, 8.2.2).
const OF_CONNECTION: [HeaderName; 5] = [
    CONNECTION,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// The head with which a request is sent on, and the length of its body if it says so. That HTTP/2 forbids what is
/// [of a connection](OF_CONNECTION), and that a length fits, is looked after where it is read.
///
/// # Errors
/// The request is none that is answered here: it is reset.
pub(super) fn of_request(mut head: request::Parts) -> Result<(request::Parts, Option<u64>), Reason> {
    // Also one that would open a WebSocket (RFC 8441).
    if head.method == Method::CONNECT {
        return Err(Reason::CONNECT_ERROR);
    }
    let host = host(&head)?;
    head.headers.remove(HOST);
    if let Some(host) = host {
        head.headers.insert(HOST, host);
    }
    head.uri = target(&head)?;
    join_cookies(&mut head.headers)?;
    // Nothing comes after a body here.
    head.headers.remove(TE);
    head.headers.remove(TRAILER);
    head.version = Version::HTTP_11;
    let length = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    Ok((head, length))
}

/// The host by either of its two names. Two that differ are a fault (RFC 9113, 8.3.1).
fn host(head: &request::Parts) -> Result<Option<HeaderValue>, Reason> {
    let mut hosts = head.headers.get_all(HOST).iter();
    let host = hosts.next();
    let Some(authority) = head.uri.authority() else {
        return if hosts.next().is_some() { Err(Reason::PROTOCOL_ERROR) } else { Ok(host.cloned()) };
    };
    let authority = authority.as_str();
    let is_same = host.is_none_or(|host| host.as_bytes().eq_ignore_ascii_case(authority.as_bytes()));
    if !is_same || hosts.next().is_some() || authority.contains('@') {
        return Err(Reason::PROTOCOL_ERROR);
    }
    HeaderValue::from_str(authority).map(Some).map_err(|_| Reason::PROTOCOL_ERROR)
}

/// The path alone. A whole address in its place would name another host.
fn target(head: &request::Parts) -> Result<Uri, Reason> {
    let path = head.uri.path_and_query().cloned().ok_or(Reason::PROTOCOL_ERROR)?;
    let is_of_server = head.method == Method::OPTIONS && path == "*";
    if path.as_str().starts_with('/') || is_of_server {
        Ok(Uri::from(path))
    } else {
        Err(Reason::PROTOCOL_ERROR)
    }
}

/// HTTP/2 may send each cookie in a field of its own, which HTTP/1.1 may not (RFC 9113, 8.2.3).
fn join_cookies(headers: &mut HeaderMap) -> Result<(), Reason> {
    let cookies: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if cookies.len() > 1 {
        let joined =
            HeaderValue::from_bytes(&cookies.join(&b"; "[..])).map_err(|_| Reason::PROTOCOL_ERROR)?;
        headers.insert(COOKIE, joined);
    }
    Ok(())
}

/// The head with which an answer is sent on.
pub(super) fn of_answer(mut head: response::Parts) -> response::Parts {
    let named: Vec<HeaderName> = head
        .headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in OF_CONNECTION.iter().chain(&named) {
        head.headers.remove(name);
    }
    head.version = Version::HTTP_2;
    head
}

#[cfg(test)]
mod tests {
    use hyper::{Request, Response};

    use super::*;

    fn head(method: &str, uri: &str, fields: &[(&str, &str)]) -> request::Parts {
        let mut request = Request::builder().version(Version::HTTP_2).method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn sent_on(method: &str, uri: &str, fields: &[(&str, &str)]) -> (String, Vec<(String, String)>) {
        let (head, _) = of_request(head(method, uri, fields)).unwrap();
        assert_eq!(head.version, Version::HTTP_11);
        let fields = head.headers.iter();
        let fields = fields.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        (head.uri.to_string(), fields.collect())
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn the_authority_is_the_host_and_the_path_stands_alone() {
        let (uri, fields) = sent_on("GET", "https://keys.example.com/orgs?page=2", &[("accept", "*/*")]);
        assert_eq!(uri, "/orgs?page=2");
        assert_eq!(fields, [pair("accept", "*/*"), pair("host", "keys.example.com")]);
        let (_, fields) = sent_on("GET", "/", &[("host", "keys.example.com")]);
        assert_eq!(fields, [pair("host", "keys.example.com")]);
        let (_, fields) = sent_on("GET", "https://keys.example.com/", &[("host", "Keys.Example.com")]);
        assert_eq!(fields, [pair("host", "keys.example.com")]);
        let (_, fields) = sent_on("GET", "/", &[]);
        assert!(fields.is_empty(), "what needs one says so: {fields:?}");
        assert_eq!(sent_on("OPTIONS", "*", &[]).0, "*");
    }

    #[test]
    fn who_names_two_hosts_or_another_address_is_refused() {
        for (method, uri, fields) in [
            ("GET", "https://keys.example.com/", &[("host", "evil.example.com")][..]),
            (
                "GET",
                "https://keys.example.com/",
                &[("host", "keys.example.com"), ("host", "keys.example.com")],
            ),
            ("GET", "/", &[("host", "one.example.com"), ("host", "two.example.com")]),
            ("GET", "https://someone@keys.example.com/", &[]),
            ("GET", "*", &[]),
        ] {
            let refused = of_request(head(method, uri, fields)).err();
            assert_eq!(refused, Some(Reason::PROTOCOL_ERROR), "{method} {uri} {fields:?}");
        }
        let tunnel = of_request(head("CONNECT", "keys.example.com:443", &[])).err();
        assert_eq!(tunnel, Some(Reason::CONNECT_ERROR));
    }

    #[test]
    fn cookies_are_one_field_and_nothing_comes_after_the_body() {
        let fields = [("cookie", "a=1"), ("te", "trailers"), ("cookie", "b=2; c=3"), ("trailer", "x-sum")];
        assert_eq!(sent_on("GET", "/", &fields).1, [pair("cookie", "a=1; b=2; c=3")]);
    }

    #[test]
    fn a_length_is_told_if_it_is_one() {
        let length = |text| of_request(head("POST", "/", &[("content-length", text)])).unwrap().1;
        assert_eq!((length("12"), length("twelve")), (Some(12), None));
        assert_eq!(of_request(head("POST", "/", &[])).unwrap().1, None);
    }

    #[test]
    fn an_answer_says_nothing_of_the_connection_within() {
        let answer = Response::builder()
            .header("connection", "keep-alive, X-Hop")
            .header("x-hop", "1")
            .header("keep-alive", "timeout=5")
            .header("transfer-encoding", "chunked")
            .header("upgrade", "h2c")
            .header("content-length", "0")
            .body(())
            .unwrap();
        let head = of_answer(answer.into_parts().0);
        let names: Vec<&str> = head.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!((names, head.version), (vec!["content-length"], Version::HTTP_2));
    }
}
