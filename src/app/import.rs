//! `tessera import`: keys of other systems, taken over on the machine itself. A server may run meanwhile: keys that are
//! new are in nobody's memory, and it looks for them within a second.

use std::{collections::HashMap, fs, io, path::Path};

use secrecy::zeroize::Zeroizing;

use crate::{
    clock::Clock,
    config::{ImportCall, ImportVerb, KeysToImport},
    db::Db,
    domain::{
        access::Operator,
        api_keys::{ImportPlan, Taken},
        instance::{self, Destination, Import, ImportReport, ImportedKeys},
    },
    import::{self, FileError, Line},
};

/// Lines in one transaction. A power cut costs no more than these, and whoever else writes waits no longer.
const LINES_AT_ONCE: usize = 500;

/// What came of a command.
#[derive(Debug)]
pub enum ImportOutcome {
    /// The lines of a file.
    Keys(ImportReport),
    /// The imported keys by their sources.
    Status(Vec<ImportedKeys>),
}

/// A file or a setting is not what it should be; nothing was done.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ImportMistake(String);

/// Why a command fails.
type Failure = Box<dyn std::error::Error>;

/// Is told what became of each line, and how many of how many lines are done.
pub trait Progress {
    /// A line is done.
    fn line(&mut self, line: &Line, taken: &Taken);
    /// So many are done and written.
    fn done(&mut self, lines: usize, total: usize);
}

/// Does what the operator asks for.
///
/// # Errors
/// [`ImportMistake`] when a file cannot be read or there is no such organization; otherwise when the database cannot be
/// used. What was written until then stays.
pub fn import(
    call: &ImportCall,
    clock: &Clock,
    progress: &mut dyn Progress,
) -> Result<ImportOutcome, Failure> {
    match &call.verb {
        ImportVerb::Status => {
            let db = Db::open_existing(&call.database)?;
            let status = db
                .read_blocking(|connection| instance::imported_keys(connection, &Operator::at_the_machine()));
            Ok(ImportOutcome::Status(status?))
        }
        ImportVerb::Keys(keys) => {
            let lines = {
                let text = read_file(&keys.file)?;
                import::read(keys.format, &text).map_err(about(&keys.file))?
            };
            let owners = keys.owners.as_deref().map(read_owners).transpose()?;
            let db = Db::open_existing(&call.database)?;
            let destination = destination(&db, keys, owners)?;
            Ok(ImportOutcome::Keys(take(&db, (keys, destination), &lines, clock, progress)?))
        }
    }
}

fn take(
    db: &Db,
    (keys, destination): (&KeysToImport, Destination),
    lines: &[Line],
    clock: &Clock,
    progress: &mut dyn Progress,
) -> Result<ImportReport, Failure> {
    let plan = ImportPlan {
        source: keys.format,
        takes_limits: keys.takes_limits,
        is_dry_run: keys.is_dry_run,
        max_keys: keys.max_keys,
    };
    let (operator, mut import) = (Operator::at_the_machine(), Import::new(destination, plan));
    let mut report = ImportReport::default();
    let mut done = 0;
    for batch in lines.chunks(LINES_AT_ONCE) {
        let now = clock.now();
        let taken = if keys.is_dry_run {
            db.read_blocking(|connection| {
                instance::preview_import(connection, &operator, &mut import, batch, now)
            })?
        } else {
            db.write_blocking(|tx| instance::import_keys(tx, &operator, &mut import, batch, now))?
        };
        for (line, taken) in batch.iter().zip(&taken) {
            report.count(line, taken, keys.takes_limits);
            progress.line(line, taken);
        }
        done += batch.len();
        progress.done(done, lines.len());
    }
    Ok(report)
}

fn destination(
    db: &Db,
    keys: &KeysToImport,
    owners: Option<HashMap<String, String>>,
) -> Result<Destination, Failure> {
    let Some(named) = &keys.organization else {
        return Ok(Destination::ByOwner(owners.unwrap_or_default()));
    };
    let found = db.read_blocking(|connection| {
        instance::organization_called(connection, &Operator::at_the_machine(), named)
    });
    match found? {
        Ok(organization) => Ok(Destination::One(organization)),
        Err(reason) => Err(ImportMistake(format!("--organization: {reason}")).into()),
    }
}

/// A file whose text goes from memory with its keys.
fn read_file(path: &Path) -> Result<Zeroizing<String>, ImportMistake> {
    let text = fs::read(path).and_then(|bytes| {
        String::from_utf8(bytes)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no text in UTF-8"))
    });
    text.map(Zeroizing::new)
        .map_err(|error| ImportMistake(format!("{} can’t be read: {error}", path.display())))
}

/// Which organization an owner is.
fn read_owners(path: &Path) -> Result<HashMap<String, String>, ImportMistake> {
    let text = read_file(path)?;
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .delimiter(import::delimiter(&text))
        .from_reader(text.as_bytes());
    let unreadable = |error: csv::Error| ImportMistake(format!("{} can’t be read: {error}", path.display()));
    let header = reader.headers().map_err(unreadable)?;
    let place = |name: &str| header.iter().position(|column| column.trim().eq_ignore_ascii_case(name));
    let (Some(owner), Some(organization)) = (place("owner"), place("organization")) else {
        let missing = format!("{} needs the columns “owner” and “organization”", path.display());
        return Err(ImportMistake(missing));
    };
    let mut owners = HashMap::new();
    for row in reader.records() {
        let row = row.map_err(unreadable)?;
        let (Some(owner), Some(organization)) = (row.get(owner), row.get(organization)) else { continue };
        let known = owners.insert(owner.to_owned(), organization.to_owned());
        if known.is_some_and(|known| known != organization) {
            let twice = format!("{} has two organizations for the owner “{owner}”", path.display());
            return Err(ImportMistake(twice));
        }
    }
    Ok(owners)
}

fn about(path: &Path) -> impl Fn(FileError) -> ImportMistake {
    move |error| ImportMistake(format!("{}: {error}", path.display()))
}
