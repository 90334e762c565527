//! Tells whose browser keeps no cookie, and what to do about it.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header::HOST},
};
use askama::Template;

use super::NextQuery;
use crate::web::{error::AppError, filters, shell::Shell, urls, view, visit::Visit};

/// `GET /cookie-check`, for a browser that kept none.
#[derive(Template)]
#[template(path = "accounts/no_cookie.html")]
struct NoCookiePage {
    shell: Shell,
    next: String,
    /// The public address, where the browser is at another one.
    elsewhere: Option<String>,
}

/// Goes on where the cookie came back, and says so where it did not.
pub async fn show(visitor: Visit) -> Result<HttpResponse, AppError> {
    let NextQuery { next } = visitor.query()?;
    let next = urls::safe_next(&next).to_owned();
    if visitor.state.cookies.are_kept(visitor.request()) {
        return Ok(view::see_other(&next));
    }
    let public_url = &visitor.state.config.public_url;
    let host = visitor.request().headers().get(HOST).and_then(|host| host.to_str().ok());
    let is_here = host.is_some_and(|host| public_url.is_at(host));
    let page =
        NoCookiePage { shell: visitor.shell(), next, elsewhere: (!is_here).then(|| public_url.to_string()) };
    visitor.plain(&page, StatusCode::OK)
}
