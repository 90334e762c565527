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
        #[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, Serialize, ToSchema)]
        $(#[$meta])*
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
    /// The role of a member. `supervisor` and `developer` don’t include each other.
    #[derive(ValueEnum)]
    #[schema(example = "user")]
    pub enum Role {
        /// Can do everything.
        Administrator = "administrator",
        /// Can invite and manage supervisors and users.
        Supervisor = "supervisor",
        /// Can create and manage API keys.
        Developer = "developer",
        /// Can view members.
        User = "user",
    }

    /// The access of a master token. `keys` and `members` don’t include each other.
    #[derive(Display)]
    #[schema(example = "keys")]
    pub enum TokenAccess {
        /// Verify API keys only.
        Verify = "verify",
        /// View everything, change nothing.
        Read = "read",
        /// View everything, and create, change and remove API keys.
        Keys = "keys",
        /// View everything, and manage supervisors and users.
        Members = "members",
        /// Do everything an administrator can, except create master tokens or add administrators.
        Full = "full",
    }

    /// Where keys come from that are taken over: the format of the file.
    #[derive(Hash, ValueEnum)]
    pub enum ImportFormat {
        /// A CSV file of one’s own: name, key or digest, and more
        Csv = "csv",
        /// The same as JSON, an object in each line
        JsonLines = "json-lines",
        /// The CSV file that Amazon API Gateway imports
        Aws = "aws",
        /// Rows of Unkey’s table “keys”, or the body of its keys.migrateKeys
        Unkey = "unkey",
        /// Rows of better-auth’s table “apikey”
        BetterAuth = "better-auth",
        /// Rows of Django REST Framework API Key
        Drf = "drf",
        /// Rows of django-rest-knox
        Knox = "knox",
        /// Rows of Laravel Sanctum’s table “personal_access_tokens”
        Sanctum = "sanctum",
        /// Rows with the tokens of Seam’s prefixed-api-key
        Seam = "seam",
        /// Kong’s decK dump or db_export
        Kong = "kong",
        /// Consumers of Apache APISIX
        Apisix = "apisix",
        /// Rows of Tyk, hashed with SHA-256
        Tyk = "tyk",
    }

    /// The access of an instance token. Each covers the ones before it.
    #[derive(Display)]
    #[schema(example = "operate")]
    pub enum InstanceAccess {
        /// Verify API keys of every organization, nothing else.
        Verify = "verify",
        /// View all organizations, their usage and the plans.
        Read = "read",
        /// Create and change organizations.
        Operate = "operate",
    }

    /// The status of a key or master token.
    pub enum KeyStatus {
        /// Accepted.
        Active = "active",
        /// Expired.
        Expired = "expired",
        /// Deactivated or paused.
        Deactivated = "deactivated",
    }

    /// The environment of a key.
    #[derive(Default, Display, Hash, ValueEnum)]
    #[schema(example = "live")]
    pub enum Environment {
        /// For production.
        #[default]
        Live = "live",
        /// For tests.
        Test = "test",
    }

    /// A filter for keys.
    #[derive(Default, ValueEnum)]
    pub enum KeyFilter {
        /// All of them.
        #[default]
        All = "all",
        /// Keys that expire within 14 days.
        ExpiresSoon = "expires_soon",
        /// Keys that were never used.
        NeverUsed = "never_used",
        /// Deactivated or paused keys.
        Deactivated = "deactivated",
        /// Keys for the environment live.
        Live = "live",
        /// Keys for the environment test.
        Test = "test",
    }

    /// The order of keys.
    #[derive(Default, ValueEnum)]
    pub enum KeySort {
        /// Newest first.
        #[default]
        Newest = "-created_at",
        /// Oldest first.
        Oldest = "created_at",
        /// By name, A to Z.
        Name = "name",
        /// By name, Z to A.
        NameDescending = "-name",
        /// What expires first first, what never does last.
        ExpiresFirst = "expires_at",
        /// What never expires first, then what expires last.
        ExpiresLast = "-expires_at",
        /// What was never used first, then what was not used for longest.
        UsedFirst = "last_used_at",
        /// What was used last first.
        UsedLast = "-last_used_at",
    }

    /// How long the previous secret keeps working.
    #[derive(ValueEnum)]
    pub enum GracePeriod {
        /// No grace period.
        None = "none",
        /// 1 hour.
        #[value(name = "1h")]
        Hour = "1h",
        /// 24 hours.
        #[value(name = "24h")]
        Day = "24h",
        /// 7 days.
        #[value(name = "7d")]
        Week = "7d",
    }

    /// When the grace period of a rotation starts.
    #[derive(ValueEnum)]
    pub enum Starts {
        /// When the new secret is first used, at most 30 days after the rotation.
        OnFirstUse = "on_first_use",
        /// Immediately.
        Immediately = "immediately",
    }

    /// The period of a rate limit.
    #[schema(example = "minute")]
    pub enum Period {
        /// A second.
        Second = "second",
        /// A minute.
        Minute = "minute",
        /// An hour.
        Hour = "hour",
    }

    /// The length of a usage interval (UTC).
    #[derive(Default)]
    pub enum Span {
        /// An hour.
        Hour = "hour",
        /// A day.
        #[default]
        Day = "day",
    }

    /// The result of the verification of a known key.
    pub enum Outcome {
        /// Accepted.
        Valid = "valid",
        /// It had expired.
        Expired = "expired",
        /// It was deactivated.
        Deactivated = "deactivated",
        /// The IP address wasn’t allowed or was unknown.
        ForbiddenIp = "forbidden_ip",
        /// A required scope was missing.
        InsufficientScope = "insufficient_scope",
        /// Rate limit exceeded.
        RateLimited = "rate_limited",
        /// Monthly quota exceeded.
        QuotaExceeded = "quota_exceeded",
        /// The organization was suspended.
        OrganizationSuspended = "organization_suspended",
        /// It was for another environment.
        WrongEnvironment = "wrong_environment",
        /// The rate limit of the organization’s plan was exceeded.
        PlanRateLimited = "plan_rate_limited",
        /// The monthly quota of the organization’s plan was exceeded.
        PlanQuotaExceeded = "plan_quota_exceeded",
    }

    /// Which limit a request exceeded.
    #[schema(example = "key_rate")]
    pub enum LimitedBy {
        /// The rate limit of the key.
        KeyRate = "key_rate",
        /// The monthly quota of the key.
        KeyQuota = "key_quota",
        /// The rate limit of the organization’s plan.
        PlanRate = "plan_rate",
        /// The monthly quota of the organization’s plan.
        PlanQuota = "plan_quota",
    }

    /// The result of a verification: `valid`, or the first reason for the rejection.
    pub enum VerificationCode {
        /// The key is accepted.
        Valid = "valid",
        /// The value isn’t a valid key. It may be mistyped or incomplete.
        Malformed = "malformed",
        /// The organization has no such key.
        NotFound = "not_found",
        /// Expired.
        Expired = "expired",
        /// Deactivated or paused.
        Deactivated = "deactivated",
        /// The IP address isn’t allowed or is unknown.
        ForbiddenIp = "forbidden_ip",
        /// A required scope is missing.
        InsufficientScope = "insufficient_scope",
        /// Rate limit exceeded.
        RateLimited = "rate_limited",
        /// Monthly quota exceeded.
        QuotaExceeded = "quota_exceeded",
        /// The organization is suspended.
        OrganizationSuspended = "organization_suspended",
        /// The key is for another environment.
        WrongEnvironment = "wrong_environment",
    }

    /// What happens to a key that was found in public.
    pub enum LeakPolicy {
        /// Administrators are notified.
        Notify = "notify",
        /// The key is deactivated and administrators are notified.
        Deactivate = "deactivate",
    }

    /// The order of members.
    #[derive(Default)]
    pub enum MemberSort {
        /// By name, A to Z.
        #[default]
        Name = "name",
        /// By name, Z to A.
        NameDescending = "-name",
        /// By join date, oldest first.
        Oldest = "joined_at",
        /// By join date, newest first.
        Newest = "-joined_at",
    }

    /// A filter for all organizations.
    #[derive(Default, ValueEnum)]
    pub enum OrganizationFilter {
        /// All of them, except removed ones.
        #[default]
        All = "all",
        /// Suspended organizations.
        Suspended = "suspended",
        /// Organizations that reached a limit of their plan in the last 30 days.
        Limited = "limited",
        /// Removed organizations, which can be restored for 14 days.
        Removed = "removed",
    }

    /// The order of all organizations.
    #[derive(Default, ValueEnum)]
    pub enum OrganizationSort {
        /// By name, A to Z.
        #[default]
        Name = "name",
        /// By name, Z to A.
        NameDescending = "-name",
        /// By creation date, newest first.
        Newest = "-created_at",
        /// By creation date, oldest first.
        Oldest = "created_at",
        /// By members, most first.
        MostMembers = "-members",
        /// By members, fewest first.
        FewestMembers = "members",
        /// By API keys, most first.
        MostKeys = "-keys",
        /// By API keys, fewest first.
        FewestKeys = "keys",
    }

    /// The order of all people.
    #[derive(Default)]
    pub enum PersonSort {
        /// By name, A to Z.
        #[default]
        Name = "name",
        /// By name, Z to A.
        NameDescending = "-name",
        /// By sign-up date, newest first.
        Newest = "-created_at",
        /// By sign-up date, oldest first.
        Oldest = "created_at",
    }

    /// Whether an invitation can be accepted.
    pub enum InvitationStatus {
        /// It can be accepted.
        Pending = "pending",
        /// It expired. It can be resent.
        Expired = "expired",
    }

    /// The result for an email to invite.
    pub enum InviteResult {
        /// The invitation was sent.
        Sent = "sent",
        /// Already a member. Nothing was sent.
        AlreadyMember = "already_member",
        /// Already invited. Nothing was sent.
        AlreadyInvited = "already_invited",
        /// Already a member, and now an administrator. Only by the operator of the server.
        Promoted = "promoted",
        /// The daily limit of messages to this email is reached. Nothing was sent.
        TooManyMails = "too_many_mails",
    }

    /// The state of an email.
    pub enum MailState {
        /// Waiting for its first or next attempt.
        Queued = "queued",
        /// Accepted by the mail server.
        Sent = "sent",
        /// Failed after the last attempt.
        Failed = "failed",
    }

    /// The state of a delivery.
    #[schema(example = "delivered")]
    pub enum DeliveryState {
        /// Waiting for its first or next attempt.
        Pending = "pending",
        /// Accepted by the receiver.
        Delivered = "delivered",
        /// Failed after the last attempt.
        Failed = "failed",
    }

    /// Whether events are sent to a webhook.
    pub enum WebhookStatus {
        /// Events are sent.
        Active = "active",
        /// Pending deliveries wait, and no new ones are created.
        Deactivated = "deactivated",
    }

    /// Why a webhook was deactivated automatically.
    pub enum WebhookFailure {
        /// The receiver returned 410 (Gone).
        Gone = "gone",
        /// Deliveries failed for five days.
        Unreachable = "unreachable",
    }

    /// A file format.
    #[derive(Default, ValueEnum)]
    pub enum ExportFormat {
        /// One JSON object per line, as in the list.
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
            Outcome::RateLimited | Outcome::PlanRateLimited => Self::RateLimited,
            Outcome::QuotaExceeded | Outcome::PlanQuotaExceeded => Self::QuotaExceeded,
            Outcome::OrganizationSuspended => Self::OrganizationSuspended,
            Outcome::WrongEnvironment => Self::WrongEnvironment,
        }
    }
}

