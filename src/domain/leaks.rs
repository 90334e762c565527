//! Leaked keys: reports of secrets that were found in public, and what follows from them.
//!
//! A report is looked up apart from verification, so it counts as no use of a key. It concerns a
//! secret and not the key: a key that was rotated since is clean.

mod notices;
mod receive;

pub use notices::{Notice, notices};
pub use receive::{collected, known, receive, tell_of_collected};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{
    events::Detail,
    secret::{self, SecretDigest, SecretKind},
};
use crate::import;

/// Characters of an address that are kept, and of what kind of place it is.
const MAX_URL_LENGTH: usize = 500;
const MAX_SOURCE_LENGTH: usize = 50;

/// What could end a line, a word or a tag where the text is shown. Letters beyond ASCII are encoded
/// as well: some turn the direction of the text around them.
const NOT_SHOWN: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');

/// A secret that somebody found in public. Holds its digest, not the secret.
#[derive(Clone, Debug)]
pub struct LeakReport {
    kind: SecretKind,
    digest: SecretDigest,
    masked: String,
    url: String,
    source: String,
}

impl LeakReport {
    /// The report of `token`, found at `url`, which may be empty; `None` when the text has not the
    /// form and the checksum of a key or token. Nothing is looked up.
    pub fn new(token: &str, url: &str, source: &str) -> Option<Self> {
        let kind = [SecretKind::ApiKey, SecretKind::MasterToken, SecretKind::InstanceToken]
            .into_iter()
            .find(|kind| secret::is_well_formed(*kind, token))?;
        Some(Self {
            kind,
            digest: SecretDigest::of(token),
            masked: secret::masked(token),
            url: shown(url, MAX_URL_LENGTH),
            source: shown(source, MAX_SOURCE_LENGTH),
        })
    }

    /// The report of a text that may be a key of another system, as [`new`](Self::new) makes one of ours.
    pub fn of_other_system(text: &str, url: &str, source: &str) -> Self {
        Self {
            kind: SecretKind::ApiKey,
            digest: SecretDigest::of(text),
            masked: import::shown_of(text),
            url: shown(url, MAX_URL_LENGTH),
            source: shown(source, MAX_SOURCE_LENGTH),
        }
    }

    /// The digest of the secret.
    pub fn digest(&self) -> SecretDigest {
        self.digest
    }

    /// Where it was found, for the audit log.
    fn fact(&self) -> Detail {
        let told = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        Detail::Leak { masked: self.masked.clone(), url: told(&self.url), source: told(&self.source) }
    }
}

fn shown(text: &str, most_characters: usize) -> String {
    utf8_percent_encode(text.trim(), NOT_SHOWN).to_string().chars().take(most_characters).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{config::KeyPrefix, domain::secret::Secret};

    fn report(url: &str, source: &str) -> LeakReport {
        let key = Secret::generate_key(KeyPrefix::default(), None).expect("randomness");
        LeakReport::new(key.expose(), url, source).expect("well formed")
    }

    #[test]
    fn a_report_holds_no_secret() {
        for kind in [SecretKind::ApiKey, SecretKind::MasterToken] {
            let secret = Secret::generate(KeyPrefix::default(), kind).expect("randomness");
            let report = LeakReport::new(secret.expose(), "", "").expect("well formed");
            assert_eq!((report.kind, report.digest), (kind, secret.digest()));
            assert!(!format!("{report:?} {:?}", report.fact()).contains(secret.expose()));
        }
    }

    #[test]
    fn a_place_keeps_to_its_line() {
        let url = report("https://a.example/x\r\nBcc: b <i>\u{202e}\u{1b}[2J", "con\ntent");
        assert_eq!(url.url, "https://a.example/x%0D%0ABcc:%20b%20%3Ci%3E%E2%80%AE%1B[2J");
        assert_eq!(url.source, "con%0Atent");
        assert_eq!(report(&"x".repeat(9000), "").url.len(), MAX_URL_LENGTH);
    }

    proptest! {
        #[test]
        fn no_text_passes_for_a_secret(token in ".*", url in ".*") {
            prop_assert!(LeakReport::new(&token, &url, "").is_none());
        }

        #[test]
        fn no_address_leaves_plain_text(url in ".*", source in ".*") {
            let report = report(&url, &source);
            let shown = format!("{}{}", report.url, report.source);
            prop_assert!(shown.chars().all(|c| (' '..='~').contains(&c)), "{shown}");
        }
    }
}
