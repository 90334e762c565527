//! Dialogs and changes, drawn over the page that is on the screen and stays as it is there: with its
//! filter, its search and its page number.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use super::{Proof, Visit, Visitor};
use crate::web::{
    error::AppError,
    filters,
    fragment::Fragment,
    shell::{Markup, Shell, Toast},
    urls,
    view::{self, Page, html, see_other, toasts},
};

/// The page behind a dialog, and the one that a change is shown on.
pub trait Behind {
    /// The proof that the page needs.
    type Proof;

    /// Reads the page that is on the screen. With htmx this is asked for only where the page itself
    /// is drawn: a dialog alone reads nothing behind it.
    fn page(
        visitor: &Visitor,
        proof: &Self::Proof,
        shell: Shell,
    ) -> impl Future<Output = Result<Box<dyn Page>, AppError>>;

    /// The address of that page.
    fn address(visitor: &Visitor, proof: &Self::Proof) -> String;
}

/// What a dialog knows of the page behind it.
#[derive(Clone, Debug)]
pub struct Over {
    /// The organization that both are about.
    pub organization_id: String,
    /// The address of the page, with its filter, its search and its page number.
    pub close: String,
    page: String,
}

/// The dialog instead of one that could change nothing.
#[derive(Template)]
#[template(path = "components/limit.html")]
struct ClosedDialog {
    title: &'static str,
    close: String,
    reason: String,
}

impl Over {
    /// `url` for a form of the dialog. A form without JavaScript takes along what the page behind
    /// shows; htmx tells that by itself.
    pub fn action(&self, url: String) -> String {
        urls::with_query_of(&url, &self.page)
    }
}

impl<P: Proof, B> Visit<P, B> {
    /// The page `S` behind a dialog.
    pub fn over<S: Behind>(&self) -> Over
    where
        P: AsRef<S::Proof>,
    {
        let page = if self.fragment.is_fragment() { "" } else { self.page_path() };
        Over {
            organization_id: self.path("organization"),
            close: S::address(self, self.proof.as_ref()),
            page: page.to_owned(),
        }
    }

    /// Answers with a dialog: alone for htmx, otherwise over its page. In a suspended organization it says so
    /// instead, before anything is typed.
    ///
    /// # Errors
    /// When a template or the page behind fails.
    pub async fn dialog<S: Behind>(&self, dialog: &impl Template) -> Result<HttpResponse, AppError>
    where
        P: AsRef<S::Proof>,
    {
        if let Err(AppError::Suspended(reason)) = self.proof.check_open() {
            let closed = ClosedDialog {
                title: "This organization is suspended",
                close: S::address(self, self.proof.as_ref()),
                reason: format!("Nothing can be changed until it is resumed. Reason: {reason}"),
            };
            return self.dialog_with_status::<S>(&closed, StatusCode::OK).await;
        }
        self.dialog_with_status::<S>(dialog, StatusCode::OK).await
    }

    /// Answers with the dialog once more, since something in it needs a change: 422.
    ///
    /// # Errors
    /// As [`dialog`](Self::dialog).
    pub async fn invalid<S: Behind>(&self, dialog: &impl Template) -> Result<HttpResponse, AppError>
    where
        P: AsRef<S::Proof>,
    {
        self.dialog_with_status::<S>(dialog, StatusCode::UNPROCESSABLE_ENTITY).await
    }

    async fn dialog_with_status<S: Behind>(
        &self,
        dialog: &impl Template,
        status: StatusCode,
    ) -> Result<HttpResponse, AppError>
    where
        P: AsRef<S::Proof>,
    {
        let dialog = Markup::render(dialog, self.base_path())?;
        if self.fragment == Fragment::Dialog {
            return Ok(html(status).body(dialog.into_string()));
        }
        let shell = Shell { dialog: Some(dialog), fragment: Fragment::None, ..self.shell() };
        Ok(html(status).body(S::page(self, self.proof.as_ref(), shell).await?.whole()?))
    }

    /// Answers with a dialog that shows a secret once. The page behind has changed too, so htmx gets
    /// both; nothing may be kept of either.
    ///
    /// # Errors
    /// As [`dialog`](Self::dialog).
    pub async fn reveal<S: Behind>(&self, dialog: &impl Template) -> Result<HttpResponse, AppError>
    where
        P: AsRef<S::Proof>,
    {
        if self.fragment != Fragment::Dialog {
            return self.dialog::<S>(dialog).await;
        }
        let dialog = Markup::render(dialog, self.base_path())?.into_string();
        let page = S::page(self, self.proof.as_ref(), self.shell()).await?;
        Ok(html(StatusCode::OK).body(dialog + page.panel()?.as_str() + page.tabs()?.as_str()))
    }

    /// Answers a change: htmx gets the changed panel with a toast, a plain form goes back to the
    /// page, where the toast waits.
    ///
    /// # Errors
    /// As [`dialog`](Self::dialog).
    pub async fn changed<S: Behind>(&self, toast: Toast) -> Result<HttpResponse, AppError>
    where
        P: AsRef<S::Proof>,
    {
        let proof = self.proof.as_ref();
        if !self.fragment.is_fragment() {
            self.keep(toast)?;
            return Ok(see_other(&S::address(self, proof)));
        }
        let shell = self.shell();
        let fragment = if shell.fragment == Fragment::Content { Fragment::Panel } else { shell.fragment };
        let page = S::page(self, proof, Shell { fragment, ..shell }).await?;
        let panel = page.panel()? + page.tabs()?.as_str() + toasts(&[toast], self.base_path())?.as_str();
        Ok(html(StatusCode::OK).body(panel))
    }
}

impl Visitor {
    /// Answers a change after which the page is another one: 303, which htmx follows as a whole page.
    ///
    /// # Errors
    /// When the toast cannot be kept.
    pub fn go(&self, toast: Option<Toast>, next: &str) -> Result<HttpResponse, AppError> {
        if let Some(toast) = toast {
            self.keep(toast)?;
        }
        if self.fragment.is_fragment() {
            return Ok(html(StatusCode::OK).insert_header(("HX-Redirect", next)).finish());
        }
        Ok(view::see_other(next))
    }
}
