//! The JSON API.

mod activity;
mod api_keys;
mod calls;
mod invitations;
mod members;
mod openapi;
mod organization;
mod organizations;
mod parity;
