//! The settings of the server.

use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

use actix_http::header::HeaderName;
use clap::Args;
use ipnet::IpNet;
use lettre::message::Mailbox;

use super::{
    BackupPlan, Brand, Chosen, Command, DatabaseUrl, Exit, Founders, InstanceRules, LeakKeys, LeakSecret,
    Listen, LogFilter, LogFormat, ServerUrl, SignUp, SmtpUrl, Sources, TlsFiles, TrustedProxies,
    backups::BackupFlags,
    rules::RuleFlags,
    setting,
    sign_up::{SignUpFlags, SignUpSettings},
    values,
};

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the server listens.
    pub listen: Listen,
    /// What makes TLS of connections to IP addresses.
    pub tls: Option<TlsFiles>,
    /// The address people type and mails link to.
    pub public_url: ServerUrl,
    /// The address that gateways and backends reach the server at, where it is another one.
    pub internal_url: Option<ServerUrl>,
    /// Where the data is kept.
    pub database: DatabaseUrl,
    /// The server that takes outgoing mail; without one, mails stay in the local mailbox.
    pub smtp: Option<SmtpUrl>,
    /// The sender of every mail.
    pub mail_from: Mailbox,
    /// The name on the pages and in the mails.
    pub brand: Brand,
    /// The proxies whose `X-Forwarded-*` headers are believed.
    pub trusted_proxies: TrustedProxies,
    /// Further headers in which clients send keys that were imported.
    pub key_headers: Vec<HeaderName>,
    /// Who may sign up.
    pub sign_up: Chosen<SignUp>,
    /// Who may create organizations.
    pub founders: Chosen<Founders>,
    /// Keys that verification keeps in memory at most.
    pub keys_in_memory: usize,
    /// Requests to the management API that a master token has in a minute.
    pub requests_per_minute: NonZeroU32,
    /// What holds for all organizations.
    pub rules: InstanceRules,
    /// What lets a machine report leaked keys.
    pub leak_secret: Option<LeakSecret>,
    /// With which keys GitHub signs its reports of leaked keys.
    pub leak_keys: Option<LeakKeys>,
    /// The networks of the operator's own that webhooks may reach.
    pub webhook_networks: Vec<IpNet>,
    /// Backups that the server makes by itself.
    pub backups: Option<BackupPlan>,
    /// For how long `/readyz` says that the server stops before it does.
    pub drain: Duration,
    /// Where metrics are shown, to whoever reaches it.
    pub metrics_listen: Option<SocketAddr>,
    /// Which events are logged.
    pub log: LogFilter,
    /// How they are written.
    pub log_format: LogFormat,
}

impl Config {
    /// The address that gateways and backends are told to use.
    pub fn url_for_gateways(&self) -> &ServerUrl {
        self.internal_url.as_ref().unwrap_or(&self.public_url)
    }
}

// Flags are kept as text here: clap's own errors take several lines and repeat the value.
#[derive(Args)]
pub(super) struct ServeFlags {
    /// IP address and port to listen on, or unix: and the path of a socket; several are separated by commas [env:
    /// TESSERA_LISTEN] [default: 127.0.0.1:8080]
    #[arg(long, value_name = "LIST")]
    listen: Option<String>,
    #[command(flatten)]
    tls: TlsFlags,
    /// URL that people open and emails link to, with a path if it shares the host with other programs [env:
    /// TESSERA_PUBLIC_URL] [default: http://<listen>, the first with an IP address; https with a certificate]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// URL that gateways and backends reach this server at, past public proxies; used on the page
    /// “Gateway setup” [env: TESSERA_INTERNAL_URL] [default: the public URL]
    #[arg(long, value_name = "URL")]
    internal_url: Option<String>,
    #[command(flatten)]
    database: DatabaseFlag,
    #[command(flatten)]
    mail: MailFlags,
    /// Proxies whose X-Forwarded-* headers are trusted, as IP addresses or CIDR ranges separated by
    /// commas; unix for those that connect to a unix socket [env: TESSERA_TRUSTED_PROXIES] [default: none]
    #[arg(long, value_name = "LIST")]
    trusted_proxies: Option<String>,
    /// Headers in which clients send imported keys, separated by commas, beside X-API-Key, Authorization and apikey
    /// [env: TESSERA_KEY_HEADERS] [default: none]
    #[arg(long, value_name = "LIST")]
    key_headers: Option<String>,
    #[command(flatten)]
    sign_up: SignUpFlags,
    /// Keys that are verified from memory, about 300 bytes each; more are read from the database when
    /// needed [env: TESSERA_KEYS_IN_MEMORY] [default: 1000000]
    #[arg(long, value_name = "NUMBER")]
    keys_in_memory: Option<String>,
    /// Management API requests per minute per master token (verification not counted) [env:
    /// TESSERA_REQUESTS_PER_MINUTE] [default: 600]
    #[arg(long, value_name = "NUMBER")]
    requests_per_minute: Option<String>,
    #[command(flatten)]
    rules: RuleFlags,
    /// Secret for reporting leaked keys to /api/v2/leaks, at least 32 characters; better set in the
    /// environment, where other users can't read it [env: TESSERA_LEAK_SECRET] [default: none]
    #[arg(long, value_name = "SECRET")]
    leak_secret: Option<String>,
    /// File with the public keys of GitHub's secret scanning, which can then report leaked keys, too
    /// [env: TESSERA_LEAK_KEYS] [default: none]
    #[arg(long, value_name = "FILE")]
    leak_keys: Option<String>,
    /// Private networks that webhooks can reach, as IP addresses or CIDR ranges separated by commas;
    /// without this, they only reach public IP addresses [env: TESSERA_WEBHOOK_NETWORKS] [default: none]
    #[arg(long, value_name = "LIST")]
    webhook_networks: Option<String>,
    #[command(flatten)]
    backups: BackupFlags,
    /// Seconds for which /readyz returns 503 before the server stops, so that load balancers send no more
    /// requests [env: TESSERA_DRAIN_SECONDS] [default: 0]
    #[arg(long, value_name = "SECONDS")]
    drain_seconds: Option<String>,
    /// IP address and port for Prometheus metrics, at /metrics; anyone who reaches it can read them, so keep it
    /// private [env: TESSERA_METRICS_LISTEN] [default: none]
    #[arg(long, value_name = "IP:PORT")]
    metrics_listen: Option<String>,
    /// Log filter, for example info or tessera=debug [env: TESSERA_LOG] [default: info]
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
    /// Format of the log: text, or json for one JSON object in each line [env: TESSERA_LOG_FORMAT]
    /// [default: text]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
}

