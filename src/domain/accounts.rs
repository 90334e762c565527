//! Accounts: people who can log in.
//!
//! An account is worth nothing until its address is proven. Whoever proves it, by a mailed link,
//! decides its password: what a stranger may have set before on that address does not survive
//! (arXiv 2205.10174, "pre-hijacking").

mod log_in;
mod passwords;
mod verification;

pub use log_in::{
    Credentials, count_failure, credentials, record_failed_log_in, record_log_in, record_sessions_ended,
    spend_log_in_link,
};
pub use passwords::{ask_for_reset, change_password, reset_password};
pub(super) use verification::mark_verified;
pub use verification::{
    Asked, SignedUp, resend_verification, send_verification, sign_up, verify_email,
    verify_email_with_password,
};

use diesel::prelude::*;

use super::{
    access::Actor,
    email::EmailAddress,
    events::{self, Action, Event},
    id::new_id,
    names::Name,
    schema::users,
    search,
    secret::NoRandomness,
    sessions::{self, LoggedIn},
    user::User,
};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx, columns_of},
};

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

pub(super) fn insert(tx: &mut Tx<'_>, new: &NewAccount, now: Timestamp) -> Result<User, DbError> {
    let user: User = diesel::insert_into(users::table)
        .values((
            users::id.eq(new_id(now)),
            users::email.eq(new.email.as_str()),
            users::name.eq(new.name.as_str()),
            users::search_key.eq(new.name.search_key()),
            users::password_hash.eq(&new.password_hash),
            users::created_at.eq(now),
        ))
        .returning(columns_of::<User>())
        .get_result(tx.connection())?;
    search::write_person(tx, &user.id, (&user.name, &user.email))?;
    Ok(user)
}

/// Since when somebody cannot log in, or that they can.
pub(super) fn set_deactivated(
    tx: &mut Tx<'_>,
    user_id: &str,
    since: Option<Timestamp>,
) -> Result<(), DbError> {
    diesel::update(users::table.find(user_id))
        .set(users::deactivated_at.eq(since))
        .execute(tx.connection())?;
    Ok(())
}

/// Deletes an account with its sessions and links. The audit log stays.
pub(super) fn delete(tx: &mut Tx<'_>, user_id: &str) -> Result<(), DbError> {
    diesel::delete(users::table.find(user_id)).execute(tx.connection())?;
    Ok(())
}

/// Gives an unproven account a new owner: name and password are replaced, sessions ended.
pub(super) fn take_over(tx: &mut Tx<'_>, user_id: &str, new: &NewAccount) -> Result<User, DbError> {
    sessions::end_all(tx, user_id, None)?;
    let user: User = diesel::update(users::table.find(user_id))
        .set((
            users::name.eq(new.name.as_str()),
            users::search_key.eq(new.name.search_key()),
            users::password_hash.eq(&new.password_hash),
            users::failed_log_ins.eq(0),
        ))
        .returning(columns_of::<User>())
        .get_result(tx.connection())?;
    search::write_members(tx, user_id, (&user.name, &user.email))?;
    Ok(user)
}

fn set_password(tx: &mut Tx<'_>, user_id: &str, password_hash: &str) -> Result<(), DbError> {
    diesel::update(users::table.find(user_id))
        .set((users::password_hash.eq(password_hash), users::failed_log_ins.eq(0)))
        .execute(tx.connection())?;
    Ok(())
}

/// Gives the person another name.
pub fn rename(tx: &mut Tx<'_>, user: &User, name: &Name) -> Result<(), DbError> {
    diesel::update(users::table.find(&user.id))
        .set((users::name.eq(name.as_str()), users::search_key.eq(name.search_key())))
        .execute(tx.connection())?;
    search::write_members(tx, &user.id, (name.as_str(), &user.email))
}

/// Notes what somebody did with an account.
pub(super) fn record(
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
    events::record(tx, &event, now)
}

/// Does `work` for the account at an address, or does it for another one and undoes it: what is written
/// takes the same time whether the address has an account, and so does the next write behind it
/// (ASVS 6.3.8). Before the first account there is nothing to hide.
fn for_each_address<E: From<DbError>>(
    tx: &mut Tx<'_>,
    user: Option<&User>,
    work: impl FnOnce(&mut Tx<'_>, &User) -> Result<(), E>,
) -> Result<(), E> {
    if let Some(user) = user {
        return work(tx, user);
    }
    let stand_in = users::table.select(User::as_select()).first(tx.connection()).optional();
    match stand_in.map_err(DbError::from)? {
        Some(stand_in) => tx.rehearse(|tx| work(tx, &stand_in)),
        None => Ok(()),
    }
}

pub(super) fn by_email(connection: &mut Connection, email: &EmailAddress) -> Result<Option<User>, DbError> {
    Ok(users::table
        .filter(users::email.eq(email.as_str()))
        .select(User::as_select())
        .first(connection)
        .optional()?)
}

/// Notes that the person was active just now, in that session.
pub fn note_activity(tx: &mut Tx<'_>, logged_in: &LoggedIn, now: Timestamp) -> Result<(), DbError> {
    sessions::touch(tx, &logged_in.session_id, now)?;
    set_last_active(tx, &logged_in.user.email, now)
}

/// Says when the person at an address was active.
pub(super) fn set_last_active(tx: &mut Tx<'_>, email: &str, at: Timestamp) -> Result<(), DbError> {
    diesel::update(users::table.filter(users::email.eq(email)))
        .set(users::last_active_at.eq(at))
        .execute(tx.connection())?;
    Ok(())
}

/// Whether anybody has signed up yet.
pub fn any_exists(connection: &mut Connection) -> Result<bool, DbError> {
    let first: Option<String> = users::table.select(users::id).first(connection).optional()?;
    Ok(first.is_some())
}
