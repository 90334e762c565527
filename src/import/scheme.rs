//! By what a key is known that another system made, and how a presented one is compared with that.

use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

/// What was stored in the place of a key. The name is stored: one is added, never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Scheme {
    /// The SHA-256 of the whole key, as for keys that are made here.
    Sha256,
    /// The SHA-512 of the whole key: Django REST Framework API Key 3, django-rest-knox.
    Sha512,
    /// The SHA-256 of what follows the first `|`; what stands before it is the id of the row: Laravel Sanctum. It takes
    /// the token without the id as well; here a key is one text, and that with the id is the one that it hands out.
    Sanctum,
    /// The SHA-256 of what follows the last `_`: Seam's prefixed keys.
    Seam,
    /// A slow hash of the whole key, found by what stands before the first dot: Django REST Framework API Key 2.
    Django,
}

/// What is stored in the place of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSecret {
    /// How it was made.
    pub scheme: Scheme,
    /// What it is found by: a digest, or for [`Scheme::Django`] the beginning of the key.
    pub look_up: Vec<u8>,
    /// What is compared beside that: the id of Sanctum's row, the short token of Seam with the prefix where it is
    /// known, the hash of Django.
    pub verifier: Option<String>,
}

impl StoredSecret {
    /// A digest that says all.
    pub(super) fn of_digest(scheme: Scheme, digest: &[u8]) -> Self {
        Self { scheme, look_up: digest.to_vec(), verifier: None }
    }
}

/// What comes of comparing a presented key.
#[derive(Debug, PartialEq, Eq)]
pub enum Check<'a> {
    /// It is the key.
    Opens,
    /// It is another one.
    Differs,
    /// This hash of the whole key has to be computed, which takes its time.
    Hash(&'a str),
}

impl Scheme {
    /// What a presented key is looked for by, other than its SHA-256.
    pub fn readings(presented: &str) -> Vec<(Self, Vec<u8>)> {
        let mut readings = vec![(Self::Sha512, Sha512::digest(presented.as_bytes()).to_vec())];
        if let Some((_, token)) = presented.split_once('|') {
            readings.push((Self::Sanctum, sha256(token)));
        }
        if let Some((_, long)) = presented.rsplit_once('_') {
            readings.push((Self::Seam, sha256(long)));
        }
        if let Some((prefix, _)) = presented.split_once('.') {
            readings.push((Self::Django, prefix.as_bytes().to_vec()));
        }
        readings
    }

    /// Compares a key that was found by one of its [`readings`](Self::readings) with what else is stored of it.
    pub fn check<'a>(self, verifier: Option<&'a str>, presented: &str) -> Check<'a> {
        let is_same = match (self, verifier) {
            (Self::Sha256 | Self::Sha512, _) | (Self::Seam, None) => true,
            (Self::Sanctum, Some(id)) => presented.split_once('|').is_some_and(|(sent, _)| equals(sent, id)),
            // Where the file had no prefix, any will do.
            (Self::Seam, Some(known)) => presented.rsplit_once('_').is_some_and(|(before, _)| {
                let sent = if known.contains('_') { Some(before) } else { before.rsplit('_').next() };
                sent.is_some_and(|sent| equals(sent, known))
            }),
            (Self::Django, Some(hash)) => return Check::Hash(hash),
            (Self::Sanctum | Self::Django, None) => false,
        };
        if is_same { Check::Opens } else { Check::Differs }
    }
}

pub(super) fn sha256(text: &str) -> Vec<u8> {
    Sha256::digest(text.as_bytes()).to_vec()
}

fn equals(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}
