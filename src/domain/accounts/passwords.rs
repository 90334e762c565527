//! New passwords: by a mailed link, or by whoever knows the present one.

use std::net::IpAddr;

use super::{
    AccountError, User, by_email, for_each_address, record, set_password, verification::mark_verified,
};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
    domain::{
        access::Actor,
        budgets::{self, Way},
        email::EmailAddress,
        email_links::{self, Purpose},
        events::Action,
        outbox::{self, Message},
        secret::Secret,
        sessions,
    },
};

/// Mails a link to choose a new password, if the address has an account. Locks nobody out: whoever
/// asks once more than mails go out makes the link in the last of them work for another hour. Costs the
/// same for an address without an account (ASVS 6.3.8).
///
/// # Errors
/// [`AccountError::NoRandomness`], [`AccountError::Db`].
pub fn ask_for_reset(
    tx: &mut Tx<'_>,
    email: &EmailAddress,
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<(), AccountError> {
    let (allowance, secret) =
        (budgets::ask_for_mail(tx, email, Way::MailReset, now)?, Secret::generate_link()?);
    let user = by_email(tx.connection(), email)?;
    for_each_address(tx, user.as_ref(), |tx, user| {
        let new = (secret, allowance);
        let Some(link) = email_links::create(tx, &user.id, Purpose::Reset, new, now)? else { return Ok(()) };
        record(tx, user, Action::ResetAsked, &Actor::System { ip }, now)?;
        let message = Message::ResetPassword {
            name: user.name.clone(),
            token: link.secret.expose().to_owned(),
            expires_at: link.expires_at,
        };
        Ok(outbox::queue(tx, &user.email, &message, now)?)
    })
}

/// Sets the password by the mailed link `token`, which proves the address too. Ends every
/// session and tells the owner by mail; the person logs in afterwards.
///
/// # Errors
/// [`AccountError::LinkOver`].
pub fn reset_password(
    tx: &mut Tx<'_>,
    token: &str,
    password_hash: &str,
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<User, AccountError> {
    let user =
        email_links::owner(tx.connection(), Purpose::Reset, token, now)?.ok_or(AccountError::LinkOver)?;
    set_password(tx, &user.id, password_hash)?;
    sessions::end_all(tx, &user.id, None)?;
    let user = mark_verified(tx, &user, ip, now)?;
    record(tx, &user, Action::PasswordReset, &Actor::user(&user, ip), now)?;
    tell_of_new_password(tx, &user, ip, now)?;
    Ok(user)
}

/// Changes the password of somebody who gave the present one. Ends the other sessions and tells
/// the owner by mail.
pub fn change_password(
    tx: &mut Tx<'_>,
    user: &User,
    password_hash: &str,
    keep_session_id: &str,
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<(), DbError> {
    set_password(tx, &user.id, password_hash)?;
    sessions::end_all(tx, &user.id, Some(keep_session_id))?;
    email_links::spend_all(tx, &user.id, now)?;
    record(tx, user, Action::PasswordChanged, &Actor::user(user, ip), now)?;
    tell_of_new_password(tx, user, ip, now)
}

fn tell_of_new_password(
    tx: &mut Tx<'_>,
    user: &User,
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<(), DbError> {
    let message = Message::PasswordChanged {
        name: user.name.clone(),
        changed_at: now,
        ip: ip.map(|ip| ip.to_string()),
    };
    outbox::queue(tx, &user.email, &message, now)
}
