//! One module per feature: forms, page structs, handlers.

pub mod activity;
pub mod api_keys;
pub mod api_tab;
pub mod docs;
pub mod error;
pub mod landing;
pub mod master_tokens;
pub mod organization;
pub mod settings;
pub mod use_keys;
