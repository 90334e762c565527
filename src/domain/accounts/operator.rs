//! What the operator does for people whom no email reaches.

use super::{AccountError, NewAccount, by_email, insert, record};
use crate::{
    clock::Timestamp,
    db::Tx,
    domain::{
        access::Actor,
        budgets::Allowance,
        email::EmailAddress,
        email_links::{self, Purpose},
        events::Action,
        secret::Secret,
        user::User,
    },
};

/// A link that the operator passes on: whoever opens it chooses a password, which proves the address, too.
#[derive(Debug)]
pub struct PersonalLink {
    /// Whose it is.
    pub user: User,
    /// Goes into the link and nowhere else.
    pub secret: Secret,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// Makes an account; `None` where the address has one.
///
/// # Errors
/// [`AccountError::Db`].
pub fn create_account(
    tx: &mut Tx<'_>,
    new: &NewAccount,
    now: Timestamp,
) -> Result<Option<User>, AccountError> {
    if by_email(tx.connection(), &new.email)?.is_some() {
        return Ok(None);
    }
    let user = insert(tx, new, now)?;
    record(tx, &user, Action::SignedUp, &Actor::System { ip: None }, now)?;
    Ok(Some(user))
}

/// Makes a link for the account at an address; `None` where there is no account.
///
/// # Errors
/// [`AccountError::NoRandomness`], [`AccountError::Db`].
pub fn personal_link(
    tx: &mut Tx<'_>,
    email: &EmailAddress,
    now: Timestamp,
) -> Result<Option<PersonalLink>, AccountError> {
    let Some(user) = by_email(tx.connection(), email)? else { return Ok(None) };
    let new = (Secret::generate_link()?, Allowance::Granted);
    let link = email_links::create(tx, &user.id, Purpose::Reset, new, now)?;
    record(tx, &user, Action::ResetAsked, &Actor::System { ip: None }, now)?;
    Ok(link.map(|link| PersonalLink { user, secret: link.secret, expires_at: link.expires_at }))
}
