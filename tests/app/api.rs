//! The JSON API.

mod organization;
