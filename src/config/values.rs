//! The types of single settings. Every `parse` answers a mistake with the end of a sentence
//! that starts with the setting's name: "must be …".

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use actix_http::header::HeaderName;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ipnet::IpNet;
use lettre::{Address, AsyncSmtpTransport, Tokio1Executor, message::Mailbox};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use tracing_subscriber::EnvFilter;
use url::{Host, Url};

use super::ServerUrl;

/// Where the data is kept. Shown without a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// In the SQLite file at this path.
    Sqlite(PathBuf),
    /// In the database of a PostgreSQL server.
    Postgres(PostgresUrl),
}

impl DatabaseUrl {
    /// # Errors
    /// What a database may be named by; the text is not repeated, for it may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return PostgresUrl::parse(text).map(Self::Postgres);
        }
        let path = match text.strip_prefix("sqlite:") {
            Some(path) => path.strip_prefix("//").unwrap_or(path),
            None => text,
        };
        // Every connection to ":memory:" would see a database of its own.
        let nameless = path.is_empty() || path.starts_with(':') || path.starts_with("file:");
        if nameless || path.contains("://") || path.contains(['\0', '?']) {
            return Err("must be the path of an SQLite file, for example tessera.db or \
                        sqlite:/var/lib/tessera/tessera.db, or postgres://user:password@host/database"
                .to_owned());
        }
        Ok(Self::Sqlite(PathBuf::from(path)))
    }
}

impl Default for DatabaseUrl {
    fn default() -> Self {
        Self::Sqlite(PathBuf::from("tessera.db"))
    }
}

impl From<PathBuf> for DatabaseUrl {
    fn from(path: PathBuf) -> Self {
        Self::Sqlite(path)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(formatter),
            Self::Postgres(url) => url.fmt(formatter),
        }
    }
}

/// A database on a PostgreSQL server, as `libpq` takes it. May hold a password, which is shown nowhere.
#[derive(Clone)]
pub struct PostgresUrl {
    whole: SecretString,
    shown: String,
    secrets: Vec<SecretString>,
}

/// What asks `libpq` for TLS, which the one that is built in cannot do.
const TLS_MODES: [&str; 3] = ["require", "verify-ca", "verify-full"];

impl PostgresUrl {
    fn parse(text: &str) -> Result<Self, String> {
        let expected = "must be postgres://user:password@host:port/database for PostgreSQL, with the special \
                        characters of a password as in a URL, for example %23 for #";
        let url = Url::parse(text).map_err(|_| expected.to_owned())?;
        // A password with a "#" as it is would end there.
        if url.fragment().is_some() || text.contains(['\0', ' ']) {
            return Err(expected.to_owned());
        }
        let parameters: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        if parameters.iter().any(|(name, value)| name == "sslmode" && TLS_MODES.contains(&value.as_str())) {
            return Err(
                "asks for TLS by sslmode, but Tessera connects to PostgreSQL without TLS; use a Unix \
                        socket, a network that you trust or a tunnel, and sslmode=disable"
                    .to_owned(),
            );
        }
        let passwords = parameters.iter().filter(|(name, _)| name == "password" || name == "passfile");
        let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let forms = url.password().map(|password| [password.to_owned(), decoded(password)]);
        let secrets = forms.into_iter().flatten().chain(passwords.map(|(_, value)| value.clone()));
        let secrets = [text.to_owned()].into_iter().chain(secrets.filter(|secret| !secret.is_empty()));
        let mut shown = url.clone();
        shown.set_query(None);
        // Fails where there is no host, and so no password.
        let _ = shown.set_password(None);
        Ok(Self {
            whole: SecretString::from(text.to_owned()),
            shown: shown.into(),
            secrets: secrets.map(SecretString::from).collect(),
        })
    }

    /// The whole address, password included.
    pub fn expose(&self) -> &str {
        self.whole.expose_secret()
    }

    /// What must not be shown: the password, as it is and as it was written, and the whole address.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(ExposeSecret::expose_secret)
    }
}

impl PartialEq for PostgresUrl {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for PostgresUrl {}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shown)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PostgresUrl({})", self.shown)
    }
}

/// The server for outgoing mail. Holds its password, so it prints as redacted.
#[derive(Clone, Debug)]
pub struct SmtpUrl(SecretString);

