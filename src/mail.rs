//! Outgoing mail: a typed message from the outbox becomes text and HTML and goes to a mail server.

pub mod delivery;
pub mod messages;
pub mod worker;
