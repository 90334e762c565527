//! The first page.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use crate::{
    domain::accounts,
    web::{error::AppError, shell::Shell, view, visit::Visit},
};

/// `GET /`.
#[derive(Template)]
#[template(path = "public/landing.html", blocks = ["title"])]
pub struct LandingPage {
    /// What stands around the page.
    pub shell: Shell,
    /// Whether nobody has signed up yet; the page then tells how to begin.
    pub first_run: bool,
}

/// Shows the page.
pub async fn show(visitor: Visit) -> Result<HttpResponse, AppError> {
    let first_run = !visitor.state.db.read(accounts::any_exists).await?;
    view::plain(&LandingPage { shell: visitor.shell().await?, first_run }, StatusCode::OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(mailbox: bool, first_run: bool) -> String {
        let shell = Shell { brand: "Tessera".into(), mailbox, ..Shell::default() };
        LandingPage { shell, first_run }.render().unwrap()
    }

    #[test]
    fn it_leads_to_log_in_and_sign_up() {
        let html = render(false, false);
        assert!(html.contains(r#"href="/login">GET STARTED</a>"#), "{html}");
        assert!(html.contains(r#"href="/signup">Sign up</a>"#), "{html}");
        assert!(!html.contains("First steps") && !html.contains("/mailbox"), "{html}");
    }

    #[test]
    fn a_newcomer_is_told_what_to_do() {
        let html = render(true, true);
        assert!(html.contains("First steps"), "{html}");
        assert!(html.contains(r#"<a class="link" href="/mailbox">local mailbox</a>"#), "{html}");
    }
}
