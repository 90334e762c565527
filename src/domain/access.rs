//! Who acts, and the proofs of what they may do.
//!
//! A [`Grant`] says by its type what its holder may do in an organization, whether that is a person
//! by their role or a master token by its access. It can only be made here, from a look at the
//! database. Functions that touch an organization take one, so a handler that forgot to ask does
//! not compile. Each grant dereferences to the weaker ones that it implies:
//!
//! ```
//! use tessera::domain::access::{Grant, ManageKeys, SeeKeys};
//! fn list_keys(_: &Grant<SeeKeys>) {}
//! fn after_a_change(grant: &Grant<ManageKeys>) { list_keys(grant) }
//! ```
//!
//! The other way round is refused: what only reads opens nothing.
//!
//! ```compile_fail
//! use tessera::domain::access::{Grant, ManageKeys, SeeKeys};
//! fn remove_a_key(_: &Grant<ManageKeys>) {}
//! fn of_a_reader(grant: &Grant<SeeKeys>) { remove_a_key(grant) }
//! ```
//!
//! Who manages members manages no keys, and who manages keys no members:
//!
//! ```compile_fail
//! use tessera::domain::access::{Grant, ManageKeys, ManageMembers};
//! fn remove_a_key(_: &Grant<ManageKeys>) {}
//! fn of_a_supervisor(grant: &Grant<ManageMembers>) { remove_a_key(grant) }
//! ```
//!
//! ```compile_fail
//! use tessera::domain::access::{Grant, ManageKeys, ManageMembers};
//! fn remove_a_member(_: &Grant<ManageMembers>) {}
//! fn of_a_key_manager(grant: &Grant<ManageKeys>) { remove_a_member(grant) }
//! ```
//!
//! Who manages keys does not decide about the organization:
//!
//! ```compile_fail
//! use tessera::domain::access::{Govern, Grant, ManageKeys};
//! fn create_a_webhook(_: &Grant<Govern>) {}
//! fn of_a_developer(grant: &Grant<ManageKeys>) { create_a_webhook(grant) }
//! ```
//!
//! Master tokens are made by people only, whatever else a grant allows:
//!
//! ```compile_fail
//! use tessera::domain::access::{Govern, Grant, ManageTokens};
//! fn generate_a_token(_: &Grant<ManageTokens>) {}
//! fn of_a_machine(grant: &Grant<Govern>) { generate_a_token(grant) }
//! ```
//!
//! The instance as a whole has proofs of its own. Who may see all organizations changes none of them:
//!
//! ```compile_fail
//! use tessera::domain::access::{Observer, Operator};
//! fn suspend_an_organization(_: &Operator) {}
//! fn of_a_reader(observer: &Observer) { suspend_an_organization(observer) }
//! ```
//!
//! And instance tokens are made by people only:
//!
//! ```compile_fail
//! use tessera::domain::access::{InstanceAdministrator, Operator};
//! fn generate_a_token(_: &InstanceAdministrator) {}
//! fn of_a_machine(operator: &Operator) { generate_a_token(operator) }
//! ```
//!
//! No grant can be made by hand:
//!
//!
//! ```compile_fail
//! use tessera::domain::access::{Grant, See, Standing};
//! fn forge(standing: Standing) -> Grant<See> {
//!     Grant { weaker: standing }
//! }
//! ```

use std::{fmt, net::IpAddr, ops::Deref};

use diesel::{dsl::exists, prelude::*};

pub use super::roles::Role;
use super::{
    instance_access::InstanceAccess,
    organization::{self, Organization},
    schema::{instance_administrators, memberships},
    token_access::TokenAccess,
    user::User,
};
use crate::db::{Connection, DbError};

impl Role {
    /// Whether the role carries `C`.
    pub fn may<C: Capability>(self) -> bool {
        C::ROLES.contains(&self)
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
    /// A machine with an instance token.
    InstanceToken {
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
            Self::User { id, .. } | Self::MasterToken { id, .. } | Self::InstanceToken { id, .. } => Some(id),
            Self::System { .. } => None,
        }
    }

