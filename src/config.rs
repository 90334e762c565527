//! The command line and the environment, read once into typed settings.
//!
//! A flag wins over its environment variable, the variable over the default, and a variable
//! that is set but empty counts as not set. A wrong value is one line that names the setting
//! and what is expected; it never repeats a value that may hold a password.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    io::Write,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    process::ExitCode,
    time::Duration,
};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, value_parser};
use ipnet::IpNet;
use lettre::message::Mailbox;

mod client;
mod explain;
mod leaks;
#[cfg(test)]
mod tests;
mod values;

pub use clap_complete::Shell;
pub use client::{
    ActivityAction, ActivityFilter, ClientAction, ClientCall, ExpirationFlags, Expiry, InvitationsAction,
    KeysAction, MembersAction, Metadata, Moment, NamedKey, NewKeyFlags, Rate, text_of_file,
};
use client::{ClientLine, CompletionsLine, EXIT_STATUS};
use explain::explain;
pub use leaks::{LeakKeys, LeakSecret};
pub use values::{Brand, DatabaseUrl, LogFilter, ServerUrl, SmtpUrl};

/// What the process was asked to do.
#[derive(Debug)]
pub enum Command {
    /// Run the server.
    Serve(Box<Config>),
    /// Fill an empty database with an example organization.
    Demo {
        /// The database to fill.
        database: DatabaseUrl,
    },
    /// Measure verification on this machine.
    Bench(BenchPlan),
    /// Measure verification under attack, for so long each.
    BenchAttacks(Duration),
    /// Do something for a person whom no email reaches.
    Users(UsersCall),
    /// Print the description of the API.
    OpenApi,
    /// Ask a running server for something.
    Client(Box<ClientCall>),
    /// Generate shell completions.
    Completions(Shell),
}

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address to listen on.
    pub listen: SocketAddr,
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
    pub trusted_proxies: Vec<IpNet>,
    /// Keys that verification keeps in memory at most.
    pub keys_in_memory: usize,
    /// Requests to the management API that a master token has in a minute.
    pub requests_per_minute: NonZeroU32,
    /// What lets a machine report leaked keys.
    pub leak_secret: Option<LeakSecret>,
    /// With which keys GitHub signs its reports of leaked keys.
    pub leak_keys: Option<LeakKeys>,
    /// The networks of the operator's own that webhooks may reach.
    pub webhook_networks: Vec<IpNet>,
    /// Which events are logged.
    pub log: LogFilter,
}

/// What the operator does for a person.
#[derive(Debug)]
pub struct UsersCall {
    /// Where the accounts are kept.
    pub database: DatabaseUrl,
    /// The address that the link begins with.
    pub public_url: ServerUrl,
    /// The person's address, as it was typed.
    pub email: String,
    /// The name of somebody who has no account yet.
    pub new_name: Option<String>,
}

impl Config {
    /// The address that gateways and backends are told to use.
    pub fn url_for_gateways(&self) -> &ServerUrl {
        self.internal_url.as_ref().unwrap_or(&self.public_url)
    }
}

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BenchPlan {
    /// Keys in the database.
    pub keys: usize,
    /// Keys that are asked about, in turn.
    pub in_rotation: usize,
    /// Connections that are kept busy.
    pub connections: usize,
    /// Rounds of each server; the one of median throughput counts.
    pub rounds: usize,
    /// Length of a round.
    pub round: Duration,
}

/// Why the process ends before anything has started: help, the version or a wrong setting.
#[derive(Debug, PartialEq, Eq)]
pub struct Exit {
    /// The status for the shell: 0 after help and version, 2 after a mistake.
    pub code: u8,
    /// The text to print, without its last newline.
    pub message: String,
}

impl Exit {
    /// Prints the message (a mistake to standard error) and gives the status to end with.
    pub fn report(&self) -> ExitCode {
        // Nothing is left to be done when even this cannot be written.
        let _ = if self.code == 0 {
            writeln!(std::io::stdout(), "{}", self.message)
        } else {
            writeln!(std::io::stderr(), "{}", self.message)
        };
        ExitCode::from(self.code)
    }

    fn mistake(message: impl std::fmt::Display) -> Self {
        Self { code: 2, message: format!("tessera: {message}") }
    }
}

/// Reads the arguments (the program's name first) and the process's environment.
///
/// # Errors
/// Help, the version, an unknown argument, or a setting with a wrong value.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, Exit> {
    parse_with(arguments, |name| std::env::var_os(name))
}

