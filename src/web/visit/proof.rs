//! What a visit proves, and the look at the database that it is made from.

use crate::{
    clock::Timestamp,
    config::Founders,
    db::{Connection, DbError},
    domain::{
        access::{Capability, Grant, InstanceAdministrator, Operator},
        sessions::{self, LoggedIn},
        user::User,
    },
    web::{access::Access, error::AppError, session_store::Found},
};

/// What a handler takes: its type tells the route table who may come in.
pub trait Door {
    /// Who may come in.
    const ACCESS: Access;
}

impl<P: Proof, B> Door for super::Visit<P, B> {
    const ACCESS: Access = P::ACCESS;
}

impl Found {
    /// The same look once more, inside the transaction of a change.
    pub(super) fn again(self, connection: &mut Connection, now: Timestamp) -> Result<Self, DbError> {
        let open = match self.session {
            Some(digest) => sessions::open(connection, digest, self.organization_id.as_deref(), now)?,
            None => None,
        };
        Ok(Self { logged_in: open.and_then(|open| open.logged_in), ..self })
    }

    /// Whether whoever is logged in may create organizations.
    pub(super) fn may_create_organizations(&self) -> bool {
        match self.founders {
            Founders::Everyone => true,
            Founders::InstanceAdministrators => {
                self.logged_in.as_ref().is_some_and(|logged_in| logged_in.is_operator)
            }
        }
    }

    fn logged_in(&self) -> Result<&LoggedIn, AppError> {
        self.logged_in.as_ref().ok_or_else(|| AppError::LogInFirst(self.next.clone()))
    }

    /// Who is logged in with a proven address.
    fn account(&self) -> Result<&LoggedIn, AppError> {
        let logged_in = self.logged_in()?;
        if logged_in.user.is_verified() { Ok(logged_in) } else { Err(AppError::VerifyFirst) }
    }
}

/// What a visit proves.
pub trait Proof: Clone + Send + Sized + 'static {
    /// Who has it.
    const ACCESS: Access;

    /// The proof, where what was found carries it.
    ///
    /// # Errors
    /// 401, 403 or 404, in the words of [`AppError`].
    fn of(found: &Found) -> Result<Self, AppError>;

    /// Whether what it is the proof of may change at all now.
    ///
    /// # Errors
    /// 403 for a suspended organization.
    fn check_open(&self) -> Result<(), AppError> {
        Ok(())
    }
}

/// Anybody, logged in or not.
#[derive(Clone, Debug)]
pub struct Anybody {
    /// Who is logged in.
    pub user: Option<User>,
}

impl Proof for Anybody {
    const ACCESS: Access = Access::Public;

    fn of(found: &Found) -> Result<Self, AppError> {
        Ok(Self { user: found.logged_in.as_ref().map(|logged_in| logged_in.user.clone()) })
    }
}

/// Somebody who is logged in, their address proven or not.
#[derive(Clone, Debug)]
pub struct InSession {
    /// The account.
    pub user: User,
    /// The browser session.
    pub session_id: String,
}

impl Proof for InSession {
    const ACCESS: Access = Access::LoggedIn;

    fn of(found: &Found) -> Result<Self, AppError> {
        let LoggedIn { user, session_id, .. } = found.logged_in()?.clone();
        Ok(Self { user, session_id })
    }
}

/// Somebody who is logged in and whose address is proven.
#[derive(Clone, Debug)]
pub struct Account {
    /// The account.
    pub user: User,
    /// The browser session.
    pub session_id: String,
}

impl AsRef<Self> for Account {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Proof for Account {
    const ACCESS: Access = Access::Account;

    fn of(found: &Found) -> Result<Self, AppError> {
        let LoggedIn { user, session_id, .. } = found.account()?.clone();
        Ok(Self { user, session_id })
    }
}

/// Somebody who may create organizations.
#[derive(Clone, Debug)]
pub struct Founder {
    account: Account,
}

impl Founder {
    /// The account.
    pub fn user(&self) -> &User {
        &self.account.user
    }
}

impl AsRef<Account> for Founder {
    fn as_ref(&self) -> &Account {
        &self.account
    }
}

impl Proof for Founder {
    const ACCESS: Access = Access::Account;

    fn of(found: &Found) -> Result<Self, AppError> {
        let account = Account::of(found)?;
        if found.may_create_organizations() { Ok(Self { account }) } else { Err(AppError::NotFounder) }
    }
}

impl Proof for InstanceAdministrator {
    const ACCESS: Access = Access::Operator;

    fn of(found: &Found) -> Result<Self, AppError> {
        Ok(found.account()?.instance_administrator(found.ip)?)
    }
}

impl Proof for Operator {
    const ACCESS: Access = InstanceAdministrator::ACCESS;

    fn of(found: &Found) -> Result<Self, AppError> {
        Ok(InstanceAdministrator::of(found)?.into())
    }
}

impl<C: Capability> Proof for Grant<C> {
    const ACCESS: Access = Access::Member(C::ROLES);

    fn of(found: &Found) -> Result<Self, AppError> {
        Ok(found.account()?.standing(found.ip)?.grant()?)
    }

    fn check_open(&self) -> Result<(), AppError> {
        Ok(Self::check_open(self)?)
    }
}
