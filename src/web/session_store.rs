//! Keeps actix's sessions in the database, by the digest of the cookie's token.

use std::{cell::RefCell, collections::HashMap, net::IpAddr};

use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_web::{
    Error,
    body::MessageBody,
    cookie::time::Duration,
    dev::{ServiceRequest, ServiceResponse},
    error::ErrorServiceUnavailable,
    middleware::Next,
};

use crate::{
    clock::Clock,
    config::Founders,
    db::{Connection, Db, DbError},
    domain::{
        id::{self, new_id},
        invitations,
        secret::{Secret, SecretDigest},
        sessions::{self, EndedSessions, LoggedIn, NewSession, OpenSession, Owner},
    },
    web::{fragment::Fragment, urls},
};

/// The session's own id, set at log-in.
pub(super) const SESSION_ID: &str = "session_id";
/// The account that logged in.
pub(super) const USER_ID: &str = "user_id";
/// The digest of the password's hash that let its owner in; not kept.
pub(super) const PASSWORD: &str = "password";
/// Where the session began.
pub(super) const IP: &str = "ip";
/// The browser's description of itself.
pub(super) const USER_AGENT: &str = "user_agent";

/// What a request found in the database: the session of its cookie, the person, and their membership
/// in the organization of its address.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The session's digest, where the request has one that is alive.
    pub(super) session: Option<SecretDigest>,
    /// The organization in the address.
    pub(super) organization_id: Option<String>,
    /// Who is logged in.
    pub(super) logged_in: Option<LoggedIn>,
    /// The part of a page that htmx asks for, if any.
    pub(super) fragment: Fragment,
    /// Invitations that wait for an answer of theirs; counted for whole pages only.
    pub(super) pending_invitations: i64,
    /// Where the request came from.
    pub(super) ip: Option<IpAddr>,
    /// Who may create organizations.
    pub(super) founders: Founders,
    /// Where to go on after the log-in.
    pub(super) next: String,
}

tokio::task_local! {
    /// What the look-up of the session found, for the rest of the request.
    static FOUND: RefCell<Found>;
    /// Why the session could not be read or begun, where that will pass: actix's middleware makes a
    /// plain 500 of every error.
    static UNAVAILABLE: RefCell<Option<String>>;
}

/// Makes a place for what the look-up of the session finds. Stands outside of actix's session
/// middleware, which asks the store before it calls anything else.
pub async fn around(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let organization_id = urls::organization_in(request.path()).map(id::as_stored);
    let fragment = Fragment::of(request.headers());
    let found = Found { organization_id, fragment, ..Found::default() };
    let work = async move {
        next.call(request).await.map_err(|error| match UNAVAILABLE.with(RefCell::take) {
            Some(reason) => ErrorServiceUnavailable(reason),
            None => error,
        })
    };
    UNAVAILABLE.scope(RefCell::default(), FOUND.scope(RefCell::new(found), work)).await
}

fn note_unavailable(error: &DbError) {
    if error.is_temporary() {
        // There is a place for it within `around` only.
        let _ = UNAVAILABLE.try_with(|reason| *reason.borrow_mut() = Some(error.to_string()));
    }
}

/// What was found.
pub(super) fn found() -> Found {
    FOUND.try_with(|found| found.borrow().clone()).unwrap_or_default()
}

/// A [`SessionStore`] on [`Db`]. The life of a session is `domain::sessions`' affair, so the
/// durations that actix passes are not used.
pub struct DatabaseSessions {
    db: Db,
    clock: Clock,
    ended: EndedSessions,
}

impl DatabaseSessions {
    /// A store that asks `clock` whether sessions are over.
    pub fn new(db: Db, clock: Clock, ended: EndedSessions) -> Self {
        Self { db, clock, ended }
    }
}

/// actix keeps each value as JSON.
fn text(state: &HashMap<String, String>, name: &str) -> Option<String> {
    state.get(name).and_then(|value| serde_json::from_str(value).ok())
}

