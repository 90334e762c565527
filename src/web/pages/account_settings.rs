//! Account settings: name, password, theme, log-ins, what happened lately.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use serde::Deserialize;

use super::accounts::{
    attempt::{self, Attempt, Shown},
    throttle::{self, NewHash, SetBy},
};
use crate::{
    clock::Timestamp,
    db::DbError,
    domain::{
        accounts,
        audit::{self, Entry},
        names::{MAX_NAME_LENGTH, Name},
        passwords::TypedPassword,
        sessions::{self, BrowserSession},
        throttles::TooOften,
    },
    web::{
        error::AppError,
        filters,
        form::{FieldErrors, Submitted},
        shell::{Shell, Toast},
        urls,
        visit::{Account, Visit},
    },
};

pub mod browser_sessions;
mod browsers;
mod events;

/// Events that the page shows.
const RECENT_EVENTS: i64 = 10;

/// "Full name" as it was typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NameForm {
    name: String,
}

/// "Change password" as it was typed.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PasswordForm {
    current_password: String,
    new_password: String,
}

/// `GET /account`.
#[derive(Template)]
#[template(path = "account_settings/index.html")]
struct AccountPage {
    shell: Shell,
    name: String,
    email: String,
    errors: FieldErrors,
    /// The browser of this request first.
    sessions: Vec<BrowserSession>,
    session_id: String,
    events: Vec<Entry>,
    now: Timestamp,
}

impl AccountPage {
    async fn load(visit: &Visit<Account>, name: String, errors: FieldErrors) -> Result<Self, AppError> {
        let (Account { user, session_id }, now) = (&visit.proof, visit.now);
        let owner = user.clone();
        let read = move |connection: &mut _| {
            let sessions = sessions::of_user(connection, &owner, now)?;
            Ok::<_, DbError>((sessions, audit::of_account(connection, &owner.id, RECENT_EVENTS)?))
        };
        let (mut sessions, events) = visit.state.db.read(read).await?;
        sessions.sort_by_key(|session| session.id != *session_id);
        Ok(Self {
            shell: Shell { path: urls::ACCOUNT.to_owned(), ..visit.shell() },
            name,
            email: user.email.clone(),
            errors,
            sessions,
            session_id: session_id.clone(),
            events,
            now,
        })
    }

    fn browser(session: &BrowserSession) -> String {
        browsers::describe(session.user_agent.as_deref().unwrap_or_default())
    }

    fn words(event: &Entry) -> (&'static str, &str) {
        events::words(event)
    }
}

/// Shows the page.
pub async fn show(visit: Visit<Account>) -> Result<HttpResponse, AppError> {
    let page = AccountPage::load(&visit, visit.proof.user.name.clone(), FieldErrors::default()).await?;
    visit.plain(&page, StatusCode::OK)
}

/// Gives the person another name.
pub async fn rename(visit: Visit<Account, Submitted<NameForm>>) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let mut errors = FieldErrors::default();
    let Some(name) = errors.check("name", Name::parse(&form.name, MAX_NAME_LENGTH)) else {
        let page = AccountPage::load(&visit, form.name, errors).await?;
        return visit.plain(&page, StatusCode::UNPROCESSABLE_ENTITY);
    };
    visit.change(move |tx, account, _| accounts::rename(tx, &account.user, &name)).await??;
    visit.go(Some(Toast::ok("Name updated")), urls::ACCOUNT)
}

/// Changes the password of somebody who gives the present one (ASVS 6.2.3); the other sessions end.
pub async fn change_password(
    visit: Visit<Account, Submitted<PasswordForm>>,
) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let user = &visit.proof.user;
    let mut errors = FieldErrors::default();
    let context = [visit.state.config.brand.as_str(), &user.name, &user.email];
    let new_password = errors.check("new_password", TypedPassword::parse(form.new_password.into(), &context));
    if form.current_password.is_empty() {
        errors.add("current_password", "Enter your current password.");
    }
    let Some(new_password) = new_password.filter(|_| errors.is_empty()) else {
        return show_errors(&visit, errors, None).await;
    };
    let shown = Shown::Session(visit.proof.session_id.clone());
    match attempt::attempt(&visit, &user.email, form.current_password, shown).await? {
        Attempt::Right(_) => {}
        Attempt::Wrong => {
            errors.add("current_password", "Incorrect password.");
            return show_errors(&visit, errors, None).await;
        }
        Attempt::TooOften(limit) => {
            errors.add("current_password", AppError::TooOften(limit));
            return show_errors(&visit, errors, Some(limit)).await;
        }
    }
    let set_by = SetBy::Session(&visit.proof.session_id);
    let hash = match throttle::hash_new(&visit, new_password, set_by).await? {
        NewHash::Hash(hash) => hash,
        refused => {
            let limit = throttle::note(&mut errors, "new_password", Some(refused));
            return show_errors(&visit, errors, limit).await;
        }
    };
    let ip = visit.ip;
    let changed = visit.change(move |tx, Account { user, session_id }, now| {
        accounts::change_password(tx, user, &hash, session_id, ip, now)
    });
    changed.await??;
    visit.go(Some(Toast::ok("Password changed. Other sessions logged out.")), urls::ACCOUNT)
}

async fn show_errors(
    visit: &Visit<Account>,
    errors: FieldErrors,
    limit: Option<TooOften>,
) -> Result<HttpResponse, AppError> {
    let page = AccountPage::load(visit, visit.proof.user.name.clone(), errors).await?;
    throttle::refuse(visit, &page, limit)
}
