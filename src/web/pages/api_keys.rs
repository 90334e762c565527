//! API keys: create, deactivate, activate, remove.

mod several;

pub use several::{carry_out, confirm, select};

use std::slice;

use actix_web::HttpResponse;
use askama::Template;

use super::{
    api_screen::{ApiScreen, Place},
    duration::{self, ExpirationFields, KEY},
    key_settings::{KeyForm, field_of},
    once::{Settled, limit_reached, settle},
    recent_usage::{self, RecentUsage},
    stops::with_receipt,
};
use crate::{
    clock::Timestamp,
    domain::{
        access::{Grant, ManageKeys},
        api_keys::{self, ApiKey, NewApiKey},
        key_settings::Period,
        managed::ManageError,
        secret::Secret,
        usage,
    },
    vocabulary::{Environment, KeyStatus},
    web::{
        error::AppError,
        filters,
        form::{FieldErrors, Submitted},
        form_id::FormId,
        shell::Toast,
        urls,
        visit::{Over, Submission, Visit},
    },
};

/// What a form says whose key was made before.
const ALREADY_CREATED: &str = "This key was already created and can’t be shown again.";

fn empty_form(now: Timestamp) -> KeyForm {
    KeyForm {
        duration: duration::default_choice(),
        form_id: FormId::new(now),
        environment: Environment::Live.as_str().to_owned(),
        rate_period: Period::Minute.as_str().to_owned(),
        ..KeyForm::default()
    }
}

fn parse(form: &KeyForm, has_environments: bool, now: Timestamp) -> Result<NewApiKey, FieldErrors> {
    let mut errors = FieldErrors::default();
    let environment = if has_environments {
        errors.check("environment", form.parse_environment())
    } else {
        Some(Environment::Live)
    };
    let name = form.parse_name(&mut errors);
    let expires_at = duration::parse_new(KEY, &form.duration, &form.until, now, &mut errors);
    match (name, expires_at, environment, form.parse_settings(&mut errors)) {
        (Some(name), Some(expires_at), Some(environment), Some(settings)) => {
            Ok(NewApiKey { name, expires_at, environment, settings })
        }
        _ => Err(errors),
    }
}

/// The dialog "New API Key".
#[derive(Template)]
#[template(path = "api_keys/new.html")]
struct NewKeyDialog {
    over: Over,
    form: KeyForm,
    scopes_in_use: Vec<String>,
    errors: FieldErrors,
    end: ExpirationFields,
    has_environments: bool,
}

impl NewKeyDialog {
    fn environments(&self) -> [(Environment, &'static str); 2] {
        [
            (Environment::Live, "For production."),
            (
                Environment::Test,
                "For development and tests. Gateways and backends can tell it from live keys.",
            ),
        ]
    }
}

/// The dialog that shows a new key once.
#[derive(Template)]
#[template(path = "api_keys/created.html")]
struct CreatedDialog {
    over: Over,
    key: ApiKey,
    secret: Secret,
    public_url: String,
}

/// The dialog that asks before a key is removed.
#[derive(Template)]
#[template(path = "api_keys/remove.html")]
struct RemoveKeyDialog {
    over: Over,
    key: ApiKey,
    recent_usage: RecentUsage,
    now: Timestamp,
}

impl RemoveKeyDialog {
    /// A milder way to find out whether somebody needs the key; `None` for one that is off already.
    fn pause_url(&self) -> Option<String> {
        let is_active = self.key.status(self.now) == KeyStatus::Active;
        is_active.then(|| urls::api_item(&self.over.organization_id, "keys", &self.key.id, "pause"))
    }
}

/// Opens the dialog "New API Key".
pub async fn new(visit: Visit<Grant<ManageKeys>>) -> Result<HttpResponse, AppError> {
    if let Some(full) = limit_reached::<ApiScreen, _>(&visit, "New API Key", api_keys::check_room).await? {
        return Ok(full);
    }
    let form = empty_form(visit.now);
    visit.dialog::<ApiScreen>(&new_key_dialog(&visit, form, FieldErrors::default()).await?).await
}

/// Creates a key and shows it, this once.
pub async fn create(visit: Visit<Grant<ManageKeys>, Submitted<KeyForm>>) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let new = match parse(&form, visit.state.config.rules.has_environments, visit.now) {
        Ok(new) => new,
        Err(errors) => return visit.invalid::<ApiScreen>(&new_key_dialog(&visit, form, errors).await?).await,
    };
    let rules = visit.state.config.rules;
    let created = visit
        .submit(&form.form_id, move |tx, grant, now| api_keys::create(tx, grant, &new, &rules, now))
        .await?;
    if let Submission::Refused(ManageError::Plan(limit)) = &created {
        let errors = FieldErrors::one(field_of(limit), limit);
        return visit.invalid::<ApiScreen>(&new_key_dialog(&visit, form, errors).await?).await;
    }
    match settle::<ApiScreen, _, _>(&visit, &form.form_id, created, ALREADY_CREATED)? {
        Settled::Done((key, secret)) => {
            let public_url = visit.state.config.public_url.join("/api/v2/organization");
            let over = visit.over::<ApiScreen>();
            visit.reveal::<ApiScreen>(&CreatedDialog { over, key, secret, public_url }).await
        }
        Settled::Again(error, form_id) => {
            let errors = FieldErrors::one("name", error);
            let dialog = new_key_dialog(&visit, KeyForm { form_id, ..form }, errors).await?;
            visit.invalid::<ApiScreen>(&dialog).await
        }
        Settled::Answered(response) => Ok(response),
    }
}

