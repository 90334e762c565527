//! Log in by a link that the operator passed on.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use super::{attempt, link_over};
use crate::{
    domain::{
        accounts::{self, AccountError},
        email_links::{self, Purpose},
        user::User,
    },
    web::{
        error::AppError,
        filters,
        shell::Shell,
        urls, view,
        visit::{Visit, Visitor},
    },
};

/// `GET /login/{token}`.
#[derive(Template)]
#[template(path = "accounts/log_in_link.html")]
struct LogInLinkPage {
    shell: Shell,
    action: String,
    email: String,
}

/// Shows whom the link logs in; changes nothing, since programs that look at messages open links, too.
pub async fn show(visitor: Visit) -> Result<HttpResponse, AppError> {
    let token = visitor.path("token");
    match owner(&visitor, &token).await? {
        Some(user) => {
            let (shell, action) = (visitor.shell(), urls::log_in_link(&token));
            visitor.plain(&LogInLinkPage { shell, action, email: user.email }, StatusCode::OK)
        }
        None => link_over(&visitor, Purpose::LogIn).await,
    }
}

/// Logs in, under a new session. The link is used up.
pub async fn log_in(visitor: Visit) -> Result<HttpResponse, AppError> {
    let (token, ip) = (visitor.path("token"), visitor.ip);
    let spent = visitor.change(move |tx, _, now| accounts::spend_log_in_link(tx, &token, ip, now)).await?;
    let (user, password_hash) = match spent {
        Ok(spent) => spent,
        Err(AccountError::LinkOver) => return link_over(&visitor, Purpose::LogIn).await,
        Err(error) => return Err(error.into()),
    };
    visitor.log_in(&user, &password_hash)?;
    let mut response = view::see_other(urls::ORGANIZATIONS);
    attempt::remember_device(&visitor, &mut response, &user)?;
    Ok(response)
}

async fn owner(visitor: &Visitor, token: &str) -> Result<Option<User>, AppError> {
    let (token, now) = (token.to_owned(), visitor.now);
    let find = move |connection: &mut _| email_links::owner(connection, Purpose::LogIn, &token, now);
    let owner = visitor.state.db.read(find).await?;
    Ok(owner.filter(|user| !user.is_deactivated()))
}
