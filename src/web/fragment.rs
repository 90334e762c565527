//! The part of a page that htmx wants to replace.

use actix_web::http::header::HeaderMap;

/// The part of a page that htmx wants to replace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fragment {
    /// No htmx, or a return through the browser's history: the whole page.
    #[default]
    None,
    /// What stands in `<main id="content">`.
    Content,
    /// The `#panel` in it.
    Panel,
    /// An open dialog in `#dialog-slot`.
    Dialog,
}

impl Fragment {
    /// Reads htmx's headers. htmx 2 names the target's id, htmx 4 its tag and id.
    pub fn of(headers: &HeaderMap) -> Self {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if header("HX-Request") != Some("true") || header("HX-History-Restore-Request") == Some("true") {
            return Self::None;
        }
        match header("HX-Target").and_then(|target| target.rsplit('#').next()) {
            Some("dialog-slot") => Self::Dialog,
            Some("panel") => Self::Panel,
            _ => Self::Content,
        }
    }

    /// Whether less than a page is wanted.
    pub fn is_fragment(self) -> bool {
        self != Self::None
    }
}
