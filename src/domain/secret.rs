//! Secrets: made here, shown once, kept only as digests.
//!
//! A key reads `tess_` + 30 base62 characters + 6 that encode a CRC32 of what precedes them,
//! after GitHub's token format: a typo or a made-up key is refused without a database call.
//! The prefix is the server's own when a secret is made. A presented secret may have any, since the checksum
//! covers it, too: whatever was made under an earlier prefix goes on working.

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

use crate::{config::KeyPrefix, vocabulary::Environment};

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

/// What stands between the prefix of a server and the random characters.
const MASTER_TOKEN: &str = "m";
const INSTANCE_TOKEN: &str = "i";

/// What a secret begins with, underscores included.
fn beginning(prefix: KeyPrefix, kind: SecretKind, environment: Option<Environment>) -> String {
    let part = match kind {
        SecretKind::ApiKey => environment.map(Environment::as_str),
        SecretKind::MasterToken => Some(MASTER_TOKEN),
        SecretKind::InstanceToken => Some(INSTANCE_TOKEN),
    };
    match part {
        Some(part) => format!("{prefix}_{part}_"),
        None => format!("{prefix}_"),
    }
}

/// What a text begins with that reads like a secret, of whatever server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form<'a> {
    /// What it would open.
    pub(super) kind: SecretKind,
    /// What comes before the random characters, underscores included.
    pub(super) beginning: &'a str,
    /// The random characters and the checksum, or whatever stands there.
    pub(super) body: &'a str,
}

impl<'a> Form<'a> {
    pub(super) fn of(text: &'a str) -> Option<Self> {
        let (_, rest) = text.split_once('_').filter(|(prefix, _)| KeyPrefix::is_one(prefix))?;
        let (kind, body) = match rest.split_once('_') {
            None => (SecretKind::ApiKey, rest),
            Some((MASTER_TOKEN, body)) => (SecretKind::MasterToken, body),
            Some((INSTANCE_TOKEN, body)) => (SecretKind::InstanceToken, body),
            Some((part, body)) => part.parse::<Environment>().ok().map(|_| (SecretKind::ApiKey, body))?,
        };
        let beginning = text.strip_suffix(body)?;
        Some(Self { kind, beginning, body })
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
    /// A new token.
    pub fn generate(prefix: KeyPrefix, kind: SecretKind) -> Result<Self, NoRandomness> {
        Self::behind(beginning(prefix, kind, None))
    }

    /// A new API key, for an environment where there are some.
    pub fn generate_key(prefix: KeyPrefix, environment: Option<Environment>) -> Result<Self, NoRandomness> {
        Self::behind(beginning(prefix, SecretKind::ApiKey, environment))
    }

    fn behind(beginning: String) -> Result<Self, NoRandomness> {
        let mut text = beginning;
        text.push_str(&random_text(RANDOM_CHARACTERS)?);
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
    let (beginning, body) = Form::of(text).map_or(("", text), |form| (form.beginning, form.body));
    let head: String = body.chars().take(4).collect();
    let tail = body.get(body.len().saturating_sub(4)..).unwrap_or_default();
    format!("{beginning}{head}…{tail}")
}

/// The SHA-256 of a secret. A slow hash would add nothing to 178 random bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, FromSqlRow)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// Digests a secret that somebody presented.
    pub fn of(presented: &str) -> Self {
        Self(Sha256::digest(presented.as_bytes()).into())
    }

    /// The digest of nobody's secret: who would present one would have to find what is digested to it.
    pub(super) fn of_nobody() -> Result<Self, NoRandomness> {
        let mut bytes = [0u8; 32];
        SysRng.try_fill_bytes(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(Self(bytes))
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
    let Some(form) = Form::of(presented).filter(|form| form.kind == kind) else { return false };
    if form.body.len() != BODY_CHARACTERS || !form.body.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return false;
    }
    let (signed, sum) = presented.split_at(presented.len() - CHECKSUM_CHARACTERS);
    checksum(signed) == sum.as_bytes()
}

/// Whether `presented` begins like a secret of ours and is as long as one: where it has not the checksum, it was
/// mistyped or cut.
pub fn reads_like_one(presented: &str) -> bool {
    Form::of(presented).is_some_and(|form| form.body.len() == BODY_CHARACTERS)
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
    fn a_generated_secret_is_well_formed_and_of_one_kind() {
        let kinds = [SecretKind::ApiKey, SecretKind::MasterToken, SecretKind::InstanceToken];
        for prefix in ["tess", "acme", "m2", "i2"].map(|text| KeyPrefix::parse(text).unwrap()) {
            for kind in kinds {
                let secret = Secret::generate(prefix, kind).unwrap();
                for other in kinds {
                    assert_eq!(
                        is_well_formed(other, secret.expose()),
                        other == kind,
                        "{kind:?} as {other:?}"
                    );
                }
                let beginning = beginning(prefix, kind, None);
                assert!(secret.masked().starts_with(&beginning), "{}", secret.masked());
                assert_eq!(secret.masked().chars().count(), beginning.len() + 9);
            }
        }
    }

    #[test]
    fn a_key_names_its_environment_and_any_prefix_is_read() {
        for environment in Environment::ALL {
            let prefix = KeyPrefix::parse("acme").unwrap();
            let key = Secret::generate_key(prefix, Some(environment)).unwrap();
            assert!(key.expose().starts_with(&format!("acme_{}_", environment.as_str())), "{}", key.masked());
            assert!(is_well_formed(SecretKind::ApiKey, key.expose()));
            let moved = key.expose().replacen("acme", "fern", 1);
            assert!(!is_well_formed(SecretKind::ApiKey, &moved), "the checksum covers the prefix");
        }
        for other in ["acme_x_", "acme_live_test_", "acme__", "Acme_", "a_", "acme-"] {
            let text = format!("{other}{}", "a".repeat(30));
            let text = format!("{text}{}", String::from_utf8_lossy(&checksum(&text)));
            assert!(!is_well_formed(SecretKind::ApiKey, &text), "{other}");
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
            let key = Secret::generate_key(KeyPrefix::default(), None).unwrap();
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
