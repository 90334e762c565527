//! The JSON API.

mod api_keys;
mod calls;
mod openapi;
mod organization;
mod organizations;
