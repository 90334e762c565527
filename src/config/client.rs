//! The commands that talk to a running server.

use std::{
    ffi::OsString,
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand, ValueEnum, value_parser};
use clap_complete::Shell;
use secrecy::SecretString;
use url::Url;

use super::{Exit, setting};

mod values;

pub(super) use values::Expected;
pub use values::{Expiry, Metadata, Moment, Period, Rate};

/// The server that is asked unless another one is named: one on this machine, as it listens.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// What the commands end with, for `--help`.
pub(super) const EXIT_STATUS: &str = "\
Environment:
  TESSERA_URL    The server, unless --url names one
  TESSERA_TOKEN  The master token, unless --token-file names a file with it. There is no flag for
                 the token itself, since other users of the machine can read the arguments

Exit status:
  0  Done (for “keys verify”: the key is valid)
  1  The server refused it, it was not confirmed, or the output could not be written
  2  The command or a setting is wrong; nothing was sent
  3  No connection, or what answers is no Tessera server
  4  Not permitted: the token is not accepted, or may not do that
  5  Not found
  6  “keys verify” alone: the key is refused; its code is printed";

/// One call of the client.
#[derive(Debug)]
pub struct ClientCall {
    /// The server, without a slash at the end.
    pub url: String,
    /// The master token.
    pub token: SecretString,
    /// Whether to print the API's JSON instead of tables.
    pub json: bool,
    /// What to do.
    pub action: ClientAction,
}

/// What to do on the server.
#[derive(Debug)]
pub enum ClientAction {
    /// Something with API keys.
    Keys(KeysAction),
    /// Something with members.
    Members(MembersAction),
    /// Something with invitations.
    Invitations(InvitationsAction),
    /// Something with the activity log.
    Activity(ActivityAction),
}

/// A command of the client: which server to ask, and what.
#[derive(Args)]
pub(super) struct ClientLine<A: Subcommand> {
    #[command(flatten)]
    connection: ConnectionFlags,
    #[command(subcommand)]
    action: A,
}

#[derive(Args)]
struct ConnectionFlags {
    /// The server [env: TESSERA_URL] [default: http://127.0.0.1:8080]
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,
    /// A file with the master token; without it the token is TESSERA_TOKEN’s
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Print the API’s JSON, lists as one array
    #[arg(long, global = true)]
    json: bool,
}

/// What can be done with API keys.
#[derive(Debug, Subcommand)]
pub enum KeysAction {
    /// List the organization’s keys.
    List {
        /// Only keys with this text in the name or the masked key
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Only keys in this state
        #[arg(long, value_enum, default_value = "all")]
        show: Show,
        /// The order
        #[arg(long, value_enum, default_value = "newest")]
        sort: Sort,
    },
    /// Show one key.
    Show(NamedKey),
    /// Create a key and print its secret, this once.
    Create(Box<NewKey>),
    /// Give a key a new secret and print it, this once.
    Rotate {
        /// Which key.
        #[command(flatten)]
        key: NamedKey,
        /// How long the old secret goes on
        #[arg(long, value_enum, default_value = "24h")]
        overlap: Overlap,
        /// When the overlap begins: with the first use of the new secret, or at once
        #[arg(long, value_enum, default_value = "first-use")]
        begins: Begin,
        /// A new end for the key.
        #[command(flatten)]
        end: EndFlags,
    },
    /// Switch a key off; from the next request on it is refused.
    Deactivate(NamedKey),
    /// Switch a key on.
    Activate(NamedKey),
    /// Remove a key for good.
    Remove {
        /// Which key.
        #[command(flatten)]
        key: NamedKey,
        /// Remove it without asking
        #[arg(long)]
        yes: bool,
    },
    /// Tell whether the key on standard input is accepted, and print the code.
    Verify {
        /// A scope that the key needs; more of them with the flag again
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        /// Where the key’s bearer calls from
        #[arg(long, value_name = "ADDRESS", value_parser = values::address)]
        ip: Option<IpAddr>,
        /// What the request takes of the key’s limits
        #[arg(long, value_parser = value_parser!(u32).range(1..=1000))]
        cost: Option<u32>,
    },
}

