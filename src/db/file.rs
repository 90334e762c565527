//! The file of the database: which one a path means, who may read it, and what can be wrong with it.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, ErrorKind},
    os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access};

/// The database holds digests, addresses and mails: it is its owner's alone.
pub(super) const OWNER_ONLY: u32 = 0o600;
/// What SQLite keeps beside a database, and what [`Claim`] does.
const BESIDE: [&str; 3] = ["-wal", "-shm", LOCK];
const LOCK: &str = "-lock";
/// Links that are followed from one to the next, as Linux does.
const MAX_LINKS: usize = 40;

/// The file that `path` means, by the one name that all its spellings have in common. It need not
/// exist.
///
/// # Errors
/// What is wrong with the path, as the end of a sentence that begins with it.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, String> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::canonicalize(&path) {
            Ok(real) => return Ok(real),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.to_string()),
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).to_owned();
        // A link to a file that is not there yet.
        match fs::read_link(&path) {
            Ok(target) => path = folder.join(target),
            Err(_) => {
                let name = path.file_name().ok_or("this names no file")?;
                let folder = fs::canonicalize(&folder).map_err(|error| no_folder(&folder, &error))?;
                return Ok(folder.join(name));
            }
        }
    }
    Err("too many symbolic links lead from one to the next".to_owned())
}

fn no_folder(folder: &Path, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => format!("the folder {} does not exist", folder.display()),
        _ => format!("the folder {} can't be used: {error}", folder.display()),
    }
}

/// Sees to it that the file can be used, where there is one.
///
/// # Errors
/// What is wrong with it, as the end of a sentence that begins with its path.
fn check_if_there(file: &Path) -> Result<(), String> {
    if file.exists() { check(file) } else { Ok(()) }
}

/// Makes the file when it is absent, its owner's alone, and sees to it that it can be used.
///
/// # Errors
/// What is wrong with it, as the end of a sentence that begins with its path.
pub(super) fn prepare(file: &Path) -> Result<(), String> {
    // Never opened where it exists: closing it again would drop the locks that other connections
    // of this process have on it (<https://www.sqlite.org/howtocorrupt.html>, 2.2).
    match OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => check(file),
        Err(error) => Err(format!("it doesn't exist and can't be created: {error}")),
    }
}

/// Sees to it that the file, which is there, can be used.
///
/// # Errors
/// What is wrong with it, as the end of a sentence that begins with its path.
pub(super) fn check(file: &Path) -> Result<(), String> {
    let found = fs::metadata(file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => error.to_string(),
    })?;
    if found.is_dir() {
        return Err("this is a folder, not a file".to_owned());
    }
    let kind = found.file_type();
    if kind.is_fifo() || kind.is_socket() || kind.is_char_device() || kind.is_block_device() {
        return Err("this isn't a regular file".to_owned());
    }
    // SQLite keeps its log beside the name by which it was opened, so two names make two logs
    // (<https://www.sqlite.org/howtocorrupt.html>, 2.5).
    if found.nlink() > 1 {
        return Err("the file has a second name (a hard link); remove one of them".to_owned());
    }
    access(file, Access::READ_OK).map_err(|error| format!("it can't be read: {error}"))?;
    access(file, Access::WRITE_OK).map_err(|error| format!("it can't be written: {error}"))?;
    check_folder_of(file)
}

/// Sees to it that files can be made beside `file`.
///
/// # Errors
/// As [`check`].
pub(super) fn check_folder_of(file: &Path) -> Result<(), String> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| {
        format!("SQLite needs files beside it, and no file can be created in {}: {error}", folder.display())
    })
}

/// Takes what others may do with the database and the files beside it away from them. Where that
/// fails, the operator is told: the file may be another owner's, who meant it so.
pub(super) fn tighten(file: &Path) {
    let beside = BESIDE.iter().map(|ending| beside(file, ending));
    for file in [file.to_owned()].into_iter().chain(beside) {
        let Ok(mode) = fs::metadata(&file).map(|found| found.permissions().mode() & 0o777) else { continue };
        if mode & 0o077 == 0 {
            continue;
        }
        let file_shown = file.display();
        match fs::set_permissions(&file, fs::Permissions::from_mode(mode & 0o700)) {
            Ok(()) => {
                tracing::warn!("other users could open {file_shown} (mode {mode:o}); they can't anymore")
            }
            Err(error) => tracing::warn!("other users may open {file_shown} (mode {mode:o}): {error}"),
        }
    }
}

/// The file beside `file` that has its name with an ending.
pub(super) fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(ending);
    name.into()
}

/// The right to be the only process that uses a file: a locked one beside it. It ends with the process,
/// however that ends.
#[expect(dead_code, reason = "what is held until it is dropped")]
pub(super) struct Claim(File);

impl Claim {
    /// Claims the file that `path` means.
    ///
    /// # Errors
    /// Why it cannot be had, as the end of a sentence that begins with it.
    pub(super) fn take(path: &Path) -> Result<Self, String> {
        let file = resolve(path)?;
        check_if_there(&file)?;
        let path = beside(&file, LOCK);
        let failed = |error: io::Error| format!("its lock file {} can't be used: {error}", path.display());
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(OWNER_ONLY);
        let lock = options.open(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self(lock)),
            Err(TryLockError::WouldBlock) => {
                Err("another process of Tessera uses it; stop that one first".to_owned())
            }
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

/// The files of an open database as they were when it was opened.
#[derive(Debug)]
pub(super) struct Opened {
    file: PathBuf,
    identities: Vec<(PathBuf, Identity)>,
}

/// How large the files of a database are, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSizes {
    /// The database itself.
    pub database: u64,
    /// What was written last, which SQLite moves into it now and then.
    pub log: u64,
}

/// What tells a file from another one under the same name.
type Identity = (u64, u64);

impl Opened {
    /// Notes which files stand there now.
    pub(super) fn note(file: &Path) -> Self {
        let all = [file.to_owned()].into_iter().chain(BESIDE.iter().map(|ending| beside(file, ending)));
        let identities = all.filter_map(|file| identity(&file).map(|identity| (file, identity))).collect();
        Self { file: file.to_owned(), identities }
    }

    /// The first file that is not what it was.
    pub(super) fn gone(&self) -> Option<&Path> {
        self.identities
            .iter()
            .find(|(file, noted)| identity(file).as_ref() != Some(noted))
            .map(|(file, _)| file.as_path())
    }

    /// How large the file is, and the log beside it.
    pub(super) fn sizes(&self) -> FileSizes {
        let bytes = |file: &Path| fs::metadata(file).map(|found| found.len()).unwrap_or_default();
        FileSizes { database: bytes(&self.file), log: bytes(&beside(&self.file, "-wal")) }
    }

    /// Bytes that the disk of the database has left, where the system tells.
    pub(super) fn bytes_left_on_disk(&self) -> Option<u64> {
        bytes_left_on_disk(&self.file)
    }
}

/// Bytes that the disk of `file`, which need not be there, has left, where the system tells.
pub(super) fn bytes_left_on_disk(file: &Path) -> Option<u64> {
    let there = if file.exists() { file } else { file.parent()? };
    let disk = rustix::fs::statvfs(there).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn identity(file: &Path) -> Option<Identity> {
    fs::metadata(file).ok().map(|found| (found.dev(), found.ino()))
}
