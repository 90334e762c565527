//! What a master token may do, chosen when it is generated and never widened.

use std::{fmt, str::FromStr};

use diesel::{deserialize::FromSqlRow, expression::AsExpression, sql_types::Text};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::stored_text::stored_as_text;

/// The power of a master token. `Keys` and `Members` lie side by side: neither covers the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromSqlRow, AsExpression, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[diesel(sql_type = Text)]
pub enum TokenAccess {
    /// Ask whether a key is accepted.
    Verify,
    /// See everything, change nothing.
    Read,
    /// Create, change and remove API keys.
    Keys,
    /// Invite and manage members who are no administrators.
    Members,
    /// What an administrator may do, but for master tokens and making administrators.
    Full,
}

impl TokenAccess {
    /// All access levels, the smallest first.
    pub const ALL: [Self; 5] = [Self::Verify, Self::Read, Self::Keys, Self::Members, Self::Full];

    /// The word in the database, in forms and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Read => "read",
            Self::Keys => "keys",
            Self::Members => "members",
            Self::Full => "full",
        }
    }

    /// The words on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Verify => "Verify only",
            Self::Read => "Read",
            Self::Keys => "Keys",
            Self::Members => "Members",
            Self::Full => "Full",
        }
    }

    /// The end of "It can …".
    pub fn abilities(self) -> &'static str {
        match self {
            Self::Verify => "ask whether an API key is accepted, and nothing else",
            Self::Read => "see members, API keys and activity, and change nothing",
            Self::Keys => "create, change and remove API keys, and see everything",
            Self::Members => "invite and manage members who are no administrators, and see everything",
            Self::Full => "do what an administrator can, but generate master tokens and make administrators",
        }
    }

    /// What there is to do, each with the access that it needs, the smallest first.
    pub const CAPABILITIES: [(Self, &'static str); 12] = [
        (Self::Verify, "Ask whether an API key is accepted"),
        (Self::Read, "See members and invitations"),
        (Self::Read, "See API keys, their settings and their use"),
        (Self::Read, "See the activity"),
        (Self::Keys, "Create API keys and learn their secrets"),
        (Self::Keys, "Change, rotate, deactivate, activate and remove API keys"),
        (Self::Members, "Invite people as supervisors and users, and cancel invitations"),
        (Self::Members, "Change the role of supervisors and users, and remove them"),
        (Self::Full, "Demote and remove administrators, and cancel their invitations"),
        (Self::Full, "Rename the organization"),
        (Self::Full, "Manage webhooks, and see where they lead"),
        (Self::Full, "Choose what happens to leaked keys, and renew the calendar’s address"),
    ];

    /// What no token can do, whatever its access.
    pub const NEVER_ALLOWED: [&'static str; 4] = [
        "Make somebody an administrator",
        "Generate, activate, replace or change a master token, this one included",
        "See the secret of an API key that exists",
        "Reach another organization",
    ];

    /// Whether a token of this access may do what needs `needed`.
    pub fn covers(self, needed: Self) -> bool {
        match self {
            Self::Full => true,
            Self::Verify => needed == Self::Verify,
            Self::Read => matches!(needed, Self::Verify | Self::Read),
            Self::Keys | Self::Members => matches!(needed, Self::Verify | Self::Read) || needed == self,
        }
    }
}

/// The text names no access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Choose verify, read, keys, members or full.")]
pub struct UnknownAccess;

impl FromStr for TokenAccess {
    type Err = UnknownAccess;

    fn from_str(text: &str) -> Result<Self, UnknownAccess> {
        Self::ALL.into_iter().find(|access| access.as_str() == text).ok_or(UnknownAccess)
    }
}

impl fmt::Display for TokenAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

stored_as_text!(TokenAccess);

#[cfg(test)]
mod tests {
    use super::TokenAccess::{Full, Keys, Members, Read, Verify};

    #[test]
    fn no_access_covers_more_than_it_says() {
        for access in super::TokenAccess::ALL {
            assert!(access.covers(access) && access.covers(Verify));
            assert_eq!(access.covers(Full), access == Full);
        }
        assert!(!Verify.covers(Read) && !Read.covers(Keys) && !Read.covers(Members));
        assert!(!Keys.covers(Members) && !Members.covers(Keys));
        assert!(Keys.covers(Read) && Members.covers(Read));
    }
}
