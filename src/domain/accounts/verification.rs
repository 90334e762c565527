//! Signing up, and proving the address.

use std::net::IpAddr;

use diesel::prelude::*;

use super::{
    AccountError, NewAccount, User, by_email, for_each_address, insert, record, set_password, take_over,
};
use crate::{
    clock::Timestamp,
    db::{Tx, columns_of},
    domain::{
        access::Actor,
        budgets::{self, Allowance, Way},
        email::EmailAddress,
        email_links::{self, Purpose},
        events::Action,
        outbox::{self, Message},
        schema::users,
        secret::Secret,
        sessions,
    },
};

/// Signs somebody up and mails the link that proves the address.
///
/// The caller learns nothing of whether the address was known (ASVS 6.3.8): its owner is told by
/// mail. An account that nobody proved is taken over by the newest sign-up.
///
/// # Errors
/// [`AccountError::NoRandomness`], [`AccountError::Db`].
pub fn sign_up(
    tx: &mut Tx<'_>,
    new: &NewAccount,
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<(), AccountError> {
    let allowance = budgets::ask_for_mail(tx, &new.email, Way::MailConfirmation, now)?;
    let user = match by_email(tx.connection(), &new.email)? {
        Some(user) if user.is_verified() => {
            // Written each time, mail or not: an address that is known must not answer sooner.
            record(tx, &user, Action::SignUpRepeated, &Actor::System { ip }, now)?;
            let stand_in = NewAccount { email: EmailAddress::nobodys(), ..new.clone() };
            tx.rehearse(|tx| insert(tx, &stand_in, now).map(drop))?;
            let link = (Secret::generate_link()?, Allowance::Granted);
            tx.rehearse(|tx| email_links::create(tx, &user.id, Purpose::Verify, link, now).map(drop))?;
            if allowance == Allowance::Granted {
                outbox::queue(tx, &user.email, &Message::AccountExists { name: user.name.clone() }, now)?;
            }
            return Ok(());
        }
        Some(user) => take_over(tx, &user.id, new)?,
        None => insert(tx, new, now)?,
    };
    record(tx, &user, Action::SignedUp, &Actor::System { ip }, now)?;
    mail_link(tx, &user, allowance, now)?;
    Ok(())
}

/// Mails the link that proves the address of `user`.
///
/// # Errors
/// [`AccountError::NoRandomness`], [`AccountError::Db`].
pub fn send_verification(tx: &mut Tx<'_>, user: &User, now: Timestamp) -> Result<Asked, AccountError> {
    let email = EmailAddress::parse(&user.email).map_err(|_| AccountError::LinkOver)?;
    let allowance = budgets::ask_for_mail(tx, &email, Way::MailConfirmation, now)?;
    Ok(match (mail_link(tx, user, allowance, now)?, allowance) {
        (true, _) => Asked::Mailed,
        (false, Allowance::JustNow) => Asked::MailedJustNow,
        (false, _) => Asked::MailedBefore,
    })
}

/// Mails another link to an unproven address; does nothing for any other, at the same cost.
///
/// # Errors
/// [`AccountError::NoRandomness`], [`AccountError::Db`].
pub fn resend_verification(
    tx: &mut Tx<'_>,
    email: &EmailAddress,
    now: Timestamp,
) -> Result<(), AccountError> {
    let allowance = budgets::ask_for_mail(tx, email, Way::MailConfirmation, now)?;
    let user = by_email(tx.connection(), email)?.filter(|user| !user.is_verified());
    for_each_address(tx, user.as_ref(), |tx, user| mail_link(tx, user, allowance, now).map(drop))
}

/// Answers `false` where the links of before have to do.
fn mail_link(
    tx: &mut Tx<'_>,
    user: &User,
    allowance: Allowance,
    now: Timestamp,
) -> Result<bool, AccountError> {
    let new = (Secret::generate_link()?, allowance);
    let Some(link) = email_links::create(tx, &user.id, Purpose::Verify, new, now)? else {
        return Ok(false);
    };
    let message = Message::VerifyAddress {
        name: user.name.clone(),
        token: link.secret.expose().to_owned(),
        expires_at: link.expires_at,
    };
    outbox::queue(tx, &user.email, &message, now)?;
    Ok(true)
}

/// What came of asking for another link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It is on its way.
    Mailed,
    /// One was mailed less than a minute ago.
    MailedJustNow,
    /// There were enough mails; the links in them work as if they were mailed now.
    MailedBefore,
}

/// What somebody who opens a link has shown to be the one that signed up.
#[derive(Clone, Debug)]
pub enum SignedUp {
    /// A session of the account, by its id.
    Session(String),
    /// The password, which matched this hash.
    Password(String),
}

/// Proves the address by the link `token`, for somebody who showed to be the one that signed up.
/// A sign-up with the same address that came in between makes the showing void.
///
/// # Errors
/// [`AccountError::LinkOver`].
pub fn verify_email(
    tx: &mut Tx<'_>,
    token: &str,
    shown: &SignedUp,
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<User, AccountError> {
    let user =
        email_links::owner(tx.connection(), Purpose::Verify, token, now)?.ok_or(AccountError::LinkOver)?;
    let holds = match shown {
        SignedUp::Session(id) => sessions::is_of(tx.connection(), id, &user.id, now)?,
        SignedUp::Password(hash) => {
            let stored: String =
                users::table.find(&user.id).select(users::password_hash).first(tx.connection())?;
            stored == *hash
        }
    };
    if !holds {
        return Err(AccountError::LinkOver);
    }
    mark_verified(tx, &user, ip, now)
}

/// Proves the address by the link `token` and sets a new password in the same step, for an owner
/// who does not know the one that was set at sign-up. Ends every session.
///
/// # Errors
/// [`AccountError::LinkOver`].
pub fn verify_email_with_password(
    tx: &mut Tx<'_>,
    token: &str,
    password_hash: &str,
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<User, AccountError> {
    let user =
        email_links::owner(tx.connection(), Purpose::Verify, token, now)?.ok_or(AccountError::LinkOver)?;
    set_password(tx, &user.id, password_hash)?;
    sessions::end_all(tx, &user.id, None)?;
    mark_verified(tx, &user, ip, now)
}

pub(in crate::domain) fn mark_verified(
    tx: &mut Tx<'_>,
    user: &User,
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<User, AccountError> {
    email_links::spend_all(tx, &user.id, now)?;
    // Whoever proves the address reads what comes to it.
    budgets::forget_mails(tx, &user.email)?;
    outbox::end_quiet(tx, &user.email)?;
    let user = diesel::update(users::table.find(&user.id))
        .set(users::email_verified_at.eq(user.email_verified_at.or(Some(now))))
        .returning(columns_of::<User>())
        .get_result(tx.connection())?;
    record(tx, &user, Action::EmailVerified, &Actor::user(&user, ip), now)?;
    Ok(user)
}
