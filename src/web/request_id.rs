//! Numbers of requests, for error pages, problem documents and the log.

use std::{
    fmt,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use actix_web::http::header::HeaderValue;
use uuid::Uuid;

/// Tells the requests of one run of the server from those of another.
static RUN: LazyLock<String> =
    LazyLock::new(|| Uuid::new_v4().simple().to_string().chars().take(8).collect());
static COUNT: AtomicU64 = AtomicU64::new(0);

/// The number of a request, such as `req_9f02ab71-0000001c`: eight signs for the run, then a
/// count, of one length so that no answer tells by its own how many there were before. Every
/// verification takes one, so it costs no call to the system, and text only where it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(u64);

impl RequestId {
    /// The next number.
    pub fn next() -> Self {
        Self(COUNT.fetch_add(1, Ordering::Relaxed))
    }

    /// The number as the value of a header.
    pub fn to_header(self) -> HeaderValue {
        HeaderValue::try_from(self.to_string()).unwrap_or(HeaderValue::from_static(""))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "req_{}-{:08x}", *RUN, self.0)
    }
}

/// The number in a text: alone, or in a header or a problem document that somebody copied whole.
pub fn find_in(text: &str) -> Option<&str> {
    let start = text.find("req_")?;
    let rest = text.get(start..)?;
    let is_sign = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let number = rest.get(..rest.find(|c| !is_sign(c)).unwrap_or(rest.len()))?;
    let (run, count) = number.strip_prefix("req_")?.split_once('-')?;
    let is_hex = |part: &str| part.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase());
    (run.len() == 8 && (8..=16).contains(&count.len()) && is_hex(run) && is_hex(count)).then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_request_has_its_own_number_of_one_length() {
        let (first, second) = (RequestId::next(), RequestId::next());
        assert_ne!(first.to_string(), second.to_string());
        assert_eq!(first.to_header().to_str().unwrap(), first.to_string());
        assert_eq!(RequestId(0).to_string().len(), RequestId(u64::from(u32::MAX)).to_string().len());
    }

    #[test]
    fn a_number_is_found_in_what_people_copy() {
        let id = RequestId::next().to_string();
        for text in [
            id.clone(),
            format!(" {id}\n"),
            format!("x-request-id: {id}"),
            format!(r#"{{"title":"Unauthorized","request_id":"{id}"}}"#),
        ] {
            assert_eq!(find_in(&text), Some(id.as_str()), "{text}");
        }
        for text in ["", "req_", "req_9f02ab71", "req_9f02ab71-0000001", "req_9F02AB71-0000001c", "tess_req_"]
        {
            assert_eq!(find_in(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_search_fail_over(text in "(req_|[0-9a-f]{8}|-|é|.)*") {
            prop_assert!(find_in(&text).is_none_or(|id| text.contains(id)));
        }
    }
}
