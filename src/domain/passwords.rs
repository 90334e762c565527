//! Passwords: what is accepted, how they are hashed, and how many hashes run at once.
//!
//! To weigh or hash a password is slow on purpose. So both are private here: a password whose length
//! is right ([`TypedPassword`]) goes in together with the proof that the try was counted
//! ([`Counted`]), and the work is done off the async workers, a few at a time.

use std::{num::NonZeroU32, sync::Arc, thread, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{self, PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::pbkdf2;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use super::throttles::Counted;
use crate::machine;

/// NIST SP 800-63B-4, 3.1.1.2: at least 15 characters where the password is the only factor.
pub const MIN_PASSWORD_LENGTH: usize = 15;
/// The same section asks for 64 at least; this bounds the work that a request can cause.
pub const MAX_PASSWORD_LENGTH: usize = 256;

/// OWASP Password Storage Cheat Sheet: Argon2id with 19 MiB, t = 2, p = 1.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// How long somebody waits for a permit before they are told to come back.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(5);

/// zxcvbn's guesses, as a power of ten, below which a password is refused (ASVS 6.2.4, 6.2.12).
const MIN_GUESSES_LOG10: f64 = 10.0;

/// Letters of each text, and words of all of them, that a password is compared with.
const MAX_CONTEXT_LENGTH: usize = 256;
const MAX_CONTEXT_WORDS: usize = 32;

/// A new password of an allowed length, kept exactly as typed, with what it must not be made of.
/// Nothing slow has happened to it yet.
#[derive(Clone, Debug)]
pub struct TypedPassword {
    text: SecretString,
    context: Vec<String>,
}

/// Why a password may not be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer than [`MIN_PASSWORD_LENGTH`] characters.
    #[error("Use at least {MIN_PASSWORD_LENGTH} characters. Try a short phrase.")]
    TooShort,
    /// More than [`MAX_PASSWORD_LENGTH`] characters.
    #[error("Use at most {MAX_PASSWORD_LENGTH} characters.")]
    TooLong,
    /// Made mostly of the product's name, the person's name or address.
    #[error("Too similar to your name, email or {brand}. Choose something harder to guess.")]
    Personal {
        /// The name that the product bears here.
        brand: String,
    },
    /// Common, or a pattern such as a keyboard row.
    #[error("This password is too common or too simple. Choose something harder to guess.")]
    Guessable,
}

impl TypedPassword {
    /// Checks the length alone; `context` lists texts that must not carry the password: the brand
    /// first, then the person's name and address.
    ///
    /// # Errors
    /// [`PasswordError::TooShort`], [`PasswordError::TooLong`].
    pub fn parse(text: SecretString, context: &[&str]) -> Result<Self, PasswordError> {
        match length(text.expose_secret()) {
            length if length < MIN_PASSWORD_LENGTH => return Err(PasswordError::TooShort),
            length if length > MAX_PASSWORD_LENGTH => return Err(PasswordError::TooLong),
            _ => {}
        }
        let cut = |text: &&str| text.chars().take(MAX_CONTEXT_LENGTH).collect();
        Ok(Self { text, context: context.iter().map(cut).collect() })
    }

    fn weigh(&self) -> Result<(), PasswordError> {
        let typed = self.text.expose_secret();
        let words: Vec<&str> =
            self.context.iter().flat_map(|text| words(text)).take(MAX_CONTEXT_WORDS).collect();
        if length(&without(typed, &words)) < MIN_PASSWORD_LENGTH / 2 {
            return Err(PasswordError::Personal { brand: self.context.first().cloned().unwrap_or_default() });
        }
        if zxcvbn::zxcvbn(typed, &words).guesses_log10() < MIN_GUESSES_LOG10 {
            return Err(PasswordError::Guessable);
        }
        Ok(())
    }
}

/// In characters, but never more than one above the maximum: what is too long is not counted out.
fn length(text: &str) -> usize {
    text.chars().take(MAX_PASSWORD_LENGTH + 1).count()
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
    /// Others wait for the same, or have the memory that it takes.
    #[error("too many passwords are being hashed")]
    Busy,
}

impl From<password_hash::Error> for HashError {
    fn from(error: password_hash::Error) -> Self {
        match error {
            password_hash::Error::OutOfMemory => Self::Busy,
            error => Self::Failed(error.to_string()),
        }
    }
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
    patience: Duration,
}

/// A hasher that runs half as many hashes at once as there are cores (ASVS 15.2.2): each holds 19 MiB and a core for
/// some 20 ms.
impl Default for PasswordHasher {
    fn default() -> Self {
        let at_once = thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1));
        let permits = Arc::new(Semaphore::new(at_once));
        Self { permits, patience: PERMIT_TIMEOUT }
    }
}

