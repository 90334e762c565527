//! Answers for machines: JSON in, JSON out.

pub mod credentials;
pub mod health;
pub mod organization;
