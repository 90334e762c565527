//! The JSON API.

mod activity;
mod api_keys;
mod calls;
mod invitations;
pub(crate) mod leaks;
mod members;
mod openapi;
mod organization;
mod organizations;
mod parity;
