//! A forgotten password: a link by mail, a new password.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use serde::Deserialize;

use super::{
    afterwards, attempt, link_over,
    throttle::{self, NewHash, SetBy},
    too_often,
};
use crate::{
    domain::{
        accounts::{self, AccountError},
        email::EmailAddress,
        email_links::{self, Purpose},
        passwords::TypedPassword,
        user::User,
    },
    web::{
        error::AppError,
        filters,
        form::{FieldErrors, Submitted},
        shell::{Shell, Toast},
        urls, view,
        visit::{Anybody, Visit, Visitor},
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
    /// Whether nobody has proven the email yet: an account that the operator made, or a sign-up that was not
    /// confirmed. There is no password yet that its owner is known to have chosen.
    is_new: bool,
    errors: FieldErrors,
}

impl ResetPage {
    fn new(visitor: &Visitor, token: String, user: User, errors: FieldErrors) -> Self {
        Self { shell: visitor.shell(), token, is_new: !user.is_verified(), email: user.email, errors }
    }

    fn heading(&self) -> &'static str {
        if self.is_new { "Choose a password" } else { "Choose a new password" }
    }

    fn label(&self) -> &'static str {
        if self.is_new { "Password" } else { "New password" }
    }
}

/// Shows the form, or that a link was asked for just now.
pub async fn show(visitor: Visit) -> Result<HttpResponse, AppError> {
    if let Some(email) = visitor.take(ASKED_FOR) {
        return visitor.plain(&ForgotSentPage { shell: visitor.shell(), email }, StatusCode::OK);
    }
    let page = ForgotPage { shell: visitor.shell(), email: String::new(), errors: FieldErrors::default() };
    visitor.plain(&page, StatusCode::OK)
}

/// Mails a link if the address has an account; the answer is the same without one.
pub async fn send(visit: Visit<Anybody, Submitted<ForgotForm>>) -> Result<HttpResponse, AppError> {
    let (visitor, Submitted(form)) = visit.split();
    let mut errors = FieldErrors::default();
    let Some(email) = errors.check("email", EmailAddress::of_account(&form.email)) else {
        let page = ForgotPage { shell: visitor.shell(), email: form.email, errors };
        return visitor.plain(&page, StatusCode::UNPROCESSABLE_ENTITY);
    };
    if let Err(limit) = throttle::count_mail(&visitor).await? {
        errors.add("email", AppError::TooOften(limit));
        return too_often(&visitor, &ForgotPage { shell: visitor.shell(), email: form.email, errors }, limit);
    }
    visitor.remember(ASKED_FOR, email.as_str())?;
    let (state, ip, now) = (visitor.state.clone(), visitor.ip, visitor.now);
    afterwards(async move {
        state.db.write(move |tx| accounts::ask_for_reset(tx, &email, ip, now)).await?;
        Ok(())
    });
    Ok(view::see_other(urls::FORGOT_PASSWORD))
}

/// Shows the form for the new password; changes nothing.
pub async fn choose(visitor: Visit) -> Result<HttpResponse, AppError> {
    let token = visitor.path("token");
    match owner(&visitor, &token).await? {
        Some(user) => {
            visitor.plain(&ResetPage::new(&visitor, token, user, FieldErrors::default()), StatusCode::OK)
        }
        None => link_over(&visitor, Purpose::Reset).await,
    }
}

/// Sets the password and ends every session; the person logs in afterwards.
pub async fn reset(visit: Visit<Anybody, Submitted<ResetForm>>) -> Result<HttpResponse, AppError> {
    let (visitor, Submitted(form)) = visit.split();
    let token = visitor.path("token");
    let Some(user) = owner(&visitor, &token).await? else { return link_over(&visitor, Purpose::Reset).await };
    let mut errors = FieldErrors::default();
    let context = [visitor.state.config.brand.as_str(), &user.name, &user.email];
    let password = errors.check("password", TypedPassword::parse(form.password.into(), &context));
    let hashed = match password {
        Some(password) => Some(throttle::hash_new(&visitor, password, SetBy::Link(&token)).await?),
        None => None,
    };
    let hash = match hashed {
        Some(NewHash::Hash(hash)) => hash,
        refused => {
            let limit = throttle::note(&mut errors, "password", refused);
            return throttle::refuse(&visitor, &ResetPage::new(&visitor, token, user, errors), limit);
        }
    };
    let (ip, now, is_new) = (visitor.ip, visitor.now, !user.is_verified());
    let reset = visitor.state.db.write(move |tx| accounts::reset_password(tx, &token, &hash, ip, now)).await;
    match reset {
        Ok(user) => {
            visitor.start_anew();
            let toast = if is_new {
                "Password saved. Log in to continue."
            } else {
                "Password changed. Log in with your new password."
            };
            let toast = Toast::ok(toast);
            let mut response = visitor.go(Some(toast), urls::LOG_IN)?;
            // Whoever owns the mailbox gets in, however often strangers try.
            attempt::remember_device(&visitor, &mut response, &user)?;
            Ok(response)
        }
        Err(AccountError::LinkOver) => link_over(&visitor, Purpose::Reset).await,
        Err(error) => Err(error.into()),
    }
}

async fn owner(visitor: &Visitor, token: &str) -> Result<Option<User>, AppError> {
    let (token, now) = (token.to_owned(), visitor.now);
    let find = move |connection: &mut _| email_links::owner(connection, Purpose::Reset, &token, now);
    Ok(visitor.state.db.read(find).await?)
}
