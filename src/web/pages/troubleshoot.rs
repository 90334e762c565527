//! "Troubleshoot a request": what is known of a key or of a refused request, in plain words, and what
//! to do; and what would be answered now.

pub mod attempt;
mod explanations;
mod reasons;
mod rejected;

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use serde::Deserialize;

use super::organization::{Frame, Tab};
use crate::{
    clock::Timestamp,
    config::KeyPrefix,
    db::{Connection, DbError},
    domain::{
        access::{Grant, SeeKeys},
        api_keys::ApiKey,
        diagnosis::{self, Finding},
    },
    page,
    web::{
        error::AppError,
        filters,
        form::{FieldErrors, Submitted},
        request_id,
        shell::Shell,
        view,
        visit::Visit,
    },
};

use attempt::{Attempt, Trial};
use explanations::{Explanation, without_key};

/// A whole answer with the id in it, and no more.
const MAX_TEXT_LENGTH: usize = 1000;

/// `GET /orgs/{organization}/api/troubleshoot`.
#[derive(Template)]
#[template(path = "troubleshoot/index.html", blocks = ["title", "content", "tabs", "panel"])]
pub struct TroubleshootPage {
    shell: Shell,
    frame: Frame,
    errors: FieldErrors,
    answers: Answers,
    attempt: Attempt,
    trial: Option<Trial>,
}

page!(TroubleshootPage);

/// What somebody pasted; perhaps a whole key, so it is neither shown again nor has it a `Debug`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TroubleshootForm {
    key: String,
}

/// What is known, under a heading.
#[derive(Default)]
struct Answers {
    title: String,
    /// When and where it was refused.
    subtitle: String,
    list: Vec<Explanation>,
    /// A request to try next.
    attempt: Attempt,
}

impl TroubleshootPage {
    fn new(shell: Shell, frame: Frame) -> Self {
        let (errors, answers, attempt) = (FieldErrors::default(), Answers::default(), Attempt::default());
        Self { shell, frame, errors, answers, attempt, trial: None }
    }
}

/// Shows the form.
pub async fn ask(visit: Visit<Grant<SeeKeys>>) -> Result<HttpResponse, AppError> {
    let shell = visit.shell();
    let frame = visit.read(|connection, grant| Frame::load(connection, grant, Tab::Api)).await?;
    view::show(&TroubleshootPage::new(shell, frame))
}

/// Explains. Nothing is counted or kept.
pub async fn answer(
    visit: Visit<Grant<SeeKeys>, Submitted<TroubleshootForm>>,
) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let (shell, now, prefix) = (visit.shell(), visit.now, visit.state.config.rules.key_prefix);
    // What was refused a moment ago waits in memory.
    visit.count_usage().await;
    let flush = visit.state.rejections.flush(&visit.state.db);
    visit.state.db.beside("rejections could not be written", flush).await;
    let text = form.key.trim();
    let mut errors = FieldErrors::default();
    if text.is_empty() {
        errors.add("key", "Paste a request ID or an API key (full, masked, or the first characters).");
    } else if text.chars().count() > MAX_TEXT_LENGTH {
        errors.add("key", "This is longer than any key. Paste only the key or the request ID.");
    }
    let is_fine = errors.is_empty();
    let page = visit.read(move |connection, grant| {
        let frame = Frame::load(connection, grant, Tab::Api)?;
        if !is_fine {
            return Ok(TroubleshootPage { errors, ..TroubleshootPage::new(shell, frame) });
        }
        let mut answers = match request_id::find_in(&form.key) {
            Some(id) => rejected::answers(connection, grant, id)?,
            None => answers_on_key(connection, grant, prefix, &form.key, now)?,
        };
        let attempt = std::mem::take(&mut answers.attempt);
        Ok::<_, DbError>(TroubleshootPage { answers, attempt, ..TroubleshootPage::new(shell, frame) })
    });
    let status = if is_fine { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    view::show_with_status(&page.await?, status)
}

fn answers_on_key(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    prefix: KeyPrefix,
    text: &str,
    now: Timestamp,
) -> Result<Answers, DbError> {
    let keys = match diagnosis::diagnose(connection, grant, prefix, text, now)? {
        Finding::Keys(keys) => keys,
        other => return Ok(Answers::of(without_key(&other))),
    };
    let about = |key: &ApiKey| Explanation::about(&grant.id, key, now);
    let title = match keys.as_slice() {
        [_] => "Explanation".to_owned(),
        keys => format!("{} keys start like this", keys.len()),
    };
    let attempt = match keys.as_slice() {
        [key] => Attempt::with(key),
        _ => Attempt::default(),
    };
    Ok(Answers { title, subtitle: String::new(), list: keys.iter().map(about).collect(), attempt })
}

impl Answers {
    fn of(answer: Explanation) -> Self {
        Self { title: "Explanation".to_owned(), list: vec![answer], ..Self::default() }
    }
}
