//! Accounts and links by the hand of the operator, for people whom no email reaches.

use super::{InstanceError, user};
use crate::{
    clock::Timestamp,
    db::Tx,
    domain::{
        access::Operator,
        accounts::{self, NewAccount},
        budgets::Allowance,
        email_links::{self, Purpose},
        events::Action,
        secret::Secret,
        user::User,
    },
};

/// What a link is for that the operator passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// Log in without the password.
    LogIn,
    /// Choose a password, which proves the email, too.
    Password,
}

/// A link that the operator passes on.
#[derive(Debug)]
pub struct AccountLink {
    /// Whose it is.
    pub user: User,
    /// What it is for.
    pub kind: LinkKind,
    /// Goes into the link and nowhere else.
    pub secret: Secret,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// Makes an account.
///
/// # Errors
/// [`InstanceError::HasAccount`].
pub fn create_account(
    tx: &mut Tx<'_>,
    operator: &Operator,
    new: &NewAccount,
    now: Timestamp,
) -> Result<User, InstanceError> {
    if accounts::by_email(tx.connection(), &new.email)?.is_some() {
        return Err(InstanceError::HasAccount);
    }
    let user = accounts::insert(tx, new, now)?;
    accounts::record(tx, &user, Action::AccountCreated, operator.actor(), now)?;
    Ok(user)
}

/// Makes a link for an account. One to log in is made only where the email is confirmed: before that, the password
/// may be a stranger's (arXiv 2205.10174, "pre-hijacking").
///
/// # Errors
/// [`InstanceError::NotFound`], [`InstanceError::NotConfirmed`], [`InstanceError::Deactivated`].
pub fn create_link(
    tx: &mut Tx<'_>,
    operator: &Operator,
    (user_id, kind): (&str, LinkKind),
    now: Timestamp,
) -> Result<AccountLink, InstanceError> {
    let user = user(tx.connection(), user_id)?;
    let purpose = match kind {
        _ if user.is_deactivated() => return Err(InstanceError::Deactivated),
        LinkKind::LogIn if !user.is_verified() => return Err(InstanceError::NotConfirmed),
        LinkKind::LogIn => Purpose::LogIn,
        LinkKind::Password => Purpose::Reset,
    };
    let new = (Secret::generate_link()?, Allowance::Granted);
    let link = email_links::create(tx, &user.id, purpose, new, now)?.ok_or(InstanceError::NotFound)?;
    accounts::record(tx, &user, Action::AccountLinkCreated, operator.actor(), now)?;
    Ok(AccountLink { user, kind, secret: link.secret, expires_at: link.expires_at })
}
