//! Browser sessions, kept on the server: the cookie carries a random token, the row its digest.

mod ended;

use std::net::IpAddr;

use diesel::prelude::*;
use time::Duration;

pub use ended::EndedSessions;

use super::{
    access::{AccessError, InstanceAdministrator, Role, Standing},
    organization::Organization,
    schema::{instance_administrators, memberships, organizations, sessions, users},
    secret::{Secret, SecretDigest},
    user::User,
};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx, count_of},
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
    pub owner: Option<Owner>,
    /// The web floor's own data.
    pub state: String,
    /// Where it begins.
    pub ip: Option<String>,
    /// The browser's own description, cut to a sensible length.
    pub user_agent: Option<String>,
}

/// Who logged in, and by which password.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The account.
    pub user_id: String,
    /// The digest of the password's hash. A new password ends the sessions of the one before, also one
    /// that is about to begin.
    pub password: SecretDigest,
}

impl Owner {
    fn may_still_log_in(&self, connection: &mut Connection) -> Result<bool, DbError> {
        let account = users::table.find(&self.user_id).filter(users::deactivated_at.is_null());
        let hash: Option<String> = account.select(users::password_hash).first(connection).optional()?;
        Ok(hash.is_some_and(|hash| SecretDigest::of(&hash) == self.password))
    }
}

/// What is kept of a session that belongs to nobody.
const NO_STATE: &str = "{}";

/// Stores a session under `token`. It is nobody's where the owner has another password by now, or is deactivated.
pub fn create(tx: &mut Tx<'_>, token: &Secret, new: &NewSession, now: Timestamp) -> Result<(), DbError> {
    let (user_id, state) = match &new.owner {
        Some(owner) if !owner.may_still_log_in(tx.connection())? => (None, NO_STATE),
        owner => (owner.as_ref().map(|owner| owner.user_id.as_str()), new.state.as_str()),
    };
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(&new.id),
            sessions::token_digest.eq(token.digest().as_bytes()),
            sessions::user_id.eq(user_id),
            sessions::state.eq(state),
            sessions::ip.eq(new.ip.as_deref()),
            sessions::user_agent.eq(new.user_agent.as_deref()),
            sessions::created_at.eq(now),
            sessions::last_seen_at.eq(now),
        ))
        .execute(tx.connection())?;
    Ok(())
}

/// A session that is alive, with what a request needs to know of it: one look at the database.
#[derive(Clone, Debug)]
pub struct OpenSession {
    /// The web floor's own data.
    pub state: String,
    /// Who is logged in.
    pub logged_in: Option<LoggedIn>,
}

/// Who is logged in, in which session, and as what in the organization that was asked about.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    /// The account.
    pub user: User,
    /// The session's id.
    pub session_id: String,
    /// Whether the account should be noted as active.
    pub is_due_for_touch: bool,
    /// Whether the person is an instance administrator.
    pub is_operator: bool,
    membership: Option<(Organization, Role)>,
}

impl LoggedIn {
    /// What the person proves in the organization that was asked about, from the address `ip`.
    ///
    /// # Errors
    /// [`AccessError::NotFound`] for a foreign organization as for one that does not exist.
    pub fn standing(&self, ip: Option<IpAddr>) -> Result<Standing, AccessError> {
        let (organization, role) = self.membership.clone().ok_or(AccessError::NotFound)?;
        Ok(Standing::of_member(organization, self.user.clone(), role, ip))
    }

    /// The proof that the person is an instance administrator, from the address `ip`.
    ///
    /// # Errors
    /// [`AccessError::NotFound`] for whoever does not: to them it looks like nothing.
    pub fn instance_administrator(&self, ip: Option<IpAddr>) -> Result<InstanceAdministrator, AccessError> {
        if self.is_operator {
            Ok(InstanceAdministrator::of(&self.user, ip))
        } else {
            Err(AccessError::NotFound)
        }
    }
}