    /// The name to show.
    pub fn name(&self) -> &str {
        match self {
            Self::User { name, .. } | Self::MasterToken { name, .. } | Self::InstanceToken { name, .. } => {
                name
            }
            Self::System { .. } => "System",
        }
    }

    /// The address that the request came from.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::User { ip, .. }
            | Self::MasterToken { ip, .. }
            | Self::InstanceToken { ip, .. }
            | Self::System { ip } => *ip,
        }
    }

    /// The word in the audit log.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::User { .. } => "user",
            Self::MasterToken { .. } => "master_token",
            Self::InstanceToken { .. } => "instance_token",
            Self::System { .. } => "system",
        }
    }
}

/// Why there is no grant.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// There is no such organization, or one that the actor does not belong to. The two look alike.
    #[error("not found")]
    NotFound,
    /// The actor is a member, of too low a role.
    #[error("this needs another role")]
    Forbidden {
        /// The roles that would do.
        needed: &'static [Role],
    },
    /// The actor is a master token whose access does not cover this; `None` where no access would.
    #[error("this needs another access")]
    Insufficient {
        /// The least access that would do.
        needed: Option<TokenAccess>,
    },
    /// The actor is an instance token whose access does not cover this.
    #[error("this needs another access")]
    InsufficientOnInstance {
        /// The least access that would do.
        needed: InstanceAccess,
    },
    /// The organization is suspended, and nothing in it can be changed.
    #[error("the organization is suspended")]
    Suspended {
        /// Why, as its members are told.
        reason: String,
    },
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Proof that the actor belongs to an organization, and nothing more. Every grant is made of one.
#[derive(Clone, Debug)]
pub struct Standing {
    organization: Organization,
    actor: Actor,
    holder: Holder,
}

/// By what right somebody stands in an organization.
#[derive(Clone, Debug)]
enum Holder {
    Member { user: User, role: Role },
    Token(TokenAccess),
}

impl Standing {
    /// `user`, a member of `organization` in the role `role`.
    pub(super) fn of_member(organization: Organization, user: User, role: Role, ip: Option<IpAddr>) -> Self {
        Self { organization, actor: Actor::user(&user, ip), holder: Holder::Member { user, role } }
    }

    /// An accepted master token of `organization`, by id, name and access.
    pub(super) fn of_token(
        organization: Organization,
        (id, name, access): (&str, &str, TokenAccess),
        ip: Option<IpAddr>,
    ) -> Self {
        let actor = Actor::MasterToken { id: id.to_owned(), name: name.to_owned(), ip };
        Self { organization, actor, holder: Holder::Token(access) }
    }

    /// Who acts.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The person who acts, unless it is a machine.
    pub fn user(&self) -> Option<&User> {
        match &self.holder {
            Holder::Member { user, .. } => Some(user),
            Holder::Token(_) => None,
        }
    }

    /// The roles that the actor reaches: people in others are not theirs to invite, change or remove.
    pub fn reach(&self) -> &'static [Role] {
        match &self.holder {
            Holder::Member { role, .. } => role.reach(),
            Holder::Token(TokenAccess::Full) => Role::Administrator.reach(),
            Holder::Token(TokenAccess::Members) => Role::Supervisor.reach(),
            Holder::Token(TokenAccess::Verify | TokenAccess::Read | TokenAccess::Keys) => &[],
        }
    }

    /// Whether the actor may make somebody a `role`, apart from their own reach. No master token
    /// makes an administrator: that person could generate tokens, and so the token would have handed
    /// out more than it holds.
    pub(super) fn may_make(&self, role: Role) -> bool {
        role != Role::Administrator || self.user().is_some()
    }

    /// Whether the role or the access carries `C`.
    pub fn may<C: Capability>(&self) -> bool {
        match &self.holder {
            Holder::Member { role, .. } => role.may::<C>(),
            Holder::Token(held) => C::ACCESS.is_some_and(|needed| held.covers(needed)),
        }
    }

    /// The grant of `C`, where the role or the access carries it.
    ///
    /// # Errors
    /// [`AccessError::Forbidden`], [`AccessError::Insufficient`].
    pub fn grant<C: Capability>(&self) -> Result<Grant<C>, AccessError> {
        if self.may::<C>() {
            return Ok(unchecked::Proof::of(self.clone()));
        }
        Err(match &self.holder {
            Holder::Member { .. } => AccessError::Forbidden { needed: C::ROLES },
            Holder::Token(_) => AccessError::Insufficient { needed: C::ACCESS },
        })
    }
}

