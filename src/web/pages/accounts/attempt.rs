//! One try at a password, wherever a page asks for one.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
};

use super::afterwards;
use crate::{
    db::DbError,
    domain::{
        accounts::{self, Credentials},
        email::EmailAddress,
        passwords::Comparison,
        user::User,
    },
    web::{error::AppError, limits::TooOften, state::State, visit::Visitor},
};

/// The text for an unknown address and for a wrong password.
pub const NOT_RIGHT: &str = "Email or password is not right.";

/// How long a browser stays known.
const DEVICE_COOKIE_LIFETIME: Duration = Duration::days(365);

/// What a try came to.
pub enum Attempt {
    /// It is the password of this account.
    Right(Box<RightPassword>),
    /// There is no such account, it is another password, or too many tries in a row failed.
    Wrong,
    /// Not tried: too many tries lately.
    TooOften(TooOften),
}

/// An account whose password was given just now.
pub struct RightPassword {
    /// The account.
    pub user: User,
    /// The hash that the password matched.
    pub matched_hash: String,
    /// A hash of today's parameters, where the stored one is weaker.
    pub stronger_hash: Option<String>,
}

/// Tries `password` for the account at the address `typed`. Takes as long without an account.
pub async fn attempt(visitor: &Visitor, typed: &str, password: String) -> Result<Attempt, AppError> {
    let state = &visitor.state;
    let credentials = match EmailAddress::parse(typed) {
        Ok(email) => state.db.read(move |connection| accounts::credentials(connection, &email)).await?,
        Err(_) => None,
    };
    let is_known_device =
        credentials.as_ref().is_some_and(|found| is_known_device(state, visitor.request(), &found.user));
    if let Err(limit) = state.limits.log_in(&counted(typed), is_known_device, visitor.ip) {
        return Ok(Attempt::TooOften(limit));
    }
    let stored = credentials.as_ref().map(|found| found.password_hash.clone());
    let comparison = state.passwords.compare(password.into(), stored).await?;
    let Some(Credentials { user, password_hash: matched_hash, is_exhausted }) = credentials else {
        return Ok(Attempt::Wrong);
    };
    let stronger_hash = match comparison {
        Comparison::Same if !is_exhausted => None,
        Comparison::SameButWeak(hash) if !is_exhausted => Some(hash),
        _ => {
            note_failure(visitor, user);
            return Ok(Attempt::Wrong);
        }
    };
    Ok(Attempt::Right(Box::new(RightPassword { user, matched_hash, stronger_hash })))
}

/// The address under which tries are counted: one count, however it is written.
fn counted(typed: &str) -> String {
    match EmailAddress::parse(typed) {
        Ok(email) => email.into(),
        Err(_) => typed.chars().take(254).collect(),
    }
}

fn note_failure(visitor: &Visitor, user: User) {
    let (db, ip, now) = (visitor.state.db.clone(), visitor.ip, visitor.now);
    afterwards(
        async move { Ok(db.write(move |tx| accounts::record_failed_log_in(tx, &user, ip, now)).await?) },
    );
}

/// Starts a session of the account under a new id, and notes it.
pub async fn log_in(visitor: &Visitor, right: RightPassword) -> Result<User, AppError> {
    let RightPassword { user, stronger_hash, .. } = right;
    let (ip, now) = (visitor.ip, visitor.now);
    let user = visitor
        .state
        .db
        .write(move |tx| {
            accounts::record_log_in(tx, &user, stronger_hash.as_deref(), ip, now)?;
            Ok::<_, DbError>(user)
        })
        .await?;
    visitor.log_in(&user)?;
    Ok(user)
}

/// Lets the browser be known at its next log-in to the account.
pub fn remember_device(visitor: &Visitor, response: &mut HttpResponse, user: &User) -> Result<(), AppError> {
    let state = &visitor.state;
    let cookie = Cookie::build(device_cookie(state), state.devices.issue(&user.id)?)
        .path("/")
        .secure(state.has_secure_cookies())
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(DEVICE_COOKIE_LIFETIME)
        .finish();
    response.add_cookie(&cookie).map_err(AppError::internal)
}

fn is_known_device(state: &State, request: &HttpRequest, user: &User) -> bool {
    let cookie = request.cookie(device_cookie(state));
    cookie.is_some_and(|cookie| state.devices.knows(&user.id, cookie.value()))
}

fn device_cookie(state: &State) -> &'static str {
    if state.has_secure_cookies() { "__Host-tessera-device" } else { "tessera-device" }
}
