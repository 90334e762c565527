//! The command line and the environment, read once into typed settings.
//!
//! A flag wins over its environment variable, the variable over the configuration file, the file over the
//! default, and what is set but empty counts as not set. A wrong value is one line that names the setting
//! and what is expected; it never repeats a value that may hold a password.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

mod backups;
mod bench;
mod bucket;
mod client;
mod effective;
mod explain;
mod import;
mod key_prefix;
mod leaks;
mod listen;
mod maintenance;
mod operator;
mod rules;
mod serve;
mod server_url;
mod sign_up;
mod sources;
#[cfg(test)]
mod tests;
mod values;

pub use backups::BackupPlan;
use bench::BenchFlags;
pub use bench::{BenchPlan, NodesPlan};
pub use bucket::BucketUrl;
pub use clap_complete::Shell;
pub use client::{
    ActivityAction, ActivityFilter, ClientAction, ClientCall, ExpirationFlags, Expiry, InvitationsAction,
    KeysAction, MembersAction, Metadata, Moment, NamedKey, NamedOrganization, NewKeyFlags,
    OrganizationsAction, Rate, text_of_file,
};
use client::{ClientLine, CompletionsLine, EXIT_STATUS, ManualLine};
pub use effective::Effective;
use explain::explain;
use import::ImportLine;
pub use import::{ImportCall, ImportVerb, KeysToImport};
pub use key_prefix::KeyPrefix;
pub use leaks::{LeakKeys, LeakSecret};
pub use listen::{Listen, ListenAddress, TlsFiles, TrustedProxies};
use maintenance::MaintenanceLine;
pub use maintenance::{MaintenanceCall, MaintenanceVerb, Until};
pub use operator::{
    AccountChange, BackupCall, CopyCall, EmailTestCall, MigrateCall, RestoreCall, UsersCall, UsersVerb,
};
use operator::{BackupLine, DatabaseLine, EmailLine, MigrateLine, RestoreLine, UsersLine};
pub use rules::InstanceRules;
pub use serve::Config;
use serve::{DatabaseFlag, HealthFlags, ServeFlags};
pub use server_url::{BasePath, ServerUrl};
pub use sign_up::{Chosen, EmailDomain, Founders, SignUp};
pub use sources::Origin;
use sources::{Found, SECRETS, Sources};
pub use values::{Brand, DatabaseUrl, LogFilter, LogFormat, PostgresUrl, SmtpUrl};

/// What the process was asked to do.
#[derive(Debug)]
pub enum Command {
    /// Run the server.
    Serve(Box<Config>),
    /// Fill an empty database with an example organization.
    Demo {
        /// The database to fill.
        database: DatabaseUrl,
        /// Whether with a whole instance of organizations.
        is_instance: bool,
    },
    /// Print the servers that use a database.
    Nodes {
        /// Their database.
        database: DatabaseUrl,
    },
    /// Print the settings of the server.
    Config(Vec<Effective>),
    /// Try what the settings name, before a start.
    Check(Box<Config>),
    /// Ask the server that listens here whether it can do its work.
    Health {
        /// Where.
        listen: Listen,
        /// Whether it speaks TLS at IP addresses.
        has_tls: bool,
    },
    /// Measure verification on this machine.
    Bench(BenchPlan),
    /// Measure verification under attack, for so long each.
    BenchAttacks(Duration),
    /// Measure several servers on one database.
    BenchNodes(NodesPlan),
    /// Do something with accounts.
    Users(UsersCall),
    /// Switch maintenance on or off.
    Maintenance(MaintenanceCall),
    /// Take over keys of another system, or tell what became of them.
    Import(Box<ImportCall>),
    /// Apply migrations to a database.
    Migrate(MigrateCall),
    /// Make a backup of a database.
    Backup(BackupCall),
    /// Put a backup in the place of a database.
    Restore(RestoreCall),
    /// Copy a database into another.
    DatabaseCopy(CopyCall),
    /// Send an email to see whether that works.
    EmailTest(Box<EmailTestCall>),
    /// Print the description of the API.
    OpenApi,
    /// Ask a running server for something.
    Client(Box<ClientCall>),
    /// Generate shell completions.
    Completions(Shell),
    /// Write the manual pages into a folder.
    Manual(PathBuf),
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
    let command = CommandLine::command();
    let matches = command.clone().try_get_matches_from(arguments).map_err(explain)?;
    let line = CommandLine::from_arg_matches(&matches).map_err(explain)?;
    let sources = Sources::open(line.config.as_deref(), &environment)?;
    let sources = &sources;
    match line.verb {
        Some(Verb::Demo(DemoLine { operator: is_instance, database })) => {
            Ok(Command::Demo { database: database.read(sources)?, is_instance })
        }
        Some(Verb::Nodes(flags)) => Ok(Command::Nodes { database: flags.read(sources)? }),
        Some(Verb::OpenApi) => Ok(Command::OpenApi),
        Some(Verb::Healthcheck(flags)) => flags.read(sources),
        Some(Verb::Bench(flags)) => flags.read(sources),
        Some(Verb::Keys(line)) => client(line.read(sources, ClientAction::Keys)),
        Some(Verb::Members(line)) => client(line.read(sources, ClientAction::Members)),
        Some(Verb::Invitations(line)) => client(line.read(sources, ClientAction::Invitations)),
        Some(Verb::Organizations(line)) => client(line.read(sources, ClientAction::Organizations)),
        Some(Verb::Activity(line)) => client(line.read(sources, ClientAction::Activity)),
        Some(Verb::Users(line)) => Ok(Command::Users(line.read(sources)?)),
        Some(Verb::Maintenance(line)) => Ok(Command::Maintenance(line.read(sources)?)),
        Some(Verb::Import(line)) => Ok(Command::Import(Box::new(line.read(sources)?))),
        Some(Verb::Migrate(line)) => Ok(Command::Migrate(line.read(sources)?)),
        Some(Verb::Backup(line)) => Ok(Command::Backup(line.read(sources)?)),
        Some(Verb::Restore(line)) => Ok(Command::Restore(line.read(sources)?)),
        Some(Verb::Database(line)) => Ok(Command::DatabaseCopy(line.read()?)),
        Some(Verb::Email(line)) => Ok(Command::EmailTest(Box::new(line.read(sources)?))),
        Some(Verb::Completions(line)) => Ok(Command::Completions(line.shell)),
        Some(Verb::Man(line)) => Ok(Command::Manual(line.folder)),
        Some(Verb::Serve(flags)) => Ok(Command::Serve(Box::new(flags.read(sources)?))),
        Some(Verb::Check(flags)) => Ok(Command::Check(Box::new(flags.read(sources)?))),
        Some(Verb::Config(flags)) => {
            let config = flags.read(sources)?;
            let flags = matches.subcommand().map_or(&matches, |(_, flags)| flags);
            effective::settings(&command, flags, sources, &config).map(Command::Config)
        }
        None => Ok(Command::Serve(Box::new(line.serve.read(sources)?))),
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
    let mut known = variables();
    known.extend(SECRETS.map(|name| format!("{name}_FILE")));
    let ours =
        names.into_iter().filter_map(|name| name.into_string().ok().filter(|name| name.starts_with(PREFIX)));
    let mut unknown: Vec<UnknownVariable> = ours
        .filter(|name| !known.contains(name))
        .map(|name| UnknownVariable { similar: similar_to(&name, &known).map(ToOwned::to_owned), name })
        .collect();
    unknown.sort_by(|a, b| a.name.cmp(&b.name));
    unknown
}

/// The setting that is written most like `name`, if one is.
fn similar_to<'a>(name: &str, known: &'a BTreeSet<String>) -> Option<&'a str> {
    let alike = known.iter().map(|known| (strsim::jaro_winkler(known, name), known));
    let best = alike.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(similarity, _)| *similarity > 0.9);
    best.map(|(_, known)| known.as_str())
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
            variables.extend(
                names.filter(|name| name.starts_with(PREFIX) && *name != PREFIX).map(ToOwned::to_owned),
            );
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

