//! What PostgreSQL alone has to show: that its schema is SQLite's, what a server between several programs does,
//! several servers of Tessera on one database, and what `compose.yaml` starts. The tests in `tests/app` and the journeys are run with it, too.
//!
//! They need the server that `tests/run` starts and names in `TESSERA_TEST_DATABASE_URL`. A plain `cargo test`
//! leaves them out.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where its ground is not as it should be"
)]

#[path = "../support/database.rs"]
mod database;
#[path = "../support/hook_receiver.rs"]
mod hooks;
#[path = "../support/old_database.rs"]
#[expect(dead_code, reason = "some of it is for the tests in `tests/app`")]
mod old_database;
#[path = "../support/smtp.rs"]
mod smtp;
#[path = "../app/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "most of it is for the tests in `tests/app`")]
mod support;

mod bench;
mod beside;
mod cluster;
mod compose;
mod copy;
mod duty;
mod imported_keys;
mod instance;
mod look_ups;
mod metrics;
mod once;
mod order;
mod proxy;
mod quotas;
mod restarts;
mod schema;
mod server;
mod stops;
