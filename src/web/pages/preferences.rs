//! What a browser remembers of its visitor's taste.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
};
use serde::Deserialize;

use crate::web::{
    error::AppError,
    extract::Visitor,
    form::Submitted,
    shell::{THEME_COOKIE, Theme},
    urls, view,
};

/// How long a theme is kept.
const THEME_LIFETIME: Duration = Duration::days(365);

/// The chosen theme, and the page to come back to.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ThemeForm {
    theme: String,
    next: String,
}

/// Keeps the theme in a cookie.
///
/// # Errors
/// When the cookie cannot be written.
pub async fn set_theme(
    visitor: Visitor,
    request: HttpRequest,
    Submitted(form): Submitted<ThemeForm>,
) -> Result<HttpResponse, AppError> {
    // htmx may have changed tabs since the form was written.
    let page = urls::current_page(&request).unwrap_or(form.next);
    let next = match page.as_str() {
        "" if visitor.logged_in.is_none() => "/",
        page => urls::safe_next(page),
    };
    let cookie = Cookie::build(THEME_COOKIE, Theme::parse(&form.theme).id())
        .path("/")
        .secure(visitor.state.has_secure_cookies())
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(THEME_LIFETIME)
        .finish();
    let mut response = view::go(&visitor, None, next)?;
    response.add_cookie(&cookie).map_err(AppError::internal)?;
    Ok(response)
}
