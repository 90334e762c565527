//! Sends one message and tells what became of it.

use std::{error::Error, sync::Arc, time::Duration};

use reqwest::{
    Client, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};

pub use super::resolver::LookUp;
use super::{
    resolver::{self, Guard, NotPublic},
    signature,
};
use crate::{
    clock::Timestamp,
    domain::webhooks::{AllowedNetworks, Attempt, AttemptOutcome, Outgoing, UrlError, WebhookUrl},
    http_client,
};

/// The longest that a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest that a message may take: Standard Webhooks 1.0 recommends 15 to 30 seconds.
pub(super) const TIMEOUT: Duration = Duration::from_secs(15);

/// How much of an answer is read.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// How much of it is kept for the log.
const MAX_KEPT_CHARACTERS: usize = 500;

/// The way out for messages; clones share it.
#[derive(Clone)]
pub struct Sender {
    client: Client,
    /// For addresses without TLS.
    plain: Client,
    allowed: AllowedNetworks,
}

impl Sender {
    /// Sends to what the internet can reach and to the `allowed` networks.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(allowed: AllowedNetworks) -> Result<Self, reqwest::Error> {
        Self::with_look_up(allowed, resolver::system())
    }

    /// As [`Sender::new`], with a `look_up` of names of the caller's own.
    ///
    /// # Errors
    /// As [`Sender::new`].
    pub fn with_look_up(allowed: AllowedNetworks, look_up: LookUp) -> Result<Self, reqwest::Error> {
        let client = |allowed_only| {
            let guard = Guard { look_up: look_up.clone(), allowed: allowed.clone(), allowed_only };
            http_client::builder()
                // A proxy would look names up itself, and a connection kept open was judged earlier.
                .no_proxy()
                .pool_max_idle_per_host(0)
                .dns_resolver(Arc::new(guard))
                .connect_timeout(CONNECT_TIMEOUT)
                .timeout(TIMEOUT)
                .build()
        };
        Ok(Self { client: client(false)?, plain: client(true)?, allowed })
    }

    /// Sends a message.
    pub async fn send(&self, message: &Outgoing, now: Timestamp) -> Attempt {
        // The settings may have changed since the address was saved.
        let url = match WebhookUrl::parse(&message.url, &self.allowed) {
            Ok(url) => url,
            Err(error) => return not_sent(rejection(error)),
        };
        let timestamp = now.assume_utc().unix_timestamp();
        let Some(signature) = signature::sign(&message.secrets, &message.id, timestamp, &message.payload)
        else {
            return not_sent("The signing secret can’t be read. Rotate it.");
        };
        let client = if url.is_for_allowed_networks_only() { &self.plain } else { &self.client };
        let request = client
            .post(url.as_str())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(message.payload.clone());
        match request.send().await {
            Ok(response) => judge(response, now).await,
            Err(error) => not_sent(explain(&error)),
        }
    }
}

fn not_sent(reason: impl Into<String>) -> Attempt {
    Attempt {
        outcome: AttemptOutcome::Failed(reason.into()),
        status: None,
        response: None,
        retry_after: None,
    }
}

fn rejection(error: UrlError) -> String {
    match error {
        UrlError::NotPublic => "The URL points to a private network.".to_owned(),
        other => other.to_string(),
    }
}

async fn judge(response: Response, now: Timestamp) -> Attempt {
    let status = response.status();
    let retry_after =
        response.headers().get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?, now));
    let outcome = match status {
        status if status.is_success() => AttemptOutcome::Delivered,
        StatusCode::GONE => AttemptOutcome::Gone,
        status if status.is_redirection() => {
            AttemptOutcome::Failed("The receiver returned a redirect. Redirects aren’t followed.".to_owned())
        }
        status => AttemptOutcome::Failed(format!("The receiver returned {}.", status.as_u16())),
    };
    Attempt { outcome, status: Some(status.as_u16()), response: beginning_of(response).await, retry_after }
}

/// Seconds or a date, RFC 9110, section 10.2.3. What is neither, or over, asks for nothing.
fn retry_after(text: &str, now: Timestamp) -> Option<time::Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that no integer holds is long as well.
        let seconds = text.parse().unwrap_or(i64::from(u32::MAX)).min(i64::from(u32::MAX));
        return Some(time::Duration::seconds(seconds)).filter(|wait| wait.is_positive());
    }
    let at = time::OffsetDateTime::from(httpdate::parse_http_date(text).ok()?);
    Some(at - now.assume_utc()).filter(|wait| wait.is_positive())
}

/// Response body, as far as it is kept. One that breaks off has answered all the same.
async fn beginning_of(mut response: Response) -> Option<String> {
    let mut body = Vec::new();
    while body.len() < MAX_RESPONSE_BYTES
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(MAX_RESPONSE_BYTES);
    let text: String = String::from_utf8_lossy(&body)
        .chars()
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
        .take(MAX_KEPT_CHARACTERS)
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Why nothing was answered, in words that repeat nothing of the address.
fn explain(error: &reqwest::Error) -> String {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    let mut deepest = None;
    while let Some(this) = cause {
        if this.is::<NotPublic>() {
            return "The URL points to a private network.".to_owned();
        }
        deepest = Some(this);
        cause = this.source();
    }
    if error.is_timeout() && error.is_connect() {
        return format!("No connection within {} seconds.", CONNECT_TIMEOUT.as_secs());
    }
    if error.is_timeout() {
        return format!("No response within {} seconds.", TIMEOUT.as_secs());
    }
    let reason = deepest.map(ToString::to_string).unwrap_or_default().replace(char::is_control, " ");
    let reason: String = reason.chars().take(200).collect();
    if error.is_connect() {
        format!("No connection: {reason}.")
    } else {
        format!("The connection was interrupted: {reason}.")
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_receiver_asks_for_a_pause_in_seconds_or_by_date() {
        let now = datetime!(2026-11-23 10:00);
        let seconds = |text| retry_after(text, now).map(time::Duration::whole_seconds);
        assert_eq!(seconds("600"), Some(600));
        assert_eq!(seconds(" 1 "), Some(1));
        assert_eq!(seconds("99999999999999999999999"), Some(i64::from(u32::MAX)));
        for date in
            ["Mon, 23 Nov 2026 10:10:00 GMT", "Monday, 23-Nov-26 10:10:00 GMT", "Mon Nov 23 10:10:00 2026"]
        {
            assert_eq!(seconds(date), Some(600), "{date}");
        }
        for nothing in ["", "0", "-5", "+5", "soon", "1.5", "1e3", "Mon, 23 Nov 2026 09:59:59 GMT", "２"] {
            assert_eq!(seconds(nothing), None, "{nothing}");
        }
    }
}
