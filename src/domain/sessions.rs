//! Browser sessions, kept on the server: the cookie carries a random token, the row its digest.

use diesel::prelude::*;
use time::Duration;

use super::{
    accounts::User,
    invitations,
    schema::{sessions, users},
    secret::{Secret, SecretDigest},
};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
};

/// NIST SP 800-63B-4, 2.1.3: log in again after 30 days at the latest.
pub const MAX_SESSION: Duration = Duration::days(30);
/// And after a week without a request (ASVS 7.3.1).
pub const MAX_IDLE: Duration = Duration::days(7);
/// "Last seen" is written at most this often, so that reading pages does not write.
const TOUCH_INTERVAL: Duration = Duration::minutes(5);

/// A session as its owner sees it in a list.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub struct BrowserSession {
    /// The id, which opens nothing.
    pub id: String,
    /// Where it began.
    pub ip: Option<String>,
    /// The browser's own description.
    pub user_agent: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, exact to some minutes.
    pub last_seen_at: Timestamp,
}

/// What a session is made of.
#[derive(Clone, Debug, Default)]
pub struct NewSession {
    /// The row's id, which opens nothing.
    pub id: String,
    /// Who logged in; `None` before.
    pub user_id: Option<String>,
    /// The web floor's own data.
    pub state: String,
    /// Where it begins.
    pub ip: Option<String>,
    /// The browser's own description, cut to a sensible length.
    pub user_agent: Option<String>,
}

/// Stores a session under `token`.
///
/// # Errors
/// [`DbError`].
pub fn create(tx: &mut Tx<'_>, token: &Secret, new: &NewSession, now: Timestamp) -> Result<(), DbError> {
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(&new.id),
            sessions::token_digest.eq(token.digest().as_bytes()),
            sessions::user_id.eq(new.user_id.as_deref()),
            sessions::state.eq(&new.state),
            sessions::ip.eq(new.ip.as_deref()),
            sessions::user_agent.eq(new.user_agent.as_deref()),
            sessions::created_at.eq(now),
            sessions::last_seen_at.eq(now),
        ))
        .execute(tx.connection())?;
    Ok(())
}

/// The state kept under `token`, while the session lives.
///
/// # Errors
/// [`DbError`].
pub fn load(connection: &mut Connection, token: &str, now: Timestamp) -> Result<Option<String>, DbError> {
    Ok(sessions::table
        .filter(sessions::token_digest.eq(SecretDigest::of(token).as_bytes()))
        .filter(sessions::created_at.gt(now - MAX_SESSION))
        .filter(sessions::last_seen_at.gt(now - MAX_IDLE))
        .select(sessions::state)
        .first(connection)
        .optional()?)
}

/// Replaces the state kept under `token`. A session that was ended meanwhile stays ended.
///
/// # Errors
/// [`DbError`].
pub fn update(tx: &mut Tx<'_>, token: &str, user_id: Option<&str>, state: &str) -> Result<(), DbError> {
    diesel::update(sessions::table.filter(sessions::token_digest.eq(SecretDigest::of(token).as_bytes())))
        .set((sessions::state.eq(state), sessions::user_id.eq(user_id)))
        .execute(tx.connection())?;
    Ok(())
}

/// Ends the session under `token`.
///
/// # Errors
/// [`DbError`].
pub fn delete(tx: &mut Tx<'_>, token: &str) -> Result<(), DbError> {
    diesel::delete(sessions::table.filter(sessions::token_digest.eq(SecretDigest::of(token).as_bytes())))
        .execute(tx.connection())?;
    Ok(())
}

/// Who is logged in, and in which session.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    /// The account.
    pub user: User,
    /// The session's id.
    pub session_id: String,
    /// Invitations that wait for an answer.
    pub pending_invitations: i64,
    /// Whether [`touch`] should note that the session was used.
    pub is_due_for_touch: bool,
}

/// The person behind the session `session_id`, while it lives.
///
/// # Errors
/// [`DbError`].
pub fn logged_in(
    connection: &mut Connection,
    session_id: &str,
    now: Timestamp,
) -> Result<Option<LoggedIn>, DbError> {
    let found: Option<(User, Timestamp)> = sessions::table
        .inner_join(users::table)
        .filter(sessions::id.eq(session_id))
        .filter(sessions::created_at.gt(now - MAX_SESSION))
        .filter(sessions::last_seen_at.gt(now - MAX_IDLE))
        .select((User::as_select(), sessions::last_seen_at))
        .first(connection)
        .optional()?;
    let Some((user, last_seen_at)) = found else { return Ok(None) };
    Ok(Some(LoggedIn {
        pending_invitations: invitations::count_of_user(connection, &user, now)?,
        is_due_for_touch: now - last_seen_at >= TOUCH_INTERVAL || user.last_active_at.is_none(),
        session_id: session_id.to_owned(),
        user,
    }))
}

/// Notes that a session was used.
///
/// # Errors
/// [`DbError`].
pub fn touch(tx: &mut Tx<'_>, logged_in: &LoggedIn, now: Timestamp) -> Result<(), DbError> {
    diesel::update(sessions::table.find(&logged_in.session_id))
        .set(sessions::last_seen_at.eq(now))
        .execute(tx.connection())?;
    diesel::update(users::table.find(&logged_in.user.id))
        .set(users::last_active_at.eq(now))
        .execute(tx.connection())?;
    Ok(())
}

/// The living sessions of `user`, the last used first.
///
/// # Errors
/// [`DbError`].
pub fn of_user(
    connection: &mut Connection,
    user: &User,
    now: Timestamp,
) -> Result<Vec<BrowserSession>, DbError> {
    Ok(sessions::table
        .filter(sessions::user_id.eq(&user.id))
        .filter(sessions::created_at.gt(now - MAX_SESSION))
        .filter(sessions::last_seen_at.gt(now - MAX_IDLE))
        .order((sessions::last_seen_at.desc(), sessions::id.desc()))
        .select(BrowserSession::as_select())
        .limit(100)
        .load(connection)?)
}

/// Ends one session of `user`; tells whether there was such a one.
///
/// # Errors
/// [`DbError`].
pub fn end(tx: &mut Tx<'_>, user: &User, session_id: &str) -> Result<bool, DbError> {
    let session = sessions::table.filter(sessions::id.eq(session_id).and(sessions::user_id.eq(&user.id)));
    Ok(diesel::delete(session).execute(tx.connection())? > 0)
}

/// Ends the sessions of the account, but for the one to `keep`.
///
/// # Errors
/// [`DbError`].
pub fn end_all(tx: &mut Tx<'_>, user_id: &str, keep: Option<&str>) -> Result<(), DbError> {
    let ended = sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::id.ne(keep.unwrap_or_default()));
    diesel::delete(ended).execute(tx.connection())?;
    Ok(())
}

/// Forgets sessions that are over.
///
/// # Errors
/// [`DbError`].
pub fn purge_expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, DbError> {
    let over = sessions::created_at.lt(now - MAX_SESSION).or(sessions::last_seen_at.lt(now - MAX_IDLE));
    Ok(diesel::delete(sessions::table.filter(over)).execute(tx.connection())?)
}
