//! Tries what the settings name, before a server is started with them or beside one that runs.

use std::{io::ErrorKind, time::Duration};

use time::OffsetDateTime;

use super::{
    StartError,
    bucket::{Bucket, BucketError},
    sockets,
    tls::{self, Term},
};
use crate::{
    clock::Clock,
    config::{BucketUrl, Config, DatabaseUrl, ListenAddress, Origin, ServerUrl, SignUp, SmtpUrl, TlsFiles},
    db::{self, DatabaseState, DbError},
    http_client,
    mail::delivery::Delivery,
};

/// How long another server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// A disk with less than this is full before somebody looks.
const LITTLE_SPACE: u64 = 1 << 30;
/// Clocks that are further apart make links end early and webhooks be refused.
const MAX_SKEW: time::Duration = time::Duration::seconds(2);

/// What was tried, and how that went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was tried.
    pub subject: &'static str,
    /// How it stands.
    pub verdict: Verdict,
    /// In words.
    pub words: String,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It may be meant so.
    Doubtful,
    /// The server would not start or not do its work.
    Wrong,
}

impl Verdict {
    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Doubtful => "look",
            Self::Wrong => "wrong",
        }
    }
}

fn good(subject: &'static str, words: impl Into<String>) -> Finding {
    Finding { subject, verdict: Verdict::Good, words: words.into() }
}

fn doubtful(subject: &'static str, words: impl Into<String>) -> Finding {
    Finding { subject, verdict: Verdict::Doubtful, words: words.into() }
}

fn wrong(subject: &'static str, words: impl Into<String>) -> Finding {
    Finding { subject, verdict: Verdict::Wrong, words: words.into() }
}

/// Tries everything, one after the other, and tells of each finding as it is made. Nothing is written and no
/// email is sent.
pub async fn check(config: &Config, clock: &Clock, mut tell: impl FnMut(&Finding)) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut note = |finding: Finding| {
        tell(&finding);
        findings.push(finding);
    };
    for address in config.listen.iter() {
        note(check_listener("Address", address));
    }
    if let Some(files) = &config.tls {
        note(check_tls(files, clock));
    }
    if let Some(address) = config.metrics_listen {
        note(check_listener("Metrics", &ListenAddress::Tcp(address)));
    }
    check_database(config, clock).await.into_iter().for_each(&mut note);
    if let Some(place) = config.backups.as_ref().and_then(|plan| plan.bucket.as_ref()) {
        note(check_bucket(place).await);
    }
    note(check_mail(config).await);
    note(check_sign_up(config));
    check_public_url(&config.public_url, clock).await.into_iter().for_each(&mut note);
    findings
}

fn check_listener(subject: &'static str, address: &ListenAddress) -> Finding {
    match sockets::try_address(address) {
        Ok(()) => good(subject, format!("{address} can be listened on")),
        Err(StartError::Listen { source, .. }) if source.kind() == ErrorKind::AddrInUse => {
            doubtful(subject, format!("{address} is in use, maybe by Tessera itself"))
        }
        Err(error) => wrong(subject, error.to_string()),
    }
}

fn check_tls(files: &TlsFiles, clock: &Clock) -> Finding {
    const SUBJECT: &str = "TLS";
    match tls::term(files, clock) {
        Ok(term) => match term {
            Term::Good(_) => good(SUBJECT, term.words()),
            Term::EndsSoon(_) | Term::Unknown => doubtful(SUBJECT, term.words()),
            Term::NotYet(_) | Term::Over(_) => wrong(SUBJECT, term.words()),
        },
        Err(error) => wrong(SUBJECT, error.to_string()),
    }
}

async fn check_database(config: &Config, clock: &Clock) -> Vec<Finding> {
    const SUBJECT: &str = "Database";
    let database = config.database.clone();
    let looked = tokio::task::spawn_blocking(move || db::look_at(&database)).await;
    let state = match looked.map_err(DbError::from).and_then(|looked| looked) {
        Ok(state) => state,
        Err(error) => return vec![wrong(SUBJECT, error.to_string())],
    };
    let shown = &config.database;
    let DatabaseState { pending_migrations, bytes_left, now } = state;
    let mut findings = vec![match pending_migrations.as_deref() {
        None => good(SUBJECT, format!("{shown} is not there yet and will be created")),
        Some([]) => good(SUBJECT, format!("{shown} has the schema of this version")),
        Some(pending) => {
            let migrations = if pending.len() == 1 { "migration" } else { "migrations" };
            doubtful(
                SUBJECT,
                format!("{shown} will be upgraded by {} {migrations} at the start", pending.len()),
            )
        }
    }];
    if let Some(bytes) = bytes_left {
        let words = format!("{} GiB are free where the database is", tenths_of_gib(bytes));
        findings.push(if bytes < LITTLE_SPACE { doubtful("Disk", words) } else { good("Disk", words) });
    }
    if let (Some(now), DatabaseUrl::Postgres(_)) = (now, &config.database) {
        findings.push(compare_clocks(clock, "the database server", now.assume_utc()));
    }
    findings
}