impl Outcome {
    /// Which limit was exceeded, if one was.
    pub fn limited_by(self) -> Option<LimitedBy> {
        match self {
            Self::RateLimited => Some(LimitedBy::KeyRate),
            Self::QuotaExceeded => Some(LimitedBy::KeyQuota),
            Self::PlanRateLimited => Some(LimitedBy::PlanRate),
            Self::PlanQuotaExceeded => Some(LimitedBy::PlanQuota),
            Self::Valid
            | Self::Expired
            | Self::Deactivated
            | Self::ForbiddenIp
            | Self::InsufficientScope
            | Self::OrganizationSuspended
            | Self::WrongEnvironment => None,
        }
    }
}

impl Role {
    /// The word on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Administrator => "Administrator",
            Self::Supervisor => "Supervisor",
            Self::Developer => "Developer",
            Self::User => "User",
        }
    }
}

impl Environment {
    /// The word on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Live => "Live",
            Self::Test => "Test",
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

impl InstanceAccess {
    /// The words on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Verify => "Verify only",
            Self::Read => "Read",
            Self::Operate => "Operate",
        }
    }
}

impl ImportFormat {
    /// What people call it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Csv => "a CSV file",
            Self::JsonLines => "a JSON file",
            Self::Aws => "Amazon API Gateway",
            Self::Unkey => "Unkey",
            Self::BetterAuth => "better-auth",
            Self::Drf => "Django REST Framework API Key",
            Self::Knox => "django-rest-knox",
            Self::Sanctum => "Laravel Sanctum",
            Self::Seam => "Seam",
            Self::Kong => "Kong",
            Self::Apisix => "Apache APISIX",
            Self::Tyk => "Tyk",
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
            let word = outcome.as_str().trim_start_matches("plan_");
            assert_eq!(VerificationCode::from(outcome).as_str(), word);
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