async fn new_key_dialog(
    visit: &Visit<Grant<ManageKeys>>,
    form: KeyForm,
    errors: FieldErrors,
) -> Result<NewKeyDialog, AppError> {
    Ok(NewKeyDialog {
        over: visit.over::<ApiScreen>(),
        scopes_in_use: visit.read(|connection, grant| api_keys::scopes_in_use(connection, grant)).await?,
        end: ExpirationFields::of_new_key(&form.duration, &form.until, visit.now),
        has_environments: visit.state.config.rules.has_environments,
        form,
        errors,
    })
}

/// Switches a key off, and says how much it was used.
pub async fn deactivate(visit: Visit<Grant<ManageKeys>>) -> Result<HttpResponse, AppError> {
    let key_id = visit.path("key");
    visit.count_usage().await;
    let deactivated = visit.change(move |tx, grant, now| {
        let key = api_keys::switch(tx, grant, &key_id, false, now)?;
        let daily = usage::daily_requests(tx.connection(), grant, slice::from_ref(&key), now)?;
        Ok::<_, ManageError>((key, daily))
    });
    let (key, daily) = deactivated.await??;
    let usage = daily.first().and_then(|daily| recent_usage::sentence(&key, daily, &visit.now));
    let text =
        format!("“{}” deactivated{}", key.name, usage.map(|usage| format!(". {usage}")).unwrap_or_default());
    let text = with_receipt(&visit, text).await;
    let undo = urls::api_item(&visit.proof.id, "keys", &key.id, "activate");
    visit.changed::<ApiScreen>(Toast::ok(text).with_undo(undo)).await
}

/// Switches a key on.
pub async fn activate(visit: Visit<Grant<ManageKeys>>) -> Result<HttpResponse, AppError> {
    let key_id = visit.path("key");
    let key = visit.change(move |tx, grant, now| api_keys::switch(tx, grant, &key_id, true, now)).await??;
    let undo = urls::api_item(&visit.proof.id, "keys", &key.id, "deactivate");
    visit.changed::<ApiScreen>(Toast::ok(format!("“{}” activated", key.name)).with_undo(undo)).await
}

/// Asks before a key is removed.
pub async fn confirm_removal(visit: Visit<Grant<ManageKeys>>) -> Result<HttpResponse, AppError> {
    visit.count_usage().await;
    let (key_id, now) = (visit.path("key"), visit.now);
    let found = visit.read(move |connection, grant| {
        let key = api_keys::find(connection, grant, &key_id)?;
        Ok::<_, ManageError>((RecentUsage::load(connection, grant, &key, now)?, key))
    });
    let (recent_usage, key) = found.await?;
    let over = visit.over::<ApiScreen>();
    visit.dialog::<ApiScreen>(&RemoveKeyDialog { over, key, recent_usage, now }).await
}

/// Removes a key.
pub async fn remove(visit: Visit<Grant<ManageKeys>>) -> Result<HttpResponse, AppError> {
    let key_id = visit.path("key");
    let key = visit.change(move |tx, grant, now| api_keys::remove(tx, grant, &key_id, now)).await??;
    let toast = Toast::ok(with_receipt(&visit, format!("“{}” removed", key.name)).await);
    match Place::of(visit.page_path()) {
        Place::Key(_) => visit.go(Some(toast), &urls::organization(&visit.proof.id, "api")),
        Place::Tab | Place::Token(_) => visit.changed::<ApiScreen>(toast).await,
    }
}
