//! How to call the API.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use crate::{
    config::KeyPrefix,
    web::{error::AppError, filters, shell::Shell, visit::Visit},
};

/// `GET /docs`.
#[derive(Template)]
#[template(path = "public/docs.html", blocks = ["title", "content"])]
pub struct DocsPage {
    /// What stands around the page.
    pub shell: Shell,
    /// The public address, without a slash at its end.
    pub public_url: String,
    /// What keys of this server begin with.
    pub key_prefix: KeyPrefix,
}

/// Shows the page.
pub async fn show(visitor: Visit) -> Result<HttpResponse, AppError> {
    let public_url = visitor.state.config.public_url.to_string();
    let key_prefix = visitor.state.config.rules.key_prefix;
    visitor.plain(&DocsPage { shell: visitor.shell(), public_url, key_prefix }, StatusCode::OK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::BasePath,
        web::shell::{Markup, ShellUser, Theme, Toast},
    };

    fn page(shell: Shell) -> DocsPage {
        DocsPage { shell, public_url: "https://keys.lumen.example".into(), key_prefix: KeyPrefix::default() }
    }

    fn render(template: &impl Template) -> String {
        template.render_with_values(&BasePath::default()).unwrap()
    }

    fn signed_in() -> Shell {
        Shell {
            brand: "Tessera".into(),
            theme: Theme::Dark,
            user: Some(ShellUser {
                name: "Dana <Whitfield>".into(),
                email: "dana@lumen.example".into(),
                pending_invitations: 1,
                is_operator: false,
            }),
            ..Shell::default()
        }
    }

    #[test]
    fn the_example_calls_the_public_address() {
        let html = render(&page(Shell::default()));
        assert!(html.contains("https://keys.lumen.example/api/v2/organization"), "{html}");
        assert!(html.contains(r#"<a class="btn" href="/login">Log in</a>"#), "{html}");
    }

    #[test]
    fn the_user_menu_counts_invitations_and_escapes_the_name() {
        let html = render(&page(signed_in()));
        assert!(html.contains(r#"<html lang="en" data-theme="dark">"#), "{html}");
        assert!(html.contains("Dana &#60;Whitfield&#62;"), "{html}");
        assert!(html.contains(r#"1<span class="sr"> pending invitation</span>"#), "{html}");
        assert!(html.contains(r#"value="dark" aria-pressed="true""#), "{html}");
        assert!(html.contains("<title>API docs · Tessera</title>"), "{html}");
    }

    #[test]
    fn a_fragment_is_the_inner_html_of_main() {
        let html = render(&page(signed_in()).as_content());
        assert!(html.trim_start().starts_with(r#"<div class="page-head">"#), "{html}");
        assert!(html.trim_end().ends_with("</div>") && html.contains(r#"id="panel""#), "{html}");
        assert_eq!(render(&page(signed_in()).as_title()), "API docs");
    }

    #[test]
    fn an_open_dialog_makes_the_page_behind_inert() {
        let dialog = Markup::render(&page(signed_in()).as_title(), &BasePath::default()).unwrap();
        let shell = Shell { dialog: Some(dialog), toasts: vec![Toast::ok("Saved.")], ..signed_in() };
        let html = render(&page(shell));
        assert!(html.contains("<div data-behind inert>"), "{html}");
        assert!(html.contains(r#"<div id="dialog-slot">API docs</div>"#), "{html}");
        assert!(html.contains("Saved."), "{html}");
    }
}
