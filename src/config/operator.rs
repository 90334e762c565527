//! What the operator asks for at the command line, beside the server.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use lettre::message::Mailbox;

use super::{
    Brand, DatabaseUrl, Exit, ServerUrl, SmtpUrl, Sources,
    serve::{DatabaseFlag, MailFlags, MailSettings, public_url},
};

/// What the operator does with accounts.
#[derive(Debug)]
pub struct UsersCall {
    /// Where the accounts are kept.
    pub database: DatabaseUrl,
    /// What is done.
    pub verb: UsersVerb,
}

/// Something done with accounts.
#[derive(Debug)]
pub enum UsersVerb {
    /// Show all of them.
    List,
    /// Make one, with a link for its owner.
    Create {
        /// The person's email, as it was typed.
        email: String,
        /// The person's name, as it was typed.
        name: String,
        /// The address that the link begins with.
        public_url: ServerUrl,
    },
    /// Make a link for the owner of one.
    Link {
        /// The person's email, as it was typed.
        email: String,
        /// The address that the link begins with.
        public_url: ServerUrl,
        /// Whether it is for choosing a password; otherwise it logs in.
        is_for_password: bool,
    },
    /// Change one.
    Change {
        /// The person's email, as it was typed.
        email: String,
        /// In which way.
        change: AccountChange,
    },
}

/// A change of an account that needs nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// End all sessions.
    LogOut,
    /// Let the person log in no longer.
    Disable,
    /// Let the person log in again.
    Enable,
    /// Delete the account.
    Delete,
    /// Make the person an instance administrator.
    Promote,
    /// Take that away.
    Demote,
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
    /// List all accounts
    List(DatabaseFlag),
    /// Create an account and print a one-time link for choosing its password
    Create {
        /// Email of the account
        email: String,
        /// Full name
        #[arg(long, value_name = "NAME")]
        name: String,
        #[command(flatten)]
        place: LinkPlace,
    },
    /// Print a one-time link that logs in without a password
    Link {
        /// Email of the account
        email: String,
        #[command(flatten)]
        place: LinkPlace,
    },
    /// Print a one-time link for choosing a new password
    ResetPassword {
        /// Email of the account
        email: String,
        #[command(flatten)]
        place: LinkPlace,
    },
    /// Log out all sessions of an account
    LogOut(Account),
    /// Deactivate an account: it can’t log in, and its sessions end immediately
    ///
    /// Keys and master tokens of its organizations keep working.
    Disable(Account),
    /// Activate an account again
    Enable(Account),
    /// Delete an account, which leaves all its organizations
    ///
    /// The last administrator of an organization can’t be deleted. What the person created there stays.
    Delete {
        #[command(flatten)]
        account: Account,
        /// Don’t ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Make an account an instance administrator
    Promote(Account),
    /// Remove an account from the instance administrators
    Demote(Account),
}

#[derive(Args)]
struct Account {
    /// Email of the account
    email: String,
    #[command(flatten)]
    database: DatabaseFlag,
}

#[derive(Args)]
struct LinkPlace {
    #[command(flatten)]
    database: DatabaseFlag,
    /// URL that people open [env: TESSERA_PUBLIC_URL] [default: http://127.0.0.1:8080]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
}

impl UsersLine {
    pub(super) fn read(self, sources: &Sources<'_>) -> Result<UsersCall, Exit> {
        let changed = |account: Account, change| {
            let verb = UsersVerb::Change { email: account.email, change };
            Ok::<_, Exit>((account.database, verb))
        };
        let linked = |email, place: LinkPlace, is_for_password| {
            let public_url = public_url(place.public_url, sources)?;
            Ok::<_, Exit>((place.database, UsersVerb::Link { email, public_url, is_for_password }))
        };
        let (database, verb) = match self.action {
            UsersAction::List(database) => (database, UsersVerb::List),
            UsersAction::Create { email, name, place } => {
                let public_url = public_url(place.public_url, sources)?;
                (place.database, UsersVerb::Create { email, name, public_url })
            }
            UsersAction::Link { email, place } => linked(email, place, false)?,
            UsersAction::ResetPassword { email, place } => linked(email, place, true)?,
            UsersAction::LogOut(account) => changed(account, AccountChange::LogOut)?,
            UsersAction::Disable(account) => changed(account, AccountChange::Disable)?,
            UsersAction::Enable(account) => changed(account, AccountChange::Enable)?,
            UsersAction::Delete { account, yes: true } => changed(account, AccountChange::Delete)?,
            UsersAction::Delete { account, yes: false } => {
                let told =
                    format!("this deletes the account of {} and can’t be undone; add --yes", account.email);
                return Err(Exit::mistake(told));
            }
            UsersAction::Promote(account) => changed(account, AccountChange::Promote)?,
            UsersAction::Demote(account) => changed(account, AccountChange::Demote)?,
        };
        Ok(UsersCall { database: database.read(sources)?, verb })
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
