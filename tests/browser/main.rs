//! Journeys through the running program in a real Chromium, with mail received by a real SMTP listener.
//!
//! Every journey runs twice, with JavaScript on and off, and finds what it touches as a person does: by kind
//! and visible label. `support` holds the machinery, `journeys` the stories.
//!
//! Needs `chromium` and `chromedriver` in the path; `tests/run` installs them. When a journey fails, its
//! screenshot and page source are in `target/browser-failures/`.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says why and stops")]

#[path = "../support/database.rs"]
#[expect(dead_code, reason = "some of it is for the tests in `tests/app`")]
mod database;
#[path = "../support/hook_receiver.rs"]
mod hooks;
mod journeys;
#[path = "../support/smtp.rs"]
mod smtp;
mod support;
