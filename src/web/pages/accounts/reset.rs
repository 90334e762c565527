//! A forgotten password: a link by mail, a new password.

use actix_web::{HttpResponse, http::StatusCode, web::Path};
use askama::Template;
use serde::Deserialize;

use super::{afterwards, attempt, link_over, too_often};
use crate::{
    domain::{
        accounts::{self, AccountError, User},
        email::EmailAddress,
        email_links::{self, Purpose},
        passwords::NewPassword,
    },
    web::{
        error::AppError,
        extract::Visitor,
        form::{FieldErrors, Submitted},
        shell::{Shell, Toast},
        urls, view,
    },
};

/// Kept in the session for one page: the address that a link was asked for.
const ASKED_FOR: &str = "reset asked for";

/// "Send link" as it was typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ForgotForm {
    email: String,
}

/// The new password.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResetForm {
    password: String,
}

/// `GET /forgot-password`.
#[derive(Template)]
#[template(path = "accounts/forgot.html")]
struct ForgotPage {
    shell: Shell,
    email: String,
    errors: FieldErrors,
}

/// The same, once a link was asked for.
#[derive(Template)]
#[template(path = "accounts/forgot_sent.html")]
struct ForgotSentPage {
    shell: Shell,
    email: String,
}

/// `GET /reset-password/{token}`.
#[derive(Template)]
#[template(path = "accounts/reset.html")]
struct ResetPage {
    shell: Shell,
    token: String,
    email: String,
    errors: FieldErrors,
}

/// Shows the form, or that a link was asked for just now.
///
/// # Errors
/// When the template fails.
pub async fn show(visitor: Visitor) -> Result<HttpResponse, AppError> {
    if let Some(email) = visitor.take(ASKED_FOR) {
        return view::plain(&ForgotSentPage { shell: visitor.shell(), email }, StatusCode::OK);
    }
    let page = ForgotPage { shell: visitor.shell(), email: String::new(), errors: FieldErrors::default() };
    view::plain(&page, StatusCode::OK)
}

/// Mails a link if the address has an account; the answer is the same without one.
///
/// # Errors
/// When the session fails; what is no address is answered with 422 and the form.
pub async fn send(
    visitor: Visitor,
    Submitted(form): Submitted<ForgotForm>,
) -> Result<HttpResponse, AppError> {
    let mut errors = FieldErrors::default();
    let Some(email) = errors.check("email", EmailAddress::parse(&form.email)) else {
        let page = ForgotPage { shell: visitor.shell(), email: form.email, errors };
        return view::plain(&page, StatusCode::UNPROCESSABLE_ENTITY);
    };
    if let Err(limit) = visitor.state.limits.sign_up(visitor.ip) {
        errors.add("email", AppError::TooOften(limit));
        return too_often(&ForgotPage { shell: visitor.shell(), email: form.email, errors }, limit);
    }
    visitor.remember(ASKED_FOR, email.as_str())?;
    let (state, ip, now) = (visitor.state.clone(), visitor.ip, visitor.now);
    afterwards(async move {
        state.db.write(move |tx| accounts::ask_for_reset(tx, &email, ip, now)).await?;
        state.mail_queued.notify_one();
        Ok(())
    });
    Ok(view::see_other(urls::FORGOT_PASSWORD))
}

/// Shows the form for the new password; changes nothing.
///
/// # Errors
/// When the database fails.
pub async fn choose(visitor: Visitor, token: Path<String>) -> Result<HttpResponse, AppError> {
    let token = token.into_inner();
    match owner(&visitor, &token).await? {
        Some(user) => {
            let page = ResetPage {
                shell: visitor.shell(),
                token,
                email: user.email,
                errors: FieldErrors::default(),
            };
            view::plain(&page, StatusCode::OK)
        }
        None => link_over(&visitor, true),
    }
}

/// Sets the password and ends every session; the person logs in afterwards.
///
/// # Errors
/// When the database fails; what can be corrected is answered with 422 and the form.
pub async fn reset(
    visitor: Visitor,
    token: Path<String>,
    Submitted(form): Submitted<ResetForm>,
) -> Result<HttpResponse, AppError> {
    let token = token.into_inner();
    let Some(user) = owner(&visitor, &token).await? else { return link_over(&visitor, true) };
    let mut errors = FieldErrors::default();
    let context = [visitor.state.config.brand.as_str(), &user.name, &user.email];
    let Some(password) = errors.check("password", NewPassword::parse(form.password.into(), &context)) else {
        let page = ResetPage { shell: visitor.shell(), token, email: user.email, errors };
        return view::plain(&page, StatusCode::UNPROCESSABLE_ENTITY);
    };
    let hash = visitor.state.passwords.hash(password).await?;
    let (ip, now) = (visitor.ip, visitor.now);
    let reset = visitor.state.db.write(move |tx| accounts::reset_password(tx, &token, &hash, ip, now)).await;
    match reset {
        Ok(user) => {
            visitor.state.mail_queued.notify_one();
            visitor.start_anew();
            let toast = Toast::ok("Your password is changed. Log in with the new one.");
            let mut response = view::go(&visitor, Some(toast), urls::LOG_IN)?;
            // Whoever owns the mailbox gets in, however often strangers try.
            attempt::remember_device(&visitor, &mut response, &user)?;
            Ok(response)
        }
        Err(AccountError::LinkOver) => link_over(&visitor, true),
        Err(error) => Err(error.into()),
    }
}

async fn owner(visitor: &Visitor, token: &str) -> Result<Option<User>, AppError> {
    let (token, now) = (token.to_owned(), visitor.now);
    let find = move |connection: &mut _| email_links::owner(connection, Purpose::Reset, &token, now);
    Ok(visitor.state.db.read(find).await?)
}