impl Deref for Standing {
    type Target = Organization;

    fn deref(&self) -> &Organization {
        &self.organization
    }
}

/// Proof that somebody may see the instance as a whole: an instance administrator, whoever sits at the machine itself,
/// or an instance token. It opens nothing in an organization. Every other proof of the instance is made of one.
///
/// ```compile_fail
/// use tessera::domain::access::{Actor, Observer};
/// fn forge(actor: Actor) -> Observer {
///     Observer { actor }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Observer {
    actor: Actor,
}

impl Observer {
    /// Who acts.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }
}

/// Proof that somebody operates the instance, and so may change organizations from outside of them. An instance token
/// has it, if its access says so.
#[derive(Clone, Debug)]
pub struct Operator {
    weaker: Observer,
}

impl Operator {
    /// Whoever runs a command on the machine and may open the database there. Only for the command line.
    pub fn at_the_machine() -> Self {
        Self { weaker: Observer { actor: Actor::System { ip: None } } }
    }
}

impl Deref for Operator {
    type Target = Observer;

    fn deref(&self) -> &Observer {
        &self.weaker
    }
}

impl AsRef<Self> for Operator {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// Proof that a person is an instance administrator. No token has it, whatever its access: what is stolen with one ends
/// with it.
#[derive(Clone, Debug)]
pub struct InstanceAdministrator {
    weaker: Operator,
}

impl InstanceAdministrator {
    /// `user`, whom a look at the database found to be an instance administrator, from the address `ip`.
    pub(super) fn of(user: &User, ip: Option<IpAddr>) -> Self {
        Self { weaker: Operator { weaker: Observer { actor: Actor::user(user, ip) } } }
    }
}

impl From<InstanceAdministrator> for Operator {
    fn from(administrator: InstanceAdministrator) -> Self {
        administrator.weaker
    }
}

impl Deref for InstanceAdministrator {
    type Target = Operator;

    fn deref(&self) -> &Operator {
        &self.weaker
    }
}

impl AsRef<Self> for InstanceAdministrator {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// An accepted instance token, and nothing more. The proofs of the instance that machines have are made of one.
#[derive(Clone, Debug)]
pub struct InstanceStanding {
    actor: Actor,
    access: InstanceAccess,
}

impl InstanceStanding {
    /// An accepted instance token, by id, name and access.
    pub(super) fn of_token((id, name, access): (&str, &str, InstanceAccess), ip: Option<IpAddr>) -> Self {
        Self { actor: Actor::InstanceToken { id: id.to_owned(), name: name.to_owned(), ip }, access }
    }

    /// The proof that the token may see the instance.
    ///
    /// # Errors
    /// [`AccessError::InsufficientOnInstance`].
    pub fn observer(self) -> Result<Observer, AccessError> {
        self.check(InstanceAccess::Read)
    }

    /// The proof that the token may operate the instance.
    ///
    /// # Errors
    /// [`AccessError::InsufficientOnInstance`].
    pub fn operator(self) -> Result<Operator, AccessError> {
        Ok(Operator { weaker: self.check(InstanceAccess::Operate)? })
    }

