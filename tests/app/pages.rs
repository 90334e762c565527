//! The pages, feature by feature.

mod account_settings;
mod accounts;
mod preferences;
