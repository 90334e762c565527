//! Versions that clients name in `If-Match` and `If-None-Match`.

use actix_web::{
    HttpRequest,
    http::header::{HeaderName, IF_NONE_MATCH},
};

/// Whether the client has the version `etag` already, so that it need not be sent again.
pub fn is_known(request: &HttpRequest, etag: &str) -> bool {
    // Here a weak one will do (RFC 9110, 13.1.2).
    let strong = |tags: &str| tags.replace("W/\"", "\"");
    list(request, &IF_NONE_MATCH).is_some_and(|known| names(&strong(&known), &strong(etag)))
}

/// The versions in a header, where it is there. Several lines are one list (RFC 9110, 5.3). A line that cannot be
/// read names none.
pub fn list(request: &HttpRequest, name: &HeaderName) -> Option<String> {
    let lines = request.headers().get_all(name);
    let lines: Vec<&str> = lines.map(|value| value.to_str().unwrap_or_default()).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

/// Whether a list of versions, or `*`, names `etag`. A weak one names none (RFC 9110, 13.1.1). A proxy
/// that compresses puts its method behind ours, which are hexadecimal: `"3f1c-gzip"`, `"3f1c;br"`.
pub fn names(list: &str, etag: &str) -> bool {
    list.split(',').map(str::trim).any(|each| each == "*" || version_in(each) == version_in(etag))
}

fn version_in(tag: &str) -> Option<&str> {
    tag.strip_prefix('"')?.strip_suffix('"')?.split(['-', ';']).next()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_list_of_versions_names_one_of_them() {
        assert!(names(r#""a", "b""#, r#""b""#) && names("*", r#""b""#));
        assert!(!names(r#""a""#, r#""b""#) && !names("", r#""b""#) && !names("b", r#""b""#));
        assert!(!names(r#"W/"b""#, r#""b""#), "a weak one");
        for with_method in [r#""b-gzip""#, r#""b--gzip""#, r#""b;gzip""#, r#""b-br""#, r#""a", "b-zstd""#] {
            assert!(names(with_method, r#""b""#), "{with_method}");
        }
        assert!(!names(r#""-gzip""#, r#""b""#) && !names(r#""ab-gzip""#, r#""b""#));
    }

    #[test]
    fn a_weak_version_is_known_as_well_on_any_line() {
        let request = TestRequest::default()
            .append_header((IF_NONE_MATCH, r#"W/"a""#))
            .append_header((IF_NONE_MATCH, r#""b""#))
            .to_http_request();
        for etag in [r#""a""#, r#"W/"a""#, r#"W/"b""#] {
            assert!(is_known(&request, etag), "{etag}");
        }
        assert!(!is_known(&request, r#""c""#));
        assert!(!is_known(&TestRequest::default().to_http_request(), r#""a""#));
    }
}
