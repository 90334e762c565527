//! The set-up link: whoever opens it becomes the first instance administrator.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use crate::{
    domain::{
        access::Actor,
        instance::{self, InstanceError},
    },
    web::{
        error::AppError,
        filters,
        local::is_local,
        shell::{Shell, Toast},
        urls,
        visit::{Account, Visit, Visitor},
    },
};

/// `GET /setup/{token}`.
#[derive(Template)]
#[template(path = "setup/index.html")]
struct SetupPage {
    shell: Shell,
    /// Where the page itself is.
    url: String,
    step: Step,
}

/// What there is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Nobody is logged in.
    SignUp,
    /// The email is not confirmed yet.
    ConfirmEmail,
    /// All is ready.
    Become,
}

/// The same for a link that opens nothing any more.
#[derive(Template)]
#[template(path = "setup/over.html")]
struct SetupOverPage {
    shell: Shell,
}

/// The address of the set-up page, for pages that offer it to whoever sits at this machine while there is no instance
/// administrator. It is an offer: nothing waits for it.
pub(super) async fn offer(visitor: &Visitor) -> Result<Option<String>, AppError> {
    let state = &visitor.state;
    let Some(link) = state.setup_link.as_ref().filter(|_| state.is_on_loopback()) else { return Ok(None) };
    if !is_local(visitor.request()) || state.db.read(instance::has_administrator).await? {
        return Ok(None);
    }
    Ok(Some(urls::setup(link.expose())))
}

/// The secret of the set-up page `url`, if that is one and its link works. Guesses are counted.
pub(super) async fn token_of_working_link(visitor: &Visitor, url: &str) -> Result<Option<String>, AppError> {
    let Some(token) = urls::setup_token(url) else { return Ok(None) };
    let presented = token.to_owned();
    if visitor.state.db.read(move |connection| instance::is_setup_link(connection, &presented)).await? {
        return Ok(Some(token.to_owned()));
    }
    visitor.state.limits.guess(visitor.ip)?;
    Ok(None)
}

/// Shows what to do next.
pub async fn show(visitor: Visit) -> Result<HttpResponse, AppError> {
    let token = visitor.path("token");
    let presented = token.clone();
    if !visitor.state.db.read(move |connection| instance::is_setup_link(connection, &presented)).await? {
        return over(&visitor).await;
    }
    let step = match visitor.logged_in() {
        None => Step::SignUp,
        Some(logged_in) if !logged_in.user.is_verified() => Step::ConfirmEmail,
        Some(_) => Step::Become,
    };
    visitor.plain(&SetupPage { shell: visitor.shell(), url: urls::setup(&token), step }, StatusCode::OK)
}

/// Makes the person the first instance administrator.
pub async fn become_administrator(visit: Visit<Account>) -> Result<HttpResponse, AppError> {
    let (token, ip) = (visit.path("token"), visit.ip);
    let done = visit.change(move |tx, Account { user, .. }, now| {
        instance::become_first(tx, (user, &Actor::user(user, ip)), &token, now)
    });
    match done.await? {
        Ok(()) => {
            let toast = Toast::ok("You’re now an instance administrator");
            visit.go(Some(toast), &urls::instance("organizations"))
        }
        Err(InstanceError::LinkOver) => over(&visit).await,
        Err(error) => Err(error.into()),
    }
}

/// Answers to a link that is unknown or has ended. Guesses are counted.
async fn over(visitor: &Visitor) -> Result<HttpResponse, AppError> {
    visitor.state.limits.guess(visitor.ip)?;
    visitor.plain(&SetupOverPage { shell: visitor.shell() }, StatusCode::NOT_FOUND)
}
