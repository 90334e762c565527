//! What a master token may do, chosen when it is generated and never widened.

pub use crate::vocabulary::TokenAccess;

impl TokenAccess {
    /// The end of "It can …".
    pub fn abilities(self) -> &'static str {
        match self {
            Self::Verify => "verify API keys only",
            Self::Read => "view members, API keys and activity",
            Self::Keys => "view everything, and create, change and remove API keys",
            Self::Members => "view everything, and manage supervisors and users",
            Self::Full => {
                "do everything an administrator can, except create master tokens or add administrators"
            }
        }
    }

    /// What there is to do, each with the access that it needs, the smallest first.
    pub const CAPABILITIES: [(Self, &'static str); 13] = [
        (Self::Verify, "Verify API keys"),
        (Self::Read, "View members and invitations"),
        (Self::Read, "View API keys, their settings and usage"),
        (Self::Read, "View activity"),
        (Self::Keys, "Create API keys and see their secrets"),
        (Self::Keys, "Change, rotate, deactivate, activate and remove API keys"),
        (Self::Members, "Invite supervisors and users, and cancel invitations"),
        (Self::Members, "Change the role of supervisors and users, and remove them"),
        (Self::Full, "Invite developers, change their role and remove them"),
        (Self::Full, "Demote and remove administrators, and cancel their invitations"),
        (Self::Full, "Rename the organization"),
        (Self::Full, "Manage webhooks"),
        (Self::Full, "Choose what happens to leaked keys, and replace the calendar URL"),
    ];

    /// What no token can do, whatever its access.
    pub const NEVER_ALLOWED: [&'static str; 4] = [
        "Add administrators",
        "Create, activate, replace or change master tokens, including this one",
        "See the secrets of existing API keys",
        "Access other organizations",
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
