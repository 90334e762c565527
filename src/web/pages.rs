//! One module per feature: forms, page structs, handlers.

pub mod account_settings;
pub mod accounts;
pub mod activity;
pub mod api_docs;
pub mod api_keys;
pub mod api_tab;
pub mod calendar;
pub mod docs;
pub mod error;
pub mod evidence;
pub mod invitation_answers;
pub mod invitations;
pub mod key_page;
pub mod key_rotation;
pub mod key_settings;
pub mod landing;
pub mod mailbox;
pub mod master_tokens;
pub mod members;
pub mod my_organizations;
pub mod organization;
pub mod preferences;
pub mod settings;
pub mod silences;
pub mod use_keys;
pub mod why;