impl SmtpUrl {
    /// A password goes over TLS alone, unless `tls=none` says otherwise.
    ///
    /// # Errors
    /// What a mail server's address has to look like, without the text that was given.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut url = Url::parse(text).ok();
        if let Some(url) = url.as_mut().filter(|url| url.scheme() == "smtp") {
            match (url.query(), url.password()) {
                (None, Some(_)) => url.set_query(Some("tls=required")),
                // What lettre does without it.
                (Some("tls=none"), _) => url.set_query(None),
                _ => {}
            }
        }
        // lettre logs in only when there is a password; a lone user name is a mistake. So is a password with a
        // "#" as it is, behind which everything would be lost.
        let complete = url.filter(|url| {
            url.username().is_empty() == url.password().is_none()
                && url.host_str().is_some_and(|host| !host.is_empty())
                && url.fragment().is_none()
        });
        let known = |url: &Url| AsyncSmtpTransport::<Tokio1Executor>::from_url(url.as_str()).is_ok();
        match complete.filter(known) {
            Some(url) => Ok(Self(SecretString::from(String::from(url)))),
            None => Err("must be smtp://host:port or smtps://host:port, with user:password@ before the host if \
                         the server requires authentication (special characters as in a URL, for example %23 \
                         for #), and ?tls=required, ?tls=opportunistic or ?tls=none after smtp:// for STARTTLS"
                .to_owned()),
        }
    }

    /// A text of the mail server without the password, also as it stands in a log-in (RFC 4954, RFC 4616). A short one
    /// is found where it stands by itself, and not as part of other words; one of fewer letters than
    /// `MIN_REDACTED` tells nothing apart, and whoever sees it in a text cannot tell it from one.
    pub fn without_password(&self, text: &str) -> String {
        let url = Url::parse(self.expose()).ok();
        let Some((url, password)) = url.as_ref().and_then(|url| Some((url, url.password()?))) else {
            return text.to_owned();
        };
        let decoded = |text| percent_decode_str(text).decode_utf8_lossy();
        let (user, plain) = (decoded(url.username()), decoded(password));
        let forms = [STANDARD.encode(format!("\0{user}\0{plain}")), STANDARD.encode(plain.as_bytes())];
        let forms =
            forms.iter().map(String::as_str).chain([&*plain, password]).filter(|form| !form.is_empty());
        forms.fold(text.to_owned(), |text, form| redact(&text, form))
    }

    /// The whole address, password included.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// The fewest letters of a password that are looked for in a text.
const MIN_REDACTED: usize = 4;
/// From so many letters on a password is no part of a word by chance.
const MIN_REDACTED_ANYWHERE: usize = 8;

/// `text` without `secret`.
fn redact(text: &str, secret: &str) -> String {
    const REDACTED: &str = "<password>";
    match secret.chars().count() {
        ..MIN_REDACTED => return text.to_owned(),
        MIN_REDACTED_ANYWHERE.. => return text.replace(secret, REDACTED),
        _ => {}
    }
    let (mut redacted, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once(secret) {
        redacted.push_str(before);
        let is_word = !redacted.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric);
        redacted.push_str(if is_word { REDACTED } else { secret });
        rest = after;
    }
    redacted + rest
}

/// The name that stands on the pages and in the mails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brand(String);

/// # Errors
/// What the setting may be.
pub(super) fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" | "true" => Ok(true),
        "no" | "false" => Ok(false),
        _ => Err("must be yes or no".to_owned()),
    }
}

impl Brand {
    const MAX_CHARACTERS: usize = 40;

    /// # Errors
    /// What a brand name may be.
    pub fn parse(text: &str) -> Result<Self, String> {
        let length = text.chars().count();
        if length == 0 || length > Self::MAX_CHARACTERS || text.chars().any(char::is_control) {
            return Err("must be 1 to 40 characters on one line".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as it is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Brand {
    fn default() -> Self {
        Self("Tessera".to_owned())
    }
}

impl fmt::Display for Brand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Which events are logged, in the syntax of `RUST_LOG`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// # Errors
    /// What a filter has to look like.
    pub fn parse(text: &str) -> Result<Self, String> {
        match EnvFilter::try_new(text) {
            Ok(_) if !text.is_empty() => Ok(Self(text.to_owned())),
            _ => Err("must be a log filter, for example info or warn,tessera=debug".to_owned()),
        }
    }

    /// The filter's text, known to be valid.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for LogFilter {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

/// How what is logged is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// As lines to read.
    #[default]
    Text,
    /// As one JSON object in each line.
    Json,
}

impl LogFormat {
    /// # Errors
    /// What the formats are called.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("must be text or json".to_owned()),
        }
    }
}

/// An address to listen on.
pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "must be an IP address and a port, for example 127.0.0.1:8080 or [::1]:8080".to_owned())
}

