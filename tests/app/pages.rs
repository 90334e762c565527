//! Pages and their forms, as a browser with JavaScript and one without meet them.

mod account_settings;
mod accounts;
mod activity;
mod api_keys;
mod bad_requests;
mod expiry;
mod invitation_answers;
mod invitations;
mod key_page;
mod mailbox;
mod master_tokens;
mod members;
mod my_organizations;
mod preferences;
mod settings;
mod silences;