/// What makes TLS of connections.
#[derive(Args)]
struct TlsFlags {
    /// File with a certificate for TLS and those that lead to its root (PEM); read again on SIGHUP [env:
    /// TESSERA_TLS_CERTIFICATE] [default: none]
    #[arg(long, value_name = "FILE")]
    tls_certificate: Option<String>,
    /// File with its private key (PEM) [env: TESSERA_TLS_KEY] [default: none]
    #[arg(long, value_name = "FILE")]
    tls_key: Option<String>,
}

/// What every email bears.
#[derive(Args)]
pub(super) struct MailFlags {
    /// Server for outgoing email, smtp://user:password@host:port (with STARTTLS) or smtps://…; better set in
    /// the environment, where other users can't read it [env: TESSERA_SMTP_URL] [default: none, emails
    /// are kept in the local mailbox]
    #[arg(long, value_name = "URL")]
    smtp_url: Option<String>,
    /// Sender of emails [env: TESSERA_MAIL_FROM] [default: <brand> <no-reply@host of the public URL,
    /// localhost for an IP address>]
    #[arg(long, value_name = "MAILBOX")]
    mail_from: Option<String>,
    /// Name on pages and in emails [env: TESSERA_BRAND] [default: Tessera]
    #[arg(long, value_name = "NAME")]
    brand: Option<String>,
}

/// The server for outgoing emails, their sender, and the name in them.
pub(super) struct MailSettings {
    pub(super) smtp: Option<SmtpUrl>,
    pub(super) mail_from: Mailbox,
    pub(super) brand: Brand,
}

/// Where the server is asked how it is.
#[derive(Args)]
pub(super) struct HealthFlags {
    /// IP addresses and sockets that the server listens on, each of which is asked [env: TESSERA_LISTEN] [default:
    /// 127.0.0.1:8080]
    #[arg(long, value_name = "LIST")]
    listen: Option<String>,
    #[command(flatten)]
    tls: TlsFlags,
}

#[derive(Args)]
pub(super) struct DatabaseFlag {
    /// SQLite file, with or without the prefix sqlite:, or postgres://user:password@host/database, better set
    /// in the environment, where other users can't read it [env: TESSERA_DATABASE_URL] [default: tessera.db]
    #[arg(long, value_name = "FILE|URL")]
    database_url: Option<String>,
}

