//! What Tessera knows: accounts, organizations, members, invitations, keys.
//!
//! Nothing here knows HTTP or HTML. Reads take a [`Connection`](crate::db::Connection), writes a
//! [`Tx`](crate::db::Tx). Whatever belongs to an organization is reached through a proof from
//! [`access`]; only [`verification`] (keys and tokens), [`leaks`] and [`invitations::find`] look
//! across organizations, each by a secret, and [`instance`], for those who
//! operate it.

pub mod access;
pub mod accounts;
pub mod api_keys;
pub mod audit;
pub mod budgets;
pub mod bulk;
pub mod calendar_links;
pub mod demo;
pub mod devices;
pub mod diagnosis;
pub mod email;
pub mod email_links;
pub mod events;
pub mod expiry_notices;
pub mod gcra;
pub mod grouped;
pub mod id;
pub mod idempotency;
pub mod instance;
pub mod instance_access;
pub mod instance_secrets;
pub mod instance_tokens;
pub mod invitations;
pub mod key_settings;
pub mod leaks;
pub mod leases;
pub mod maintenance;
pub mod managed;
pub mod master_tokens;
pub mod member_changes;
pub mod members;
pub mod names;
pub mod nodes;
pub mod organization;
pub mod organizations;
pub mod outbox;
pub mod page;
pub mod passwords;
pub mod plan_limit;
pub mod plans;
pub mod quota_notices;
pub mod rejections;
pub mod roles;
pub mod rotation;
mod search;
pub mod secret;
pub mod session_tokens;
pub mod sessions;
pub mod spent_forms;
pub mod throttles;
pub mod token_access;
pub mod usage;
pub mod user;
pub mod verification;
pub mod webhooks;

mod instants;
mod schema;
mod stored_text;
