//! What mails say, as facts.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use crate::{clock::Timestamp, domain::stored_text::stored_as_text};

/// What a mail says. Rendered by `mail::messages`, which knows the public address and the brand.
///
/// `token` fields are secrets: they are removed from the row once the mail is sent.
#[expect(missing_docs, reason = "the fields are what their names say; what is not plain has its line")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// Prove that the address is yours, after signing up.
    VerifyAddress { name: String, token: String, expires_at: Timestamp },
    /// Somebody signed up with an address that has an account already.
    AccountExists { name: String },
    /// Choose a new password.
    ResetPassword { name: String, token: String, expires_at: Timestamp },
    /// The password was changed or reset.
    PasswordChanged { name: String, changed_at: Timestamp, ip: Option<String> },
    /// Join an organization.
    Invitation {
        organization: String,
        inviter: String,
        /// Where to ask back; a machine that invites has no address.
        inviter_email: Option<String>,
        /// The role's label, for example `Administrator`.
        role: String,
        /// What the role may do, as the end of "you will be able to …".
        abilities: String,
        token: String,
        expires_at: Timestamp,
    },
    /// An invited person asks the administrators for a new invitation.
    RenewalAsked { organization: String, organization_id: String, invited: String },
    /// A master token was generated, replaced or activated.
    MasterTokenNotice {
        organization: String,
        organization_id: String,
        token_name: String,
        /// `generated`, `replaced` or `activated`.
        event: String,
        actor: String,
        /// What the token may do, as the end of "It can …". Empty in rows of earlier versions.
        #[serde(default)]
        abilities: String,
        #[serde(default)]
        expires_at: Option<Timestamp>,
        at: Timestamp,
        ip: Option<String>,
    },
    /// An instance token was generated, replaced or activated.
    InstanceTokenNotice {
        token_name: String,
        /// `generated`, `replaced` or `activated`.
        event: String,
        actor: String,
        /// What the token may do, as the end of "It can …".
        abilities: String,
        expires_at: Option<Timestamp>,
        at: Timestamp,
        ip: Option<String>,
    },
    /// An API key ends soon.
    KeyExpires {
        organization: String,
        organization_id: String,
        key_name: String,
        key_id: String,
        masked: String,
        /// How many days before the end this mail is sent.
        days: i32,
        expires_at: Timestamp,
        last_used_at: Option<Timestamp>,
    },
    /// Several API keys end soon.
    KeysExpire {
        organization: String,
        organization_id: String,
        /// Those that end first, and no more than a mail can list.
        keys: Vec<ExpiringKey>,
        /// How many keys there are beside them.
        more: usize,
    },
    /// A secret was found in public.
    KeyLeaked {
        organization: String,
        organization_id: String,
        leaked: LeakedKind,
        /// The name of the key or token.
        name: String,
        /// Its id.
        id: String,
        /// The secret that was found, masked.
        masked: String,
        /// Where it was found; empty when the report did not say.
        url: String,
        /// Other places that were reported at the same time.
        more_places: usize,
        measure: Measure,
        at: Timestamp,
    },
    /// Most of a monthly quota is used, or all of it.
    QuotaReached {
        organization: String,
        organization_id: String,
        /// The key whose quota it is; `None` for that of all keys together.
        key: Option<QuotaOfKey>,
        /// How much is used: 80 or 100.
        percent: u8,
        used: u64,
        quota: u64,
        resets_at: Timestamp,
    },
    /// A webhook was switched off because nothing arrives.
    WebhookDeactivated {
        organization: String,
        organization_id: String,
        webhook_id: String,
        /// Without its query.
        address: String,
        /// A whole sentence.
        reason: String,
        at: Timestamp,
    },
}

/// The key whose quota is meant.
#[expect(missing_docs, reason = "the fields are what their names say")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaOfKey {
    pub name: String,
    pub id: String,
}

/// A key in a list of those that end soon.
#[expect(missing_docs, reason = "the fields are what their names say")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpiringKey {
    pub name: String,
    pub id: String,
    pub masked: String,
    pub expires_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

/// Who waits for a mail, and so which goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Class {
    /// Somebody waits for it at the screen.
    Awaited,
    /// Somebody is asked who did not ask for it.
    Invitation,
    /// Somebody is told of what happened to what is theirs.
    Notice,
}

stored_as_text!(word Class);

impl Message {
    /// Who waits for it.
    pub fn class(&self) -> Class {
        match self {
            Self::VerifyAddress { .. } | Self::AccountExists { .. } | Self::ResetPassword { .. } => {
                Class::Awaited
            }
            Self::Invitation { .. } => Class::Invitation,
            Self::PasswordChanged { .. }
            | Self::RenewalAsked { .. }
            | Self::MasterTokenNotice { .. }
            | Self::InstanceTokenNotice { .. }
            | Self::KeyExpires { .. }
            | Self::KeysExpire { .. }
            | Self::KeyLeaked { .. }
            | Self::QuotaReached { .. }
            | Self::WebhookDeactivated { .. } => Class::Notice,
        }
    }

    /// The organization that it speaks of, where it tells the id.
    pub(super) fn organization_id(&self) -> Option<&str> {
        match self {
            Self::RenewalAsked { organization_id, .. }
            | Self::MasterTokenNotice { organization_id, .. }
            | Self::KeyExpires { organization_id, .. }
            | Self::KeysExpire { organization_id, .. }
            | Self::KeyLeaked { organization_id, .. }
            | Self::QuotaReached { organization_id, .. }
            | Self::WebhookDeactivated { organization_id, .. } => Some(organization_id),
            Self::VerifyAddress { .. }
            | Self::AccountExists { .. }
            | Self::ResetPassword { .. }
            | Self::PasswordChanged { .. }
            | Self::InstanceTokenNotice { .. }
            | Self::Invitation { .. } => None,
        }
    }

    /// Whether it has a link that opens something, or had one before that was forgotten.
    pub fn had_link(&self) -> bool {
        matches!(self, Self::VerifyAddress { .. } | Self::ResetPassword { .. } | Self::Invitation { .. })
    }

    /// The same message without what opens anything.
    pub(super) fn without_secrets(mut self) -> Self {
        match &mut self {
            Self::VerifyAddress { token, .. }
            | Self::ResetPassword { token, .. }
            | Self::Invitation { token, .. } => {
                token.clear();
            }
            Self::AccountExists { .. }
            | Self::PasswordChanged { .. }
            | Self::RenewalAsked { .. }
            | Self::MasterTokenNotice { .. }
            | Self::InstanceTokenNotice { .. }
            | Self::KeyExpires { .. }
            | Self::KeysExpire { .. }
            | Self::KeyLeaked { .. }
            | Self::QuotaReached { .. }
            | Self::WebhookDeactivated { .. } => {}
        }
        self
    }
}

/// What was found in public, as a mail calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeakedKind {
    /// An API key's present secret.
    ApiKey,
    /// The secret that an API key had before, during the grace period of a rotation. Mails that waited
    /// in the outbox before it had this name say `old_secret`.
    #[serde(alias = "old_secret")]
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

stored_as_text!(json Message);
