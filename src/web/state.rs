//! What every handler may use.

use std::sync::Arc;

use tokio::sync::Notify;

use super::limits::Limits;
use crate::{
    clock::Clock,
    config::Config,
    db::Db,
    domain::{passwords::PasswordHasher, usage::Recorder, verification::Verifier},
};

/// The application's shared parts; clones share them.
#[derive(Clone)]
pub struct State {
    /// The settings.
    pub config: Arc<Config>,
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// Hashes and compares passwords.
    pub passwords: PasswordHasher,
    /// Counts what must not happen too often.
    pub limits: Arc<Limits>,
    /// Tells whether keys are accepted.
    pub verifier: Verifier,
    /// Gathers how keys are used.
    pub usage: Recorder,
    /// Wakes the mail worker after a change that queued a mail.
    pub mail_queued: Arc<Notify>,
}

impl State {
    /// Whether mails stay here and are shown in the local mailbox: no mail server is set, and
    /// nobody but this machine can reach the pages.
    pub fn has_mailbox(&self) -> bool {
        self.config.smtp.is_none()
            && self.config.listen.ip().is_loopback()
            && self.config.public_url.is_loopback()
    }

    /// Whether cookies carry `Secure` and the `__Host-` prefix. Browsers treat loopback as secure.
    /// Only plain http on another host, such as an internal test machine, goes without.
    pub fn has_secure_cookies(&self) -> bool {
        self.config.public_url.is_https() || self.config.public_url.is_loopback()
    }
}