/// Writes a manual page for each command into `folder`, which is made where it is missing.
///
/// # Errors
/// When the folder cannot be written.
pub fn write_manual(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(CommandLine::command(), folder)
}

/// A self-hosted server for organizations, members and API keys.
#[derive(Parser)]
#[command(name = "tessera", version, args_conflicts_with_subcommands = true)]
struct CommandLine {
    /// File with settings in the format TOML, each by the name of its variable without TESSERA_, in lower case [env:
    /// TESSERA_CONFIG] [default: none]
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<String>,
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    serve: ServeFlags,
}

/// What the example has.
#[derive(Args)]
struct DemoLine {
    /// Also 40 organizations on plans, and an instance administrator who operates them
    #[arg(long)]
    operator: bool,
    #[command(flatten)]
    database: DatabaseFlag,
}

#[derive(Subcommand)]
enum Verb {
    /// Run the server (default).
    Serve(Box<ServeFlags>),
    /// Print the settings that the server would have, without secrets, and where each comes from
    Config(Box<ServeFlags>),
    /// Try the database, the mail server, the URL, the clock and the disk, and print what is wrong
    Check(Box<ServeFlags>),
    /// Fill an empty database with an example organization and print how to log in.
    Demo(DemoLine),
    /// Print the servers that use a PostgreSQL database, and how far each has read the changes of the others
    Nodes(DatabaseFlag),
    /// Check that the server on this machine is ready for requests, such as for the health check of a container
    Healthcheck(HealthFlags),
    /// Measure how fast keys are verified on this machine, compared to a bare actix server.
    Bench(BenchFlags),
    /// Manage accounts on this machine, without email and next to a running server.
    #[command(arg_required_else_help = true)]
    Users(UsersLine),
    /// Turn maintenance on or off, in which keys are verified and nothing is changed.
    #[command(arg_required_else_help = true)]
    Maintenance(MaintenanceLine),
    /// Import keys of another system on this machine, next to a running server.
    #[command(arg_required_else_help = true)]
    Import(ImportLine),
    /// Upgrade the database to this version, as a start would, or say what that would do
    Migrate(MigrateLine),
    /// Write a verified backup of the SQLite database, also while the server runs
    Backup(BackupLine),
    /// Put a backup in the place of the SQLite database, which is kept under another name
    Restore(RestoreLine),
    /// Move everything to another database.
    #[command(arg_required_else_help = true)]
    Database(DatabaseLine),
    /// Test the configured mail server.
    #[command(arg_required_else_help = true)]
    Email(EmailLine),
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
    /// Manage all organizations of a running server, with an instance token.
    #[command(after_help = EXIT_STATUS)]
    Organizations(ClientLine<OrganizationsAction>),
    /// Generate shell completions.
    Completions(CompletionsLine),
    /// Write the manual pages, one for each command.
    Man(ManualLine),
}

/// What is set as `name`, by the flag or elsewhere; `None` leaves it to the default.
fn setting<T>(
    name: &str,
    flag: Option<String>,
    sources: &Sources<'_>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, Exit> {
    let Some(Found { text, origin }) = sources.find(name, flag)? else { return Ok(None) };
    parse(text.trim()).map(Some).map_err(|expected| match origin {
        Origin::File(path) => Exit::mistake(format_args!("{name}, set in {}, {expected}", path.display())),
        Origin::Flag | Origin::Environment | Origin::Default => {
            Exit::mistake(format_args!("{name} {expected}"))
        }
    })
}
