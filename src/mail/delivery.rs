//! Hands mails to an SMTP server.

use std::{error::Error as _, sync::Arc, time::Duration};

use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue},
    },
    transport::smtp,
};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::messages::RenderedMail;
use crate::{clock::Timestamp, config::SmtpUrl, domain::outbox::QueuedMail};

/// The longest that one mail may take, from connecting to the server's last answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// "Authentication required", RFC 4954 section 6: says something about us, not about the mail.
const AUTHENTICATION_REQUIRED: u16 = 530;

/// Why an address with letters beyond ASCII before its `@` gets nothing; RFC 6531, section 3.2. No
/// later attempt would help.
const NO_SMTPUTF8: &str =
    "The mail server doesn’t accept letters beyond a to z before the @ (no SMTPUTF8 support).";

/// How much of a server's answer is kept.
const MAX_REASON_CHARACTERS: usize = 300;

/// The way out for mails. Clones share connections, and take turns.
#[derive(Clone)]
pub struct Delivery {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    url: SmtpUrl,
    from: Mailbox,
    turn: Arc<Mutex<()>>,
}

/// What an email bears besides its words.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// Its id.
    pub id: &'a str,
    /// The address that it goes to.
    pub recipient: &'a str,
    /// When it was written.
    pub created_at: Timestamp,
}

impl<'a> From<&'a QueuedMail> for Envelope<'a> {
    fn from(mail: &'a QueuedMail) -> Self {
        Self { id: &mail.id, recipient: &mail.recipient, created_at: mail.created_at }
    }
}

/// Why a mail did not go out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct DeliveryError {
    /// For the administrators; may name the recipient, so it is not for the log.
    pub reason: String,
    /// Whether another attempt is pointless.
    pub permanent: bool,
    /// The server's reply code, where it gave one.
    pub code: Option<u16>,
}

impl DeliveryError {
    pub(super) fn permanent(reason: String) -> Self {
        Self { reason, permanent: true, code: None }
    }

    fn for_now(reason: String) -> Self {
        Self { reason, permanent: false, code: None }
    }
}

fn took_too_long() -> String {
    format!("the mail server took longer than {} seconds", TIMEOUT.as_secs())
}

impl Delivery {
    /// Sends through the server at `url`, as `from`. Connects with the first mail.
    ///
    /// # Errors
    /// The TLS parameters cannot be set up.
    pub fn smtp(url: &SmtpUrl, from: Mailbox) -> Result<Self, smtp::Error> {
        let transport =
            AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose())?.timeout(Some(TIMEOUT)).build();
        Ok(Self { transport, url: url.clone(), from, turn: Arc::default() })
    }

    /// Waits until no other worker of this process has mails in hand.
    pub(super) async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.turn).lock_owned().await
    }

    /// Sends one mail. Gives what the server answered.
    ///
    /// # Errors
    /// The server refused it, or could not be reached; see `DeliveryError::permanent`.
    pub async fn send(&self, mail: Envelope<'_>, rendered: &RenderedMail) -> Result<String, DeliveryError> {
        let message = self.message(mail, rendered)?;
        match tokio::time::timeout(TIMEOUT, self.transport.send(message)).await {
            Ok(Ok(accepted)) => {
                let text = accepted.message().collect::<Vec<_>>().join(" ");
                Ok(self.one_line(&format!("{} {text}", accepted.code())))
            }
            Ok(Err(error)) if is_about_smtputf8(&error) && !mail.recipient.is_ascii() => {
                Err(DeliveryError::permanent(NO_SMTPUTF8.to_owned()))
            }
            Ok(Err(error)) => Err(self.explain(&error).await),
            Err(_elapsed) => Err(DeliveryError::for_now(took_too_long())),
        }
    }

    /// Connects and logs in, and sends nothing.
    ///
    /// # Errors
    /// As [`Delivery::send`].
    pub async fn try_server(&self) -> Result<(), DeliveryError> {
        match tokio::time::timeout(TIMEOUT, self.transport.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => {
                Err(DeliveryError::for_now("the mail server took the connection and no command".to_owned()))
            }
            Ok(Err(error)) => Err(self.explain(&error).await),
            Err(_elapsed) => Err(DeliveryError::for_now(took_too_long())),
        }
    }

    fn message(&self, mail: Envelope<'_>, rendered: &RenderedMail) -> Result<Message, DeliveryError> {
        let recipient: Address =
            mail.recipient.parse().map_err(|_| DeliveryError::permanent("invalid email".to_owned()))?;
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, recipient))
            .subject(rendered.subject.clone())
            .date(mail.created_at.assume_utc().into())
            // The same for every attempt, so that a mail that arrives twice is recognisable.
            .message_id(Some(format!("<{}@{}>", mail.id, self.from.email.domain())))
            // Out-of-office programs do not answer, RFC 3834 section 5.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .multipart(
                MultiPart::alternative()
                    .singlepart(part(ContentType::TEXT_PLAIN, &rendered.text))
                    .singlepart(part(ContentType::TEXT_HTML, &rendered.html)),
            )
            .map_err(|error| DeliveryError::permanent(format!("invalid message: {error}")))
    }

    /// Tells a refused mail from a server that refuses us.
    async fn explain(&self, error: &smtp::Error) -> DeliveryError {
        let code = error.status().map(u16::from);
        let reason = match (code, error.source()) {
            (Some(code), Some(text)) => format!("{code} {text}"),
            _ => format!("the mail server failed: {error}"),
        };
        // 5xx also answers a greeting or a log-in, which somebody can mend: only where the
        // server still lets us in was it about this mail.
        let about_mail = error.is_permanent() && code != Some(AUTHENTICATION_REQUIRED);
        let permanent = about_mail && self.lets_us_in().await;
        DeliveryError { reason: self.one_line(&reason), permanent, code }
    }

    /// What a server says, which may repeat what it was told.
    fn one_line(&self, text: &str) -> String {
        let text = self.url.without_password(text);
        text.replace(char::is_control, " ").chars().take(MAX_REASON_CHARACTERS).collect()
    }

    async fn lets_us_in(&self) -> bool {
        matches!(tokio::time::timeout(TIMEOUT, self.transport.test_connection()).await, Ok(Ok(true)))
    }
}

/// lettre has no kind of its own for it.
fn is_about_smtputf8(error: &smtp::Error) -> bool {
    error.is_client() && error.source().is_some_and(|cause| cause.to_string().contains("SMTPUTF8"))
}

fn part(content_type: ContentType, body: &str) -> SinglePart {
    SinglePart::builder()
        .header(content_type)
        .header(ContentTransferEncoding::QuotedPrintable)
        .body(body.to_owned())
}
