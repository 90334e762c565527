//! What a browser remembers of its visitor's taste.

use actix_web::{HttpResponse, cookie::time::Duration, http::StatusCode};
use serde::Deserialize;

use crate::{
    clock::microseconds,
    web::{
        error::AppError,
        form::Submitted,
        shell::{THEME_COOKIE, Theme},
        urls, view,
        visit::{Anybody, Visit},
    },
};

/// How long a choice is kept.
const LIFETIME: Duration = Duration::days(365);

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
    let next = page_behind(&visitor, form.next);
    let theme = Theme::parse(&form.theme).id().to_owned();
    let cookie = visitor.state.cookies.make(THEME_COOKIE, theme, LIFETIME);
    let mut response = visitor.go(None, &next)?;
    response.add_cookie(&cookie).map_err(AppError::internal)?;
    Ok(response)
}

/// The page to come back to.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BannerForm {
    next: String,
}

/// Hides the banner about the local mailbox until the next email comes into it.
pub async fn hide_mailbox_banner(
    visit: Visit<Anybody, Submitted<BannerForm>>,
) -> Result<HttpResponse, AppError> {
    let (visitor, Submitted(form)) = visit.split();
    let cookies = &visitor.state.cookies;
    let cookie = cookies.make(&cookies.mailbox_banner, microseconds(visitor.now).to_string(), LIFETIME);
    let mut response = match visitor.fragment.is_fragment() {
        // Nothing else of the page changes, least of all what somebody has typed.
        true => view::html(StatusCode::OK).finish(),
        false => view::see_other(&page_behind(&visitor, form.next)),
    };
    response.add_cookie(&cookie).map_err(AppError::internal)?;
    Ok(response)
}

/// htmx may have changed tabs since the form was written.
fn page_behind(visitor: &Visit, next: String) -> String {
    let page = urls::current_page(visitor.request(), visitor.base_path()).unwrap_or(next);
    match page.as_str() {
        "" if visitor.logged_in().is_none() => "/".to_owned(),
        page => urls::safe_next(page).to_owned(),
    }
}
