//! Log in and out.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use serde::Deserialize;

use super::{
    NEXT, NextQuery, admission,
    attempt::{self, Attempt, DEACTIVATED, NOT_RIGHT, Shown},
    too_often,
};
use crate::{
    config::SignUp,
    web::{
        error::AppError,
        filters,
        form::Submitted,
        pages::setup,
        shell::Shell,
        urls, view,
        visit::{Anybody, Visit, Visitor},
    },
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
    /// Where the first instance administrator is made, for whoever sits at this machine.
    setup_url: Option<String>,
    /// What newcomers are told instead of the way to the sign-up, where that is not for them.
    no_sign_up: Option<String>,
}

/// Shows the form, or goes on for whoever is logged in.
pub async fn show(visitor: Visit) -> Result<HttpResponse, AppError> {
    let query: NextQuery = visitor.query()?;
    let next = query.next;
    if visitor.logged_in().is_some() {
        return Ok(view::see_other(urls::safe_next(&next)));
    }
    let (shell, setup_url) = (visitor.shell(), setup::offer(&visitor).await?);
    let no_sign_up = no_sign_up(&visitor);
    let page = LogInPage { shell, email: String::new(), next, error: String::new(), setup_url, no_sign_up };
    visitor.plain(&page, StatusCode::OK)
}

/// Logs in.
pub async fn log_in(visit: Visit<Anybody, Submitted<LogInForm>>) -> Result<HttpResponse, AppError> {
    let (visitor, Submitted(form)) = visit.split();
    let LogInForm { email, password, next } = form;
    let attempt = attempt::attempt(&visitor, &email, password, Shown::Nothing).await?;
    let shell = visitor.shell();
    let no_sign_up = no_sign_up(&visitor);
    let page = |error| LogInPage { shell, email, next: next.clone(), error, setup_url: None, no_sign_up };
    let right = match attempt {
        Attempt::Right(right) => *right,
        Attempt::Wrong => {
            return visitor.plain(&page(NOT_RIGHT.to_owned()), StatusCode::UNPROCESSABLE_ENTITY);
        }
        Attempt::TooOften(limit) => {
            return too_often(&visitor, &page(AppError::TooOften(limit).to_string()), limit);
        }
    };
    if right.user.is_deactivated() {
        return visitor.plain(&page(DEACTIVATED.to_owned()), StatusCode::UNPROCESSABLE_ENTITY);
    }
    let Some(user) = attempt::log_in(&visitor, right).await? else {
        return visitor.plain(&page(NOT_RIGHT.to_owned()), StatusCode::UNPROCESSABLE_ENTITY);
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

/// What newcomers are told where the sign-up takes only people with an invitation, or nobody.
fn no_sign_up(visitor: &Visitor) -> Option<String> {
    let sign_up = &visitor.state.config.sign_up.value;
    admission::notice(sign_up).filter(|_| matches!(sign_up, SignUp::Invited | SignUp::Closed))
}

/// Logs out.
pub async fn log_out(visitor: Visit) -> Result<HttpResponse, AppError> {
    visitor.log_out().await;
    Ok(view::see_other("/"))
}
