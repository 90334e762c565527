//! The words that the database, the API, forms and the command line share, each defined once.
//!
//! strum reads and writes a word, serde does so in JSON, utoipa describes it, and clap offers it as
//! the value of a flag. What a word means stands here; what follows from it, where it is used.

use std::ops::RangeInclusive;

use clap::ValueEnum;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use strum::{Display, EnumString, IntoStaticStr};
use utoipa::ToSchema;

/// Declares an enum with the word of each variant, and derives from that word whatever reads or
/// writes it: strum and serde would each want it in an attribute of their own.
macro_rules! words {
    ($($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$about:meta])* $variant:ident = $word:tt),+ $(,)?
    })+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, Serialize, ToSchema)]
        pub enum $name {
            $($(#[$about])* #[strum(serialize = $word)] #[serde(rename = $word)] $variant,)+
        }

        /// From a string alone: what serde derives takes the object `{word: null}`, too.
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = String::deserialize(deserializer)?;
                word.parse().map_err(|_| D::Error::unknown_variant(&word, &[$($word),+]))
            }
        }

        impl $name {
            /// All of them, in the order in which they are offered.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// The word in the database, in the API and in forms.
            pub fn as_str(self) -> &'static str {
                self.into()
            }
        }
    )+};
}

/// What a request may take of a key’s limits.
pub const COSTS: RangeInclusive<u32> = 1..=1000;

words! {
    /// What a member may do, the least first.
    #[derive(PartialOrd, Ord, ValueEnum)]
    pub enum Role {
        /// See the members.
        User = "user",
        /// Invite and manage everybody but administrators.
        Supervisor = "supervisor",
        /// Everything.
        Administrator = "administrator",
    }

    /// What a master token may do. `keys` and `members` lie side by side: neither covers the other.
    #[derive(Display)]
    pub enum TokenAccess {
        /// Ask whether a key is accepted.
        Verify = "verify",
        /// See everything, change nothing.
        Read = "read",
        /// Create, change and remove API keys.
        Keys = "keys",
        /// Invite and manage supervisors and users.
        Members = "members",
        /// Everything that an administrator may, except master tokens and making administrators.
        Full = "full",
    }

    /// Whether a key or a master token is accepted.
    pub enum KeyStatus {
        /// It is.
        Active = "active",
        /// Its end has passed.
        Expired = "expired",
        /// It is switched off.
        Deactivated = "deactivated",
    }

    /// A part of the keys.
    #[derive(Default, ValueEnum)]
    pub enum KeyFilter {
        /// All of them.
        #[default]
        All = "all",
        /// Those that end within 14 days.
        ExpiresSoon = "expires_soon",
        /// Those that nobody has called with.
        NeverUsed = "never_used",
        /// Those that are switched off.
        Deactivated = "deactivated",
    }

    /// An order of keys.
    #[derive(Default, ValueEnum)]
    pub enum KeySort {
        /// The newest first.
        #[default]
        Newest = "-created_at",
        /// The oldest first.
        Oldest = "created_at",
        /// By name.
        Name = "name",
        /// By name, backwards.
        NameDescending = "-name",
    }

    /// How long the previous secret of a rotation goes on.
    #[derive(ValueEnum)]
    pub enum GracePeriod {
        /// Not at all.
        None = "none",
        /// For an hour.
        #[value(name = "1h")]
        Hour = "1h",
        /// For 24 hours.
        #[value(name = "24h")]
        Day = "24h",
        /// For seven days.
        #[value(name = "7d")]
        Week = "7d",
    }

    /// When the grace period of a rotation starts.
    #[derive(ValueEnum)]
    pub enum Starts {
        /// When the new secret is first used, 30 days after the rotation at the latest.
        OnFirstUse = "on_first_use",
        /// With the rotation.
        Immediately = "immediately",
    }

    /// What a rate limit counts over.
    pub enum Period {
        /// A second.
        Second = "second",
        /// A minute.
        Minute = "minute",
        /// An hour.
        Hour = "hour",
    }

    /// What a step of usage spans, in UTC.
    #[derive(Default)]
    pub enum Span {
        /// An hour.
        Hour = "hour",
        /// A day.
        #[default]
        Day = "day",
    }

    /// How a verification of a known key ended.
    pub enum Outcome {
        /// Accepted.
        Valid = "valid",
        /// Its end had passed.
        Expired = "expired",
        /// It was switched off.
        Deactivated = "deactivated",
        /// It came from elsewhere than it may, or from nobody knows where.
        ForbiddenIp = "forbidden_ip",
        /// It has not every scope that was needed.
        InsufficientScope = "insufficient_scope",
        /// It came too often.
        RateLimited = "rate_limited",
        /// Its month's quota was spent.
        QuotaExceeded = "quota_exceeded",
    }

    /// Whether a key is accepted, or the first reason why it is not.
    pub enum VerificationCode {
        /// It is accepted.
        Valid = "valid",
        /// It has not the form of a key; a letter may be missing.
        Malformed = "malformed",
        /// The organization has no such key.
        NotFound = "not_found",
        /// Its end has passed.
        Expired = "expired",
        /// It is switched off.
        Deactivated = "deactivated",
        /// It comes from elsewhere than it may, or from nobody knows where.
        ForbiddenIp = "forbidden_ip",
        /// It has not every scope that is needed.
        InsufficientScope = "insufficient_scope",
        /// It comes too often.
        RateLimited = "rate_limited",
        /// Its quota of the month is spent.
        QuotaExceeded = "quota_exceeded",
    }

    /// What an organization has done with a key that was found in public.
    pub enum LeakPolicy {
        /// The administrators are told.
        Notify = "notify",
        /// The key is switched off, too.
        Deactivate = "deactivate",
    }

    /// An order of members.
    #[derive(Default)]
    pub enum MemberSort {
        /// By name.
        #[default]
        Name = "name",
        /// By name, backwards.
        NameDescending = "-name",
        /// Those who joined first first.
        Oldest = "joined_at",
        /// Those who joined last first.
        Newest = "-joined_at",
    }

    /// Whether an invitation can be accepted.
    pub enum InvitationStatus {
        /// It can.
        Pending = "pending",
        /// It ended without an answer; it can be sent again.
        Expired = "expired",
    }

    /// What was done about an address that was to be invited.
    pub enum InviteResult {
        /// An invitation is on its way.
        Sent = "sent",
        /// The person belongs to the organization; nothing was done.
        AlreadyMember = "already_member",
        /// An invitation was pending; nothing was done.
        AlreadyInvited = "already_invited",
        /// The address got as many mails as it gets in a day; nothing was done.
        TooManyMails = "too_many_mails",
    }

    /// Where a mail is on its way.
    pub enum MailState {
        /// It waits for its first or next attempt.
        Queued = "queued",
        /// The mail server took it.
        Sent = "sent",
        /// It was given up.
        Failed = "failed",
    }

    /// Where a message is on its way.
    pub enum DeliveryState {
        /// It waits for its first or next attempt.
        Pending = "pending",
        /// The receiver took it.
        Delivered = "delivered",
        /// It was given up.
        Failed = "failed",
    }

    /// Whether messages are sent to a webhook.
    pub enum WebhookStatus {
        /// They are.
        Active = "active",
        /// They wait, and nothing more is queued.
        Deactivated = "deactivated",
    }

    /// Why a webhook was switched off by itself.
    pub enum WebhookFailure {
        /// The receiver said that it takes no more messages.
        Gone = "gone",
        /// No message has arrived for days.
        Unreachable = "unreachable",
    }

    /// A kind of file.
    #[derive(Default, ValueEnum)]
    pub enum ExportFormat {
        /// One JSON object a line, as they are in the list.
        #[default]
        Jsonl = "jsonl",
        /// For spreadsheets.
        Csv = "csv",
    }
}

