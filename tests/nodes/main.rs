//! Several servers on one database.
//!
//! They need a PostgreSQL server, named by `TESSERA_TEST_DATABASE_URL`; `tests/run` starts one. A plain
//! `cargo test` leaves them out.

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

mod cluster;
mod proxy;

mod duty;
mod stops;
