//! What is taken over from other systems, by whoever sits at the machine.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{DatabaseUrl, Exit, Sources, rules::max_keys, serve::DatabaseFlag};
use crate::vocabulary::ImportFormat;

/// Something done about imports.
#[derive(Debug)]
pub struct ImportCall {
    /// Where the keys go, or are.
    pub database: DatabaseUrl,
    /// What is done.
    pub verb: ImportVerb,
}

/// What is done about imports.
#[derive(Debug)]
pub enum ImportVerb {
    /// Take over the keys of a file.
    Keys(KeysToImport),
    /// Tell how many have called since.
    Status,
}

/// A file with keys, and how they are taken over.
#[derive(Debug)]
pub struct KeysToImport {
    /// The file.
    pub file: PathBuf,
    /// What it is.
    pub format: ImportFormat,
    /// The organization of all keys, by its id or name.
    pub organization: Option<String>,
    /// A file that says which organization an owner is.
    pub owners: Option<PathBuf>,
    /// Whether it is only said what would be done.
    pub is_dry_run: bool,
    /// Whether keys keep their limits.
    pub takes_limits: bool,
    /// How many keys an organization may have.
    pub max_keys: i64,
}

#[derive(Args)]
pub(super) struct ImportLine {
    #[command(subcommand)]
    action: ImportAction,
}

#[derive(Subcommand)]
enum ImportAction {
    /// Import the keys of another system, so that clients keep them
    ///
    /// Prints what became of each line. Running it again imports nothing twice, so a file can be imported while its
    /// system still runs, and again before it is shut down. Next to a running server, keys work within a second.
    #[command(after_help = EXIT_STATUS)]
    Keys(Box<KeysLine>),
    /// Print how many imported keys have been used since
    Status(DatabaseFlag),
}

const EXIT_STATUS: &str = "\
Exit status:
  0  Every key is imported, or was before
  1  Some lines were rejected, for the reasons printed, or the database failed
  2  Invalid command, setting or file; nothing was imported";

#[derive(Args)]
struct KeysLine {
    /// File to import; CSV, JSON, JSON lines or YAML
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where the keys come from
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: ImportFormat,
    /// Organization that gets all keys, by ID or name; their owners are kept as metadata. Without this, each key goes to
    /// the organization that’s called like its owner
    #[arg(long, value_name = "ID|NAME", conflicts_with = "map")]
    organization: Option<String>,
    /// CSV file with the columns “owner” and “organization” (an ID or name), for owners that aren’t called like their
    /// organization
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Only print what would be imported
    #[arg(long)]
    dry_run: bool,
    /// Import rate limits and monthly quotas, too
    #[arg(long)]
    take_limits: bool,
    #[command(flatten)]
    database: DatabaseFlag,
    /// API keys that an organization can have [env: TESSERA_MAX_KEYS] [default: 100000]
    #[arg(long, value_name = "NUMBER")]
    max_keys: Option<String>,
}

impl ImportLine {
    pub(super) fn read(self, sources: &Sources<'_>) -> Result<ImportCall, Exit> {
        let (database, verb) = match self.action {
            ImportAction::Status(database) => (database, ImportVerb::Status),
            ImportAction::Keys(line) => {
                let line = *line;
                let keys = KeysToImport {
                    file: line.file,
                    format: line.format,
                    organization: line.organization,
                    owners: line.map,
                    is_dry_run: line.dry_run,
                    takes_limits: line.take_limits,
                    max_keys: max_keys(line.max_keys, sources)?,
                };
                (line.database, ImportVerb::Keys(keys))
            }
        };
        Ok(ImportCall { database: database.read(sources)?, verb })
    }
}