/// As [`parse`], with an environment of the caller's own.
///
/// # Errors
/// As [`parse`].
pub fn parse_with(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Command, Exit> {
    let matches = CommandLine::command().try_get_matches_from(arguments).map_err(explain)?;
    let line = CommandLine::from_arg_matches(&matches).map_err(explain)?;
    match line.verb {
        Some(Verb::Demo(flags)) => Ok(Command::Demo { database: flags.read(&environment)? }),
        Some(Verb::OpenApi) => Ok(Command::OpenApi),
        Some(Verb::Bench(BenchFlags { what: Some(Benched::Attacks { seconds }), .. })) => {
            Ok(Command::BenchAttacks(Duration::from_secs(seconds.into())))
        }
        Some(Verb::Bench(flags)) => Ok(Command::Bench(flags.plan())),
        Some(Verb::Keys(line)) => client(line.read(&environment, ClientAction::Keys)),
        Some(Verb::Members(line)) => client(line.read(&environment, ClientAction::Members)),
        Some(Verb::Invitations(line)) => client(line.read(&environment, ClientAction::Invitations)),
        Some(Verb::Activity(line)) => client(line.read(&environment, ClientAction::Activity)),
        Some(Verb::Users(line)) => Ok(Command::Users(line.read(&environment)?)),
        Some(Verb::Completions(line)) => Ok(Command::Completions(line.shell)),
        Some(Verb::Serve(flags)) => Ok(Command::Serve(Box::new(flags.read(&environment)?))),
        None => Ok(Command::Serve(Box::new(line.serve.read(&environment)?))),
    }
}

/// A variable of the environment that looks like a setting and is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownVariable {
    /// Its name.
    pub name: String,
    /// The setting that is written most alike, if one is.
    pub similar: Option<String>,
}

/// Those of the environment's variables that begin like a setting and are none: most likely a mistake in
/// writing.
pub fn unknown_variables(names: impl IntoIterator<Item = OsString>) -> Vec<UnknownVariable> {
    let known = variables();
    let ours =
        names.into_iter().filter_map(|name| name.into_string().ok().filter(|name| name.starts_with(PREFIX)));
    let mut unknown: Vec<UnknownVariable> = ours
        .filter(|name| !known.contains(name))
        .map(|name| {
            let alike = known.iter().map(|known| (strsim::jaro_winkler(known, &name), known));
            let best = alike.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(similarity, _)| *similarity > 0.9);
            UnknownVariable { similar: best.map(|(_, known)| known.clone()), name }
        })
        .collect();
    unknown.sort_by(|a, b| a.name.cmp(&b.name));
    unknown
}

/// With what every variable of ours begins.
const PREFIX: &str = "TESSERA_";

/// The variables that `--help` names, of every command.
fn variables() -> BTreeSet<String> {
    let mut commands = vec![CommandLine::command()];
    let mut variables = BTreeSet::new();
    while let Some(command) = commands.pop() {
        for argument in command.get_arguments() {
            let help =
                argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
            let names = help.split(|letter: char| !letter.is_ascii_uppercase() && letter != '_');
            variables.extend(names.filter(|name| name.starts_with(PREFIX)).map(ToOwned::to_owned));
        }
        commands.extend(command.get_subcommands().cloned());
    }
    variables
}

fn client(call: Result<ClientCall, Exit>) -> Result<Command, Exit> {
    call.map(|call| Command::Client(Box::new(call)))
}

/// The script with which a shell completes commands and flags.
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), "tessera", &mut script);
    script
}

/// A self-hosted server for organizations, members and API keys.
#[derive(Parser)]
#[command(name = "tessera", version, args_conflicts_with_subcommands = true)]
struct CommandLine {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    serve: ServeFlags,
}

#[derive(Subcommand)]
enum Verb {
    /// Run the server (default).
    Serve(Box<ServeFlags>),
    /// Fill an empty database with an example organization and print how to log in.
    Demo(DatabaseFlag),
    /// Measure how fast keys are verified on this machine, compared to a bare actix server.
    Bench(BenchFlags),
    /// Create accounts and password links for people who can’t get email.
    #[command(arg_required_else_help = true)]
    Users(UsersLine),
    /// Print the API specification (OpenAPI 3.1).
    #[command(name = "openapi")]
    OpenApi,
    /// Manage the API keys of an organization on a running server.
    #[command(after_help = EXIT_STATUS)]
    Keys(ClientLine<KeysAction>),
    /// Manage the members of an organization on a running server.
    #[command(after_help = EXIT_STATUS)]
    Members(ClientLine<MembersAction>),
    /// Manage the invitations of an organization on a running server.
    #[command(after_help = EXIT_STATUS)]
    Invitations(ClientLine<InvitationsAction>),
    /// View the activity of an organization on a running server.
    #[command(after_help = EXIT_STATUS)]
    Activity(ClientLine<ActivityAction>),
    /// Generate shell completions.
    Completions(CompletionsLine),
}

