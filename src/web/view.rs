//! Answers: a whole page, or the part of it that htmx asked for.
//!
//! A page is one template whose blocks `title`, `content`, `tabs` and `panel` can be rendered
//! alone; there is no second template for a fragment.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, HeaderMap, LOCATION, VARY},
    },
};
use askama::Template;

use super::{
    error::AppError,
    extract::Visitor,
    shell::{Markup, Shell, Toast, ToastsFragment},
};

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

/// A page whose parts can be rendered alone. Implemented by [`page!`](crate::page).
pub trait Page: Template {
    /// The words of the page's `<title>`.
    fn title(&self) -> askama::Result<String>;
    /// The inner HTML of `<main>`.
    fn content(&self) -> askama::Result<String>;
    /// The navigation that shows counts; empty where a page has none.
    fn tabs(&self) -> askama::Result<String>;
    /// The element `#panel`.
    fn panel(&self) -> askama::Result<String>;
    /// What stands around the page.
    fn shell(&self) -> &Shell;
}

/// Implements [`Page`] for a template with the blocks `title`, `content`, `tabs`, `panel` and
/// a field `shell`.
#[macro_export]
macro_rules! page {
    ($page:ident) => {
        impl $crate::web::view::Page for $page {
            fn title(&self) -> askama::Result<String> {
                askama::Template::render(&self.as_title())
            }

            fn content(&self) -> askama::Result<String> {
                askama::Template::render(&self.as_content())
            }

            fn tabs(&self) -> askama::Result<String> {
                askama::Template::render(&self.as_tabs())
            }

            fn panel(&self) -> askama::Result<String> {
                askama::Template::render(&self.as_panel())
            }

            fn shell(&self) -> &$crate::web::shell::Shell {
                &self.shell
            }
        }
    };
}

/// Answers a GET: the whole page, or its content with the title.
///
/// # Errors
/// When the template fails.
pub fn show(page: &impl Page) -> Result<HttpResponse, AppError> {
    show_with_status(page, StatusCode::OK)
}

/// [`show`] with a status of its own: 422 for a form that needs a change.
///
/// # Errors
/// When the template fails.
pub fn show_with_status(page: &impl Page, status: StatusCode) -> Result<HttpResponse, AppError> {
    let shell = page.shell();
    let body = match shell.fragment {
        Fragment::None | Fragment::Dialog => page.render()?,
        Fragment::Panel => page.panel()? + &toasts(&shell.toasts)?,
        Fragment::Content => {
            let title = page.title()?;
            let brand = Markup::escaped(&shell.brand);
            format!("<title>{title} · {brand}</title>{}{}", page.content()?, toasts(&shell.toasts)?)
        }
    };
    Ok(html(status).body(body))
}

/// Answers with a page that has no fragments, such as those before the log-in.
///
/// # Errors
/// When the template fails.
pub fn plain(page: &impl Template, status: StatusCode) -> Result<HttpResponse, AppError> {
    Ok(html(status).body(page.render()?))
}

/// Answers with a dialog: alone for htmx, otherwise over the page `behind` it.
///
/// # Errors
/// When a template or the page behind fails.
pub async fn dialog<P: Page>(
    visitor: &Visitor,
    status: StatusCode,
    dialog: &impl Template,
    behind: impl AsyncFnOnce(Shell) -> Result<P, AppError>,
) -> Result<HttpResponse, AppError> {
    let dialog = Markup::render(dialog)?;
    if visitor.fragment == Fragment::Dialog {
        return Ok(html(status).body(dialog.into_string()));
    }
    let page = behind(Shell { dialog: Some(dialog), ..visitor.shell() }).await?;
    Ok(html(status).body(page.render()?))
}

/// Answers with a dialog that shows a secret once. The page behind has changed too, so htmx gets
/// both; nothing may be kept of either.
///
/// # Errors
/// When a template or the page behind fails.
pub async fn reveal<P: Page>(
    visitor: &Visitor,
    dialog: &impl Template,
    behind: impl AsyncFnOnce(Shell) -> Result<P, AppError>,
) -> Result<HttpResponse, AppError> {
    let dialog = Markup::render(dialog)?;
    if visitor.fragment == Fragment::Dialog {
        let page = behind(visitor.shell()).await?;
        return Ok(html(StatusCode::OK).body(dialog.into_string() + &page.panel()? + &page.tabs()?));
    }
    let page = behind(Shell { dialog: Some(dialog), fragment: Fragment::None, ..visitor.shell() }).await?;
    Ok(html(StatusCode::OK).body(page.render()?))
}

/// Answers a change: htmx gets the changed panel with a toast, a plain form the page `next`,
/// where the toast waits.
///
/// # Errors
/// When a template or the page fails.
pub async fn changed<P: Page>(
    visitor: &Visitor,
    toast: Toast,
    next: &str,
    page: impl AsyncFnOnce(Shell) -> Result<P, AppError>,
) -> Result<HttpResponse, AppError> {
    if !visitor.fragment.is_fragment() {
        visitor.keep(toast)?;
        return Ok(see_other(next));
    }
    let shell = visitor.shell();
    let fragment = if shell.fragment == Fragment::Content { Fragment::Panel } else { shell.fragment };
    let page = page(Shell { fragment, ..shell }).await?;
    Ok(html(StatusCode::OK).body(page.panel()? + &page.tabs()? + &toasts(&[toast])?))
}

/// Answers a change after which the page is another one: 303, which htmx follows as a whole page.
///
/// # Errors
/// When the toast cannot be kept.
pub fn go(visitor: &Visitor, toast: Option<Toast>, next: &str) -> Result<HttpResponse, AppError> {
    if let Some(toast) = toast {
        visitor.keep(toast)?;
    }
    if visitor.fragment.is_fragment() {
        return Ok(html(StatusCode::OK).insert_header(("HX-Redirect", next)).finish());
    }
    Ok(see_other(next))
}

/// A redirect that is followed with GET.
pub fn see_other(location: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, location))
        .insert_header((CACHE_CONTROL, "no-store"))
        .finish()
}

/// The beginning of an HTML answer. Private pages are not to be kept by anybody (ASVS 14.3.2).
pub(super) fn html(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response
        .content_type("text/html; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((VARY, "HX-Request, HX-Target"));
    response
}

/// Toasts to append to the page that stays.
pub(super) fn toasts(toasts: &[Toast]) -> askama::Result<String> {
    if toasts.is_empty() { Ok(String::new()) } else { ToastsFragment { toasts }.render() }
}
