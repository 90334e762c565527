//! What a browser remembers of its visitor's taste.

use actix_web::{HttpResponse, cookie::time::Duration};
use serde::Deserialize;

use crate::web::{
    error::AppError,
    form::Submitted,
    shell::{THEME_COOKIE, Theme},
    urls,
    visit::{Anybody, Visit},
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
pub async fn set_theme(visit: Visit<Anybody, Submitted<ThemeForm>>) -> Result<HttpResponse, AppError> {
    let (visitor, Submitted(form)) = visit.split();
    // htmx may have changed tabs since the form was written.
    let page = urls::current_page(visitor.request()).unwrap_or(form.next);
    let next = match page.as_str() {
        "" if visitor.logged_in().is_none() => "/",
        page => urls::safe_next(page),
    };
    let theme = Theme::parse(&form.theme).id().to_owned();
    let cookie = visitor.state.cookies.make(THEME_COOKIE, theme, THEME_LIFETIME);
    let mut response = visitor.go(None, next)?;
    response.add_cookie(&cookie).map_err(AppError::internal)?;
    Ok(response)
}
