//! Prove an address by the link in a mail.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use serde::Deserialize;

use super::{
    ADDRESS, ADDRESS_SHOWN, NEXT, afterwards,
    attempt::{self, Attempt, Shown},
    link_over, signed_up_here,
    throttle::{self, NewHash, SetBy},
    too_often,
};
use crate::{
    domain::{
        accounts::{self, AccountError, Asked, SignedUp},
        email::EmailAddress,
        email_links::{self, Purpose},
        outbox,
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

/// The address to mail again; without one, that of whoever is logged in or has signed up in this browser.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResendForm {
    email: String,
}

/// The confirmation, by the password of the sign-up or with a new one.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfirmForm {
    password: String,
    new_password: Option<String>,
}

/// `GET /verify-email`: where to look for the mail.
#[derive(Template)]
#[template(path = "accounts/check_mail.html")]
struct CheckMailPage {
    shell: Shell,
    /// As this browser may know it.
    email: String,
    /// Whether that is the whole address, to mail again.
    is_whole: bool,
    next: String,
    /// Where to read the mail, while mails stay here.
    mail_url: Option<String>,
}

/// `GET /verify-email/{token}`.
#[derive(Template)]
#[template(path = "accounts/confirm.html")]
struct ConfirmPage {
    shell: Shell,
    token: String,
    email: String,
    /// Whether this browser has shown already that it is the owner's.
    is_known: bool,
    errors: FieldErrors,
}

/// Tells where the mail went, to whoever has just signed up or is logged in without a proven address.
pub async fn pending(visitor: Visit) -> Result<HttpResponse, AppError> {
    let email = match visitor.logged_in() {
        Some(logged_in) if logged_in.user.is_verified() => return Ok(view::see_other(urls::ORGANIZATIONS)),
        Some(logged_in) => logged_in.user.email.clone(),
        None => visitor.recall(ADDRESS).ok_or_else(|| AppError::LogInFirst(urls::VERIFY_EMAIL.to_owned()))?,
    };
    let next = visitor.recall(NEXT).unwrap_or_default();
    let mail_url = if visitor.state.has_mailbox() {
        let recipient = email.clone();
        let newest = visitor.state.db.read(move |connection| outbox::newest_to(connection, &recipient));
        newest.await?.map(|id| format!("/mailbox/{id}"))
    } else {
        None
    };
    let shown =
        visitor.recall(ADDRESS_SHOWN).filter(|shown| visitor.logged_in().is_none() && !shown.is_empty());
    let (is_whole, email) = (shown.is_none(), shown.unwrap_or(email));
    visitor.plain(&CheckMailPage { shell: visitor.shell(), email, is_whole, next, mail_url }, StatusCode::OK)
}

/// Mails another link. Only whoever is logged in learns whether one was sent.
pub async fn resend(visit: Visit<Anybody, Submitted<ResendForm>>) -> Result<HttpResponse, AppError> {
    let (visitor, Submitted(form)) = visit.split();
    let toast = match visitor.logged_in().cloned() {
        Some(logged_in) if logged_in.user.is_verified() => {
            return Ok(view::see_other(urls::ORGANIZATIONS));
        }
        Some(logged_in) => resend_to_own(&visitor, logged_in.user).await?,
        None => resend_to(&visitor, &form.email).await?,
    };
    visitor.go(Some(toast), urls::VERIFY_EMAIL)
}

async fn resend_to_own(visitor: &Visitor, user: User) -> Result<Toast, AppError> {
    let now = visitor.now;
    let sent = visitor.state.db.write(move |tx| accounts::send_verification(tx, &user, now)).await?;
    Ok(match sent {
        Asked::Mailed => Toast::ok("Email sent"),
        Asked::MailedJustNow => Toast::bad("We sent an email less than a minute ago. Please wait a moment."),
        Asked::MailedBefore => Toast::bad(
            "We’ve already sent several emails. Use the link in the most recent one, or try again in a few hours.",
        ),
    })
}

async fn resend_to(visitor: &Visitor, typed: &str) -> Result<Toast, AppError> {
    let known = visitor.recall(ADDRESS).filter(|_| typed.is_empty());
    let email = EmailAddress::of_account(known.as_deref().unwrap_or(typed))
        .map_err(|error| AppError::Conflict(error.to_string()))?;
    throttle::count_mail(visitor).await??;
    if known.is_none() {
        visitor.remember(ADDRESS, email.as_str())?;
        visitor.remember(ADDRESS_SHOWN, "")?;
    }
    let (state, now) = (visitor.state.clone(), visitor.now);
    afterwards(async move {
        state.db.write(move |tx| accounts::resend_verification(tx, &email, now)).await?;
        Ok(())
    });
    Ok(Toast::ok("If this email isn’t confirmed yet, a new link is on its way."))
}

/// Shows what the link is for; changes nothing, since mail scanners open links too.
pub async fn show(visitor: Visit) -> Result<HttpResponse, AppError> {
    let token = visitor.path("token");
    match owner(&visitor, &token).await? {
        Some(user) => {
            visitor.plain(&page(&visitor, token, &user, FieldErrors::default()).await?, StatusCode::OK)
        }
        None => link_over(&visitor, Purpose::Verify).await,
    }
}

