//! The tab "Email": emails that wait for their next attempt, and those that were given up.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::{Frame, Tab};
use crate::{
    clock::Timestamp,
    domain::{
        access::Operator,
        instance::{self, UndeliveredMail},
        outbox::MailState,
        page::{Page as List, PageRef, PageRequest},
    },
    page,
    web::{
        error::AppError,
        filters,
        pager::Pager,
        shell::{Shell, Toast},
        state::State,
        urls,
        view::{self, Page},
        visit::{Behind, Visit, Visitor},
    },
};

/// Emails on one page.
const MAILS_ON_A_PAGE: i64 = 50;

/// `GET /instance/email`.
#[derive(Template)]
#[template(path = "instance/mails.html", blocks = ["title", "content", "tabs", "panel"])]
struct MailsTab {
    shell: Shell,
    frame: Frame,
    now: Timestamp,
    state: MailState,
    /// Whether there is a mail server at all.
    has_server: bool,
    /// Each with its subject.
    mails: List<UndeliveredMail>,
    subjects: Vec<String>,
    pager: Pager,
}

page!(MailsTab);

/// Which emails to show.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct MailsQuery {
    /// `failed`; anything else means those that wait.
    state: String,
    page: PageRef,
}

impl MailsQuery {
    fn state(&self) -> MailState {
        if self.state == MailState::Failed.as_str() { MailState::Failed } else { MailState::Queued }
    }

    fn url(&self) -> String {
        let page = urls::page(&self.page);
        let pairs = [("state", self.state.as_str()), ("page", page.as_str())];
        urls::with_query(&Tab::Mails.url(), &pairs)
    }
}

impl MailsTab {
    async fn load(
        visitor: &Visitor,
        operator: &Operator,
        selection: MailsQuery,
        shell: Shell,
    ) -> Result<Self, AppError> {
        let (operator, state) = (operator.clone(), selection.state());
        let request = PageRequest::new(selection.page.clone(), MAILS_ON_A_PAGE);
        let read = visitor
            .state
            .db
            .read(move |connection| instance::page_of_mails(connection, &operator, state, &request));
        let mails = read.await?;
        let subjects = mails.rows.iter().map(|mail| subject(&visitor.state, mail));
        Ok(Self {
            subjects: subjects.collect::<Result<_, _>>()?,
            shell,
            frame: Frame::of(Tab::Mails),
            now: visitor.now,
            state,
            has_server: visitor.state.config.smtp.is_some(),
            pager: Pager::of(&mails, |page| MailsQuery { page, ..selection.clone() }.url()),
            mails,
        })
    }

    /// The choices, with their words and addresses.
    fn states(&self) -> [(MailState, &'static str, String); 2] {
        [(MailState::Queued, "Waiting"), (MailState::Failed, "Failed")].map(|(state, words)| {
            let selection = MailsQuery { state: state.as_str().to_owned(), page: PageRef::First };
            (state, words, selection.url())
        })
    }

    fn rows(&self) -> impl Iterator<Item = (&UndeliveredMail, &String)> {
        self.mails.rows.iter().zip(&self.subjects)
    }

    fn has_failed(&self) -> bool {
        self.state == MailState::Failed
    }

    fn can_be_sent(&self, mail: &UndeliveredMail) -> bool {
        self.has_server && (!self.has_failed() || mail.can_be_resent())
    }
}

/// What the email is about. Its text stays out of sight: it may hold a link that opens an account.
fn subject(state: &State, mail: &UndeliveredMail) -> Result<String, AppError> {
    let Some(mail) = &mail.mail else { return Ok("An email that can’t be read".to_owned()) };
    Ok((state.preview_mail)(mail)?.subject)
}

struct MailsScreen;

impl Behind for MailsScreen {
    type Proof = Operator;

    async fn page(visitor: &Visitor, operator: &Operator, shell: Shell) -> Result<Box<dyn Page>, AppError> {
        Ok(Box::new(MailsTab::load(visitor, operator, visitor.on_screen(), shell).await?))
    }

    fn address(visitor: &Visitor, _: &Operator) -> String {
        visitor.on_screen::<MailsQuery>().url()
    }
}

/// Shows the tab.
pub async fn index(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    view::show(&MailsTab::load(&visit, &visit.proof, visit.query()?, visit.shell()).await?)
}

/// Has an email sent now.
pub async fn send_again(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let id = visit.path("undelivered");
    visit.change(move |tx, operator, now| instance::send_again(tx, operator, &id, now)).await??;
    visit.changed::<MailsScreen>(Toast::ok("The email is being sent.")).await
}