impl PasswordHasher {
    /// Whether all that may be hashed at once is.
    pub fn are_being_hashed(&self) -> bool {
        self.permits.available_permits() == 0
    }

    /// Weighs a new password and hashes it into a PHC string. The inner result says why it may not
    /// be set.
    pub async fn hash(
        &self,
        password: TypedPassword,
        _: Counted,
    ) -> Result<Result<String, PasswordError>, HashError> {
        self.run(move || weigh_and_hash(&password)).await
    }

    /// [`PasswordHasher::hash`] for a command line, where there is nobody to hold back.
    ///
    /// # Errors
    /// [`HashError::Failed`].
    pub fn hash_at_command_line(
        password: &TypedPassword,
    ) -> Result<Result<String, PasswordError>, HashError> {
        weigh_and_hash(password)
    }

    /// Compares `typed` with the stored hash. With `None`, for an unknown account, it takes as
    /// long and finds a difference (ASVS 6.3.8). What is longer than any password is none.
    pub async fn compare(
        &self,
        typed: SecretString,
        stored: Option<String>,
        _: Counted,
    ) -> Result<Comparison, HashError> {
        if length(typed.expose_secret()) > MAX_PASSWORD_LENGTH {
            return Ok(Comparison::Differs);
        }
        self.run(move || match stored {
            Some(stored) => compare(typed.expose_secret(), &stored),
            // Nearly all of a comparison is the hash of what was typed.
            None => hash(typed.expose_secret()).map(|_| Comparison::Differs),
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let permit = tokio::time::timeout(self.patience, self.permits.clone().acquire_owned()).await;
        let permit = permit.map_err(|_| HashError::Busy)?.map_err(|_| HashError::Interrupted)?;
        let work = move || {
            // Held by the work itself, which goes on when whoever waits for it is gone.
            let _permit = permit;
            machine::let_others_go_first();
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| HashError::Interrupted)?
    }
}

fn weigh_and_hash(password: &TypedPassword) -> Result<Result<String, PasswordError>, HashError> {
    match password.weigh() {
        Ok(()) => hash(password.text.expose_secret()).map(Ok),
        Err(error) => Ok(Err(error)),
    }
}

fn argon2() -> Result<Argon2<'static>, HashError> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|e| HashError::Failed(e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str) -> Result<String, HashError> {
    Ok(argon2()?.hash_password(password.as_bytes())?.to_string())
}

fn compare(typed: &str, stored: &str) -> Result<Comparison, HashError> {
    let parsed = PasswordHash::new(stored).map_err(|e| HashError::Failed(e.to_string()))?;
    let argon2 = argon2()?;
    if !is_same(&argon2, typed, &parsed)? {
        return Ok(Comparison::Differs);
    }
    if Params::try_from(&parsed).is_ok_and(|params| is_todays(&params)) {
        return Ok(Comparison::Same);
    }
    Ok(Comparison::SameButWeak(hash(typed)?))
}

/// Whether a hash is that of a text. What could not be computed is no difference: nobody is told of a wrong password
/// for want of memory.
fn is_same(argon2: &Argon2<'_>, text: &str, hash: &PasswordHash) -> Result<bool, HashError> {
    match argon2.verify_password(text.as_bytes(), hash) {
        Ok(()) => Ok(true),
        Err(password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn is_todays(params: &Params) -> bool {
    params.m_cost() >= MEMORY_KIB && params.t_cost() >= PASSES
}

/// Memory of an Argon2 hash of another system at most: Django's own takes 100 MiB.
const MAX_FOREIGN_MEMORY_KIB: u32 = 256 * 1024;

/// Whether `presented` was hashed to `stored`, as Django writes it: `pbkdf2_sha256$…` or `argon2$…`. As slow as a password
/// is, and so for few at a time; what cannot be read fits nothing.
///
/// # Errors
/// [`HashError::Busy`] where there is no memory for it.
pub(super) fn fits_hash_of_django(presented: &str, stored: &str) -> Result<bool, HashError> {
    if let Some(phc) = stored.strip_prefix("argon2$") {
        let phc = format!("${phc}");
        let Ok(parsed) = PasswordHash::new(&phc) else { return Ok(false) };
        let is_bounded =
            Params::try_from(&parsed).is_ok_and(|params| params.m_cost() <= MAX_FOREIGN_MEMORY_KIB);
        if !is_bounded {
            return Ok(false);
        }
        return match is_same(&Argon2::default(), presented, &parsed) {
            Err(HashError::Failed(_)) => Ok(false),
            compared => compared,
        };
    }
    let parts: Vec<&str> = stored.split('$').collect();
    let ["pbkdf2_sha256", iterations, salt, hash] = parts.as_slice() else { return Ok(false) };
    let (Ok(iterations), Ok(hash)) = (iterations.parse::<NonZeroU32>(), STANDARD.decode(hash)) else {
        return Ok(false);
    };
    let (salt, presented) = (salt.as_bytes(), presented.as_bytes());
    Ok(pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, presented, &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_django_are_computed() {
        let key = "Ab3dEf7h.Q1w2E3r4T5y6U7i8O9p0A1s2D3f4G5h6";
        let pbkdf2 = "pbkdf2_sha256$5000$NaClNaClNaCl$jcQjXRRSel5IUpXibhYdVvwSOoyMsRsWhwyPnOjIrJM=";
        let fits = |presented: &str, stored: &str| fits_hash_of_django(presented, stored).unwrap();
        assert!(fits(key, pbkdf2));
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(1024, 2, 2, None).unwrap());
        let argon2 = format!("argon2{}", argon2.hash_password(key.as_bytes()).unwrap());
        assert!(fits(key, &argon2), "{argon2}");
        for stored in [pbkdf2, &argon2] {
            assert!(!fits("Ab3dEf7h.Q1w2E3r4T5y6U7i8O9p0A1s2D3f4G5h7", stored));
        }
        let costly = "argon2$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA";
        for other in ["", "pbkdf2_sha256$0$salt$aGFzaA==", "pbkdf2_sha256$1$salt$%", "md5$a$b", costly] {
            assert!(!fits(key, other), "{other}");
        }
    }

    fn weigh(text: &str) -> Result<(), PasswordError> {
        let context = ["Tessera", "Dana Whitfield", "dana@lumen.example"];
        TypedPassword::parse(text.to_owned().into(), &context)?.weigh()
    }

    #[test]
    fn short_common_and_personal_passwords_are_refused_with_the_reason() {
        assert_eq!(weigh("fourteen chars").unwrap_err(), PasswordError::TooShort);
        assert_eq!(weigh(&"long ".repeat(60)).unwrap_err(), PasswordError::TooLong);
        assert_eq!(weigh("passwordpassword").unwrap_err(), PasswordError::Guessable);
        assert_eq!(weigh("aaaaaaaaaaaaaaaaaaaa").unwrap_err(), PasswordError::Guessable);
        assert!(matches!(weigh("DanaWhitfield2026").unwrap_err(), PasswordError::Personal { .. }));
        assert!(matches!(weigh("tessera-lumen-tessera").unwrap_err(), PasswordError::Personal { .. }));
    }

    #[test]
    fn a_sentence_is_accepted_whatever_its_signs() {
        assert!(weigh("the heron waits for rain").is_ok());
        assert!(weigh("Üñïçødé ist auch erlaubt").is_ok());
    }

    #[test]
    fn what_is_too_long_is_refused_by_its_length_alone() {
        let endless = "x".repeat(50_000_000);
        assert_eq!(weigh(&endless).unwrap_err(), PasswordError::TooLong);
        let long_name = "Dana ".repeat(100_000);
        let typed =
            TypedPassword::parse("the heron waits for rain".to_owned().into(), &["", &long_name]).unwrap();
        assert_eq!(typed.context[1].len(), MAX_CONTEXT_LENGTH);
    }

    fn with_permits(permits: usize, patience: Duration) -> PasswordHasher {
        PasswordHasher { permits: Arc::new(Semaphore::new(permits)), patience }
    }

    #[test]
    fn a_permit_is_held_until_the_work_is_done_even_if_nobody_waits_for_it() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let hasher = with_permits(1, PERMIT_TIMEOUT);
            let (go, wait) = std::sync::mpsc::channel::<()>();
            let work = hasher.clone();
            let waiting = tokio::spawn(async move {
                work.run(move || {
                    wait.recv().ok();
                    Ok(())
                })
                .await
            });
            while hasher.permits.available_permits() > 0 {
                tokio::task::yield_now().await;
            }
            waiting.abort();
            assert!(waiting.await.is_err());
            assert_eq!(hasher.permits.available_permits(), 0);
            go.send(()).unwrap();
            hasher.run(|| Ok(())).await.unwrap();
        });
    }

    #[test]
    fn whoever_waits_too_long_for_a_permit_is_told_so() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let hasher = with_permits(0, Duration::from_millis(1));
            assert!(matches!(hasher.run(|| Ok(())).await, Err(HashError::Busy)));
        });
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
