//! Numbers of requests, for error pages, problem documents and the log.

use std::sync::{
    LazyLock,
    atomic::{AtomicU64, Ordering},
};

use uuid::Uuid;

/// Tells the requests of one run of the server from those of another.
static RUN: LazyLock<String> =
    LazyLock::new(|| Uuid::new_v4().simple().to_string().chars().take(8).collect());
static COUNT: AtomicU64 = AtomicU64::new(0);

/// The next number, such as `req_9f02ab71-0000001c`: eight signs for the run, then a count,
/// of one length so that no answer tells by its own how many there were before. It costs no
/// call to the system, since every verification takes one.
pub fn new() -> String {
    format!("req_{}-{:08x}", *RUN, COUNT.fetch_add(1, Ordering::Relaxed))
}