/// The session under a token's digest, while it is alive. `organization_id` is the one in which the
/// person's role is wanted, if any.
pub fn open(
    connection: &mut Connection,
    token: SecretDigest,
    organization_id: Option<&str>,
    now: Timestamp,
) -> Result<Option<OpenSession>, DbError> {
    type Found =
        (String, String, Timestamp, Option<User>, Option<Organization>, Option<Role>, Option<String>);
    let in_that_organization = memberships::user_id
        .nullable()
        .eq(sessions::user_id)
        .and(memberships::organization_id.eq(organization_id.unwrap_or_default().to_owned()));
    let found: Option<Found> = sessions::table
        .left_join(users::table)
        .left_join(memberships::table.on(in_that_organization))
        .left_join(
            organizations::table.on(organizations::id.nullable().eq(memberships::organization_id.nullable())),
        )
        .left_join(
            instance_administrators::table
                .on(instance_administrators::user_id.nullable().eq(sessions::user_id)),
        )
        .filter(sessions::token_digest.eq(token.as_bytes().to_vec()))
        .filter(is_alive(now))
        .select((
            sessions::id,
            sessions::state,
            sessions::last_seen_at,
            Option::<User>::as_select(),
            Option::<Organization>::as_select(),
            memberships::role.nullable(),
            instance_administrators::user_id.nullable(),
        ))
        .first(connection)
        .optional()?;
    let Some((session_id, state, last_seen_at, user, organization, role, operator)) = found else {
        return Ok(None);
    };
    let logged_in = user.map(|user| LoggedIn {
        is_due_for_touch: now - last_seen_at >= TOUCH_INTERVAL || user.last_active_at.is_none(),
        membership: organization.zip(role),
        is_operator: operator.is_some(),
        session_id,
        user,
    });
    Ok(Some(OpenSession { state, logged_in }))
}

/// Replaces the state kept under `token`. A session that was ended meanwhile stays ended.
pub fn update(tx: &mut Tx<'_>, token: &str, user_id: Option<&str>, state: &str) -> Result<(), DbError> {
    diesel::update(sessions::table.filter(sessions::token_digest.eq(SecretDigest::of(token).as_bytes())))
        .set((sessions::state.eq(state), sessions::user_id.eq(user_id)))
        .execute(tx.connection())?;
    Ok(())
}

/// Ends the session under the token with this digest.
pub fn delete(tx: &mut Tx<'_>, token: SecretDigest) -> Result<(), DbError> {
    diesel::delete(sessions::table.filter(sessions::token_digest.eq(token.as_bytes())))
        .execute(tx.connection())?;
    Ok(())
}

/// Notes that a session was used.
pub(super) fn touch(tx: &mut Tx<'_>, session_id: &str, now: Timestamp) -> Result<(), DbError> {
    diesel::update(sessions::table.find(session_id))
        .set(sessions::last_seen_at.eq(now))
        .execute(tx.connection())?;
    Ok(())
}

/// The living sessions of `user`, the last used first.
pub fn of_user(
    connection: &mut Connection,
    user: &User,
    now: Timestamp,
) -> Result<Vec<BrowserSession>, DbError> {
    Ok(sessions::table
        .filter(sessions::user_id.eq(&user.id))
        .filter(is_alive(now))
        .order((sessions::last_seen_at.desc(), sessions::id.desc()))
        .select(BrowserSession::as_select())
        .limit(100)
        .load(connection)?)
}

/// Younger than [`MAX_SESSION`] and used within [`MAX_IDLE`].
#[diesel::dsl::auto_type(no_type_alias)]
fn is_alive(now: Timestamp) -> _ {
    let begun_after: Timestamp = now - MAX_SESSION;
    let used_after: Timestamp = now - MAX_IDLE;
    sessions::created_at.gt(begun_after).and(sessions::last_seen_at.gt(used_after))
}

/// Whether the session `session_id` is alive and the account's.
pub(super) fn is_of(
    connection: &mut Connection,
    session_id: &str,
    user_id: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let found = sessions::table.find(session_id).filter(sessions::user_id.eq(user_id)).filter(is_alive(now));
    Ok(diesel::select(diesel::dsl::exists(found)).get_result(connection)?)
}

/// Ends one session of `user`; tells whether there was such a one.
pub fn end(tx: &mut Tx<'_>, user: &User, session_id: &str) -> Result<bool, DbError> {
    let session = sessions::table.filter(sessions::id.eq(session_id).and(sessions::user_id.eq(&user.id)));
    Ok(diesel::delete(session).execute(tx.connection())? > 0)
}

/// Ends the sessions of the account, but for the one to `keep`.
pub fn end_all(tx: &mut Tx<'_>, user_id: &str, keep: Option<&str>) -> Result<(), DbError> {
    let ended = sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::id.ne(keep.unwrap_or_default()));
    diesel::delete(ended).execute(tx.connection())?;
    Ok(())
}

/// How many sessions of people who are logged in go on, counted up to `most`.
pub fn count_live(connection: &mut Connection, now: Timestamp, most: i64) -> Result<i64, DbError> {
    let live = sessions::table
        .filter(sessions::last_seen_at.ge(now - MAX_IDLE))
        .filter(sessions::created_at.ge(now - MAX_SESSION))
        .filter(sessions::user_id.is_not_null());
    count_of(connection, live.select(sessions::id).limit(most))
}

/// Forgets sessions that are over.
pub fn purge_expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, DbError> {
    let over = sessions::created_at.lt(now - MAX_SESSION).or(sessions::last_seen_at.lt(now - MAX_IDLE));
    Ok(diesel::delete(sessions::table.filter(over)).execute(tx.connection())?)
}