/// Confirms the address, for whoever signed up, or sets a new password in the same step.
pub async fn confirm(visit: Visit<Anybody, Submitted<ConfirmForm>>) -> Result<HttpResponse, AppError> {
    let (visitor, Submitted(form)) = visit.split();
    let token = visitor.path("token");
    let Some(user) = owner(&visitor, &token).await? else {
        return link_over(&visitor, Purpose::Verify).await;
    };
    if let Some(new_password) = form.new_password {
        return confirm_with_new_password(&visitor, token, user, new_password).await;
    }
    if let Some(session_id) = own_session(&visitor, &user) {
        if !verify(&visitor, token, SignedUp::Session(session_id)).await? {
            return link_over(&visitor, Purpose::Verify).await;
        }
        let next = visitor.take(NEXT).unwrap_or_default();
        return visitor.go(Some(confirmed()), urls::safe_next(&next));
    }

    let mut errors = FieldErrors::default();
    let known =
        if form.password.is_empty() { signed_up_here::password_of(&visitor, &user).await? } else { None };
    let attempt = match known {
        Some(right) => Attempt::Right(Box::new(right)),
        None => attempt::attempt(&visitor, &user.email, form.password, Shown::Link(token.clone())).await?,
    };
    let right = match attempt {
        Attempt::Right(right) => *right,
        Attempt::Wrong => {
            errors.add("password", "Incorrect password. If you didn’t set one, choose a new password below.");
            return visitor
                .plain(&page(&visitor, token, &user, errors).await?, StatusCode::UNPROCESSABLE_ENTITY);
        }
        Attempt::TooOften(limit) => {
            errors.add("password", AppError::TooOften(limit));
            return too_often(&visitor, &page(&visitor, token, &user, errors).await?, limit);
        }
    };
    if !verify(&visitor, token, SignedUp::Password(right.matched_hash.clone())).await? {
        return link_over(&visitor, Purpose::Verify).await;
    }
    let next = visitor.recall(NEXT).unwrap_or_default();
    let Some(user) = attempt::log_in(&visitor, right).await? else {
        return visitor.go(Some(confirmed()), &urls::log_in(&next));
    };
    let mut response = visitor.go(Some(confirmed()), urls::safe_next(&next))?;
    attempt::remember_device(&visitor, &mut response, &user)?;
    Ok(response)
}

/// Whoever did not sign up, or forgot the password, decides on a new one.
async fn confirm_with_new_password(
    visitor: &Visitor,
    token: String,
    user: User,
    typed: String,
) -> Result<HttpResponse, AppError> {
    let mut errors = FieldErrors::default();
    let context = [visitor.state.config.brand.as_str(), &user.name, &user.email];
    let password = errors.check("new_password", TypedPassword::parse(typed.into(), &context));
    let hashed = match password {
        Some(password) => Some(throttle::hash_new(visitor, password, SetBy::Link(&token)).await?),
        None => None,
    };
    let hash = match hashed {
        Some(NewHash::Hash(hash)) => hash,
        refused => {
            let limit = throttle::note(&mut errors, "new_password", refused);
            return throttle::refuse(visitor, &page(visitor, token, &user, errors).await?, limit);
        }
    };
    let (ip, now) = (visitor.ip, visitor.now);
    let verified = visitor
        .state
        .db
        .write(move |tx| accounts::verify_email_with_password(tx, &token, &hash, ip, now))
        .await;
    match verified {
        Ok(user) => {
            let next = visitor.recall(NEXT).unwrap_or_default();
            visitor.start_anew();
            let toast = Toast::ok("Email confirmed. Log in with your new password.");
            let mut response = visitor.go(Some(toast), &urls::log_in(&next))?;
            attempt::remember_device(visitor, &mut response, &user)?;
            Ok(response)
        }
        Err(AccountError::LinkOver) => link_over(visitor, Purpose::Verify).await,
        Err(error) => Err(error.into()),
    }
}

fn confirmed() -> Toast {
    Toast::ok("Email confirmed")
}

/// Whether the link and what was shown still held.
async fn verify(visitor: &Visitor, token: String, shown: SignedUp) -> Result<bool, AppError> {
    let (ip, now) = (visitor.ip, visitor.now);
    let verified =
        visitor.state.db.write(move |tx| accounts::verify_email(tx, &token, &shown, ip, now)).await;
    match verified {
        Ok(_) => Ok(true),
        Err(AccountError::LinkOver) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn owner(visitor: &Visitor, token: &str) -> Result<Option<User>, AppError> {
    let (token, now) = (token.to_owned(), visitor.now);
    let find = move |connection: &mut _| email_links::owner(connection, Purpose::Verify, &token, now);
    Ok(visitor.state.db.read(find).await?)
}

/// This browser's session, if it is one of `user`.
fn own_session(visitor: &Visitor, user: &User) -> Option<String> {
    let logged_in = visitor.logged_in().filter(|logged_in| logged_in.user.id == user.id)?;
    Some(logged_in.session_id.clone())
}

async fn page(
    visitor: &Visitor,
    token: String,
    user: &User,
    errors: FieldErrors,
) -> Result<ConfirmPage, AppError> {
    Ok(ConfirmPage {
        shell: visitor.shell(),
        token,
        email: user.email.clone(),
        is_known: own_session(visitor, user).is_some()
            || signed_up_here::password_of(visitor, user).await?.is_some(),
        errors,
    })
}
