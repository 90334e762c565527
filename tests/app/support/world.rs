//! The database that a test writes to and looks into past the web.

use actix_web::cookie::{Cookie, CookieJar, Key};
use tessera::{
    clock::{Clock, Timestamp},
    db::{Connection, Db, Tx},
    domain::{
        accounts,
        email::EmailAddress,
        id::new_id,
        instance_secrets,
        secret::{Secret, SecretDigest},
        sessions::{self, NewSession, Owner},
        user::User,
    },
};

/// A database and the time in it, whoever serves it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) db: Db,
    /// Stands at [`START`](super::START) until a test moves it, unless the test asked for another.
    pub(crate) clock: Clock,
}

impl World {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Writes past the web, as the domain allows.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> anyhow::Result<T> + Send + 'static,
    ) -> T {
        self.db.write(work).await.expect("the write is done")
    }

    /// Reads past the web, as the domain allows.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> anyhow::Result<T> + Send + 'static,
    ) -> T {
        self.db.read(work).await.expect("the read is done")
    }

    /// The signed value of the cookie called `name` in a browser where `user` is logged in. Costs
    /// no password hash; the log-in page has tests of its own.
    pub(crate) async fn session_cookie(&self, name: &str, user: &User) -> String {
        let (user_id, now, email) = (user.id.clone(), self.now(), user.email.clone());
        let (token, key) = self
            .write(move |tx| {
                let id = new_id(now);
                let stored = accounts::credentials(tx.connection(), &EmailAddress::of_account(&email)?)?;
                let password = SecretDigest::of(&stored.expect("an account").password_hash);
                // actix keeps each value as JSON in JSON.
                let state = serde_json::json!({
                    "session_id": format!("\"{id}\""),
                    "user_id": format!("\"{user_id}\""),
                });
                let new = NewSession {
                    id,
                    owner: Some(Owner { user_id, password }),
                    state: state.to_string(),
                    ..NewSession::default()
                };
                let token = Secret::generate_link()?;
                sessions::create(tx, &token, &new, now)?;
                Ok((token.expose().to_owned(), instance_secrets::secret(tx, "cookie key")?))
            })
            .await;
        let mut jar = CookieJar::new();
        jar.signed_mut(&Key::from(&key)).add(Cookie::new(name.to_owned(), token));
        jar.get(name).expect("the cookie").value().to_owned()
    }
}
