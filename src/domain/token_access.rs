//! What a master token may do, chosen when it is generated and never widened.

pub use crate::vocabulary::TokenAccess;

impl TokenAccess {
    /// The end of "It can …".
    pub fn abilities(self) -> &'static str {
        match self {
            Self::Verify => "ask whether an API key is accepted, and nothing else",
            Self::Read => "see members, API keys and activity, and change nothing",
            Self::Keys => "create, change and remove API keys, and see everything",
            Self::Members => "invite and manage supervisors and users, and see everything",
            Self::Full => {
                "do everything an administrator can, except generate master tokens or make administrators"
            }
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
