//! Passwords: what is accepted, how they are hashed, and how many hashes run at once.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

/// NIST SP 800-63B-4, 3.1.1.2: at least 15 characters where the password is the only factor.
pub const MIN_PASSWORD_LENGTH: usize = 15;
/// The same section asks for 64 at least; this bounds the work that a request can cause.
pub const MAX_PASSWORD_LENGTH: usize = 256;

/// OWASP Password Storage Cheat Sheet: Argon2id with 19 MiB, t = 2, p = 1.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes that run at once (ASVS 15.2.2): each holds 19 MiB and one core for some 20 ms.
const HASHES_AT_ONCE: usize = 2;

/// zxcvbn's guesses, as a power of ten, below which a password is refused (ASVS 6.2.4, 6.2.12).
const MIN_GUESSES_LOG10: f64 = 10.0;

/// A password that may be set. Kept exactly as typed.
#[derive(Clone, Debug)]
pub struct NewPassword(SecretString);

/// Why a password may not be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer than [`MIN_PASSWORD_LENGTH`] characters.
    #[error("Use at least {MIN_PASSWORD_LENGTH} characters. A short sentence works well.")]
    TooShort,
    /// More than [`MAX_PASSWORD_LENGTH`] characters.
    #[error("Use at most {MAX_PASSWORD_LENGTH} characters.")]
    TooLong,
    /// Made mostly of the product's name, the person's name or address.
    #[error("This is mostly your name, your address or {brand}. Choose something that others cannot guess.")]
    Personal {
        /// The name that the product bears here.
        brand: String,
    },
    /// Common, or a pattern such as a keyboard row.
    #[error("This is a common password or a simple pattern. Choose something that others cannot guess.")]
    Guessable,
}

impl NewPassword {
    /// Checks a password against the rules; `context` lists words that must not carry it: the
    /// brand first, then the person's name and address.
    ///
    /// # Errors
    /// [`PasswordError`] says why in words for the person.
    pub fn parse(text: SecretString, context: &[&str]) -> Result<Self, PasswordError> {
        let typed = text.expose_secret();
        match typed.chars().count() {
            length if length < MIN_PASSWORD_LENGTH => return Err(PasswordError::TooShort),
            length if length > MAX_PASSWORD_LENGTH => return Err(PasswordError::TooLong),
            _ => {}
        }
        let words: Vec<&str> = context.iter().flat_map(|text| words(text)).collect();
        if without(typed, &words).chars().count() < MIN_PASSWORD_LENGTH / 2 {
            let brand = context.first().copied().unwrap_or_default().to_owned();
            return Err(PasswordError::Personal { brand });
        }
        if zxcvbn::zxcvbn(typed, &words).guesses_log10() < MIN_GUESSES_LOG10 {
            return Err(PasswordError::Guessable);
        }
        Ok(Self(text))
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() > 3)
}

fn without(typed: &str, words: &[&str]) -> String {
    words.iter().fold(typed.to_lowercase(), |rest, word| rest.replace(&word.to_lowercase(), ""))
}

/// Why a password could not be hashed or compared.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The library refused; its words hold no secret.
    #[error("hashing failed: {0}")]
    Failed(String),
    /// The work was dropped.
    #[error("hashing was interrupted")]
    Interrupted,
}

/// What a comparison found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Another password.
    Differs,
    /// The same password.
    Same,
    /// The same password, hashed with weaker parameters than today's: store this hash instead.
    SameButWeak(String),
}

/// Hashes and compares passwords off the async workers, a few at a time.
#[derive(Clone)]
pub struct PasswordHasher {
    permits: Arc<Semaphore>,
    decoy: Arc<String>,
}

impl PasswordHasher {
    /// A hasher with today's parameters.
    ///
    /// # Errors
    /// [`HashError::Failed`] when the system gives no randomness for a salt.
    pub fn new() -> Result<Self, HashError> {
        let decoy = hash("a password that nobody has")?;
        Ok(Self { permits: Arc::new(Semaphore::new(HASHES_AT_ONCE)), decoy: Arc::new(decoy) })
    }

