//! Tessera: organizations, their members and their API keys.

pub mod clock;
pub mod config;
pub mod db;
pub mod domain;
pub mod mail;
pub mod web;
