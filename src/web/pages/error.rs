//! The page that tells of a failure.

use askama::Template;

use crate::web::{filters, shell::Shell};

/// Any address that could not be answered.
#[derive(Template)]
#[template(path = "public/error.html", blocks = ["title", "content"])]
pub struct ErrorPage {
    /// What stands around the page.
    pub shell: Shell,
    /// What is wrong, in a few words.
    pub title: String,
    /// What it means and what to do.
    pub explanation: String,
    /// Whether the visitor has a session, and so a page to go to.
    pub has_session: bool,
    /// The request's id, to find it in the log; empty for none.
    pub reference: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_the_request() {
        let page = ErrorPage {
            shell: Shell { brand: "Tessera".into(), ..Shell::default() },
            title: "Page not found".into(),
            explanation: "This page doesn’t exist, or you don’t have access.".into(),
            has_session: true,
            reference: "01JD8Z4M".into(),
        };
        let html = page.render_with_values(&page.shell.base_path).unwrap();
        assert!(html.contains("<title>Page not found · Tessera</title>"), "{html}");
        assert!(html.contains("Reference <code>01JD8Z4M</code>"), "{html}");
    }
}
