//! What a member may do, in words, and to whom they may give it.

use std::fmt;

pub use crate::vocabulary::Role;

impl Role {
    /// The end of "you will be able to …" and of "can …".
    pub fn abilities(self) -> &'static str {
        match self {
            Self::Administrator => "manage members, API keys, master tokens and settings",
            Self::Supervisor => "invite and manage supervisors and users",
            Self::Developer => "create and manage API keys",
            Self::User => "view members",
        }
    }

    /// Those who have the role, in a sentence.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Administrator => "administrators",
            Self::Supervisor => "supervisors",
            Self::Developer => "developers",
            Self::User => "users",
        }
    }

    /// The roles that whoever has this one gives and takes: people in other roles are not theirs to
    /// invite, change or remove. Nobody gives more than they hold, so a supervisor, who manages no
    /// keys, neither makes nor unmakes a developer.
    pub fn reach(self) -> &'static [Self] {
        match self {
            Self::Administrator => &Self::ALL,
            Self::Supervisor => &[Self::Supervisor, Self::User],
            Self::Developer | Self::User => &[],
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
