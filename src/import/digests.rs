//! Digests as texts. The encoding is told by the length, so that no setting can be wrong.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

use super::{Scheme, StoredSecret};
use crate::hex;

/// What a digest may look like, for whoever wrote it otherwise.
pub(super) const EXPECTED: &str =
    "Use a SHA-256 as 64 hexadecimal digits or in Base64, or a SHA-512 as 128 hexadecimal digits.";

/// Reads a digest of a whole key: 64 hexadecimal digits, 44 characters of Base64 or 43 of Base64 for URLs are a
/// SHA-256, 128 hexadecimal digits are a SHA-512. The name of the algorithm may stand before it.
pub(super) fn parse(text: &str) -> Option<StoredSecret> {
    let (algorithm, text) = match text.split_once([':', '$']) {
        // Django writes an empty salt between two signs.
        Some((algorithm, rest)) => (Some(algorithm.to_ascii_lowercase()), rest.trim_start_matches('$')),
        None => (None, text),
    };
    let (scheme, digest) = match text.len() {
        64 => (Scheme::Sha256, hex::parse(text)?),
        44 => (Scheme::Sha256, STANDARD.decode(text).ok()?),
        43 => (Scheme::Sha256, URL_SAFE_NO_PAD.decode(text).ok()?),
        128 => (Scheme::Sha512, hex::parse(text)?),
        _ => return None,
    };
    let has_its_length = matches!((scheme, digest.len()), (Scheme::Sha256, 32) | (Scheme::Sha512, 64));
    let is_named_so = algorithm.is_none_or(|named| is_name_of(&named, scheme));
    (has_its_length && is_named_so).then(|| StoredSecret::of_digest(scheme, &digest))
}

/// Whether an algorithm is called so; nothing is said by an empty name.
pub(super) fn is_name_of(name: &str, scheme: Scheme) -> bool {
    let name: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    match scheme {
        Scheme::Sha256 => name.is_empty() || name.starts_with("sha256"),
        Scheme::Sha512 => name.is_empty() || name.starts_with("sha512"),
        Scheme::Sanctum | Scheme::Seam | Scheme::Django => false,
    }
}

/// What stands in the place of a key of which only a digest is known: its algorithm and its first six digits.
pub(super) fn masked(secret: &StoredSecret) -> String {
    let name = if secret.scheme == Scheme::Sha512 { "sha512" } else { "sha256" };
    let first: String = hex::of(&secret.look_up).chars().take(6).collect();
    format!("{name}:{first}…")
}
