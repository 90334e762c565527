//! What the operator asks for at the command line, beside the server.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use lettre::message::Mailbox;

use super::{
    Brand, DatabaseUrl, Exit, ServerUrl, SmtpUrl, Sources,
    serve::{DatabaseFlag, MailFlags, MailSettings, public_url},
};

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

/// A mail server to try.
#[derive(Debug)]
pub struct EmailTestCall {
    /// The mail server, if one is set.
    pub smtp: Option<SmtpUrl>,
    /// The sender.
    pub mail_from: Mailbox,
    /// The name in the email.
    pub brand: Brand,
    /// The address that the email names.
    pub public_url: ServerUrl,
    /// Who gets the email, as it was typed.
    pub recipient: String,
}

/// A database to upgrade.
#[derive(Debug)]
pub struct MigrateCall {
    /// The database.
    pub database: DatabaseUrl,
    /// Whether it is only said what would be done.
    pub is_rehearsal: bool,
}

#[derive(Args)]
pub(super) struct MigrateLine {
    /// Only print the migrations that would be applied
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    database: DatabaseFlag,
}

impl MigrateLine {
    pub(super) fn read(self, sources: &Sources<'_>) -> Result<MigrateCall, Exit> {
        Ok(MigrateCall { database: self.database.read(sources)?, is_rehearsal: self.dry_run })
    }
}

/// A backup to make.
#[derive(Debug)]
pub struct BackupCall {
    /// The database.
    pub database: DatabaseUrl,
    /// The file to write.
    pub file: PathBuf,
}

/// A backup to put in the place of a database.
#[derive(Debug)]
pub struct RestoreCall {
    /// The backup.
    pub file: PathBuf,
    /// The database.
    pub database: DatabaseUrl,
}

#[derive(Args)]
pub(super) struct BackupLine {
    /// File to write; it must not exist
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    database: DatabaseFlag,
}

impl BackupLine {
    pub(super) fn read(self, sources: &Sources<'_>) -> Result<BackupCall, Exit> {
        Ok(BackupCall { database: self.database.read(sources)?, file: self.file })
    }
}

#[derive(Args)]
pub(super) struct RestoreLine {
    /// Backup to restore
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    database: DatabaseFlag,
}

impl RestoreLine {
    pub(super) fn read(self, sources: &Sources<'_>) -> Result<RestoreCall, Exit> {
        Ok(RestoreCall { file: self.file, database: self.database.read(sources)? })
    }
}

/// A database to copy into another.
#[derive(Debug)]
pub struct CopyCall {
    /// What is copied.
    pub from: DatabaseUrl,
    /// Where it goes.
    pub to: DatabaseUrl,
}

#[derive(Args)]
pub(super) struct DatabaseLine {
    #[command(subcommand)]
    action: DatabaseAction,
}

#[derive(Subcommand)]
enum DatabaseAction {
    /// Copy everything to an empty database, such as from SQLite to PostgreSQL, and verify the copy
    ///
    /// Stop all servers that use either database first. Nothing is kept of a copy that fails.
    Copy {
        /// Database to copy: a SQLite file or postgres://user@host/database. A password is better set in PGPASSWORD,
        /// where other users can’t read it
        #[arg(long, value_name = "FILE|URL")]
        from: String,
        /// Empty database to copy to; a SQLite file is created
        #[arg(long, value_name = "FILE|URL")]
        to: String,
    },
}

impl DatabaseLine {
    pub(super) fn read(self) -> Result<CopyCall, Exit> {
        let DatabaseAction::Copy { from, to } = self.action;
        let parse = |flag: &str, text: &str| {
            DatabaseUrl::parse(text.trim())
                .map_err(|expected| Exit::mistake(format_args!("{flag} {expected}")))
        };
        Ok(CopyCall { from: parse("--from", &from)?, to: parse("--to", &to)? })
    }
}

#[derive(Args)]
pub(super) struct UsersLine {
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
    pub(super) fn read(self, sources: &Sources<'_>) -> Result<UsersCall, Exit> {
        let (email, new_name, place) = match self.action {
            UsersAction::Create { email, name, place } => (email, Some(name), place),
            UsersAction::Link { email, place } => (email, None, place),
        };
        Ok(UsersCall {
            database: place.database.read(sources)?,
            public_url: public_url(place.public_url, sources)?,
            email,
            new_name,
        })
    }
}

#[derive(Args)]
pub(super) struct EmailLine {
    #[command(subcommand)]
    action: EmailAction,
}

#[derive(Subcommand)]
enum EmailAction {
    /// Send a test email and print the mail server’s response
    Test {
        /// Who gets the email
        #[arg(value_name = "EMAIL")]
        recipient: String,
        #[command(flatten)]
        mail: MailFlags,
        /// URL that people open [env: TESSERA_PUBLIC_URL] [default: http://127.0.0.1:8080]
        #[arg(long, value_name = "URL")]
        public_url: Option<String>,
    },
}

impl EmailLine {
    pub(super) fn read(self, sources: &Sources<'_>) -> Result<EmailTestCall, Exit> {
        let EmailAction::Test { recipient, mail, public_url: url } = self.action;
        let public_url = public_url(url, sources)?;
        let MailSettings { smtp, mail_from, brand } = mail.read(&public_url, sources)?;
        Ok(EmailTestCall { smtp, mail_from, brand, public_url, recipient })
    }
}
