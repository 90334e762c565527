//! Answers for machines: JSON in, JSON out.

pub mod callers;
pub mod credentials;
pub mod forward_auth;
pub mod health;
pub mod json;
pub mod leaks;
pub mod organization;
pub mod rate_headers;
pub mod refusal;
pub mod verification;
