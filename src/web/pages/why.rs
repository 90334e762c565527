//! "Why was it refused?": what is known of a key, in plain words, and what to do.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use serde::Deserialize;

use super::organization::{Frame, Tab};
use crate::{
    clock::Timestamp,
    db::DbError,
    domain::{
        access::Admin,
        api_keys::{ApiKey, Status},
        diagnosis::{self, Finding},
        organizations::Organization,
        silences,
    },
    page,
    web::{
        display,
        error::AppError,
        extract::Visitor,
        form::{FieldErrors, Submitted},
        shell::Shell,
        urls, view,
    },
};

/// A masked form with its dots, or a key, and no more.
const LONGEST_TEXT: usize = 200;

/// `GET /orgs/{organization}/api/why`.
#[derive(Template)]
#[template(path = "why/index.html", blocks = ["title", "content", "tabs", "panel"])]
pub struct WhyPage {
    shell: Shell,
    frame: Frame,
    errors: FieldErrors,
    answers: Vec<Answer>,
}

page!(WhyPage);

/// What somebody pasted; perhaps a whole key, so it is neither shown again nor has it a `Debug`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WhyForm {
    key: String,
}

/// What is known of one key, or of what was taken for one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Answer {
    /// The state in a sentence.
    title: String,
    /// Why, and since when.
    reason: String,
    /// What to do.
    advice: &'static str,
    /// The page of the key, with its name.
    key: Option<(String, String)>,
}

impl Answer {
    fn new(title: &str, reason: impl Into<String>, advice: &'static str) -> Self {
        Self { title: title.to_owned(), reason: reason.into(), advice, key: None }
    }

    fn about(organization_id: &str, key: &ApiKey, silence: Option<Timestamp>, now: Timestamp) -> Self {
        let since = |at: Option<Timestamp>| at.map(|at| display::date_time_utc(&at)).unwrap_or_default();
        let answer = match (key.status(now), silence) {
            (Status::Expired, _) => Self::new(
                "It has expired.",
                format!("Its end was {}. Every request since then was refused.", since(key.expires_at)),
                "Create a new key and put it in the place of this one. An end that has passed cannot be moved.",
            ),
            (Status::Deactivated, Some(end)) => Self::new(
                "It is silent for a test.",
                format!("It comes back by itself at {}.", display::time_of_day(&end, &now)),
                "Wait for that, or choose Activate in the cogwheel of the key.",
            ),
            (Status::Deactivated, None) => Self::new(
                "It is deactivated.",
                format!(
                    "It was switched off on {}. The key’s history says by whom.",
                    since(key.deactivated_at)
                ),
                "If it should work, choose Activate in the cogwheel of the key. It holds from the next request on.",
            ),
            (Status::Active, _) => Self::new(
                "It is active.",
                match key.last_used_at {
                    Some(at) => format!("It was last accepted {}.", display::date_time_utc(&at)),
                    None => "It was never accepted: no request with it has arrived here.".to_owned(),
                },
                "If callers are refused all the same, compare what they send with the key letter by letter, look \
                 whether it arrives as “Authorization: Bearer” or “X-API-Key”, and whether the gateway asks for \
                 this organization. The key’s page shows who called, and what the key is limited to.",
            ),
        };
        Self { key: Some((urls::api_key(organization_id, &key.id), key.name.clone())), ..answer }
    }
}

/// Shows the form.
///
/// # Errors
/// When the database fails.
pub async fn ask(visitor: Visitor, admin: Admin<Organization>) -> Result<HttpResponse, AppError> {
    let shell = visitor.shell();
    let frame = visitor.state.db.read(move |connection| Frame::load(connection, &admin, Tab::Api)).await?;
    view::show(&WhyPage { shell, frame, errors: FieldErrors::default(), answers: Vec::new() })
}

/// Answers. Nothing is counted or kept.
///
/// # Errors
/// When the database fails.
pub async fn answer(
    visitor: Visitor,
    admin: Admin<Organization>,
    Submitted(form): Submitted<WhyForm>,
) -> Result<HttpResponse, AppError> {
    let (shell, now) = (visitor.shell(), visitor.now);
    let text = form.key.trim();
    let mut errors = FieldErrors::default();
    if text.is_empty() {
        errors.add("key", "Paste a key, its masked form, or its first characters.");
    } else if text.chars().count() > LONGEST_TEXT {
        errors.add("key", "This is longer than any key.");
    }
    let is_fine = errors.is_empty();
    let page = visitor
        .state
        .db
        .read(move |connection| {
            let frame = Frame::load(connection, &admin, Tab::Api)?;
            if !is_fine {
                return Ok(WhyPage { shell, frame, errors, answers: Vec::new() });
            }
            let answers = match diagnosis::diagnose(connection, &admin, &form.key, now)? {
                Finding::Keys(keys) => {
                    let silences = silences::of_keys(connection, &admin, &keys)?;
                    let about =
                        |key: &ApiKey| Answer::about(&admin.id, key, silences.get(&key.id).copied(), now);
                    keys.iter().map(about).collect()
                }
                other => vec![without_key(&other)],
            };
            Ok::<_, DbError>(WhyPage { shell, frame, errors, answers })
        })
        .await?;
    let status = if is_fine { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    view::show_with_status(&page, status)
}

fn without_key(finding: &Finding) -> Answer {
    match finding {
        Finding::Removed(entry) => Answer::new(
            "It was removed.",
            format!(
                "{} removed the key “{}” on {}.",
                entry.actor_name,
                entry.subject_name,
                display::date_time_utc(&entry.created_at)
            ),
            "Create a new key. A removed one cannot be brought back.",
        ),
        Finding::Keys(_) | Finding::Unknown => Answer::new(
            "This organization has no such key.",
            "It belongs to another organization or installation, or it never existed.",
            "Look in which organization the key was created, and whether the caller asks the right address.",
        ),
        Finding::Mistyped => Answer::new(
            "It is not a whole key.",
            "It begins like a key, but a letter is wrong, missing or too much: its check digits do not fit.",
            "Copy the key again from where it is kept, without quotation marks, blanks or line breaks.",
        ),
        Finding::TooShort => Answer::new(
            "That is too short.",
            "The first four characters after “tess_” are needed to tell keys apart.",
            "Paste more of the key.",
        ),
        Finding::MasterToken => Answer::new(
            "It is a master token, not an API key.",
            "Master tokens open the API of the organization. Where an API key is asked for they are refused.",
            "Give the caller an API key.",
        ),
        Finding::NotAKey => Answer::new(
            "It is not a key of this product.",
            "Every API key begins with “tess_”.",
            "Look which variable or header the caller takes its key from.",
        ),
    }
}
