//! What a line of the route table says: an address, and who may use it.

use crate::domain::{access::Role, instance_access::InstanceAccess, token_access::TokenAccess};

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The method in capitals, or `ANY`.
    pub method: &'static str,
    /// The address, with `{names}` for what varies.
    pub pattern: &'static str,
    /// Who may use it.
    pub access: Access,
    /// Bytes of its body at most.
    pub max_body: usize,
}

/// Bytes that anybody may send: names, addresses and a password of the greatest lengths,
/// percent-encoded.
pub const MAX_BODY_OF_STRANGERS: usize = 16 * 1024;

/// Who may use a route. Whoever has less is turned away before the handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Whoever presents an API key.
    Key,
    /// Whoever may report leaked keys.
    Reporter,
    /// A master token of this access or more.
    Token(TokenAccess),
    /// An instance token of this access or more.
    InstanceToken(InstanceAccess),
    /// Whoever is logged in, their address proven or not.
    LoggedIn,
    /// Whoever is logged in with a proven address.
    Account,
    /// Instance administrators.
    Operator,
    /// Members of the organization in the path, in one of these roles.
    Member(&'static [Role]),
}

impl Access {
    /// What access a master token must have; `None` where no token is asked for.
    pub fn of_token(self) -> Option<TokenAccess> {
        match self {
            Self::Token(access) => Some(access),
            _ => None,
        }
    }

    /// What access an instance token must have; `None` where no such token is asked for.
    pub fn of_instance_token(self) -> Option<InstanceAccess> {
        match self {
            Self::InstanceToken(access) => Some(access),
            _ => None,
        }
    }
}
