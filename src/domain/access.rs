//! Who acts, and the proofs of what they may do.
//!
//! A [`Member`], [`Supervisor`] or [`Admin`] can only be made here, from a look at the database.
//! Functions that touch an organization take one of them, so a handler that forgot to ask does
//! not compile. Each proof dereferences to the weaker one:
//!
//! ```
//! use tessera::domain::{access::{Admin, Member}, organizations::Organization};
//! fn shown_to_members(_: &Member<Organization>) {}
//! fn page(admin: &Admin<Organization>) { shown_to_members(admin) }
//! ```
//!
//! The other way round is refused:
//!
//! ```compile_fail
//! use tessera::domain::{access::{Admin, Member}, organizations::Organization};
//! fn for_administrators(_: &Admin<Organization>) {}
//! fn page(member: &Member<Organization>) { for_administrators(member) }
//! ```
//!
//! And no proof can be made by hand:
//!
//! ```compile_fail
//! use tessera::domain::{access::{Actor, Member, Role}, organizations::Organization};
//! fn forge(resource: Organization, actor: Actor) -> Member<Organization> {
//!     Member { resource, actor, role: Role::Administrator }
//! }
//! ```

use std::{fmt, net::IpAddr, ops::Deref, str::FromStr};

use super::{
    accounts::User,
    members,
    organizations::{self, Organization},
    token_access::TokenAccess,
    verification::KnownToken,
};
use crate::db::{Connection, DbError};

/// What a member may do in an organization. The order is that of power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Sees the members.
    User,
    /// Manages everybody but administrators.
    Supervisor,
    /// Everything.
    Administrator,
}

impl Role {
    /// All roles, the most powerful first.
    pub const ALL: [Self; 3] = [Self::Administrator, Self::Supervisor, Self::User];

    /// The word in the database, in URLs and in forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Supervisor => "supervisor",
            Self::User => "user",
        }
    }

    /// The word on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Administrator => "Administrator",
            Self::Supervisor => "Supervisor",
            Self::User => "User",
        }
    }

    /// The end of "you will be able to …".
    pub fn abilities(self) -> &'static str {
        match self {
            Self::Administrator => "manage members, API keys and master tokens",
            Self::Supervisor => "invite and manage members",
            Self::User => "see the members of the organization",
        }
    }
}

/// The text names no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Choose Administrator, Supervisor or User.")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// Who does something, and from where. Ends up in the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person with a browser session.
    User {
        /// The account's id.
        id: String,
        /// The person's name at that time.
        name: String,
        /// The address that the request came from.
        ip: Option<IpAddr>,
    },
    /// A machine with a master token.
    MasterToken {
        /// The token's id.
        id: String,
        /// The token's name.
        name: String,
        /// The address that the request came from.
        ip: Option<IpAddr>,
    },
    /// Nobody who is known: somebody not logged in, or Tessera itself.
    System {
        /// The address that the request came from, when there was one.
        ip: Option<IpAddr>,
    },
}

impl Actor {
    /// `user`, acting from `ip`.
    pub fn user(user: &User, ip: Option<IpAddr>) -> Self {
        Self::User { id: user.id.clone(), name: user.name.clone(), ip }
    }

    /// The id of the account or token; `None` for the system.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::User { id, .. } | Self::MasterToken { id, .. } => Some(id),
            Self::System { .. } => None,
        }
    }

    /// The name to show.
    pub fn name(&self) -> &str {
        match self {
            Self::User { name, .. } | Self::MasterToken { name, .. } => name,
            Self::System { .. } => "System",
        }
    }

    /// The address that the request came from.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::User { ip, .. } | Self::MasterToken { ip, .. } | Self::System { ip } => *ip,
        }
    }

    /// The word in the audit log.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::User { .. } => "user",
            Self::MasterToken { .. } => "master_token",
            Self::System { .. } => "system",
        }
    }
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// There is no such organization, or one that the actor does not belong to. The two look alike.
    #[error("not found")]
    NotFound,
    /// The actor is a member, of too low a role.
    #[error("this needs the role {needed}")]
    Forbidden {
        /// The least role that would do.
        needed: Role,
    },
    /// The actor is a master token whose access does not cover this.
    #[error("this needs the access {needed}")]
    Insufficient {
        /// The least access that would do.
        needed: TokenAccess,
    },
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Proof that the actor belongs to `T`.
#[derive(Clone, Debug)]
pub struct Member<T> {
    resource: T,
    actor: Actor,
    role: Role,
}

