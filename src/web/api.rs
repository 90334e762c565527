//! Answers for machines: JSON in, JSON out.

pub mod answer;
pub mod api_keys;
pub mod calendar;
pub mod call;
pub mod callers;
pub mod credentials;
pub mod forward_auth;
pub mod health;
pub mod json;
pub mod key_rotation;
pub mod key_settings;
pub mod leaks;
pub mod openapi;
pub mod organization;
pub mod organizations;
pub mod paging;
pub mod params;
pub mod presented_token;
pub mod rate_headers;
pub mod refusal;
pub mod scopes;
pub mod session_tokens;
pub mod silences;
pub mod usage;
pub mod verification;
