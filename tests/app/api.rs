//! The JSON API.

mod activity;
mod api_keys;
mod bodies;
mod calls;
mod invitations;
mod key_changes;
mod key_life;
pub(crate) mod leaks;
mod members;
mod openapi;
mod organization;
mod organizations;
mod parity;
mod usage;
mod verification;
mod webhooks;