/// Proof that the actor may manage members of `T` who are no administrators.
#[derive(Clone, Debug)]
pub struct Supervisor<T>(Member<T>);

/// Proof that the actor may do everything in `T`.
#[derive(Clone, Debug)]
pub struct Admin<T>(Supervisor<T>);

impl<T> Member<T> {
    /// Whether the actor may make somebody a `role`, apart from the own role. No master token makes
    /// an administrator: that person could generate tokens, and so the token would have handed out
    /// more than it holds.
    pub(super) fn may_make(&self, role: Role) -> bool {
        role != Role::Administrator || !matches!(self.actor, Actor::MasterToken { .. })
    }

    /// Who acts.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// What they are there.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The stronger proof, when the role carries it.
    ///
    /// # Errors
    /// [`AccessError::Forbidden`].
    pub fn supervisor(self) -> Result<Supervisor<T>, AccessError> {
        if self.role < Role::Supervisor {
            return Err(AccessError::Forbidden { needed: Role::Supervisor });
        }
        Ok(Supervisor(self))
    }

    /// The strongest proof, when the role carries it.
    ///
    /// # Errors
    /// [`AccessError::Forbidden`].
    pub fn admin(self) -> Result<Admin<T>, AccessError> {
        if self.role < Role::Administrator {
            return Err(AccessError::Forbidden { needed: Role::Administrator });
        }
        Ok(Admin(Supervisor(self)))
    }
}

impl<T> Deref for Member<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.resource
    }
}

impl<T> Deref for Supervisor<T> {
    type Target = Member<T>;

    fn deref(&self) -> &Member<T> {
        &self.0
    }
}

impl<T> Deref for Admin<T> {
    type Target = Supervisor<T>;

    fn deref(&self) -> &Supervisor<T> {
        &self.0
    }
}

/// Proves that `user` belongs to the organization `organization_id`.
///
/// # Errors
/// [`AccessError::NotFound`] for a foreign organization as for one that does not exist.
pub fn member(
    connection: &mut Connection,
    user: &User,
    ip: Option<IpAddr>,
    organization_id: &str,
) -> Result<Member<Organization>, AccessError> {
    let role = members::role_of(connection, organization_id, &user.id)?.ok_or(AccessError::NotFound)?;
    let resource = organizations::by_id(connection, organization_id)?.ok_or(AccessError::NotFound)?;
    Ok(Member { resource, actor: Actor::user(user, ip), role })
}

/// Proves that an accepted master token belongs to the organization `organization_id` and may do
/// what needs `needed`.
///
/// `needed` is the gate, and the only one: the proof of a token that may only read still carries
/// the role that sees everything. A route declares the access that it needs, one that changes
/// anything never less than [`TokenAccess::Keys`], and asks for a proof with it.
///
/// Who may manage members alone acts as a supervisor, and so makes and touches no administrator.
///
/// # Errors
/// [`AccessError::NotFound`] for a foreign organization, [`AccessError::Insufficient`].
pub fn token_member(
    known: &KnownToken,
    ip: Option<IpAddr>,
    organization_id: &str,
    needed: TokenAccess,
) -> Result<Member<Organization>, AccessError> {
    let KnownToken { token, organization, .. } = known;
    if organization.id != organization_id {
        return Err(AccessError::NotFound);
    }
    if !token.access.covers(needed) {
        return Err(AccessError::Insufficient { needed });
    }
    let role = match (needed, token.access) {
        (TokenAccess::Members, held) if held != TokenAccess::Full => Role::Supervisor,
        _ => Role::Administrator,
    };
    let actor = Actor::MasterToken { id: token.id.clone(), name: token.name.clone(), ip };
    Ok(Member { resource: organization.clone(), actor, role })
}
