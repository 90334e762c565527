//! Device cookies: what shows that a browser logged in to an account before (OWASP, "Slow Down
//! Online Guessing Attacks with Device Cookies").
//!
//! A stranger who guesses at a password uses up the tries of unknown browsers only. The cookie
//! opens nothing by itself.

use std::{fmt, sync::Arc};

use sha2::{Digest, Sha256};

use super::secret::{NoRandomness, Secret, SecretDigest};
use crate::hex;

/// Seals device cookies with a secret of this installation.
#[derive(Clone)]
pub struct DeviceSeal {
    secret: Arc<[u8]>,
}

impl fmt::Debug for DeviceSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceSeal(…)")
    }
}

impl DeviceSeal {
    /// A seal with the installation's own `secret`.
    pub fn new(secret: Vec<u8>) -> Self {
        Self { secret: secret.into() }
    }

    /// A cookie for a browser that has just logged in to the account `user_id`.
    pub fn issue(&self, user_id: &str) -> Result<String, NoRandomness> {
        let random = Secret::generate_link()?;
        Ok(format!("{}.{}", random.expose(), self.mark(user_id, random.expose())))
    }

    /// Whether `cookie` was issued here for the account `user_id`.
    pub fn knows(&self, user_id: &str, cookie: &str) -> bool {
        let Some((random, mark)) = cookie.split_once('.') else { return false };
        // Digests are compared, so that the time tells nothing of the mark.
        SecretDigest::of(mark) == SecretDigest::of(&self.mark(user_id, random))
    }

    /// Hashed twice, each time behind the secret: nobody can lengthen what was sealed.
    fn mark(&self, user_id: &str, random: &str) -> String {
        let inner = Sha256::new()
            .chain_update(&self.secret)
            .chain_update(user_id)
            .chain_update(".")
            .chain_update(random);
        let outer = Sha256::new().chain_update(&self.secret).chain_update(inner.finalize());
        hex::of(&outer.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_counts_for_its_account_and_installation_only() {
        let (here, elsewhere) = (DeviceSeal::new(vec![1; 64]), DeviceSeal::new(vec![2; 64]));
        let cookie = here.issue("dana").unwrap();
        assert!(here.knows("dana", &cookie));
        assert!(!here.knows("ines", &cookie));
        assert!(!elsewhere.knows("dana", &cookie));
    }

    #[test]
    fn a_changed_cookie_counts_for_nothing() {
        let seal = DeviceSeal::new(vec![1; 64]);
        let cookie = seal.issue("dana").unwrap();
        assert!(!seal.knows("dana", &format!("x{cookie}")));
        assert!(!seal.knows("dana", &format!("{cookie}x")));
        for text in ["", ".", "a.b", "no dot"] {
            assert!(!seal.knows("dana", text), "{text}");
        }
    }
}
