//! Carries the messages of [`crate::domain::webhooks`] to their receivers, signed as Standard
//! Webhooks has it, and nowhere into the operator's own network.

mod lanes;
mod resolver;
pub mod sender;
mod signature;
pub mod worker;
