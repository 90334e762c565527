//! The pages, feature by feature.

mod account_settings;
mod accounts;
mod key_rotation;
mod key_settings;
mod preferences;
