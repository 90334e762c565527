//! Leaked keys: reports of secrets that were found in public, and what follows from them.
//!
//! A report is looked up apart from verification, so it counts as no use of a key. It concerns a
//! secret and not the key: a key that was rotated since is clean.

mod notices;
mod receive;

pub use notices::{Notice, notices};
pub use receive::{known, receive};

use std::{fmt, str::FromStr};

use diesel::{deserialize::FromSqlRow, expression::AsExpression, prelude::*, sql_types::Text};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::{
    access::{Govern, Grant, See},
    audit::{self, Action, Event},
    schema::organizations,
    secret::{self, SecretDigest, SecretKind},
    stored_text::stored_as_text,
};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
};

/// What an organization has done with a key that was found in public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromSqlRow, AsExpression)]
#[diesel(sql_type = Text)]
pub enum LeakPolicy {
    /// The administrators are told.
    Notify,
    /// The key is switched off, too.
    Deactivate,
}

impl LeakPolicy {
    /// Both policies, the one that organizations begin with first.
    pub const ALL: [Self; 2] = [Self::Notify, Self::Deactivate];

    /// The word in the database and in forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::Deactivate => "deactivate",
        }
    }

    /// The words on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Notify => "Notify administrators",
            Self::Deactivate => "Deactivate the key and notify administrators",
        }
    }
}

/// The text names no policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Choose what happens to a leaked key.")]
pub struct UnknownLeakPolicy;

impl FromStr for LeakPolicy {
    type Err = UnknownLeakPolicy;

    fn from_str(text: &str) -> Result<Self, UnknownLeakPolicy> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == text).ok_or(UnknownLeakPolicy)
    }
}

impl fmt::Display for LeakPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

stored_as_text!(LeakPolicy);

/// The organization's policy.
///
/// # Errors
/// [`DbError`].
pub fn policy(connection: &mut Connection, grant: &Grant<See>) -> Result<LeakPolicy, DbError> {
    Ok(organizations::table.find(&grant.id).select(organizations::leak_policy).first(connection)?)
}

/// Chooses what happens to keys that are found in public from now on.
///
/// # Errors
/// [`DbError`].
pub fn change_policy(
    tx: &mut Tx<'_>,
    grant: &Grant<Govern>,
    policy: LeakPolicy,
    now: Timestamp,
) -> Result<(), DbError> {
    let before = self::policy(tx.connection(), grant)?;
    if before == policy {
        return Ok(());
    }
    diesel::update(organizations::table.find(&grant.id))
        .set(organizations::leak_policy.eq(policy))
        .execute(tx.connection())?;
    let event = Event {
        organization_id: Some(&grant.id),
        actor: grant.actor(),
        action: Action::LeakPolicyChanged,
        subject_id: Some(&grant.id),
        subject_name: &grant.name,
        detail: Some(format!("from “{}” to “{}”", before.label(), policy.label())),
    };
    audit::record(tx, &event, now)
}

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
        let kind = [SecretKind::ApiKey, SecretKind::MasterToken]
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

    /// The digest of the secret.
    pub fn digest(&self) -> SecretDigest {
        self.digest
    }

    /// Where it was found, for the audit log.
    fn place(&self) -> String {
        match (self.url.as_str(), self.source.as_str()) {
            ("", "") => format!("{}, found at an unknown place", self.masked),
            ("", source) => format!("{}, found in {source}", self.masked),
            (url, "") => format!("{}, found at {url}", self.masked),
            (url, source) => format!("{}, found at {url} ({source})", self.masked),
        }
    }
}

fn shown(text: &str, most_characters: usize) -> String {
    utf8_percent_encode(text.trim(), NOT_SHOWN).to_string().chars().take(most_characters).collect()
}

/// What was found in public, as a mail calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeakedKind {
    /// An API key's present secret.
    ApiKey,
    /// The secret that an API key had before, during the grace period of a rotation.
    PreviousSecret,
    /// A master token.
    MasterToken,
}

/// What was done about a leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The secret no longer works, by the organization's policy.
    Stopped,
    /// The secret did not work before either.
    StoppedBefore,
    /// Nothing: whoever has the secret can use it.
    None,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::secret::Secret;

    fn report(url: &str, source: &str) -> LeakReport {
        let key = Secret::generate(SecretKind::ApiKey).expect("randomness");
        LeakReport::new(key.expose(), url, source).expect("well formed")
    }

    #[test]
    fn a_report_holds_no_secret() {
        for kind in [SecretKind::ApiKey, SecretKind::MasterToken] {
            let secret = Secret::generate(kind).expect("randomness");
            let report = LeakReport::new(secret.expose(), "", "").expect("well formed");
            assert_eq!((report.kind, report.digest), (kind, secret.digest()));
            assert!(!format!("{report:?} {}", report.place()).contains(secret.expose()));
        }
    }

    #[test]
    fn a_place_keeps_to_its_line() {
        let url = report("https://a.example/x\r\nBcc: b <i>\u{202e}\u{1b}[2J", "con\ntent");
        assert_eq!(url.url, "https://a.example/x%0D%0ABcc:%20b%20%3Ci%3E%E2%80%AE%1B[2J");
        assert!(url.place().ends_with("%1B[2J (con%0Atent)"), "{}", url.place());
        assert_eq!(report(&"x".repeat(9000), "").url.len(), MAX_URL_LENGTH);
    }

    proptest! {
        #[test]
        fn no_text_passes_for_a_secret(token in ".*", url in ".*") {
            prop_assert!(LeakReport::new(&token, &url, "").is_none());
        }

        #[test]
        fn no_address_leaves_plain_text(url in ".*", source in ".*") {
            let place = report(&url, &source).place();
            prop_assert!(place.chars().all(|c| c == '…' || (' '..='~').contains(&c)), "{place}");
        }
    }
}