/// Which key.
#[derive(Args, Debug)]
pub struct NamedKey {
    /// The key’s id or its exact name
    #[arg(value_name = "KEY")]
    pub key: String,
}

/// A key to create.
#[derive(Args, Debug)]
pub struct NewKey {
    /// The name, unique in the organization
    pub name: String,
    /// When it ends; without it, never.
    #[command(flatten)]
    pub end: EndFlags,
    /// What it may be used for; more of them with the flag again
    #[arg(long = "scope", value_name = "SCOPE")]
    pub scopes: Vec<String>,
    /// Where it may be used from, an address or CIDR; more of them with the flag again
    #[arg(long = "network", value_name = "CIDR")]
    pub networks: Vec<String>,
    /// How often it may be used, such as 100/minute (second, minute or hour)
    #[arg(long, value_name = "REQUESTS/PERIOD", value_parser = Rate::parse)]
    pub rate: Option<Rate>,
    /// How much it may be used in a calendar month of UTC
    #[arg(long, value_name = "NUMBER", value_parser = value_parser!(i64).range(1..))]
    pub monthly_quota: Option<i64>,
    /// What it is for, in a sentence
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// A JSON object that verification tells about it
    #[arg(long, value_name = "JSON", value_parser = Metadata::parse)]
    pub metadata: Option<Metadata>,
}

/// When a key ends.
#[derive(Args, Debug)]
#[group(multiple = false)]
pub struct EndFlags {
    /// The key ends after this time, such as 12h, 90d or 52w
    #[arg(long, value_name = "TIME", value_parser = Expiry::parse)]
    pub expires_in: Option<Expiry>,
    /// The key ends at this time, such as 2027-03-31T22:00:00Z
    #[arg(long, value_name = "RFC3339", value_parser = Moment::parse)]
    pub expires_at: Option<Moment>,
}

/// What can be done with members.
#[derive(Debug, Subcommand)]
pub enum MembersAction {
    /// List the organization’s members.
    List {
        /// Only members with this text in the name or the address
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Only members of this role
        #[arg(long, value_enum)]
        role: Option<RoleName>,
    },
    /// Give a member another role.
    Role {
        /// The member’s id or address
        user: String,
        /// The new role
        #[arg(value_enum)]
        role: RoleName,
    },
    /// Remove a member. Keys that the member created keep working.
    Remove {
        /// The member’s id or address
        user: String,
        /// Remove them without asking
        #[arg(long)]
        yes: bool,
    },
}

/// What can be done with invitations.
#[derive(Debug, Subcommand)]
pub enum InvitationsAction {
    /// List the invitations that wait for an answer, the newest first.
    List {
        /// Only invitations with this text in the address
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
    /// Invite one or many addresses. Where one is malformed, nobody is invited.
    Send {
        /// The addresses
        #[arg(required = true, value_name = "EMAIL")]
        emails: Vec<String>,
        /// What they will be
        #[arg(long, value_enum)]
        role: RoleName,
    },
    /// Mail an invitation again and start its seven days anew.
    Resend {
        /// The invitation’s id or address
        invitation: String,
    },
    /// Take an invitation back: its links stop working at once.
    Withdraw {
        /// The invitation’s id or address
        invitation: String,
    },
}

/// What can be done with the activity log.
#[derive(Debug, Subcommand)]
pub enum ActivityAction {
    /// List what was done in the organization, the newest first.
    List {
        /// Which events.
        #[command(flatten)]
        filter: ActivityFilter,
        /// How many events at most
        #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Print everything that was done, the oldest first.
    Export {
        /// Which events.
        #[command(flatten)]
        filter: ActivityFilter,
        /// The kind of file
        #[arg(long, value_enum, default_value = "jsonl")]
        format: Format,
    },
}

/// Which events.
#[derive(Args, Debug)]
pub struct ActivityFilter {
    /// Only events with this text in the actor, the subject, the detail or the address
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// Only what the account or master token of this id did
    #[arg(long, value_name = "ID")]
    pub actor: Option<String>,
    /// Only this, such as member.role_changed
    #[arg(long, value_name = "ACTION")]
    pub action: Option<String>,
    /// Only what happened then or later, such as 2026-11-01T00:00:00Z
    #[arg(long, value_name = "RFC3339", value_parser = Moment::parse)]
    pub from: Option<Moment>,
    /// Only what happened before
    #[arg(long, value_name = "RFC3339", value_parser = Moment::parse)]
    pub to: Option<Moment>,
}

/// Implements the name in the API for the values of a flag.
macro_rules! named_in_the_api {
    ($($type:ty { $($variant:ident => $name:literal),+ $(,)? })+) => {$(
        impl $type {
            /// Its name in the API.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }
    )+};
}

/// A part of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Show {
    /// All of them
    All,
    /// Those that end soon
    ExpiresSoon,
    /// Those that were never accepted
    NeverUsed,
    /// Those that are switched off
    Deactivated,
}

/// An order of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// The newest first
    Newest,
    /// The oldest first
    Oldest,
    /// By name, from A
    Name,
    /// By name, from Z
    NameDescending,
}

/// How long the old secret of a rotation goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Overlap {
    /// Not at all
    None,
    /// An hour
    #[value(name = "1h")]
    Hour,
    /// A day
    #[value(name = "24h")]
    Day,
    /// A week
    #[value(name = "7d")]
    Week,
}

