//! Short-lived credentials that stand for a master token. Nothing is stored: a session token
//! names the digest of its master token, so it ends when that is deactivated, replaced or removed.

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ring::hmac;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use super::secret::SecretDigest;
use crate::{clock::Timestamp, config::KeyPrefix};

/// How long a session token works.
pub const LIFETIME: Duration = Duration::minutes(15);

/// What stands behind the prefix of the server, to tell people and leak scanners what it is.
const MARK: &str = "_s_";

/// Seals session tokens with a secret of this installation.
#[derive(Clone)]
pub struct SessionSeal(Arc<hmac::Key>);

impl fmt::Debug for SessionSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSeal(…)")
    }
}

impl SessionSeal {
    /// A seal with the installation's own `secret`.
    pub fn new(secret: &[u8]) -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// A token that stands for the master token with this digest, from `now` on.
    pub fn issue(&self, prefix: KeyPrefix, master: SecretDigest, now: Timestamp) -> String {
        let end = (now + LIFETIME).assume_utc().unix_timestamp();
        let body = [end.to_be_bytes().as_slice(), master.as_bytes()].concat();
        let mark = hmac::sign(&self.0, &body);
        format!("{prefix}{MARK}{}", BASE64.encode([body.as_slice(), mark.as_ref()].concat()))
    }

    /// The digest of the master token that `presented` stands for, while it works.
    pub fn read(&self, presented: &str, now: Timestamp) -> Option<SecretDigest> {
        let (prefix, sealed) = presented.split_once(MARK)?;
        let bytes = KeyPrefix::is_one(prefix).then(|| BASE64.decode(sealed).ok())??;
        let (body, mark) = bytes.split_at_checked(size_of::<i64>() + size_of::<SecretDigest>())?;
        hmac::verify(&self.0, body, mark).ok()?;
        let (end, digest) = body.split_first_chunk()?;
        let end = OffsetDateTime::from_unix_timestamp(i64::from_be_bytes(*end)).ok()?;
        let is_over = PrimitiveDateTime::new(end.date(), end.time()) <= now;
        if is_over { None } else { SecretDigest::from_bytes(digest) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const NOW: Timestamp = datetime!(2026-11-25 10:00);

    #[test]
    fn a_token_works_for_a_quarter_of_an_hour_at_its_own_installation() {
        let (seal, digest) = (SessionSeal::new(&[1; 64]), SecretDigest::of("tess_m_x"));
        let token = seal.issue(KeyPrefix::default(), digest, NOW);
        assert_eq!(seal.read(&token, NOW + LIFETIME - Duration::SECOND), Some(digest));
        assert_eq!(seal.read(&token, NOW + LIFETIME), None);
        assert_eq!(SessionSeal::new(&[2; 64]).read(&token, NOW), None);
    }

    proptest! {
        #[test]
        fn no_other_text_is_a_token(text in ".*", place in 7usize..100, other in "[0-9A-Za-z_-]") {
            let seal = SessionSeal::new(&[1; 64]);
            prop_assert_eq!(seal.read(&text, NOW), None);
            let token = seal.issue(KeyPrefix::default(), SecretDigest::of("tess_m_x"), NOW);
            prop_assume!(place < token.len() - 1); // the last character has spare bits
            let mut changed = token.clone();
            changed.replace_range(place..=place, &other);
            prop_assume!(changed != token);
            prop_assert_eq!(seal.read(&changed, NOW), None);
        }
    }
}
