//! Pages and their forms, as a browser with JavaScript and one without meet them.

mod account_settings;
mod accounts;
mod api_keys;
mod bad_requests;
mod expiry;
mod key_page;
mod master_tokens;
mod preferences;
mod silences;
mod why;
