//! The command line as a client: it asks a running server over its API, as any other program could.
//!
//! Data goes to standard output, everything said about it to standard error, so that a script can
//! keep the one and a person reads both. A secret is printed once, to standard output alone.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use crate::config::{ClientAction, ClientCall, Listen};

mod activity;
mod explain;
mod health;
mod invitations;
mod keys;
mod members;
mod organizations;
mod output;
mod server;

pub use output::{Column, stdout_leads_nowhere, table};
use output::{Output, printable};
use server::Server;

/// Why a command did not do what was asked; [`Failure::status`] tells the shell.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    /// The server rejected it, or the person did not confirm it.
    Refused(String),
    /// The command itself is wrong.
    Usage(String),
    /// Nobody answers, or somebody else.
    NoServer(String),
    /// The token is not accepted, or may not do that.
    NotPermitted(String),
    /// What was named is not there.
    NotFound(String),
    /// The key that was verified is rejected; its code is printed already.
    KeyRejected,
    /// Whoever reads standard output has heard enough, as `head` has.
    NobodyReads,
}

/// Runs a call and gives the status to end with.
pub fn run(call: &ClientCall) -> ExitCode {
    end_with(carry_out(call))
}

/// Asks the server that listens at `listen` whether it can do its work, and gives the status to end with.
pub fn ask_health(listen: &Listen, has_tls: bool) -> ExitCode {
    end_with(health::ask(listen, has_tls))
}

fn end_with(work: impl Future<Output = Result<(), Failure>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Failure::from).and_then(|runtime| runtime.block_on(work)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = failure.message() {
                say(format_args!("tessera: {message}"));
            }
            ExitCode::from(failure.status())
        }
    }
}

async fn carry_out(call: &ClientCall) -> Result<(), Failure> {
    let server = Server::new(call)?;
    let output = Output::new(call.json);
    match &call.action {
        ClientAction::Keys(action) => keys::run(&server, &output, action).await,
        ClientAction::Members(action) => members::run(&server, &output, action).await,
        ClientAction::Invitations(action) => invitations::run(&server, &output, action).await,
        ClientAction::Organizations(action) => organizations::run(&server, &output, action).await,
        ClientAction::Activity(action) => activity::run(&server, &output, action).await,
    }
}

impl Failure {
    fn status(&self) -> u8 {
        match self {
            Self::NobodyReads => 0,
            Self::Refused(_) => 1,
            Self::Usage(_) => 2,
            Self::NoServer(_) => 3,
            Self::NotPermitted(_) => 4,
            Self::NotFound(_) => 5,
            Self::KeyRejected => 6,
        }
    }

    fn message(&self) -> Option<&str> {
        match self {
            Self::Refused(text)
            | Self::Usage(text)
            | Self::NoServer(text)
            | Self::NotPermitted(text)
            | Self::NotFound(text) => Some(text),
            Self::KeyRejected | Self::NobodyReads => None,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::NobodyReads,
            kind => Self::Refused(format!("The output couldn't be written: {kind}.")),
        }
    }
}

/// A line for the person, beside the data.
fn say(line: impl fmt::Display) {
    // Nothing is left to be done when even this cannot be written.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Has the person confirm what cannot be undone; `yes` confirms it beforehand.
fn confirm(yes: bool, what: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    must_be_able_to_ask(yes)?;
    // Nothing is left to be done when the question cannot be written: no answer is a no.
    let _ = write!(io::stderr(), "{} Type “yes”: ", printable(what));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim(), "yes" | "y") {
        return Ok(());
    }
    Err(Failure::Refused("Nothing was removed.".to_owned()))
}

/// Refuses to go on where [`confirm`] could not ask, before anything is sent.
fn must_be_able_to_ask(yes: bool) -> Result<(), Failure> {
    if yes || io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Failure::Usage("can't prompt without a terminal; use --yes".to_owned()))
}
