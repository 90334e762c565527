//! Keeps actix's sessions in the database, by the digest of the cookie's token.

use std::{cell::RefCell, collections::HashMap, net::IpAddr};

use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_web::{
    Error,
    body::MessageBody,
    cookie::time::Duration,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};

use crate::{
    clock::Clock,
    db::Db,
    domain::{
        id::new_id,
        secret::{Secret, SecretDigest},
        sessions::{self, LoggedIn, NewSession, OpenSession},
    },
    web::urls,
};

/// The session's own id, set at log-in.
pub(super) const SESSION_ID: &str = "session_id";
/// The account that logged in.
pub(super) const USER_ID: &str = "user_id";
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
    /// Where the request came from.
    pub(super) ip: Option<IpAddr>,
    /// Where to go on after the log-in.
    pub(super) next: String,
}

tokio::task_local! {
    /// What the look-up of the session found, for the rest of the request.
    static FOUND: RefCell<Found>;
}

/// Makes a place for what the look-up of the session finds. Stands outside of actix's session
/// middleware, which asks the store before it calls anything else.
pub async fn around(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let organization_id = urls::organization_in(request.path()).map(str::to_owned);
    let found = Found { organization_id, ..Found::default() };
    FOUND.scope(RefCell::new(found), next.call(request)).await
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
}

impl DatabaseSessions {
    /// A store that asks `clock` whether sessions are over.
    pub fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock }
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
        let organization_id = found().organization_id;
        let open = self
            .db
            .read(move |connection| sessions::open(connection, token, organization_id.as_deref(), now))
            .await
            .map_err(|error| LoadError::Other(error.into()))?;
        let Some(OpenSession { state, logged_in }) = open else { return Ok(None) };
        let keep = |cell: &RefCell<Found>| {
            let mut found = cell.borrow_mut();
            (found.session, found.logged_in) = (Some(token), logged_in);
        };
        FOUND.try_with(keep).map_err(|error| LoadError::Other(error.into()))?;
        serde_json::from_str(&state).map(Some).map_err(|error| LoadError::Deserialization(error.into()))
    }

    async fn save(&self, state: HashMap<String, String>, _: &Duration) -> Result<SessionKey, SaveError> {
        let now = self.clock.now();
        let new = NewSession {
            id: text(&state, SESSION_ID).unwrap_or_else(|| new_id(now)),
            user_id: text(&state, USER_ID),
            ip: text(&state, IP),
            user_agent: text(&state, USER_AGENT),
            state: serde_json::to_string(&state).map_err(|error| SaveError::Serialization(error.into()))?,
        };
        let token = Secret::generate_link().map_err(|error| SaveError::Other(error.into()))?;
        let key = SessionKey::try_from(token.expose().to_owned())
            .map_err(|error| SaveError::Other(error.into()))?;
        self.db
            .write(move |tx| sessions::create(tx, &token, &new, now))
            .await
            .map_err(|error| SaveError::Other(error.into()))?;
        Ok(key)
    }

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
        self.db
            .write(move |tx| sessions::update(tx, &token, user_id.as_deref(), &state))
            .await
            .map_err(|error| UpdateError::Other(error.into()))?;
        Ok(key)
    }

    async fn update_ttl(&self, _: &SessionKey, _: &Duration) -> Result<(), anyhow::Error> {
        Ok(())
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        let token = key.as_ref().to_owned();
        Ok(self.db.write(move |tx| sessions::delete(tx, &token)).await?)
    }
}