impl SessionStore for DatabaseSessions {
    /// The one look at the database that a request of a page needs: what else it finds is kept for
    /// `found`.
    async fn load(&self, key: &SessionKey) -> Result<Option<HashMap<String, String>>, LoadError> {
        let (token, now) = (SecretDigest::of(key.as_ref()), self.clock.now());
        if self.ended.contains(&token) {
            return Ok(None);
        }
        let Found { organization_id, fragment, .. } = found();
        let look = move |connection: &mut Connection| {
            let Some(open) = sessions::open(connection, token, organization_id.as_deref(), now)? else {
                return Ok(None);
            };
            let pending_invitations = match &open.logged_in {
                Some(LoggedIn { user, .. }) if !fragment.is_fragment() => {
                    invitations::count_of_user(connection, user, now)?
                }
                _ => 0,
            };
            Ok::<_, DbError>(Some((open, pending_invitations)))
        };
        let open = self
            .db
            .glance(look)
            .await
            .inspect_err(note_unavailable)
            .map_err(|error| LoadError::Other(error.into()))?;
        let Some((OpenSession { state, logged_in }, pending_invitations)) = open else { return Ok(None) };
        let keep = |cell: &RefCell<Found>| {
            let mut found = cell.borrow_mut();
            (found.session, found.logged_in) = (Some(token), logged_in);
            found.pending_invitations = pending_invitations;
        };
        FOUND.try_with(keep).map_err(|error| LoadError::Other(error.into()))?;
        serde_json::from_str(&state).map(Some).map_err(|error| LoadError::Deserialization(error.into()))
    }

    /// A session of nobody only keeps toasts and the like; its cookie then opens nothing, and the page
    /// is answered all the same.
    async fn save(&self, mut state: HashMap<String, String>, _: &Duration) -> Result<SessionKey, SaveError> {
        let now = self.clock.now();
        let password: Option<Vec<u8>> =
            state.remove(PASSWORD).and_then(|digest| serde_json::from_str(&digest).ok());
        let password = password.as_deref().and_then(SecretDigest::from_bytes);
        let new = NewSession {
            id: text(&state, SESSION_ID).unwrap_or_else(|| new_id(now)),
            owner: text(&state, USER_ID).zip(password).map(|(user_id, password)| Owner { user_id, password }),
            ip: text(&state, IP),
            user_agent: text(&state, USER_AGENT),
            state: serde_json::to_string(&state).map_err(|error| SaveError::Serialization(error.into()))?,
        };
        let token = Secret::generate_link().map_err(|error| SaveError::Other(error.into()))?;
        let key = SessionKey::try_from(token.expose().to_owned())
            .map_err(|error| SaveError::Other(error.into()))?;
        let is_of_nobody = new.owner.is_none();
        let saved = self.db.write(move |tx| sessions::create(tx, &token, &new, now));
        if is_of_nobody {
            self.db.beside("a visitor's session could not be kept", saved).await;
        } else {
            let saved = saved.await.inspect_err(note_unavailable);
            saved.map_err(|error| SaveError::Other(error.into()))?;
        }
        Ok(key)
    }

    /// What changes in a session is what the next page tells, and no reason not to answer this one.
    async fn update(
        &self,
        key: SessionKey,
        state: HashMap<String, String>,
        _: &Duration,
    ) -> Result<SessionKey, UpdateError> {
        let token = key.as_ref().to_owned();
        let user_id = text(&state, USER_ID);
        let state =
            serde_json::to_string(&state).map_err(|error| UpdateError::Serialization(error.into()))?;
        let update = self.db.write(move |tx| sessions::update(tx, &token, user_id.as_deref(), &state));
        self.db.beside("what a session keeps for the next page could not be written", update).await;
        Ok(key)
    }

    async fn update_ttl(&self, _: &SessionKey, _: &Duration) -> Result<(), anyhow::Error> {
        Ok(())
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        let token = SecretDigest::of(key.as_ref());
        let deletion = self.db.write(move |tx| sessions::delete(tx, token));
        if !self.db.beside("a session that has ended could not be deleted yet", deletion).await {
            self.ended.note(token);
        }
        Ok(())
    }
}