/// A comma-separated list of addresses and networks.
pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    text.split(',')
        .map(str::trim)
        .map(|one| one.parse::<IpNet>().or_else(|_| one.parse::<IpAddr>().map(IpNet::from)))
        .collect::<Result<_, _>>()
        .map_err(|_| {
            "must be IP addresses or CIDR ranges separated by commas, for example 10.0.0.0/8, 192.0.2.7"
                .to_owned()
        })
}

/// Headers that mean something else to every server.
const TAKEN_HEADERS: [&str; 6] =
    ["authorization", "connection", "content-length", "cookie", "host", "transfer-encoding"];

/// A comma-separated list of names of headers.
pub(super) fn key_headers(text: &str) -> Result<Vec<HeaderName>, String> {
    text.split(',')
        .map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .map(|name| name.filter(|name| !TAKEN_HEADERS.contains(&name.as_str())))
        .collect::<Option<_>>()
        .ok_or_else(|| {
            "must be names of headers separated by commas, for example X-Auth-Token, X-Key".to_owned()
        })
}

/// Keys in memory when nothing is said: enough for nearly everybody, in some 320 MiB at most.
pub(super) const DEFAULT_KEYS_IN_MEMORY: usize = 1_000_000;

/// A number of keys. Fewer than 100 would spare nothing, more than ten millions are gigabytes.
pub(super) fn keys_in_memory(text: &str) -> Result<usize, String> {
    whole_number(text, 100, 10_000_000)
}

/// Calls a minute when nothing is said: ten in a second, which a machine that is no attacker does
/// not need for long.
pub(super) const DEFAULT_REQUESTS_PER_MINUTE: NonZeroU32 = match NonZeroU32::new(600) {
    Some(calls) => calls,
    None => NonZeroU32::MIN,
};

/// A number of calls.
pub(super) fn requests_per_minute(text: &str) -> Result<NonZeroU32, String> {
    whole_number(text, NonZeroU32::MIN, NonZeroU32::MIN.saturating_add(999_999))
}

/// A folder that is there.
pub(super) fn folder(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_dir() { Ok(path) } else { Err("must be a folder that exists".to_owned()) }
}

/// Seconds to wait before the server stops: less than the 90 after which systemd kills it, with what it has to do
/// afterwards.
pub(super) fn drain_seconds(text: &str) -> Result<Duration, String> {
    whole_number(text, 0, 60).map(Duration::from_secs)
}

/// A number within bounds.
pub(super) fn whole_number<N: FromStr + PartialOrd + fmt::Display>(
    text: &str,
    least: N,
    most: N,
) -> Result<N, String> {
    let number = text.parse().ok().filter(|number| (&least..=&most).contains(&number));
    number.ok_or_else(|| format!("must be a whole number from {least} to {most}"))
}

/// A mail address, with or without a name before it.
pub(super) fn mailbox(text: &str) -> Result<Mailbox, String> {
    let expected = "must be an email, for example Tessera <no-reply@example.com>";
    if text.chars().any(char::is_control) {
        return Err(expected.to_owned());
    }
    text.parse().map_err(|_| expected.to_owned())
}

/// The sender when none is set: the brand at the host of the public address, or at localhost for a bare IP address.
pub(super) fn default_mailbox(brand: &Brand, public_url: &ServerUrl) -> Result<Mailbox, String> {
    // Not an address literal, RFC 5321 section 4.1.3: lettre does not read those back from its headers.
    let domain = match public_url.parsed_host() {
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => "localhost".to_owned(),
        _ => public_url.host().to_owned(),
    };
    Address::new("no-reply", domain)
        .map(|address| Mailbox::new(Some(brand.as_str().to_owned()), address))
        .map_err(|_| {
            "TESSERA_MAIL_FROM must be set: the host of TESSERA_PUBLIC_URL can't be part of an email"
                .to_owned()
        })
}
