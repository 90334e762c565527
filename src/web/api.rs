//! Answers for machines: JSON in, JSON out.

pub mod activity;
pub mod answer;
pub mod api_keys;
pub mod call;
pub mod callers;
pub mod credentials;
pub mod forward_auth;
pub mod health;
pub mod instants;
pub mod invitations;
pub mod json;
pub mod key_settings;
pub mod leaks;
pub mod members;
pub mod openapi;
pub mod organization;
pub mod organizations;
pub mod paging;
pub mod params;
pub mod rate_headers;
pub mod refusal;
pub mod session_tokens;
pub mod verification;
