//! Tests of the application, in one binary.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where its ground is not as it should be"
)]

#[path = "../support/database.rs"]
#[expect(dead_code, reason = "some of it is for the tests in `tests/postgres`")]
mod database;
#[path = "../support/hook_receiver.rs"]
mod hooks;
#[path = "../support/old_database.rs"]
mod old_database;
#[path = "../support/smtp.rs"]
mod smtp;
mod support;

mod api;
mod architecture;
mod command_line;
mod connections;
mod credentials;
mod customers;
mod damaged_rows;
mod database_copy;
mod environments;
mod ground;
mod http2;
mod imported_keys;
mod instance;
mod instance_tokens;
mod instance_troubles;
mod isolation;
mod limits;
mod list_order;
mod listening;
mod mail;
mod maintenance;
mod metrics;
mod migrations;
mod names;
mod no_requests;
mod no_writes;
mod pages;
mod plans;
mod races;
mod removed;
mod search;
mod stops;
mod suspension;
mod throttles;
mod token_proofs;
mod usage;
mod verification;
mod webhooks;
mod words;
