//! Log in and out.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Query};
use askama::Template;
use serde::Deserialize;

use super::{
    NEXT, NextQuery,
    attempt::{self, Attempt, NOT_RIGHT},
    too_often,
};
use crate::{
    domain::accounts,
    web::{error::AppError, extract::Visitor, form::Submitted, shell::Shell, urls, view},
};

/// "Log in" as it was typed.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogInForm {
    email: String,
    password: String,
    next: String,
}

/// `GET /login`.
#[derive(Template)]
#[template(path = "accounts/log_in.html")]
struct LogInPage {
    shell: Shell,
    email: String,
    next: String,
    error: String,
}

/// Shows the form, or goes on for whoever is logged in.
///
/// # Errors
/// When the template fails.
pub async fn show(visitor: Visitor, query: Query<NextQuery>) -> Result<HttpResponse, AppError> {
    let next = query.into_inner().next;
    if visitor.logged_in.is_some() {
        return Ok(view::see_other(urls::safe_next(&next)));
    }
    let page = LogInPage { shell: visitor.shell(), email: String::new(), next, error: String::new() };
    view::plain(&page, StatusCode::OK)
}

/// Logs in.
///
/// # Errors
/// When the database fails; a wrong address or password is answered with 422 and the form.
pub async fn log_in(
    visitor: Visitor,
    request: HttpRequest,
    Submitted(form): Submitted<LogInForm>,
) -> Result<HttpResponse, AppError> {
    let LogInForm { email, password, next } = form;
    let attempt = attempt::attempt(&visitor, &request, &email, password).await?;
    let page = |error| LogInPage { shell: visitor.shell(), email, next: next.clone(), error };
    let right = match attempt {
        Attempt::Right(right) => *right,
        Attempt::Wrong => return view::plain(&page(NOT_RIGHT.to_owned()), StatusCode::UNPROCESSABLE_ENTITY),
        Attempt::TooOften(limit) => {
            return too_often(&page(AppError::TooOften(limit).to_string()), limit);
        }
    };
    let user = attempt::log_in(&visitor, right).await?;
    let mut response = if user.is_verified() {
        view::see_other(urls::safe_next(&next))
    } else {
        visitor.remember(NEXT, &next)?;
        view::see_other(urls::VERIFY_EMAIL)
    };
    attempt::remember_device(&visitor, &mut response, &user)?;
    Ok(response)
}

/// Logs out.
///
/// # Errors
/// When the database fails.
pub async fn log_out(visitor: Visitor) -> Result<HttpResponse, AppError> {
    if let Some(logged_in) = visitor.logged_in.clone() {
        let (ip, now) = (visitor.ip, visitor.now);
        visitor
            .state
            .db
            .write(move |tx| accounts::record_sessions_ended(tx, &logged_in.user, true, ip, now))
            .await?;
    }
    visitor.log_out();
    Ok(view::see_other("/"))
}
