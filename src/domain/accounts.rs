//! Accounts: people who can log in.
//!
//! An account is worth nothing until its address is proven. Whoever proves it, by a mailed link,
//! decides its password: what a stranger may have set before on that address does not survive
//! (arXiv 2205.10174, "pre-hijacking").

use std::net::IpAddr;

use diesel::prelude::*;

use super::{
    access::Actor,
    audit::{self, Action, Event},
    email::EmailAddress,
    email_links::{self, Purpose},
    id::new_id,
    names::Name,
    outbox::{self, Message},
    schema::users,
    secret::{NoRandomness, Secret},
    sessions,
};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
};

/// A person with an account.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct User {
    /// The account's id.
    pub id: String,
    /// The address, normalised.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// When the address was proven.
    pub email_verified_at: Option<Timestamp>,
    /// When the person was last seen, exact to some minutes.
    pub last_active_at: Option<Timestamp>,
    /// When the account was made.
    pub created_at: Timestamp,
}

impl User {
    /// Whether the address is proven.
    pub fn is_verified(&self) -> bool {
        self.email_verified_at.is_some()
    }
}

/// Somebody who signs up.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The address.
    pub email: EmailAddress,
    /// The name.
    pub name: Name,
    /// The password's hash, a PHC string.
    pub password_hash: String,
}

/// Why an operation on an account fails.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The link is unknown, used or expired.
    #[error("this link no longer works")]
    LinkOver,
    /// Enough mails went to this account lately.
    #[error("We sent several mails already. Look for them, or try again in a few hours.")]
    TooManyMails,
    /// The system gave no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for AccountError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

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
    let user = match by_email(tx.connection(), &new.email)? {
        Some(user) if user.is_verified() => {
            if let Some(link) =
                email_links::create(tx, &user.id, Purpose::Verify, Secret::generate_link()?, now)?
            {
                drop(link); // only counts the mail
                outbox::queue(tx, &user.email, &Message::AccountExists { name: user.name.clone() }, now)?;
            }
            return Ok(());
        }
        Some(user) => take_over(tx, &user.id, new)?,
        None => insert(tx, new, now)?,
    };
    record(tx, &user, Action::SignedUp, &Actor::System { ip }, now)?;
    match send_verification(tx, &user, now) {
        Err(AccountError::TooManyMails) => Ok(()),
        other => other,
    }
}

pub(super) fn insert(tx: &mut Tx<'_>, new: &NewAccount, now: Timestamp) -> Result<User, DbError> {
    Ok(diesel::insert_into(users::table)
        .values((
            users::id.eq(new_id(now)),
            users::email.eq(new.email.as_str()),
            users::name.eq(new.name.as_str()),
            users::password_hash.eq(&new.password_hash),
            users::created_at.eq(now),
        ))
        .returning(User::as_returning())
        .get_result(tx.connection())?)
}

/// Gives an unproven account a new owner: name and password are replaced, sessions ended.
pub(super) fn take_over(tx: &mut Tx<'_>, user_id: &str, new: &NewAccount) -> Result<User, DbError> {
    sessions::end_all(tx, user_id, None)?;
    Ok(diesel::update(users::table.find(user_id))
        .set((
            users::name.eq(new.name.as_str()),
            users::password_hash.eq(&new.password_hash),
            users::failed_log_ins.eq(0),
        ))
        .returning(User::as_returning())
        .get_result(tx.connection())?)
}

/// Mails the link that proves the address of `user`.
///
/// # Errors
/// [`AccountError::TooManyMails`] after three in six hours.
pub fn send_verification(tx: &mut Tx<'_>, user: &User, now: Timestamp) -> Result<(), AccountError> {
    let link = email_links::create(tx, &user.id, Purpose::Verify, Secret::generate_link()?, now)?
        .ok_or(AccountError::TooManyMails)?;
    let message = Message::VerifyAddress {
        name: user.name.clone(),
        token: link.secret.expose().to_owned(),
        expires_at: link.expires_at,
    };
    Ok(outbox::queue(tx, &user.email, &message, now)?)
}