    /// Hashes a new password into a PHC string.
    pub async fn hash(&self, password: NewPassword) -> Result<String, HashError> {
        self.run(move || hash(password.0.expose_secret())).await
    }

    /// [`PasswordHasher::hash`] for callers without an async runtime.
    ///
    /// # Errors
    /// [`HashError::Failed`].
    pub fn hash_blocking(password: &NewPassword) -> Result<String, HashError> {
        hash(password.0.expose_secret())
    }

    /// Compares `typed` with the stored hash. With `None`, for an unknown account, it takes as
    /// long and finds a difference (ASVS 6.3.8).
    pub async fn compare(
        &self,
        typed: SecretString,
        stored: Option<String>,
    ) -> Result<Comparison, HashError> {
        let decoy = self.decoy.clone();
        self.run(move || match stored {
            Some(stored) => compare(typed.expose_secret(), &stored),
            None => compare(typed.expose_secret(), &decoy).map(|_| Comparison::Differs),
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let _permit = self.permits.acquire().await.map_err(|_| HashError::Interrupted)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| HashError::Interrupted)?
    }
}

fn argon2() -> Result<Argon2<'static>, HashError> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|e| HashError::Failed(e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str) -> Result<String, HashError> {
    let hash = argon2()?.hash_password(password.as_bytes()).map_err(|e| HashError::Failed(e.to_string()))?;
    Ok(hash.to_string())
}

fn compare(typed: &str, stored: &str) -> Result<Comparison, HashError> {
    let parsed = PasswordHash::new(stored).map_err(|e| HashError::Failed(e.to_string()))?;
    let argon2 = argon2()?;
    if argon2.verify_password(typed.as_bytes(), &parsed).is_err() {
        return Ok(Comparison::Differs);
    }
    if Params::try_from(&parsed).is_ok_and(|params| is_todays(&params)) {
        return Ok(Comparison::Same);
    }
    Ok(Comparison::SameButWeak(hash(typed)?))
}

fn is_todays(params: &Params) -> bool {
    params.m_cost() >= MEMORY_KIB && params.t_cost() >= PASSES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<NewPassword, PasswordError> {
        NewPassword::parse(text.to_owned().into(), &["Tessera", "Dana Whitfield", "dana@lumen.example"])
    }

    #[test]
    fn short_common_and_personal_passwords_are_refused_with_the_reason() {
        assert_eq!(parse("fourteen chars").unwrap_err(), PasswordError::TooShort);
        assert_eq!(parse(&"long ".repeat(60)).unwrap_err(), PasswordError::TooLong);
        assert_eq!(parse("passwordpassword").unwrap_err(), PasswordError::Guessable);
        assert_eq!(parse("aaaaaaaaaaaaaaaaaaaa").unwrap_err(), PasswordError::Guessable);
        assert!(matches!(parse("DanaWhitfield2026").unwrap_err(), PasswordError::Personal { .. }));
        assert!(matches!(parse("tessera-lumen-tessera").unwrap_err(), PasswordError::Personal { .. }));
    }

    #[test]
    fn a_sentence_is_accepted_whatever_its_signs() {
        assert!(parse("the heron waits for rain").is_ok());
        assert!(parse("Üñïçødé ist auch erlaubt").is_ok());
    }

    #[test]
    fn a_weaker_hash_is_renewed_when_the_password_is_right() {
        let weak =
            Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8 * 1024, 1, 1, None).unwrap());
        let stored = weak.hash_password(b"the heron waits for rain").unwrap().to_string();
        assert!(matches!(compare("the heron waits for rain", &stored).unwrap(), Comparison::SameButWeak(_)));
        assert_eq!(compare("The heron waits for rain", &stored).unwrap(), Comparison::Differs);
    }
}
