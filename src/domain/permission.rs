//! What a master token may do, chosen when it is generated and never widened.

use std::{fmt, str::FromStr};

use diesel::{deserialize::FromSqlRow, expression::AsExpression, sql_types::Text};

use super::stored_text::stored_as_text;

/// The power of a master token. `Keys` and `Members` lie side by side: neither covers the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromSqlRow, AsExpression)]
#[diesel(sql_type = Text)]
pub enum Permission {
    /// Ask whether a key is accepted.
    Verify,
    /// See everything, change nothing.
    Read,
    /// Create, change and remove API keys.
    Keys,
    /// Invite and manage members who are no administrators.
    Members,
    /// What an administrator may do, but for master tokens and making administrators.
    Everything,
}

impl Permission {
    /// All permissions, the smallest first.
    pub const ALL: [Self; 5] = [Self::Verify, Self::Read, Self::Keys, Self::Members, Self::Everything];

    /// The word in the database, in forms and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Read => "read",
            Self::Keys => "keys",
            Self::Members => "members",
            Self::Everything => "everything",
        }
    }

    /// The words on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Verify => "Verify only",
            Self::Read => "Read",
            Self::Keys => "Keys",
            Self::Members => "Members",
            Self::Everything => "Everything",
        }
    }

    /// The end of "It can …".
    pub fn abilities(self) -> &'static str {
        match self {
            Self::Verify => "ask whether an API key is accepted, and nothing else",
            Self::Read => "see members, API keys and activity, and change nothing",
            Self::Keys => "create, change and remove API keys, and see everything",
            Self::Members => "invite and manage members who are no administrators, and see everything",
            Self::Everything => {
                "do what an administrator can, but generate master tokens and make administrators"
            }
        }
    }

    /// What there is to do, each with the permission that it needs, the smallest first.
    pub const DEEDS: [(Self, &'static str); 12] = [
        (Self::Verify, "Ask whether an API key is accepted"),
        (Self::Read, "See members and invitations"),
        (Self::Read, "See API keys, their settings and their use"),
        (Self::Read, "See the activity"),
        (Self::Keys, "Create API keys and learn their secrets"),
        (Self::Keys, "Change, rotate, deactivate, activate and remove API keys"),
        (Self::Members, "Invite people as supervisors and users, and withdraw invitations"),
        (Self::Members, "Change the role of supervisors and users, and remove them"),
        (Self::Everything, "Demote and remove administrators, and withdraw their invitations"),
        (Self::Everything, "Rename the organization"),
        (Self::Everything, "Manage webhooks, and see where they lead"),
        (Self::Everything, "Choose what happens to leaked keys, and renew the calendar’s address"),
    ];

    /// What no token can do, whatever its permission.
    pub const NEVER: [&'static str; 4] = [
        "Make somebody an administrator",
        "Generate, activate, replace or change a master token, this one included",
        "See the secret of an API key that exists",
        "Reach another organization",
    ];

    /// Whether a token of this permission may do what needs `needed`.
    pub fn covers(self, needed: Self) -> bool {
        match self {
            Self::Everything => true,
            Self::Verify => needed == Self::Verify,
            Self::Read => matches!(needed, Self::Verify | Self::Read),
            Self::Keys | Self::Members => matches!(needed, Self::Verify | Self::Read) || needed == self,
        }
    }
}

/// The text names no permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Choose verify, read, keys, members or everything.")]
pub struct UnknownPermission;

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, UnknownPermission> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == text).ok_or(UnknownPermission)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

stored_as_text!(Permission);

#[cfg(test)]
mod tests {
    use super::Permission::{Everything, Keys, Members, Read, Verify};

    #[test]
    fn no_permission_covers_more_than_it_says() {
        for permission in super::Permission::ALL {
            assert!(permission.covers(permission) && permission.covers(Verify));
            assert_eq!(permission.covers(Everything), permission == Everything);
        }
        assert!(!Verify.covers(Read) && !Read.covers(Keys) && !Read.covers(Members));
        assert!(!Keys.covers(Members) && !Members.covers(Keys));
        assert!(Keys.covers(Read) && Members.covers(Read));
    }
}
