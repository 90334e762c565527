//! Keeps actix's sessions in the database, by the digest of the cookie's token.

use std::collections::HashMap;

use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_web::cookie::time::Duration;

use crate::{
    clock::Clock,
    db::Db,
    domain::{
        id::new_id,
        secret::Secret,
        sessions::{self, NewSession},
    },
};

/// The session's own id, set at log-in.
pub(super) const SESSION_ID: &str = "session_id";
/// The account that logged in.
pub(super) const USER_ID: &str = "user_id";
/// Where the session began.
pub(super) const IP: &str = "ip";
/// The browser's description of itself.
pub(super) const USER_AGENT: &str = "user_agent";

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
    async fn load(&self, key: &SessionKey) -> Result<Option<HashMap<String, String>>, LoadError> {
        let (token, now) = (key.as_ref().to_owned(), self.clock.now());
        let state = self
            .db
            .read(move |connection| sessions::load(connection, &token, now))
            .await
            .map_err(|error| LoadError::Other(error.into()))?;
        state
            .map(|state| serde_json::from_str(&state))
            .transpose()
            .map_err(|error| LoadError::Deserialization(error.into()))
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