impl From<Outcome> for VerificationCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Valid => Self::Valid,
            Outcome::Expired => Self::Expired,
            Outcome::Deactivated => Self::Deactivated,
            Outcome::ForbiddenIp => Self::ForbiddenIp,
            Outcome::InsufficientScope => Self::InsufficientScope,
            Outcome::RateLimited => Self::RateLimited,
            Outcome::QuotaExceeded => Self::QuotaExceeded,
        }
    }
}

impl Role {
    /// The word on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Administrator => "Administrator",
            Self::Supervisor => "Supervisor",
            Self::User => "User",
        }
    }
}

impl TokenAccess {
    /// The words on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Verify => "Verify only",
            Self::Read => "Read",
            Self::Keys => "Keys",
            Self::Members => "Members",
            Self::Full => "Full access",
        }
    }
}

impl GracePeriod {
    /// The words on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Hour => "1 hour",
            Self::Day => "24 hours",
            Self::Week => "7 days",
        }
    }
}

impl Starts {
    /// The words on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::OnFirstUse => "When the new secret is first used",
            Self::Immediately => "Immediately",
        }
    }
}

impl LeakPolicy {
    /// The words on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Notify => "Notify administrators",
            Self::Deactivate => "Deactivate the key and notify administrators",
        }
    }
}

impl WebhookFailure {
    /// In a sentence, for the page of the webhook and the mail about it.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Gone => "The receiver returned 410 and accepts no more events.",
            Self::Unreachable => "Deliveries failed for five days.",
        }
    }
}

impl DeliveryState {
    /// The words on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Delivered => "Delivered",
            Self::Failed => "Failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::vocabulary::*;

    #[test]
    fn each_outcome_keeps_its_word() {
        for outcome in Outcome::ALL {
            assert_eq!(VerificationCode::from(outcome).as_str(), outcome.as_str());
        }
    }

    #[test]
    fn a_word_is_the_same_for_whoever_reads_it() {
        for period in GracePeriod::ALL {
            let word = period.as_str();
            assert_eq!(word.parse(), Ok(period));
            assert_eq!(serde_json::to_value(period).unwrap(), word);
            assert_eq!(serde_json::from_value::<GracePeriod>(word.into()).unwrap(), period);
            assert_eq!(GracePeriod::from_str(word, false), Ok(period));
        }
        assert!("8d".parse::<GracePeriod>().is_err());
    }
}
