//! Answers: a whole page, or the part of it that htmx asked for.
//!
//! A page is one template whose blocks `title`, `content`, `tabs` and `panel` can be rendered
//! alone; there is no second template for a fragment.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, LOCATION, VARY},
    },
};
use askama::Template;

use super::{
    compression::HoldsNoSecret,
    error::AppError,
    fragment::Fragment,
    shell::{Markup, Shell, Toast, ToastsFragment},
};
use crate::config::BasePath;

/// What is set aside for a whole page, in bytes: more than most of them have.
pub const ROOM_OF_PAGE: usize = 40 * 1024;

/// A page whose parts can be rendered alone. Implemented by [`page!`](crate::page).
pub trait Page {
    /// All of it.
    fn whole(&self) -> askama::Result<String>;
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
            fn whole(&self) -> askama::Result<String> {
                // A page that grows under its text is copied again and again.
                let mut page = String::with_capacity($crate::web::view::ROOM_OF_PAGE);
                askama::Template::render_into_with_values(self, &mut page, &self.shell.base_path)?;
                Ok(page)
            }

            fn title(&self) -> askama::Result<String> {
                askama::Template::render_with_values(&self.as_title(), &self.shell.base_path)
            }

            fn content(&self) -> askama::Result<String> {
                askama::Template::render_with_values(&self.as_content(), &self.shell.base_path)
            }

            fn tabs(&self) -> askama::Result<String> {
                askama::Template::render_with_values(&self.as_tabs(), &self.shell.base_path)
            }

            fn panel(&self) -> askama::Result<String> {
                askama::Template::render_with_values(&self.as_panel(), &self.shell.base_path)
            }

            fn shell(&self) -> &$crate::web::shell::Shell {
                &self.shell
            }
        }
    };
}

/// Answers a GET: the whole page, or its content with the title.
pub fn show(page: &dyn Page) -> Result<HttpResponse, AppError> {
    show_with_status(page, StatusCode::OK)
}

/// [`show`] with a status of its own: 422 for a form that needs a change.
pub fn show_with_status(page: &dyn Page, status: StatusCode) -> Result<HttpResponse, AppError> {
    let shell = page.shell();
    let body = match shell.fragment {
        Fragment::None | Fragment::Dialog => page.whole()?,
        Fragment::Panel => page.panel()? + toasts(&shell.toasts, &shell.base_path)?.as_str(),
        Fragment::Content => {
            let title = page.title()?;
            let brand = Markup::escaped(&shell.brand);
            let toasts = toasts(&shell.toasts, &shell.base_path)?;
            format!("<title>{title} · {brand}</title>{}{toasts}", page.content()?)
        }
    };
    let mut response =
        html(status).insert_header((VARY, "HX-Request, HX-Target, Accept-Encoding")).body(body);
    // Secrets stand in dialogs, and on pages without fragments, which come another way.
    response.extensions_mut().insert(HoldsNoSecret);
    Ok(response)
}

/// Answers with a page that has no fragments, such as those before the log-in.
pub fn plain(
    page: &impl Template,
    base_path: &BasePath,
    status: StatusCode,
) -> Result<HttpResponse, AppError> {
    Ok(html(status).body(page.render_with_values(base_path)?))
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
pub(super) fn toasts(toasts: &[Toast], base_path: &BasePath) -> askama::Result<String> {
    if toasts.is_empty() {
        return Ok(String::new());
    }
    ToastsFragment { toasts }.render_with_values(base_path)
}
