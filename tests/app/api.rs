//! The JSON API.

mod api_keys;
mod calls;
pub(crate) mod leaks;
mod openapi;
mod organization;
mod organizations;
