//! Tessera: organizations, their members and their API keys.

pub mod clock;
pub mod web;
