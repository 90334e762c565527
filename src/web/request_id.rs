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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_has_its_own_number_of_one_length() {
        let (first, second) = (RequestId::next(), RequestId::next());
        assert_ne!(first.to_string(), second.to_string());
        assert_eq!(first.to_header().to_str().unwrap(), first.to_string());
        assert_eq!(RequestId(0).to_string().len(), RequestId(u64::from(u32::MAX)).to_string().len());
    }
}
