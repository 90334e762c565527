//! What every handler may use.

use std::sync::{
    Arc, LazyLock,
    atomic::{AtomicBool, AtomicI64},
};

use actix_web::{HttpRequest, web::Data};
use quick_cache::sync::Cache;
use serde_json::Value;
use tokio::sync::watch::Receiver;

use super::{connections::Connections, cookies::Cookies, error::AppError, limits::Limits, metrics::Metrics};
use crate::{
    clock::{Clock, Timestamp},
    config::Config,
    db::Db,
    domain::{
        devices::DeviceSeal, maintenance::Maintenance, outbox::QueuedMail, passwords::PasswordHasher,
        rejections::Buffer, secret::Secret, session_tokens::SessionSeal, sessions::EndedSessions,
        throttles::ThrottleKey, usage::Recorder, verification::Verifier,
    },
};

/// The application's shared parts; clones share them.
#[derive(Clone)]
pub struct State {
    /// The settings.
    pub config: Arc<Config>,
    /// Whether the server is to stop and answers what still arrives.
    pub is_stopping: Arc<AtomicBool>,
    /// What people call this process among several.
    pub node: Arc<str>,
    /// What holds while maintenance is on; see [`State::maintenance_at`].
    pub maintenance: Receiver<Option<Maintenance>>,
    /// When this process began to serve.
    pub started_at: Timestamp,
    /// What makes somebody the first instance administrator, where there was none at the start.
    pub setup_link: Option<Arc<Secret>>,
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// Hashes and compares passwords.
    pub passwords: PasswordHasher,
    /// Knows the browsers that logged in before.
    pub devices: DeviceSeal,
    /// Finds what is counted against guessing, in the database.
    pub throttles: ThrottleKey,
    /// Counts in memory what costs little but must not be endless.
    pub limits: Arc<Limits>,
    /// Names and makes cookies.
    pub cookies: Arc<Cookies>,
    /// The connections that are open.
    pub connections: Connections,
    /// What is counted for whoever watches the server.
    pub metrics: Arc<Metrics>,
    /// Tells whether keys are accepted.
    pub verifier: Verifier,
    /// Seals credentials that stand for a master token.
    pub session_tokens: SessionSeal,
    /// Knows the sessions that ended without the database.
    pub ended_sessions: EndedSessions,
    /// Gathers how keys are used.
    pub usage: Recorder,
    /// Gathers rejections, so that they can be explained.
    pub rejections: Buffer,
    /// Verifications under an `Idempotency-Key` that are being answered, by the request's digest.
    pub verifications_under_way: Arc<Cache<[u8; 32], Arc<[u8]>>>,
    /// How large the body of a request may be, by the route table, in bytes.
    pub max_body: fn(&HttpRequest) -> usize,
    /// The API's description as OpenAPI, which is made of the route table.
    pub api_description: Arc<ApiDescription>,
    /// When an email was last queued since the start, in microseconds.
    pub newest_mail: Arc<AtomicI64>,
    /// Puts a mail into words for the local mailbox. The mail floor does it, which the web does
    /// not know.
    pub preview_mail: MailPreviewer,
}

/// A description that is made when it is first asked for.
pub type ApiDescription = LazyLock<Value, Box<dyn FnOnce() -> Value + Send>>;

/// What shows a mail as it would be sent.
pub type MailPreviewer = Arc<dyn Fn(&QueuedMail) -> Result<MailPreview, askama::Error> + Send + Sync>;

/// A mail as it would be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailPreview {
    /// One line.
    pub subject: String,
    /// The plain text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

impl State {
    /// The parts that the application gave a request.
    ///
    /// # Errors
    /// When it gave none, which is a fault of the set-up.
    pub fn of(request: &HttpRequest) -> Result<Data<Self>, AppError> {
        let state = request.app_data::<Data<Self>>().cloned();
        state.ok_or_else(|| AppError::internal("the application's state is missing"))
    }

    /// Writes what was counted of an organization's keys, so that what is read next is all there is;
    /// without it, if the database takes nothing.
    pub async fn count_usage(&self, organization_id: &str) {
        let flush = self.usage.flush_organization(&self.db, organization_id);
        self.db.beside("the usage of keys could not be written", flush).await;
    }

    /// Writes what was counted of all keys, so that a quota that is new counts what was used before it; without it,
    /// if the database takes nothing.
    pub async fn count_all_usage(&self) {
        self.db.beside("the usage of keys could not be written", self.usage.flush(&self.db)).await;
    }

    /// What holds if maintenance is on at `now`.
    pub fn maintenance_at(&self, now: Timestamp) -> Option<Maintenance> {
        self.maintenance.borrow().as_ref().filter(|maintenance| !maintenance.is_over(now)).cloned()
    }

    /// Whether mails stay here and are shown in the local mailbox: no mail server is set, and
    /// nobody but this machine can reach the pages.
    pub fn has_mailbox(&self) -> bool {
        self.config.smtp.is_none() && self.is_on_loopback()
    }

    /// Whether nobody but this machine can reach the pages.
    pub fn is_on_loopback(&self) -> bool {
        self.config.listen.is_loopback() && self.config.public_url.is_loopback()
    }

    /// Whether mails go nowhere: no mail server is set, and nobody is shown the local mailbox.
    pub fn sends_no_mail(&self) -> bool {
        self.config.smtp.is_none() && !self.has_mailbox()
    }
}
