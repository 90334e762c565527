//! Tests with other programs: gateways in front of Tessera, backends that ask it, and schemathesis against
//! its API.
//!
//! They need nginx, Caddy, HAProxy, Envoy, curl, Node.js, Python, Go, systemd, rclone and schemathesis in the path;
//! `tests/run` installs them. A plain `cargo test` leaves them out.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where its ground is not as it should be"
)]

#[path = "../support/database.rs"]
#[expect(dead_code, reason = "some of it is for the tests in `tests/app`")]
mod database;
#[path = "../support/smtp.rs"]
mod smtp;
#[path = "../app/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "most of it is for the tests in `tests/app`")]
mod support;

mod buckets;
mod contract;
mod examples;
mod gateways;
mod operations;
mod packages;