    fn check(self, needed: InstanceAccess) -> Result<Observer, AccessError> {
        if self.access.covers(needed) {
            Ok(Observer { actor: self.actor })
        } else {
            Err(AccessError::InsufficientOnInstance { needed })
        }
    }
}

/// What may be done in an organization, as a type.
pub trait Capability: Clone + fmt::Debug + Send + Sync + Sized + 'static {
    /// The roles that carry it, the least first.
    const ROLES: &'static [Role];
    /// The least access of a master token that carries it; `None` where no token may.
    const ACCESS: Option<TokenAccess>;
    /// Whether it is there to change something in the organization. What only sees lets one leave it.
    const CHANGES: bool;
    /// The next weaker proof, to which the grant dereferences.
    type Weaker: Clone + fmt::Debug + Send + Sync + unchecked::Proof;
}

/// Proof that the actor may do `C` in an organization.
#[derive(Clone, Debug)]
pub struct Grant<C: Capability> {
    weaker: C::Weaker,
}

impl<C: Capability> Grant<C> {
    /// Refuses changes in a suspended organization: they are for after that.
    ///
    /// # Errors
    /// [`AccessError::Suspended`].
    pub fn check_open(&self) -> Result<(), AccessError> {
        let organization: &Organization = unchecked::Proof::standing(self);
        match &organization.suspension_reason {
            Some(reason) if C::CHANGES => Err(AccessError::Suspended { reason: reason.clone() }),
            _ => Ok(()),
        }
    }
}

impl<C: Capability> Deref for Grant<C> {
    type Target = C::Weaker;

    fn deref(&self) -> &C::Weaker {
        &self.weaker
    }
}

mod unchecked {
    use super::{Capability, Grant, Standing};

    /// Makes a proof of a standing; only for what [`Standing::grant`] has looked at. Nobody outside
    /// can name it.
    pub trait Proof {
        fn of(standing: Standing) -> Self;
        /// What it was made of.
        fn standing(&self) -> &Standing;
    }

    impl Proof for Standing {
        fn of(standing: Standing) -> Self {
            standing
        }

        fn standing(&self) -> &Standing {
            self
        }
    }

    impl<C: Capability> Proof for Grant<C> {
        fn of(standing: Standing) -> Self {
            Self { weaker: C::Weaker::of(standing) }
        }

