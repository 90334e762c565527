//! The ground that tests of the application stand on: a server of one's own, a browser without a
//! window, and people, organizations and keys to try it with.

mod builders;
mod client;
mod html;
mod ledger;
mod machine;
mod scrape;
pub(crate) mod statements;
mod test_app;
mod waiting;
mod world;

pub(crate) use crate::database::{TestDatabase, argument};
pub(crate) use builders::{Company, PASSWORD, address_of, mistyped};
pub(crate) use client::{Client, Request, Response};
pub(crate) use html::Html;
pub(crate) use ledger::is_postgres;
pub(crate) use machine::{InstanceMachine, Machine};
pub(crate) use scrape::Scrape;
pub(crate) use test_app::{SESSION_COOKIE, START, TestApp};
pub(crate) use waiting::until;
pub(crate) use world::World;
