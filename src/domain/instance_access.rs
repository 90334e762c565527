//! What an instance token may do, chosen when it is generated and never widened.

pub use crate::vocabulary::InstanceAccess;

impl InstanceAccess {
    /// The end of "It can …".
    pub fn abilities(self) -> &'static str {
        match self {
            Self::Verify => "verify API keys of every organization, nothing else",
            Self::Read => "view all organizations, their usage and the plans",
            Self::Operate => "view everything, and create, change, suspend and resume organizations",
        }
    }

    /// Whether a token of this access may do what needs `needed`.
    pub fn covers(self, needed: Self) -> bool {
        match self {
            Self::Operate => true,
            Self::Read => needed != Self::Operate,
            Self::Verify => needed == Self::Verify,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::InstanceAccess::{Operate, Read, Verify};

    #[test]
    fn each_access_covers_those_before_it_and_no_other() {
        let covered = |held: super::InstanceAccess| [Verify, Read, Operate].map(|needed| held.covers(needed));
        assert_eq!(covered(Verify), [true, false, false]);
        assert_eq!(covered(Read), [true, true, false]);
        assert_eq!(covered(Operate), [true, true, true]);
    }
}
