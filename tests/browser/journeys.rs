//! The stories, one file for each part of the product.

mod accessibility;
mod account;
mod api_keys;
mod before_it_breaks;
mod gateway_setup;
mod instance;
mod invitations;
mod key_rotation;
mod key_settings;
mod keyboard;
mod master_tokens;
mod members;
mod organization;
mod public_path;
mod reference;
mod sign_up;
mod troubleshoot;
mod webhooks;
