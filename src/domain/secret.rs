//! Secrets: made here, shown once, kept only as digests.
//!
//! A key reads `tess_` + 30 base62 characters + 6 that encode a CRC32 of what precedes them,
//! after GitHub's token format: a typo or a made-up key is refused without a database call.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    sql_types::Binary,
};
use rand::rngs::SysRng;
use rand_core::TryRng;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Random characters in a secret: 30 of base62 are 178 bits (ASVS 6.5.2 asks for 112 at least
/// where a fast hash guards them).
const RANDOM_CHARACTERS: usize = 30;

/// Characters of the checksum: 62^6 exceeds 2^32.
const CHECKSUM_CHARACTERS: usize = 6;

/// Characters of a key after its prefix.
pub(super) const BODY_CHARACTERS: usize = RANDOM_CHARACTERS + CHECKSUM_CHARACTERS;

/// What a secret that signs for a webhook begins with.
pub const SIGNING_PREFIX: &str = "whsec_";

/// What a secret opens; its prefix says so to people and to leak scanners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// An organization's API key.
    ApiKey,
    /// An organization's master token.
    MasterToken,
    /// A token of those who operate the instance.
    InstanceToken,
}

impl SecretKind {
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::ApiKey => "tess_",
            Self::MasterToken => "tess_m_",
            Self::InstanceToken => "tess_i_",
        }
    }
}

/// A secret in the clear. It is shown to its owner and then forgotten; `Debug` hides it.
#[derive(Clone, Debug)]
pub struct Secret(SecretString);

/// The system gave no randomness.
#[derive(Debug, thiserror::Error)]
#[error("the system's random generator failed")]
pub struct NoRandomness;

impl Secret {
    /// A new API key or token.
    pub fn generate(kind: SecretKind) -> Result<Self, NoRandomness> {
        let mut text = format!("{}{}", kind.prefix(), random_text(RANDOM_CHARACTERS)?);
        let sum = checksum(&text);
        text.extend(sum.map(char::from));
        Ok(Self(SecretString::from(text)))
    }

    /// A new secret for a link in a mail: no prefix, no checksum.
    pub fn generate_link() -> Result<Self, NoRandomness> {
        Ok(Self(SecretString::from(random_text(RANDOM_CHARACTERS + CHECKSUM_CHARACTERS)?)))
    }

    /// A new secret that signs what goes to a webhook: `whsec_` and 32 random bytes in base64
    /// (Standard Webhooks 1.0 asks for 24 to 64 bytes).
    pub fn generate_signing() -> Result<Self, NoRandomness> {
        let mut bytes = [0u8; 32];
        SysRng.try_fill_bytes(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(Self(SecretString::from(format!("{SIGNING_PREFIX}{}", STANDARD.encode(bytes)))))
    }

    /// A secret that signs, as the database holds it.
    pub(super) fn from_stored(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// A password for an account that nobody has chosen one for: four groups of five characters.
    pub fn generate_password() -> Result<Self, NoRandomness> {
        let groups: Result<Vec<String>, NoRandomness> = (0..4).map(|_| random_text(5)).collect();
        Ok(Self(SecretString::from(groups?.join("-"))))
    }

    /// What is stored in its place.
    pub fn digest(&self) -> SecretDigest {
        SecretDigest::of(self.expose())
    }

    /// The form that lists show: prefix, first four … last four.
    pub fn masked(&self) -> String {
        masked(self.expose())
    }

    /// The clear text, for the one page or mail that shows it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// The masked form of a whole key or token.
pub(super) fn masked(text: &str) -> String {
    let prefix = [SecretKind::MasterToken, SecretKind::InstanceToken, SecretKind::ApiKey]
        .map(SecretKind::prefix)
        .into_iter()
        .find(|prefix| text.starts_with(prefix))
        .unwrap_or_default();
    let body = text.get(prefix.len()..).unwrap_or_default();
    let head: String = body.chars().take(4).collect();
    let tail = body.get(body.len().saturating_sub(4)..).unwrap_or_default();
    format!("{prefix}{head}…{tail}")
}

/// The SHA-256 of a secret. A slow hash would add nothing to 178 random bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, FromSqlRow)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// Digests a secret that somebody presented.
    pub fn of(presented: &str) -> Self {
        Self(Sha256::digest(presented.as_bytes()).into())
    }

    /// A digest as the database holds it; `None` for bytes of another length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes for the database.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<DB: Backend> FromSql<Binary, DB> for SecretDigest
where
    Vec<u8>: FromSql<Binary, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Self::from_bytes(&Vec::from_sql(bytes)?).ok_or_else(|| "a digest has 32 bytes".into())
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(…)")
    }
}

/// Whether `presented` has the form and the checksum of a `kind`. No secret is involved yet.
pub fn is_well_formed(kind: SecretKind, presented: &str) -> bool {
    let Some(body) = presented.strip_prefix(kind.prefix()) else { return false };
    if body.len() != RANDOM_CHARACTERS + CHECKSUM_CHARACTERS
        || !body.bytes().all(|b| b.is_ascii_alphanumeric())
    {
        return false;
    }
    let (signed, sum) = presented.split_at(presented.len() - CHECKSUM_CHARACTERS);
    checksum(signed) == sum.as_bytes()
}

/// The checksum as text, without an allocation: each presented key is checked.
fn checksum(text: &str) -> [u8; CHECKSUM_CHARACTERS] {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM_CHARACTERS];
    for digit in digits.iter_mut().rev() {
        *digit = letter(rest % 62);
        rest /= 62;
    }
    digits
}

