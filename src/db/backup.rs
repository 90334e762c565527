//! Copies of a database file that are whole, made while a server uses it, and the way back.
//!
//! Of a file whose log is beside it a plain copy would miss the newest changes, or have some of them by halves.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
};
use sha2::{Digest, Sha256};

use super::{
    Connection, DbError, LOCK_TIMEOUT,
    file::{self, Claim},
    migrate, opener,
};
use crate::{clock::Timestamp, config::DatabaseUrl};

/// How often it is looked how far a backup is.
const LOOK: Duration = Duration::from_millis(200);

/// A backup that was made and verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// How large the file is.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub digest: [u8; 32],
}

/// What was put in place of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Where the database is now that was there before, if one was.
    pub kept: Option<PathBuf>,
    /// The names of the migrations that the next start will apply.
    pub pending_migrations: Vec<String>,
}

/// How far a backup is: bytes that are written, and about how many there will be.
pub type BackupProgress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// Writes all that a database file holds at this moment to the new file `to`, and reads it again to see that it is
/// sound. A server may use the database meanwhile, and waits for nothing. Of a backup that fails nothing is left.
///
/// # Errors
/// [`DbError::NotCopied`] with the reason: `to` is there already or can't be written, or the copy is not sound.
pub fn back_up(from: &DatabaseUrl, to: &Path, progress: BackupProgress<'_>) -> Result<Backup, DbError> {
    let source = file_of(from)?;
    file::check(&source).map_err(|reason| failed(&source, reason))?;
    if to.exists() {
        return Err(failed(to, "there is a file already"));
    }
    let unfinished = Unfinished::make(to)?;
    let mut connection = open(&source)?;
    let expected = total_bytes(&mut connection)?;
    let copy = || copy_all(&mut connection, &unfinished.path);
    while_looking(&unfinished.path, expected, progress, copy)?;
    verify(&unfinished.path)?;
    let backup = weigh(&unfinished.path).map_err(|error| failed(to, error))?;
    unfinished.finish(to)?;
    progress(backup.bytes, backup.bytes);
    Ok(backup)
}

/// Puts a backup in the place of a database that no server uses. What was there is kept under another name.
///
/// # Errors
/// [`DbError::NotCopied`] with the reason: the backup is not sound, is not one of this version or an earlier one, or a
/// process uses the database. Nothing was changed then.
pub fn restore(from: &Path, to: &DatabaseUrl, now: Timestamp) -> Result<Restored, DbError> {
    let target = file_of(to)?;
    // SQLite would make a file that is not there.
    File::open(from).map_err(|error| failed(from, error))?;
    let unfinished = Unfinished::make(&target)?;
    // Not as a plain copy: what a restore put aside may have its newest changes in a log beside it.
    let not_sound = |error| failed(from, format!("this isn't a sound backup of Tessera: {error}"));
    copy_all(&mut open(from)?, &unfinished.path).map_err(not_sound)?;
    let pending_migrations = verify(&unfinished.path).map_err(not_sound)?;
    let _claim = Claim::take(&target).map_err(|reason| failed(&target, reason))?;
    let kept = target.exists().then(|| {
        let stamp = now.assume_utc().unix_timestamp();
        file::beside(&target, &format!(".before-restore-{stamp}"))
    });
    if let Some(kept) = &kept {
        for beside in ["", "-wal", "-shm"] {
            match fs::rename(file::beside(&target, beside), file::beside(kept, beside)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&target, error)),
                _ => {}
            }
        }
    }
    unfinished.finish(&target)?;
    Ok(Restored { kept, pending_migrations })
}

/// Writes all that a database holds at this moment to an empty file.
fn copy_all(from: &mut Connection, to: &Path) -> Result<(), DbError> {
    let name = to.to_str().ok_or_else(|| failed(to, "the path is not UTF-8"))?;
    diesel::sql_query("VACUUM INTO ?").bind::<Text, _>(name).execute(from)?;
    Ok(())
}

