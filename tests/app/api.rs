//! The JSON API.

mod api_keys;
mod calls;
mod organization;
mod organizations;
