//! What is counted before it is begun: tries at a password, new passwords, mails to strangers.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use super::too_often;
use crate::{
    domain::{
        passwords::{PasswordError, TypedPassword},
        throttles::{self, Counted, Counter, Kind, ThrottleError, TooOften, origin},
    },
    web::{error::AppError, form::FieldErrors, visit::Visitor},
};

/// Who sets a new password, and so whose count it is.
#[derive(Clone, Copy, Debug)]
pub enum SetBy<'a> {
    /// Somebody who signs up: a password weighed there is a sign-up tried.
    Stranger,
    /// Whoever has this mailed link.
    Link(&'a str),
    /// Whoever is in this session.
    Session(&'a str),
}

/// What became of a new password.
pub enum NewHash {
    /// It may be set: its hash.
    Hash(String),
    /// It may not.
    Refused(PasswordError),
    /// Not looked at: too many lately.
    TooOften(TooOften),
}

/// Counts a new password, weighs it and hashes it.
pub async fn hash_new(
    visitor: &Visitor,
    password: TypedPassword,
    set_by: SetBy<'_>,
) -> Result<NewHash, AppError> {
    let key = &visitor.state.throttles;
    let counter = match set_by {
        SetBy::Stranger => key.counter(Kind::SignUp, &[&origin(visitor.ip)]),
        SetBy::Link(token) => key.counter(Kind::NewPassword, &["link", token]),
        SetBy::Session(id) => key.counter(Kind::NewPassword, &["session", id]),
    };
    let counted = match count(visitor, &[counter]).await? {
        Ok(counted) => counted,
        Err(limit) => return Ok(NewHash::TooOften(limit)),
    };
    Ok(match visitor.state.passwords.hash(password, counted).await? {
        Ok(hash) => NewHash::Hash(hash),
        Err(error) => NewHash::Refused(error),
    })
}

/// Notes at a field why no hash was made; tells the limit, where one was reached.
pub fn note(errors: &mut FieldErrors, field: &'static str, refused: Option<NewHash>) -> Option<TooOften> {
    match refused {
        Some(NewHash::Refused(error)) => errors.add(field, error),
        Some(NewHash::TooOften(limit)) => {
            errors.add(field, AppError::TooOften(limit));
            return Some(limit);
        }
        Some(NewHash::Hash(_)) | None => {}
    }
    None
}

/// Shows a form again whose new password was refused.
pub fn refuse(
    visitor: &Visitor,
    page: &impl Template,
    limit: Option<TooOften>,
) -> Result<HttpResponse, AppError> {
    match limit {
        Some(limit) => too_often(visitor, page, limit),
        None => visitor.plain(page, StatusCode::UNPROCESSABLE_ENTITY),
    }
}

/// Counts a mail that somebody without a session asks for.
pub async fn count_mail(visitor: &Visitor) -> Result<Result<Counted, TooOften>, AppError> {
    let counter = visitor.state.throttles.counter(Kind::SignUp, &[&origin(visitor.ip)]);
    count(visitor, &[counter]).await
}

/// Counts one in each of `counters`, or says why nothing may be begun. Whoever asks too often does not
/// reach the writer.
async fn count(visitor: &Visitor, counters: &[Counter]) -> Result<Result<Counted, TooOften>, AppError> {
    let (now, counters) = (visitor.now, counters.to_vec());
    let db = &visitor.state.db;
    let asked = counters.clone();
    let checked = db.read(move |connection| throttles::check(connection, &asked, now)).await;
    if let Err(error) = checked {
        return limit_of(error).map(Err);
    }
    match db.write(move |tx| throttles::count(tx, &counters, now)).await {
        Ok(counted) => Ok(Ok(counted)),
        Err(error) => limit_of(error).map(Err),
    }
}

/// The limit that was reached; a database that failed is an error of another kind.
pub(super) fn limit_of(error: ThrottleError) -> Result<TooOften, AppError> {
    match error {
        ThrottleError::TooOften(limit) => Ok(limit),
        ThrottleError::Db(error) => Err(error.into()),
    }
}