        fn standing(&self) -> &Standing {
            self.weaker.standing()
        }
    }
}

macro_rules! capabilities {
    ($(
        $(#[$doc:meta])*
        $name:ident $kind:ident [$($role:ident),*], $access:expr => $weaker:ty $(, implies [$($implied:ident),*])?;
    )+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub enum $name {}

            impl Capability for $name {
                const ROLES: &'static [Role] = &[$(Role::$role),*];
                const ACCESS: Option<TokenAccess> = $access;
                const CHANGES: bool = $kind;
                type Weaker = $weaker;
            }

            impl AsRef<Grant<$name>> for Grant<$name> {
                fn as_ref(&self) -> &Self {
                    self
                }
            }

            $($(
                impl AsRef<Grant<$implied>> for Grant<$name> {
                    fn as_ref(&self) -> &Grant<$implied> {
                        self
                    }
                }
            )*)?
        )+
    };
}

/// The two kinds of capabilities.
const SEES: bool = false;
const CHANGES: bool = true;

capabilities! {
    /// See the organization and its members.
    See SEES [User, Developer, Supervisor, Administrator], Some(TokenAccess::Read) => Standing;
    /// See the audit log, as far as it tells of what one may see.
    SeeActivity SEES [Developer, Supervisor, Administrator], Some(TokenAccess::Read)
        => Grant<See>, implies [See];
    /// See pending invitations, and what was done to members.
    SeeInvitations SEES [Supervisor, Administrator], Some(TokenAccess::Read)
        => Grant<SeeActivity>, implies [SeeActivity, See];
    /// See API keys, their settings and their use, and what was done to them.
    SeeKeys SEES [Developer, Administrator], Some(TokenAccess::Read)
        => Grant<SeeActivity>, implies [SeeActivity, See];
    /// See what was done to master tokens, webhooks and the organization, too.
    SeeAllActivity SEES [Administrator], Some(TokenAccess::Read)
        => Grant<SeeKeys>, implies [SeeKeys, SeeActivity, See];
    /// Create, change and remove API keys.
    ManageKeys CHANGES [Developer, Administrator], Some(TokenAccess::Keys)
        => Grant<SeeKeys>, implies [SeeKeys, See];
    /// Make the secret address of the expiration calendar, which outlives whoever made it.
    ManageCalendar CHANGES [Developer, Administrator], Some(TokenAccess::Full)
        => Grant<ManageKeys>, implies [ManageKeys, SeeKeys, See];
    /// Invite, change and remove members within the actor's reach.
    ManageMembers CHANGES [Supervisor, Administrator], Some(TokenAccess::Members)
        => Grant<SeeInvitations>, implies [SeeInvitations, See];
    /// Decide about the organization itself: its name, its webhooks, what happens to leaked keys.
    Govern CHANGES [Administrator], Some(TokenAccess::Full)
        => Grant<ManageKeys>, implies [ManageKeys, SeeKeys, See];
    /// Generate, activate, replace and remove master tokens. No token may, whatever its access: what
    /// is stolen with one ends with it.
    ManageTokens CHANGES [Administrator], None
        => Grant<Govern>, implies [Govern, ManageKeys, SeeKeys, See];
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
) -> Result<Standing, AccessError> {
    let role = role_of(connection, organization_id, &user.id)?.ok_or(AccessError::NotFound)?;
    let organization = organization::by_id(connection, organization_id)?.ok_or(AccessError::NotFound)?;
    Ok(Standing::of_member(organization, user.clone(), role, ip))
}

/// Proves that `user` is an instance administrator.
///
/// # Errors
/// [`AccessError::NotFound`] for whoever is not: to them it looks like nothing.
pub fn instance_administrator(
    connection: &mut Connection,
    user: &User,
    ip: Option<IpAddr>,
) -> Result<InstanceAdministrator, AccessError> {
    let is_one = exists(instance_administrators::table.find(&user.id));
    if diesel::select(is_one).get_result(connection).map_err(DbError::from)? {
        Ok(InstanceAdministrator::of(user, ip))
    } else {
        Err(AccessError::NotFound)
    }
}

/// The role of an account in an organization, if it is a member.
pub(super) fn role_of(
    connection: &mut Connection,
    organization_id: &str,
    user_id: &str,
) -> Result<Option<Role>, DbError> {
    Ok(memberships::table
        .find((organization_id, user_id))
        .select(memberships::role)
        .first(connection)
        .optional()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a role carries something.
    type May = fn(Role) -> bool;

    #[test]
    fn each_role_carries_what_it_is_for() {
        let carried = |role: Role| {
            let all: [(&str, May); 11] = [
                ("see", Role::may::<See>),
                ("activity", Role::may::<SeeActivity>),
                ("invitations", Role::may::<SeeInvitations>),
                ("keys", Role::may::<SeeKeys>),
                ("all activity", Role::may::<SeeAllActivity>),
                ("manage keys", Role::may::<ManageKeys>),
                ("manage calendar", Role::may::<ManageCalendar>),
                ("manage members", Role::may::<ManageMembers>),
                ("govern", Role::may::<Govern>),
                ("manage tokens", Role::may::<ManageTokens>),
                ("make developers", |role| role.reach().contains(&Role::Developer)),
            ];
            all.into_iter().filter(|(_, may)| may(role)).map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(carried(Role::User), ["see"]);
        assert_eq!(carried(Role::Developer), ["see", "activity", "keys", "manage keys", "manage calendar"]);
        assert_eq!(carried(Role::Supervisor), ["see", "activity", "invitations", "manage members"]);
        assert_eq!(carried(Role::Administrator).len(), 11);
    }
}