/// The file of a database that is one.
fn file_of(url: &DatabaseUrl) -> Result<PathBuf, DbError> {
    match url {
        DatabaseUrl::Sqlite(path) => file::resolve(path).map_err(|reason| failed(path, reason)),
        DatabaseUrl::Postgres(url) => Err(DbError::NotCopied(format!(
            "{url} is on a PostgreSQL server; use pg_dump and pg_restore, or the backups of that server"
        ))),
    }
}

/// A file under another name until all of it is there.
struct Unfinished {
    path: PathBuf,
    is_finished: bool,
}

impl Unfinished {
    fn make(target: &Path) -> Result<Self, DbError> {
        let path = file::beside(target, ".unfinished");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&path, error)),
            _ => {}
        }
        // SQLite writes into an empty file as into none, and leaves its rights as they are.
        let made = OpenOptions::new().write(true).create_new(true).mode(file::OWNER_ONLY).open(&path);
        made.map_err(|error| failed(target, error))?;
        Ok(Self { path, is_finished: false })
    }

    /// Gives it its name, once it is on the disk.
    fn finish(mut self, target: &Path) -> Result<(), DbError> {
        let folder =
            target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(&self.path)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&self.path, target))
            .and_then(|()| File::open(folder)?.sync_all())
            .map_err(|error| failed(target, error))?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_finished {
            // Whoever reads the reason of the failure finds it where it says.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn open(path: &Path) -> Result<Connection, DbError> {
    let url = DatabaseUrl::Sqlite(path.to_owned());
    let mut connection = opener::establish(&url).map_err(|error| failed(path, error))?;
    let patience = format!("PRAGMA busy_timeout = {}", LOCK_TIMEOUT.as_millis());
    diesel::connection::SimpleConnection::batch_execute(&mut connection, &patience)?;
    Ok(connection)
}

fn total_bytes(connection: &mut Connection) -> Result<u64, DbError> {
    let bytes = "(SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size())";
    let bytes: i64 = diesel::select(diesel::dsl::sql::<BigInt>(bytes)).get_result(connection)?;
    Ok(bytes.unsigned_abs())
}

/// Does `work`, and tells meanwhile how large the file has become.
fn while_looking<T>(
    path: &Path,
    expected: u64,
    progress: BackupProgress<'_>,
    work: impl FnOnce() -> Result<T, DbError>,
) -> Result<T, DbError> {
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                let written = fs::metadata(path).map_or(0, |found| found.len());
                progress(written.min(expected), expected);
                thread::park_timeout(LOOK);
            }
        });
        let done = work();
        is_done.store(true, Ordering::Relaxed);
        done
    })
}

/// Sees to it that a database is sound and ours. Gives the migrations that it lacks.
fn verify(path: &Path) -> Result<Vec<String>, DbError> {
    let mut connection = open(path)?;
    let found = diesel::dsl::sql::<Text>("(SELECT integrity_check FROM pragma_integrity_check LIMIT 1)");
    let found: String =
        diesel::select(found).get_result(&mut connection).map_err(|error| failed(path, error))?;
    if found != "ok" {
        return Err(failed(path, found));
    }
    migrate::pending_of_ours(&mut connection).map_err(|reason| failed(path, reason))
}

fn weigh(path: &Path) -> io::Result<Backup> {
    let (mut file, mut digest, mut bytes) = (File::open(path)?, Sha256::new(), 0);
    let mut part = vec![0; 1 << 16];
    loop {
        match file.read(&mut part)? {
            0 => return Ok(Backup { bytes, digest: digest.finalize().into() }),
            read => {
                digest.update(part.get(..read).unwrap_or_default());
                bytes += read as u64;
            }
        }
    }
}

fn failed(path: &Path, reason: impl std::fmt::Display) -> DbError {
    DbError::NotCopied(format!("{}: {reason}", path.display()))
}
