//! Logging in and out.

use std::net::IpAddr;

use diesel::prelude::*;

use super::{AccountError, User, for_each_address, record};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
    domain::{
        access::Actor,
        email::EmailAddress,
        email_links::{self, Purpose},
        events::Action,
        schema::users,
    },
};

/// NIST SP 800-63B-4, 3.2.2: at most 100 failures in a row, counted here for browsers that are not
/// known. They then need a mailed link; known browsers and open sessions have counts of their own
/// ([`throttles`](crate::domain::throttles)), so a stranger locks nobody out (ASVS 6.1.1).
const MAX_FAILURES_IN_A_ROW: i32 = 100;

/// What a log-in is checked against.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The account.
    pub user: User,
    /// Its password's hash.
    pub password_hash: String,
    /// Whether too many log-ins of unknown browsers failed in a row: they need a mailed link then.
    pub is_exhausted: bool,
}

/// The credentials of the account at `email`.
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
        is_exhausted: failures >= MAX_FAILURES_IN_A_ROW,
    }))
}

/// Notes a log-in with the password behind `matched_hash`, which becomes `hash`: the same, or one of
/// stronger parameters. False where the account has another password by now, or is deactivated.
pub fn record_log_in(
    tx: &mut Tx<'_>,
    user: &User,
    (matched_hash, hash): (&str, &str),
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let account = users::table.find(&user.id).filter(users::password_hash.eq(matched_hash));
    let let_in = diesel::update(account.filter(users::deactivated_at.is_null()))
        .set((users::failed_log_ins.eq(0), users::last_active_at.eq(now), users::password_hash.eq(hash)))
        .execute(tx.connection())?;
    if let_in == 0 {
        return Ok(false);
    }
    record(tx, user, Action::LoggedIn, &Actor::user(user, ip), now)?;
    Ok(true)
}

/// Uses up the log-in link `token` and notes the log-in. Gives the account with its password's hash, by which the
/// session begins.
///
/// # Errors
/// [`AccountError::LinkOver`], also for an account that is deactivated by now.
pub fn spend_log_in_link(
    tx: &mut Tx<'_>,
    token: &str,
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<(User, String), AccountError> {
    let user =
        email_links::owner(tx.connection(), Purpose::LogIn, token, now)?.ok_or(AccountError::LinkOver)?;
    let hash: String = users::table.find(&user.id).select(users::password_hash).first(tx.connection())?;
    if !record_log_in(tx, &user, (&hash, &hash), ip, now)? {
        return Err(AccountError::LinkOver);
    }
    email_links::spend(tx, token, now)?;
    Ok((user, hash))
}

/// Counts a try of a browser that is not known as a failure until it turns out to be none. Costs the
/// same for an address without an account (ASVS 6.3.8).
pub fn count_failure(tx: &mut Tx<'_>, user: Option<&User>) -> Result<(), DbError> {
    for_each_address(tx, user, |tx, user| {
        diesel::update(users::table.find(&user.id))
            .set(users::failed_log_ins.eq(users::failed_log_ins + 1))
            .execute(tx.connection())?;
        Ok(())
    })
}

/// Notes a log-in that failed. Unknown addresses are not noted, since they may be mistyped passwords,
/// but cost the same.
pub fn record_failed_log_in(
    tx: &mut Tx<'_>,
    user: Option<&User>,
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<(), DbError> {
    for_each_address(tx, user, |tx, user| record(tx, user, Action::LogInFailed, &Actor::System { ip }, now))
}

/// Notes that `user` ended sessions: the present one, or others.
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
