//! Files with the keys of other systems: each line is a key to take over, or why it is not. Knows no database.
//!
//! A key that comes in the clear is digested as it is read, and its text is wiped. What other systems stored
//! in its place is kept as they made it, until the key is presented for the first time ([`Scheme`]).

mod apisix;
mod aws;
mod better_auth;
mod digests;
mod drf;
mod knox;
mod kong;
mod own;
mod plain;
mod record;
mod sanctum;
mod scheme;
mod seam;
mod tyk;
mod unkey;
mod values;
mod yaml;

use serde_json::{Map, Value};

pub use plain::{MAX_LENGTH, MIN_BITS, shown_of};
pub use record::delimiter;
pub use scheme::{Check, Scheme, StoredSecret};

use crate::{
    clock::Timestamp,
    vocabulary::{Environment, ImportFormat},
};
use record::Record;

/// A line of a file.
#[derive(Debug)]
pub struct Line {
    /// Its number in the file, or of an entry among others.
    pub number: usize,
    /// The name of the key, where it has one.
    pub name: Option<String>,
    /// The key, or in a sentence why it is not taken over.
    pub key: Result<ForeignKey, String>,
}

/// A key of another system.
#[derive(Clone, Debug, PartialEq)]
pub struct ForeignKey {
    /// What is stored in the place of the key.
    pub secret: StoredSecret,
    /// What people know it by: its beginning, or its first and last characters.
    pub masked: String,
    /// Whose it is there.
    pub owner: Option<String>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Whether it works.
    pub is_enabled: bool,
    /// What it is for.
    pub environment: Environment,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// What is told about it.
    pub metadata: Map<String, Value>,
    /// What it is for, in a sentence.
    pub description: Option<String>,
    /// How often and how much it may be used.
    pub limits: Limits,
}

/// The limits of a key, as far as there are such here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// "100/minute".
    pub rate: Option<String>,
    /// Requests a month.
    pub monthly_quota: Option<u64>,
    /// Why there is no such limit here.
    pub unknown: Option<String>,
}

impl Limits {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// So many requests in so many milliseconds.
    fn note_rate(&mut self, count: u64, milliseconds: u64) {
        let period = match milliseconds {
            1_000 => "second",
            60_000 => "minute",
            3_600_000 => "hour",
            _ => {
                let seconds = milliseconds / 1000;
                self.unknown = Some(format!("A limit of {count} requests in {seconds} seconds"));
                return;
            }
        };
        self.rate = Some(format!("{count}/{period}"));
    }
}

impl ForeignKey {
    /// A key of which nothing is known but what it is recognized by.
    fn new(secret: StoredSecret, masked: String) -> Self {
        Self {
            secret,
            masked,
            owner: None,
            expires_at: None,
            is_enabled: true,
            environment: Environment::Live,
            scopes: Vec::new(),
            metadata: Map::new(),
            description: None,
            limits: Limits::default(),
        }
    }
}

/// Why a whole file cannot be read, in a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct FileError(String);

/// Reads a file.
///
/// # Errors
/// [`FileError`] when it is no file of this format. What is wrong with a line stands in its place.
pub fn read(format: ImportFormat, text: &str) -> Result<Vec<Line>, FileError> {
    let text = text.trim_start_matches('\u{feff}');
    match format {
        ImportFormat::Csv | ImportFormat::JsonLines => own::read(text),
        ImportFormat::Aws => aws::read(text),
        ImportFormat::Unkey => unkey::read(text),
        ImportFormat::BetterAuth => lines_of(text, "key", better_auth::key),
        ImportFormat::Drf => lines_of(text, "hashed_key", drf::key),
        ImportFormat::Knox => lines_of(text, "digest", knox::key),
        ImportFormat::Sanctum => lines_of(text, "token", sanctum::key),
        ImportFormat::Seam => lines_of(text, "longTokenHash", seam::key),
        ImportFormat::Kong => kong::read(text),
        ImportFormat::Apisix => apisix::read(text),
        ImportFormat::Tyk => lines_of(text, "hash", tyk::key),
    }
}

/// The lines of a file of rows, of which each must have the field `needed`.
fn lines_of(
    text: &str,
    needed: &str,
    key: impl Fn(&mut Record) -> Result<ForeignKey, String>,
) -> Result<Vec<Line>, FileError> {
    let rows = record::rows(text)?;
    rows.check_field(needed)?;
    Ok(rows.records.into_iter().map(|row| line_of(row, &key)).collect())
}

fn line_of(
    row: (usize, Result<Record, String>),
    key: impl Fn(&mut Record) -> Result<ForeignKey, String>,
) -> Line {
    let (number, record) = row;
    match record {
        Ok(mut record) => {
            let name = record.text("name");
            Line { number, name, key: key(&mut record).and_then(readable) }
        }
        Err(reason) => Line { number, name: None, key: Err(reason) },
    }
}

/// Characters of the masked form at most.
const MAX_MASKED: usize = 40;

/// A key whose texts can be stored and shown.
fn readable(mut key: ForeignKey) -> Result<ForeignKey, String> {
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    if key.secret.verifier.as_deref().is_some_and(|verifier| !is_plain(verifier)) {
        return Err("What the key is compared with has signs that no key has.".to_owned());
    }
    let masked = key.masked.chars().filter(|sign| sign.is_ascii_graphic() || *sign == '…');
    key.masked = masked.take(MAX_MASKED).collect();
    Ok(key)
}

#[cfg(test)]
mod tests;
