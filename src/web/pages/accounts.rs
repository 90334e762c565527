//! Accounts before the log-in: sign up, confirm the address, log in, choose a new password.
//!
//! Whether an address has an account shows nowhere here (ASVS 6.3.8): texts and statuses are the
//! same, a hash is computed in any case, and what only a known address causes happens after the
//! answer.

use actix_web::{HttpResponse, http::StatusCode, http::header::RETRY_AFTER};
use askama::Template;
use serde::Deserialize;

use crate::{
    domain::{email_links::Purpose, throttles::TooOften},
    web::{error::AppError, filters, shell::Shell, visit::Visitor},
};

pub mod admission;
pub mod attempt;
pub mod cookie_check;
pub mod log_in;
pub mod log_in_link;
pub mod reset;
pub mod sign_up;
mod signed_up_here;
pub mod throttle;
pub mod verification;

/// Kept in the session: the address that a mail was sent to.
const ADDRESS: &str = "address";
/// Kept in the session: where to go once the account can be used.
const NEXT: &str = "next";

/// Kept in the session: how that address is shown, where this browser may not know it in full.
const ADDRESS_SHOWN: &str = "address_shown";

/// Keeps in the session who signed up, for the page that tells where the email went, and for the one that confirms
/// the address. `shown` is how the first one writes it, where the person did not type it.
pub(super) fn note_sign_up(
    visitor: &Visitor,
    email: &str,
    shown: Option<&str>,
    password_hash: &str,
    next: &str,
) -> Result<(), AppError> {
    visitor.remember(ADDRESS, email)?;
    visitor.remember(ADDRESS_SHOWN, shown.unwrap_or_default())?;
    visitor.remember(NEXT, next)?;
    signed_up_here::note(visitor, password_hash)
}

/// Where to go afterwards.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NextQuery {
    next: String,
}

/// A link that opens nothing any more.
#[derive(Template)]
#[template(path = "accounts/link_over.html")]
struct LinkOverPage {
    shell: Shell,
    purpose: Purpose,
}

/// Answers to a link that is unknown, used or expired; one page for all three of a kind. Guesses are counted.
async fn link_over(visitor: &Visitor, purpose: Purpose) -> Result<HttpResponse, AppError> {
    visitor.state.limits.guess(visitor.ip)?;
    visitor.plain(&LinkOverPage { shell: visitor.shell(), purpose }, StatusCode::NOT_FOUND)
}

/// Shows a form again after too many tries.
fn too_often(visitor: &Visitor, page: &impl Template, limit: TooOften) -> Result<HttpResponse, AppError> {
    let mut response = visitor.plain(page, StatusCode::TOO_MANY_REQUESTS)?;
    response.headers_mut().insert(RETRY_AFTER, limit.retry_after_seconds.into());
    Ok(response)
}

/// Does what only a known address causes after the answer, so that the time of the answer tells
/// nothing. A failure is logged; the person asks again.
fn afterwards(work: impl Future<Output = Result<(), AppError>> + 'static) {
    actix_web::rt::spawn(async move {
        if let Err(error) = work.await {
            tracing::error!(cause = ?error, "what was to follow an answer failed");
        }
    });
}