// Flags are kept as text here: clap's own errors take several lines and repeat the value.
#[derive(Args)]
struct ServeFlags {
    /// IP address and port to listen on [env: TESSERA_LISTEN] [default: 127.0.0.1:8080]
    #[arg(long, value_name = "IP:PORT")]
    listen: Option<String>,
    /// URL that people open and emails link to [env: TESSERA_PUBLIC_URL] [default: http://<listen>]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// URL that gateways and backends reach this server at, past public proxies; used on the page
    /// “Gateway setup” [env: TESSERA_INTERNAL_URL] [default: the public URL]
    #[arg(long, value_name = "URL")]
    internal_url: Option<String>,
    #[command(flatten)]
    database: DatabaseFlag,
    /// Server for outgoing email, smtp://user:password@host:port?tls=required or smtps://…; better set in
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
    /// Proxies whose X-Forwarded-* headers are trusted, as IP addresses or CIDR ranges separated by
    /// commas [env: TESSERA_TRUSTED_PROXIES] [default: none]
    #[arg(long, value_name = "LIST")]
    trusted_proxies: Option<String>,
    /// Keys that are verified from memory, about 300 bytes each; more are read from the database when
    /// needed [env: TESSERA_KEYS_IN_MEMORY] [default: 1000000]
    #[arg(long, value_name = "NUMBER")]
    keys_in_memory: Option<String>,
    /// Management API requests per minute per master token (verification not counted) [env:
    /// TESSERA_REQUESTS_PER_MINUTE] [default: 600]
    #[arg(long, value_name = "NUMBER")]
    requests_per_minute: Option<String>,
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
    /// Log filter, for example info or tessera=debug [env: TESSERA_LOG] [default: info]
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
struct BenchFlags {
    #[command(subcommand)]
    what: Option<Benched>,
    /// Keys in the database
    #[arg(long, default_value_t = 100_000, value_parser = value_parser!(u32).range(1..=5_000_000))]
    keys: u32,
    /// Keys to verify, in turn
    #[arg(long, default_value_t = 10_000, value_parser = value_parser!(u32).range(1..=5_000_000))]
    rotation: u32,
    /// Concurrent connections
    #[arg(long, default_value_t = 32, value_parser = value_parser!(u32).range(1..=500))]
    connections: u32,
    /// Rounds per server
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Seconds per round
    #[arg(long, default_value_t = 3, value_parser = value_parser!(u32).range(1..=600))]
    seconds: u32,
}

#[derive(Subcommand)]
enum Benched {
    /// Measure it while the pages are under attack, and fail if verification slows down
    Attacks {
        /// Seconds per attack
        #[arg(long, default_value_t = 3, value_parser = value_parser!(u32).range(1..=600))]
        seconds: u32,
    },
}

#[derive(Args)]
struct DatabaseFlag {
    /// SQLite file, with or without the prefix sqlite: [env: TESSERA_DATABASE_URL] [default: tessera.db]
    #[arg(long, value_name = "FILE")]
    database_url: Option<String>,
}

#[derive(Args)]
struct UsersLine {
    #[command(subcommand)]
    action: UsersAction,
}

#[derive(Subcommand)]
enum UsersAction {
    /// Create an account and print a one-time link for choosing its password
    Create {
        /// Email of the account
        email: String,
        /// Full name
        #[arg(long, value_name = "NAME")]
        name: String,
        #[command(flatten)]
        place: UsersPlace,
    },
    /// Print a one-time link for choosing a new password
    Link {
        /// Email of the account
        email: String,
        #[command(flatten)]
        place: UsersPlace,
    },
}

#[derive(Args)]
struct UsersPlace {
    #[command(flatten)]
    database: DatabaseFlag,
    /// URL that people open [env: TESSERA_PUBLIC_URL] [default: http://127.0.0.1:8080]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
}

impl UsersLine {
    fn read(self, environment: &impl Fn(&str) -> Option<OsString>) -> Result<UsersCall, Exit> {
        let (email, new_name, place) = match self.action {
            UsersAction::Create { email, name, place } => (email, Some(name), place),
            UsersAction::Link { email, place } => (email, None, place),
        };
        let listen = setting("TESSERA_LISTEN", None, environment, values::listen)?.unwrap_or(DEFAULT_LISTEN);
        Ok(UsersCall {
            database: place.database.read(environment)?,
            public_url: public_url(place.public_url, listen, environment)?,
            email,
            new_name,
        })
    }
}

/// Where the server listens by default.
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

fn public_url(
    flag: Option<String>,
    listen: SocketAddr,
    environment: &impl Fn(&str) -> Option<OsString>,
) -> Result<ServerUrl, Exit> {
    setting("TESSERA_PUBLIC_URL", flag, environment, ServerUrl::parse)?
        .map_or_else(|| ServerUrl::of_listener(listen), Ok)
        .map_err(|expected| Exit::mistake(format_args!("TESSERA_PUBLIC_URL {expected}")))
}

impl BenchFlags {
    fn plan(self) -> BenchPlan {
        BenchPlan {
            keys: self.keys as usize,
            in_rotation: self.rotation.min(self.keys) as usize,
            connections: self.connections as usize,
            rounds: self.rounds as usize,
            round: Duration::from_secs(self.seconds.into()),
        }
    }
}

impl ServeFlags {
    fn read(self, environment: &impl Fn(&str) -> Option<OsString>) -> Result<Config, Exit> {
        let listen =
            setting("TESSERA_LISTEN", self.listen, environment, values::listen)?.unwrap_or(DEFAULT_LISTEN);
        let public_url = public_url(self.public_url, listen, environment)?;
        let brand = setting("TESSERA_BRAND", self.brand, environment, Brand::parse)?.unwrap_or_default();
        let mail_from = setting("TESSERA_MAIL_FROM", self.mail_from, environment, values::mailbox)?;
        Ok(Config {
            internal_url: setting("TESSERA_INTERNAL_URL", self.internal_url, environment, ServerUrl::parse)?,
            database: self.database.read(environment)?,
            smtp: setting("TESSERA_SMTP_URL", self.smtp_url, environment, SmtpUrl::parse)?,
            mail_from: match mail_from {
                Some(mailbox) => mailbox,
                None => values::default_mailbox(&brand, &public_url).map_err(Exit::mistake)?,
            },
            trusted_proxies: setting(
                "TESSERA_TRUSTED_PROXIES",
                self.trusted_proxies,
                environment,
                values::networks,
            )?
            .unwrap_or_default(),
            keys_in_memory: setting(
                "TESSERA_KEYS_IN_MEMORY",
                self.keys_in_memory,
                environment,
                values::keys_in_memory,
            )?
            .unwrap_or(values::DEFAULT_KEYS_IN_MEMORY),
            requests_per_minute: setting(
                "TESSERA_REQUESTS_PER_MINUTE",
                self.requests_per_minute,
                environment,
                values::requests_per_minute,
            )?
            .unwrap_or(values::DEFAULT_REQUESTS_PER_MINUTE),
            leak_secret: setting("TESSERA_LEAK_SECRET", self.leak_secret, environment, LeakSecret::parse)?,
            leak_keys: setting("TESSERA_LEAK_KEYS", self.leak_keys, environment, LeakKeys::read)?,
            webhook_networks: setting(
                "TESSERA_WEBHOOK_NETWORKS",
                self.webhook_networks,
                environment,
                values::networks,
            )?
            .unwrap_or_default(),
            log: setting("TESSERA_LOG", self.log, environment, LogFilter::parse)?.unwrap_or_default(),
            listen,
            public_url,
            brand,
        })
    }
}

impl DatabaseFlag {
    fn read(self, environment: &impl Fn(&str) -> Option<OsString>) -> Result<DatabaseUrl, Exit> {
        let database = setting("TESSERA_DATABASE_URL", self.database_url, environment, DatabaseUrl::parse)?;
        Ok(database.unwrap_or_default())
    }
}

/// The value of the flag, or else of the variable `name`; `None` leaves it to the default.
fn setting<T>(
    name: &str,
    flag: Option<String>,
    environment: &impl Fn(&str) -> Option<OsString>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, Exit> {
    let text = match flag {
        Some(text) => text,
        None => match environment(name).filter(|value| !value.is_empty()) {
            Some(value) => {
                value.into_string().map_err(|_| Exit::mistake(format_args!("{name} must be UTF-8 text")))?
            }
            None => return Ok(None),
        },
    };
    parse(text.trim()).map(Some).map_err(|expected| Exit::mistake(format_args!("{name} {expected}")))
}