impl ServeFlags {
    pub(super) fn read(self, sources: &Sources<'_>) -> Result<Config, Exit> {
        let listen = setting("TESSERA_LISTEN", self.listen, sources, Listen::parse)?.unwrap_or_default();
        let tls = TlsFiles::read(self.tls.tls_certificate, self.tls.tls_key, sources)?;
        let public_url = public_url_at(&listen, tls.is_some(), self.public_url, sources)?;
        let MailSettings { smtp, mail_from, brand } = self.mail.read(&public_url, sources)?;
        let database = self.database.read(sources)?;
        let SignUpSettings { sign_up, founders } = self.sign_up.read(&listen, sources)?;
        Ok(Config {
            backups: self.backups.read(&database, sources)?,
            internal_url: setting("TESSERA_INTERNAL_URL", self.internal_url, sources, ServerUrl::parse)?,
            database,
            trusted_proxies: setting(
                "TESSERA_TRUSTED_PROXIES",
                self.trusted_proxies,
                sources,
                TrustedProxies::parse,
            )?
            .unwrap_or_default(),
            keys_in_memory: setting(
                "TESSERA_KEYS_IN_MEMORY",
                self.keys_in_memory,
                sources,
                values::keys_in_memory,
            )?
            .unwrap_or(values::DEFAULT_KEYS_IN_MEMORY),
            requests_per_minute: setting(
                "TESSERA_REQUESTS_PER_MINUTE",
                self.requests_per_minute,
                sources,
                values::requests_per_minute,
            )?
            .unwrap_or(values::DEFAULT_REQUESTS_PER_MINUTE),
            key_headers: setting("TESSERA_KEY_HEADERS", self.key_headers, sources, values::key_headers)?
                .unwrap_or_default(),
            sign_up,
            founders,
            rules: self.rules.read(sources)?,
            leak_secret: setting("TESSERA_LEAK_SECRET", self.leak_secret, sources, LeakSecret::parse)?,
            leak_keys: setting("TESSERA_LEAK_KEYS", self.leak_keys, sources, LeakKeys::read)?,
            webhook_networks: setting(
                "TESSERA_WEBHOOK_NETWORKS",
                self.webhook_networks,
                sources,
                values::networks,
            )?
            .unwrap_or_default(),
            drain: setting("TESSERA_DRAIN_SECONDS", self.drain_seconds, sources, values::drain_seconds)?
                .unwrap_or_default(),
            metrics_listen: setting("TESSERA_METRICS_LISTEN", self.metrics_listen, sources, values::listen)?,
            log: setting("TESSERA_LOG", self.log, sources, LogFilter::parse)?.unwrap_or_default(),
            log_format: setting("TESSERA_LOG_FORMAT", self.log_format, sources, LogFormat::parse)?
                .unwrap_or_default(),
            listen,
            tls,
            public_url,
            smtp,
            mail_from,
            brand,
        })
    }
}

impl HealthFlags {
    pub(super) fn read(self, sources: &Sources<'_>) -> Result<Command, Exit> {
        let listen = setting("TESSERA_LISTEN", self.listen, sources, Listen::parse)?.unwrap_or_default();
        let has_tls = TlsFiles::read(self.tls.tls_certificate, self.tls.tls_key, sources)?.is_some();
        Ok(Command::Health { listen, has_tls })
    }
}

/// The URL that people open, for a command that listens nowhere itself.
pub(super) fn public_url(flag: Option<String>, sources: &Sources<'_>) -> Result<ServerUrl, Exit> {
    let listen = setting("TESSERA_LISTEN", None, sources, Listen::parse)?.unwrap_or_default();
    let has_tls = TlsFiles::read(None, None, sources)?.is_some();
    public_url_at(&listen, has_tls, flag, sources)
}

fn public_url_at(
    listen: &Listen,
    has_tls: bool,
    flag: Option<String>,
    sources: &Sources<'_>,
) -> Result<ServerUrl, Exit> {
    if let Some(url) = setting("TESSERA_PUBLIC_URL", flag, sources, ServerUrl::parse)? {
        return Ok(url);
    }
    let url = match listen.first_tcp() {
        Some(address) => ServerUrl::of_listener(address, has_tls),
        None => Err("must be set, since TESSERA_LISTEN names no IP address".to_owned()),
    };
    url.map_err(|expected| Exit::mistake(format_args!("TESSERA_PUBLIC_URL {expected}")))
}

impl MailFlags {
    pub(super) fn read(self, public_url: &ServerUrl, sources: &Sources<'_>) -> Result<MailSettings, Exit> {
        let brand = setting("TESSERA_BRAND", self.brand, sources, Brand::parse)?.unwrap_or_default();
        let mail_from = setting("TESSERA_MAIL_FROM", self.mail_from, sources, values::mailbox)?;
        Ok(MailSettings {
            smtp: setting("TESSERA_SMTP_URL", self.smtp_url, sources, SmtpUrl::parse)?,
            mail_from: match mail_from {
                Some(mailbox) => mailbox,
                None => values::default_mailbox(&brand, public_url).map_err(Exit::mistake)?,
            },
            brand,
        })
    }
}

impl DatabaseFlag {
    pub(super) fn read(self, sources: &Sources<'_>) -> Result<DatabaseUrl, Exit> {
        let database = setting("TESSERA_DATABASE_URL", self.database_url, sources, DatabaseUrl::parse)?;
        Ok(database.unwrap_or_default())
    }
}
