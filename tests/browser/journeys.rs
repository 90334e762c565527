//! The stories, one file for each part of the product.

mod accessibility;
mod account;
mod api_keys;
mod invitations;
mod keyboard;
mod master_tokens;
mod members;
mod organization;
mod webhooks;
