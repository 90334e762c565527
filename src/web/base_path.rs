//! The path of the public URL, at the edge: a request loses it before it is routed, and the headers of its response get
//! it. Templates get it by the filter `link`, texts by
//! [`ServerUrl::join`](crate::config::ServerUrl::join).
//!
//! A proxy may pass requests on with the path or without it, and gateways on the inside need not know it: both are
//! served.

use actix_web::{
    dev::ServiceRequest,
    http::{
        Uri,
        header::{HeaderMap, HeaderName, HeaderValue, LOCATION},
        uri::PathAndQuery,
    },
};

use crate::config::BasePath;

/// Where htmx is sent.
pub(super) const HX_REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");

/// Headers with an address in them.
const ADDRESSES: [HeaderName; 2] = [LOCATION, HX_REDIRECT];

/// Takes the path off a request, where it has it.
pub fn enter(base: &BasePath, request: &mut ServiceRequest) {
    if base.is_empty() {
        return;
    }
    if let Some(uri) = inner(base, request.uri()) {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
}

/// The address without the path; `None` where it is not there.
fn inner(base: &BasePath, uri: &Uri) -> Option<Uri> {
    let path = base.strip(uri.path_and_query()?.as_str())?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path.as_ref()).ok()?);
    Uri::from_parts(parts).ok()
}

/// Puts the path in front of addresses of ours in the headers of a response.
pub fn leave(base: &BasePath, headers: &mut HeaderMap) {
    if base.is_empty() {
        return;
    }
    for name in ADDRESSES {
        let Some(address) = headers.get(&name).map(HeaderValue::as_bytes) else { continue };
        // Whatever else is there leads elsewhere, and says so.
        if address.starts_with(b"/") && !address.starts_with(b"//") {
            let address = [base.as_str().as_bytes(), address].concat();
            if let Ok(address) = HeaderValue::from_bytes(&address) {
                headers.insert(name, address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::config::ServerUrl;

    fn entered(uri: &str) -> ServiceRequest {
        let url = ServerUrl::parse("https://example.com/keys").unwrap();
        let mut request = TestRequest::with_uri(uri).to_srv_request();
        enter(url.base_path(), &mut request);
        request
    }

    #[test]
    fn a_request_is_routed_without_the_path() {
        for (asked, path, query) in [
            ("/keys/orgs?q=%2Fkeys", "/orgs", "q=%2Fkeys"),
            ("/keys", "/", ""),
            ("/keys?a", "/", "a"),
            ("/keys/keys", "/keys", ""),
            ("/orgs", "/orgs", ""),
            ("/keyset", "/keyset", ""),
            ("http://example.com/keys/orgs", "/orgs", ""),
        ] {
            let request = entered(asked);
            assert_eq!((request.path(), request.query_string()), (path, query), "{asked}");
            assert_eq!(request.match_info().unprocessed(), path, "{asked}");
        }
        assert_eq!(entered("http://example.com/keys/orgs").uri().host(), Some("example.com"));
    }

    #[test]
    fn headers_lead_below_the_path_and_elsewhere_as_they_are() {
        let url = ServerUrl::parse("https://example.com/keys").unwrap();
        for (address, left) in [
            ("/orgs?q=a", "/keys/orgs?q=a"),
            ("/", "/keys/"),
            ("https://other.example/", "https://other.example/"),
            ("//other.example", "//other.example"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, HeaderValue::from_static(address));
            leave(&BasePath::default(), &mut headers);
            assert_eq!(headers.get(LOCATION).unwrap(), address);
            leave(url.base_path(), &mut headers);
            assert_eq!(headers.get(LOCATION).unwrap(), left);
        }
    }
}
