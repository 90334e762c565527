//! The JSON API.

pub(crate) mod leaks;
mod organization;