/// Mails another link to an unproven address; does nothing for any other.
///
/// # Errors
/// [`AccountError::NoRandomness`], [`AccountError::Db`].
pub fn resend_verification(
    tx: &mut Tx<'_>,
    email: &EmailAddress,
    now: Timestamp,
) -> Result<(), AccountError> {
    match by_email(tx.connection(), email)? {
        Some(user) if !user.is_verified() => match send_verification(tx, &user, now) {
            Err(AccountError::TooManyMails) => Ok(()),
            other => other,
        },
        _ => Ok(()),
    }
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
        SignedUp::Session(id) => {
            sessions::logged_in(tx.connection(), id, now)?.is_some_and(|found| found.user.id == user.id)
        }
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

pub(super) fn mark_verified(
    tx: &mut Tx<'_>,
    user: &User,
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<User, AccountError> {
    email_links::spend_all(tx, &user.id, now)?;
    let user = diesel::update(users::table.find(&user.id))
        .set(users::email_verified_at.eq(user.email_verified_at.or(Some(now))))
        .returning(User::as_returning())
        .get_result(tx.connection())?;
    record(tx, &user, Action::EmailVerified, &Actor::user(&user, ip), now)?;
    Ok(user)
}

/// Mails a link to choose a new password, if the address has an account. Locks nobody out.
///
/// # Errors
/// [`AccountError::NoRandomness`], [`AccountError::Db`].
pub fn ask_for_reset(
    tx: &mut Tx<'_>,
    email: &EmailAddress,
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<(), AccountError> {
    let Some(user) = by_email(tx.connection(), email)? else { return Ok(()) };
    let Some(link) = email_links::create(tx, &user.id, Purpose::Reset, Secret::generate_link()?, now)? else {
        return Ok(());
    };
    record(tx, &user, Action::ResetAsked, &Actor::System { ip }, now)?;
    let message = Message::ResetPassword {
        name: user.name.clone(),
        token: link.secret.expose().to_owned(),
        expires_at: link.expires_at,
    };
    Ok(outbox::queue(tx, &user.email, &message, now)?)
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
///
/// # Errors
/// [`DbError`].
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

fn set_password(tx: &mut Tx<'_>, user_id: &str, password_hash: &str) -> Result<(), DbError> {
    diesel::update(users::table.find(user_id))
        .set((users::password_hash.eq(password_hash), users::failed_log_ins.eq(0)))
        .execute(tx.connection())?;
    Ok(())
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

/// Gives the person another name.
///
/// # Errors
/// [`DbError`].
pub fn rename(tx: &mut Tx<'_>, user: &User, name: &Name) -> Result<(), DbError> {
    diesel::update(users::table.find(&user.id))
        .set(users::name.eq(name.as_str()))
        .execute(tx.connection())?;
    Ok(())
}

/// NIST SP 800-63B-4, 3.2.2: at most 100 failures in a row. A mailed link then opens the account
/// again, so a stranger who caused them locks nobody out (ASVS 6.1.1).
const MOST_FAILURES_IN_A_ROW: i32 = 100;

/// What a log-in is checked against.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The account.
    pub user: User,
    /// Its password's hash.
    pub password_hash: String,
    /// Whether too many log-ins failed in a row: only a mailed link helps then.
    pub is_exhausted: bool,
}

/// The credentials of the account at `email`.
///
/// # Errors
/// [`DbError`].
pub fn credentials(
    connection: &mut Connection,
    email: &EmailAddress,
) -> Result<Option<Credentials>, DbError> {
    let found: Option<(User, String, i32)> = users::table
        .filter(users::email.eq(email.as_str()))
        .select((User::as_select(), users::password_hash, users::failed_log_ins))
        .first(connection)
        .optional()?;
    Ok(found.map(|(user, password_hash, failures)| Credentials {
        user,
        password_hash,
        is_exhausted: failures >= MOST_FAILURES_IN_A_ROW,
    }))
}

/// Notes a log-in; `stronger_hash` replaces a hash of weaker parameters.
///
/// # Errors
/// [`DbError`].
pub fn record_log_in(
    tx: &mut Tx<'_>,
    user: &User,
    stronger_hash: Option<&str>,
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<(), DbError> {
    diesel::update(users::table.find(&user.id))
        .set((users::failed_log_ins.eq(0), users::last_active_at.eq(now)))
        .execute(tx.connection())?;
    if let Some(hash) = stronger_hash {
        diesel::update(users::table.find(&user.id))
            .set(users::password_hash.eq(hash))
            .execute(tx.connection())?;
    }
    record(tx, user, Action::LoggedIn, &Actor::user(user, ip), now)
}

/// Notes a log-in that failed. Unknown addresses are not noted: they may be mistyped passwords.
///
/// # Errors
/// [`DbError`].
pub fn record_failed_log_in(
    tx: &mut Tx<'_>,
    user: &User,
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<(), DbError> {
    diesel::update(users::table.find(&user.id))
        .set(users::failed_log_ins.eq(users::failed_log_ins + 1))
        .execute(tx.connection())?;
    record(tx, user, Action::LogInFailed, &Actor::System { ip }, now)
}

/// Notes that `user` ended sessions: the present one, or others.
///
/// # Errors
/// [`DbError`].
pub fn record_sessions_ended(
    tx: &mut Tx<'_>,
    user: &User,
    own: bool,
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<(), DbError> {
    let action = if own { Action::LoggedOut } else { Action::SessionsEnded };
    record(tx, user, action, &Actor::user(user, ip), now)
}

fn record(
    tx: &mut Tx<'_>,
    user: &User,
    action: Action,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), DbError> {
    let event = Event {
        organization_id: None,
        actor,
        action,
        subject_id: Some(&user.id),
        subject_name: &user.email,
        detail: None,
    };
    audit::record(tx, &event, now)
}

pub(super) fn by_email(connection: &mut Connection, email: &EmailAddress) -> Result<Option<User>, DbError> {
    Ok(users::table
        .filter(users::email.eq(email.as_str()))
        .select(User::as_select())
        .first(connection)
        .optional()?)
}

/// Whether anybody has signed up yet.
///
/// # Errors
/// [`DbError`].
pub fn any_exists(connection: &mut Connection) -> Result<bool, DbError> {
    let first: Option<String> = users::table.select(users::id).first(connection).optional()?;
    Ok(first.is_some())
}
