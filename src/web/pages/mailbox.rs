//! The local mailbox: the mails that a server without a mail server would have sent, so that the
//! whole way can be walked with nothing else installed.

mod text;

use actix_web::{
    HttpResponse,
    http::{StatusCode, header::CONTENT_SECURITY_POLICY},
};
use askama::Template;

use self::text::{Line, MainLink};
use crate::{
    clock::Timestamp,
    domain::outbox::{self, QueuedMail, UnreadableMail},
    web::{
        error::AppError,
        filters,
        local::is_local,
        shell::Shell,
        state::MailPreview,
        view,
        visit::{Visit, Visitor},
    },
};

/// Mails that are listed.
const MAX_LISTED: i64 = 50;

/// The page of a mail shows the HTML part in a frame; otherwise as strict as every page.
const FRAMING_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     font-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";
/// The HTML part carries its styles inline, as mails must. It runs no script, loads nothing and is
/// cut off from this site; its links may leave the frame when they are clicked.
const FRAMED_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; \
     frame-ancestors 'self'; sandbox allow-popups allow-top-navigation-by-user-activation";

/// A mail with its words.
struct Shown {
    mail: QueuedMail,
    preview: MailPreview,
}

/// Lets in whoever sits at this machine. The mails hold links that open accounts, so everybody else
/// gets the answer of a page that does not exist.
fn only_local(visitor: &Visitor) -> Result<(), AppError> {
    let is_let_in = is_local(visitor.request()) && visitor.state.has_mailbox();
    if is_let_in { Ok(()) } else { Err(AppError::NotFound) }
}

/// `GET /mailbox`.
#[derive(Template)]
#[template(path = "mailbox/index.html", blocks = ["title", "content"])]
struct MailboxPage {
    shell: Shell,
    now: Timestamp,
    mails: Vec<Result<Shown, UnreadableMail>>,
}

/// `GET /mailbox/{mail}`.
#[derive(Template)]
#[template(path = "mailbox/show.html", blocks = ["title", "content"])]
struct MailPage {
    shell: Shell,
    now: Timestamp,
    shown: Shown,
    main_link: Option<MainLink>,
    lines: Vec<Line>,
}

/// Lists the newest mails.
pub async fn index(visitor: Visit) -> Result<HttpResponse, AppError> {
    only_local(&visitor)?;
    let mails = visitor.state.db.read(|connection| outbox::newest(connection, MAX_LISTED)).await?;
    let shown = mails.into_iter().map(|mail| match mail {
        Ok(mail) => compose(&visitor, mail).map(Ok),
        Err(unreadable) => Ok(Err(unreadable)),
    });
    let mails = shown.collect::<Result<_, _>>()?;
    visitor.plain(&MailboxPage { shell: visitor.shell(), now: visitor.now, mails }, StatusCode::OK)
}

/// Shows one mail.
pub async fn show(visitor: Visit) -> Result<HttpResponse, AppError> {
    only_local(&visitor)?;
    let shown = find(&visitor, visitor.path("mail")).await?;
    let page = MailPage {
        shell: visitor.shell(),
        now: visitor.now,
        main_link: text::main_link(&shown.preview.text),
        lines: text::lines(&shown.preview.text),
        shown,
    };
    let body = page.render_with_values(visitor.base_path())?;
    Ok(view::html(StatusCode::OK).insert_header((CONTENT_SECURITY_POLICY, FRAMING_POLICY)).body(body))
}

/// The HTML part of one mail, for the frame on its page.
pub async fn html(visitor: Visit) -> Result<HttpResponse, AppError> {
    only_local(&visitor)?;
    let shown = find(&visitor, visitor.path("mail")).await?;
    let body = shown.preview.html.replacen("<head>", "<head><base target=\"_top\">", 1);
    Ok(view::html(StatusCode::OK).insert_header((CONTENT_SECURITY_POLICY, FRAMED_POLICY)).body(body))
}

async fn find(visitor: &Visitor, id: String) -> Result<Shown, AppError> {
    let mail = visitor.state.db.read(move |connection| outbox::by_id(connection, &id)).await?;
    Ok(compose(visitor, mail.ok_or(AppError::NotFound)?)?)
}

fn compose(visitor: &Visitor, mail: QueuedMail) -> Result<Shown, askama::Error> {
    let preview = (visitor.state.preview_mail)(&mail)?;
    Ok(Shown { mail, preview })
}