/// When the overlap of a rotation begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Begin {
    /// With the first use of the new secret
    FirstUse,
    /// At once
    AtOnce,
}

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    /// Sees the organization
    User,
    /// Works with the keys
    Supervisor,
    /// Everything
    Administrator,
}

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A JSON object a line
    Jsonl,
    /// Comma-separated values
    Csv,
}

named_in_the_api! {
    Show { All => "all", ExpiresSoon => "expires_soon", NeverUsed => "never_used", Deactivated => "deactivated" }
    Sort { Newest => "-created_at", Oldest => "created_at", Name => "name", NameDescending => "-name" }
    Overlap { None => "none", Hour => "1h", Day => "24h", Week => "7d" }
    Begin { FirstUse => "first_use", AtOnce => "at_once" }
    RoleName { User => "user", Supervisor => "supervisor", Administrator => "administrator" }
    Format { Jsonl => "jsonl", Csv => "csv" }
}

/// Which shell wants completions.
#[derive(Args)]
pub(super) struct CompletionsLine {
    /// The shell
    #[arg(value_enum)]
    pub(super) shell: Shell,
}

impl<A: Subcommand> ClientLine<A> {
    pub(super) fn read(
        self,
        environment: &impl Fn(&str) -> Option<OsString>,
        action: impl FnOnce(A) -> ClientAction,
    ) -> Result<ClientCall, Exit> {
        let ConnectionFlags { url, token_file, json } = self.connection;
        let url = setting("TESSERA_URL", url, environment, server)?;
        let token = match token_file {
            Some(file) => token_in(&file).map_err(Exit::mistake)?,
            None => setting("TESSERA_TOKEN", None, environment, token)?.ok_or_else(|| {
                Exit::mistake(
                    "TESSERA_TOKEN is not set; set it to a master token, or name a file with --token-file",
                )
            })?,
        };
        let url = url.unwrap_or_else(|| DEFAULT_URL.to_owned());
        Ok(ClientCall { url, token, json, action: action(self.action) })
    }
}

fn server(text: &str) -> Result<String, String> {
    let expected = "must be the address of a server, such as https://keys.example.com";
    let url = Url::parse(text).map_err(|_| expected)?;
    let is_plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_plain {
        return Err(expected.to_owned());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn token_in(file: &Path) -> Result<SecretString, String> {
    let text = fs::read_to_string(file)
        .map_err(|error| format!("the file of --token-file could not be read: {}", error.kind()))?;
    token(text.trim()).map_err(|expected| format!("the file of --token-file {expected}"))
}

fn token(text: &str) -> Result<SecretString, String> {
    if text.is_empty() || !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err("must be one master token, such as tess_m_… without spaces".to_owned());
    }
    Ok(SecretString::from(text))
}