fn tenths_of_gib(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) / (1 << 30);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Nothing is put there: who may read the list may be somebody else than who may write.
async fn check_bucket(place: &BucketUrl) -> Finding {
    const SUBJECT: &str = "Backup bucket";
    let list = async { Bucket::new(place)?.names().await };
    let listed = match tokio::time::timeout(PATIENCE, list).await {
        Ok(listed) => listed,
        Err(_) => Err(BucketError::Unreachable(format!("no answer within {} seconds", PATIENCE.as_secs()))),
    };
    match listed {
        Ok(_) => good(SUBJECT, format!("{place} lets itself be read")),
        Err(error) => wrong(SUBJECT, error.to_string()),
    }
}

async fn check_mail(config: &Config) -> Finding {
    const SUBJECT: &str = "Email";
    let Some(smtp) = &config.smtp else {
        return if config.listen.is_loopback() && config.public_url.is_loopback() {
            good(SUBJECT, "no mail server is set; emails are kept in the local mailbox")
        } else {
            doubtful(SUBJECT, "no mail server is set, so no email is sent; set TESSERA_SMTP_URL")
        };
    };
    match try_mail_server(smtp, config).await {
        Ok(()) => good(SUBJECT, "the mail server takes our log-in; send an email with “tessera email test”"),
        Err(reason) => wrong(SUBJECT, smtp.without_password(&reason)),
    }
}

async fn try_mail_server(smtp: &SmtpUrl, config: &Config) -> Result<(), String> {
    let delivery = Delivery::smtp(smtp, config.mail_from.clone())
        .map_err(|error| StartError::Mail(error).to_string())?;
    match tokio::time::timeout(PATIENCE, delivery.try_server()).await {
        Ok(tried) => tried.map_err(|error| format!("the mail server can't be used: {error}")),
        Err(_) => Err(format!("the mail server did not answer within {} seconds", PATIENCE.as_secs())),
    }
}

fn check_sign_up(config: &Config) -> Finding {
    const SUBJECT: &str = "Sign-up";
    let (mode, reason) = (&config.sign_up.value, config.sign_up.reason());
    if is_open_by_default_to_strangers(config) {
        let url = &config.public_url;
        return doubtful(
            SUBJECT,
            format!("{mode} ({reason}) to everyone who opens {url}; set TESSERA_SIGN_UP"),
        );
    }
    good(SUBJECT, format!("{mode} ({reason})"))
}

/// Behind a proxy on the same machine the listener is on loopback, whoever reaches the proxy.
pub(super) fn is_open_by_default_to_strangers(config: &Config) -> bool {
    let sign_up = &config.sign_up;
    sign_up.origin == Origin::Default && sign_up.value == SignUp::Open && !config.public_url.is_loopback()
}

/// Whether somebody answers there, which is no matter before the first start.
async fn check_public_url(url: &ServerUrl, clock: &Clock) -> Vec<Finding> {
    const SUBJECT: &str = "Public URL";
    let mut findings = Vec::new();
    if !url.is_https() && !url.is_loopback() {
        findings.push(doubtful(
            SUBJECT,
            format!("{url} is not https, so passwords and keys cross the network in the clear"),
        ));
    }
    let host = url.host().trim_matches(['[', ']']);
    if let Err(error) = tokio::net::lookup_host((host, url.known_port())).await {
        findings.push(wrong(SUBJECT, format!("{url}: the host has no address ({error})")));
        return findings;
    }
    let asked = match http_client::builder().timeout(PATIENCE).build() {
        Ok(client) => client.get(url.join("/healthz")).send().await,
        Err(error) => Err(error),
    };
    match asked {
        Ok(response) if response.status().is_success() => {
            findings.push(good(SUBJECT, format!("{url} answers")));
            let date = response.headers().get("date").and_then(|date| date.to_str().ok());
            if let Some(date) = date.and_then(|date| httpdate::parse_http_date(date).ok()) {
                findings.push(compare_clocks(clock, "whoever answers at the public URL", date.into()));
            }
        }
        Ok(response) => {
            let status = response.status();
            findings.push(doubtful(
                SUBJECT,
                format!("{url}/healthz returned {status}; a proxy may lead elsewhere"),
            ));
        }
        Err(_) => findings.push(doubtful(
            SUBJECT,
            format!("nobody answers at {url} from here, as is to be expected before the first start"),
        )),
    }
    findings
}

/// The other clock may have been read to the second only.
fn compare_clocks(clock: &Clock, whose: &str, other: OffsetDateTime) -> Finding {
    const SUBJECT: &str = "Clock";
    let skew = clock.now().assume_utc() - other;
    if skew.abs() <= MAX_SKEW {
        return good(SUBJECT, format!("it agrees with that of {whose}"));
    }
    let direction = if skew.is_positive() { "ahead of" } else { "behind" };
    wrong(SUBJECT, format!("it is {} seconds {direction} that of {whose}", skew.abs().whole_seconds()))
}