/// Uniform base62: bytes of 248 and above are drawn again, since 256 is no multiple of 62.
fn random_text(length: usize) -> Result<String, NoRandomness> {
    let mut text = String::with_capacity(length);
    let mut bytes = [0u8; 64];
    while text.len() < length {
        SysRng.try_fill_bytes(&mut bytes).map_err(|_| NoRandomness)?;
        let fair = bytes.iter().filter(|byte| **byte < 248).take(length - text.len());
        text.extend(fair.map(|byte| char::from(letter(u32::from(*byte) % 62))));
    }
    Ok(text)
}

fn letter(value: u32) -> u8 {
    usize::try_from(value).ok().and_then(|index| ALPHABET.get(index)).copied().unwrap_or(b'0')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_generated_key_is_well_formed_and_of_one_kind() {
        let kinds = [SecretKind::ApiKey, SecretKind::MasterToken, SecretKind::InstanceToken];
        for kind in kinds {
            let secret = Secret::generate(kind).unwrap();
            for other in kinds {
                assert_eq!(is_well_formed(other, secret.expose()), other == kind, "{kind:?} as {other:?}");
            }
            assert!(secret.masked().starts_with(kind.prefix()));
            assert_eq!(secret.masked().chars().count(), kind.prefix().len() + 9);
        }
    }

    #[test]
    fn the_masked_form_tells_keys_apart_and_debug_tells_nothing() {
        let key = Secret(SecretString::from("tess_9fQ2aaaaaaaaaaaaaaaaaaaaaaaaaaaaxA7c".to_owned()));
        assert_eq!(key.masked(), "tess_9fQ2…xA7c");
        assert!(!format!("{key:?}").contains("9fQ2"));
    }

    proptest! {
        #[test]
        fn one_changed_character_is_noticed(place in 5usize..41, other in "[0-9A-Za-z]") {
            let key = Secret::generate(SecretKind::ApiKey).unwrap();
            let mut changed = key.expose().to_owned();
            changed.replace_range(place..=place, &other);
            prop_assume!(changed != key.expose());
            prop_assert!(!is_well_formed(SecretKind::ApiKey, &changed));
        }

        #[test]
        fn no_text_makes_the_check_fail_over(text in ".*") {
            prop_assert!(!is_well_formed(SecretKind::ApiKey, &text));
        }
    }
}
