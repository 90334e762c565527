//! Log in and out.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use serde::Deserialize;

use super::{
    NEXT, NextQuery,
    attempt::{self, Attempt, NOT_RIGHT, Shown},
    too_often,
};
use crate::web::{
    error::AppError,
    form::Submitted,
    shell::Shell,
    urls, view,
    visit::{Anybody, Visit},
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
pub async fn show(visitor: Visit) -> Result<HttpResponse, AppError> {
    let query: NextQuery = visitor.query()?;
    let next = query.next;
    if visitor.logged_in().is_some() {
        return Ok(view::see_other(urls::safe_next(&next)));
    }
    let page = LogInPage { shell: visitor.shell(), email: String::new(), next, error: String::new() };
    view::plain(&page, StatusCode::OK)
}

/// Logs in.
pub async fn log_in(visit: Visit<Anybody, Submitted<LogInForm>>) -> Result<HttpResponse, AppError> {
    let (visitor, Submitted(form)) = visit.split();
    let LogInForm { email, password, next } = form;
    let attempt = attempt::attempt(&visitor, &email, password, Shown::Nothing).await?;
    let shell = visitor.shell();
    let page = |error| LogInPage { shell, email, next: next.clone(), error };
    let right = match attempt {
        Attempt::Right(right) => *right,
        Attempt::Wrong => return view::plain(&page(NOT_RIGHT.to_owned()), StatusCode::UNPROCESSABLE_ENTITY),
        Attempt::TooOften(limit) => {
            return too_often(&page(AppError::TooOften(limit).to_string()), limit);
        }
    };
    let Some(user) = attempt::log_in(&visitor, right).await? else {
        return view::plain(&page(NOT_RIGHT.to_owned()), StatusCode::UNPROCESSABLE_ENTITY);
    };
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
pub async fn log_out(visitor: Visit) -> Result<HttpResponse, AppError> {
    visitor.log_out().await;
    Ok(view::see_other("/"))
}
