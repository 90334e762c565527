//! The commands that talk to a running server.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use clap_complete::Shell;
use secrecy::SecretString;
use url::Url;

use super::{Exit, Sources, setting};

mod actions;
mod values;

pub use actions::{
    ActivityAction, ActivityFilter, ExpirationFlags, InvitationsAction, KeysAction, MembersAction, NamedKey,
    NamedOrganization, NewKeyFlags, OrganizationsAction,
};
pub(super) use values::Expected;
pub use values::{Expiry, Metadata, Moment, Rate};

/// The server that is asked unless another one is named: one on this machine, as it listens.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// What the commands end with, for `--help`.
pub(super) const EXIT_STATUS: &str = "\
Environment:
  TESSERA_URL    Server URL, unless --url is set
  TESSERA_TOKEN  Master token (for “organizations” an instance token), unless --token-file is set.
                 There's no flag for the token itself, because other users of the machine can read
                 the arguments

Exit status:
  0  Done (for “keys verify”: the key is valid)
  1  Rejected by the server, not confirmed, or the output couldn't be written
  2  Invalid command or setting; nothing was sent
  3  No connection, or not a Tessera server
  4  Not permitted: the token isn't accepted, or its access isn't sufficient
  5  Not found
  6  “keys verify” only: the key is rejected; its code is printed";

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
    /// Something with all organizations.
    Organizations(OrganizationsAction),
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
    /// Server URL [env: TESSERA_URL] [default: http://127.0.0.1:8080]
    #[arg(long, global = true, display_order = 900, value_name = "URL")]
    url: Option<String>,
    /// File with the token; without it, the token is read from TESSERA_TOKEN
    #[arg(long, global = true, display_order = 900, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Print the JSON of the API, lists as one array
    #[arg(long, global = true, display_order = 900)]
    json: bool,
}

/// Which shell wants completions.
#[derive(Args)]
pub(super) struct CompletionsLine {
    /// Shell
    #[arg(value_enum)]
    pub(super) shell: Shell,
}

/// Where manual pages go.
#[derive(Args)]
pub(super) struct ManualLine {
    /// Folder for the pages, one for each command
    #[arg(value_name = "FOLDER")]
    pub(super) folder: PathBuf,
}

impl<A: Subcommand> ClientLine<A> {
    pub(super) fn read(
        self,
        sources: &Sources<'_>,
        action: impl FnOnce(A) -> ClientAction,
    ) -> Result<ClientCall, Exit> {
        let ConnectionFlags { url, token_file, json } = self.connection;
        let url = setting("TESSERA_URL", url, sources, server)?;
        let token = match token_file {
            Some(file) => token_in(&file).map_err(Exit::mistake)?,
            None => setting("TESSERA_TOKEN", None, sources, token)?.ok_or_else(|| {
                Exit::mistake("TESSERA_TOKEN isn't set; set it to a token, or name a file with --token-file")
            })?,
        };
        let url = url.unwrap_or_else(|| DEFAULT_URL.to_owned());
        Ok(ClientCall { url, token, json, action: action(self.action) })
    }
}

fn server(text: &str) -> Result<String, String> {
    let expected = "must be the URL of a server, such as https://keys.example.com";
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
        .map_err(|error| format!("the file of --token-file can't be read: {}", error.kind()))?;
    token(text_of_file(&text)).map_err(|expected| format!("the file of --token-file {expected}"))
}

/// What a file or standard input holds, without the byte order mark that some editors put first.
pub fn text_of_file(text: &str) -> &str {
    text.trim_start_matches('\u{feff}').trim()
}

fn token(text: &str) -> Result<SecretString, String> {
    if text.is_empty() || !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err("must be a token, such as tess_m_…, without spaces".to_owned());
    }
    Ok(SecretString::from(text))
}
