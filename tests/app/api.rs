//! The JSON API.

mod api_keys;
mod calls;
mod key_changes;
mod key_life;
pub(crate) mod leaks;
mod openapi;
mod organization;
mod organizations;
mod usage;
mod verification;
