//! The fields of a key: in "New API Key", and in the dialog that edits them later.

use std::fmt::Debug;

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::{
    api_screen::{ApiScreen, Place},
    duration::{self, ExpirationFields, KEEP, KEY},
};
use crate::{
    clock::Timestamp,
    domain::{
        access::{Grant, ManageKeys},
        api_keys::{self, ApiKey, ChosenExpiration, KeyChangeError, KeyEdit},
        key_settings::{self, KeySettings, Metadata, MonthlyQuota, Networks, Period, RateLimit},
        managed::ManageError,
        names::{MAX_KEY_NAME_LENGTH, Name},
        plans::PlanLimit,
    },
    vocabulary::Environment,
    web::{
        error::AppError,
        filters,
        form::{FieldErrors, Submitted},
        form_id::FormId,
        shell::Toast,
        shown::{self, Shown},
        visit::{Over, Visit},
    },
};

/// The field of the form that is beyond the plan.
pub(super) fn field_of(limit: &PlanLimit) -> &'static str {
    match limit {
        PlanLimit::Lifetime(_) => "duration",
        PlanLimit::Scope(_) => "scopes",
        PlanLimit::RateLimit(_) => "rate_count",
        PlanLimit::MonthlyQuota(_) => "monthly_quota",
        PlanLimit::ActiveKeys(_) | PlanLimit::Members(_) | PlanLimit::Db(_) => "name",
    }
}

/// The names of the settings' fields, to know when one of them needs a change.
const SETTINGS: [&str; 6] = ["description", "scopes", "networks", "rate_count", "monthly_quota", "metadata"];

/// A key as it was typed, be it new or edited. One type, since serde refuses unknown fields only where all
/// known ones stand together.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeyForm {
    pub(super) name: String,
    pub(super) duration: String,
    pub(super) until: String,
    /// Of a new key alone: its secret names it.
    pub(super) environment: String,
    pub(super) description: String,
    pub(super) scopes: String,
    pub(super) networks: String,
    pub(super) rate_count: String,
    pub(super) rate_period: String,
    pub(super) monthly_quota: String,
    pub(super) metadata: String,
    /// Of a new key alone: what is edited twice is as good as edited once.
    pub(super) form_id: FormId,
    /// Of a key that is edited.
    pub(super) shown: Shown,
}

/// What is edited of a key.
fn values(key: &ApiKey) -> impl Debug {
    (&key.name, &key.settings, key.expires_at)
}

/// What is wanted of it.
fn wanted(edit: &KeyEdit, key: &ApiKey) -> impl Debug {
    let expires_at = match edit.expiration {
        ChosenExpiration::Keep => key.expires_at,
        ChosenExpiration::Never => None,
        ChosenExpiration::At(end) => Some(end),
    };
    (edit.name.as_ref().map_or(key.name.clone(), Name::to_string), edit.settings.clone(), expires_at)
}

impl KeyForm {
    fn of(key: &ApiKey) -> Self {
        let settings = &key.settings;
        let rate = settings.rate_limit;
        Self {
            name: key.name.clone(),
            duration: KEEP.to_owned(),
            description: settings.description.clone().unwrap_or_default(),
            scopes: settings.scopes.to_string(),
            networks: settings.networks.lines(),
            rate_count: rate.map(|rate| rate.count.to_string()).unwrap_or_default(),
            rate_period: rate.map_or(Period::Minute, |rate| rate.period).as_str().to_owned(),
            monthly_quota: settings.monthly_quota.map(|quota| quota.get().to_string()).unwrap_or_default(),
            metadata: settings.metadata.as_ref().map(Metadata::lines).unwrap_or_default(),
            shown: Shown::of(&values(key)),
            ..Self::default()
        }
    }

    /// The name; what is wrong with it is added to `errors`.
    pub(super) fn parse_name(&self, errors: &mut FieldErrors) -> Option<Name> {
        errors.check("name", Name::parse(&self.name, MAX_KEY_NAME_LENGTH))
    }

    /// What the key is for.
    pub(super) fn parse_environment(&self) -> Result<Environment, &'static str> {
        self.environment.parse().map_err(|_| "Choose an environment.")
    }

    /// The settings; what is wrong with them is added to `errors`.
    pub(super) fn parse_settings(&self, errors: &mut FieldErrors) -> Option<KeySettings> {
        let description = errors.check("description", key_settings::parse_description(&self.description));
        let scopes = errors.check("scopes", self.scopes.parse());
        let networks = errors.check::<Networks, _>("networks", self.networks.parse());
        let rate_limit = errors.check("rate_count", RateLimit::parse(&self.rate_count, &self.rate_period));
        let monthly_quota = errors.check("monthly_quota", MonthlyQuota::parse(&self.monthly_quota));
        let metadata = errors.check("metadata", Metadata::parse(&self.metadata));
        Some(KeySettings {
            description: description?,
            scopes: scopes?,
            networks: networks?,
            rate_limit: rate_limit?,
            monthly_quota: monthly_quota?,
            metadata: metadata?,
        })
    }

    fn parse_edit(&self, now: Timestamp) -> Result<KeyEdit, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = self.parse_name(&mut errors);
        let expiration = self.parse_expiration(now, &mut errors);
        match (name, expiration, self.parse_settings(&mut errors)) {
            (name @ Some(_), Some(expiration), Some(settings)) => Ok(KeyEdit { name, expiration, settings }),
            _ => Err(errors),
        }
    }

    /// A form for a key that has expired has no field for an end.
    fn parse_expiration(&self, now: Timestamp, errors: &mut FieldErrors) -> Option<ChosenExpiration> {
        if self.duration.is_empty() {
            return Some(ChosenExpiration::Keep);
        }
        duration::parse(KEY, &self.duration, &self.until, now, errors)
    }

    /// Whether there is something to see of the settings: a value, or a field that needs a change.
    pub(super) fn has_settings(&self, errors: &FieldErrors) -> bool {
        let values = [
            &self.description,
            &self.scopes,
            &self.networks,
            &self.rate_count,
            &self.monthly_quota,
            &self.metadata,
        ];
        values.iter().any(|value| !value.trim().is_empty())
            || SETTINGS.iter().any(|field| errors.of(field).is_some())
    }
}

/// The dialog "Edit".
#[derive(Template)]
#[template(path = "api_keys/edit.html")]
struct EditDialog {
    over: Over,
    key: ApiKey,
    form: KeyForm,
    /// `None` for a key that has expired.
    end: Option<ExpirationFields>,
    scopes_in_use: Vec<String>,
    errors: FieldErrors,
}

/// Opens the dialog.
pub async fn edit(visit: Visit<Grant<ManageKeys>>) -> Result<HttpResponse, AppError> {
    let dialog = dialog(&visit, KeyForm::of, FieldErrors::default()).await?;
    visit.dialog::<ApiScreen>(&dialog).await
}

/// Changes a key.
pub async fn save(visit: Visit<Grant<ManageKeys>, Submitted<KeyForm>>) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let edit = match form.parse_edit(visit.now) {
        Ok(edit) => edit,
        Err(errors) => return visit.invalid::<ApiScreen>(&dialog(&visit, |_| form, errors).await?).await,
    };
    // A quota that is new counts what was used this month before it.
    visit.count_usage().await;
    let (key_id, seen) = (visit.path("key"), form.shown.clone());
    let edited = visit.change(move |tx, grant, now| {
        let before = api_keys::find(tx.connection(), grant, &key_id)?;
        if !seen.fits(&values(&before), &wanted(&edit, &before)) {
            return Ok(None);
        }
        let key = api_keys::edit(tx, grant, &key_id, &edit, now)?;
        Ok::<_, KeyChangeError>(Some((before, key)))
    });
    let (before, key) = match edited.await? {
        Ok(Some(edited)) => edited,
        Ok(None) => {
            let errors = FieldErrors::one(shown::FIELD, shown::CHANGED);
            let form = |key: &ApiKey| KeyForm { shown: Shown::of(&values(key)), ..form };
            return visit.invalid::<ApiScreen>(&dialog(&visit, form, errors).await?).await;
        }
        Err(error) => {
            let errors = match error {
                KeyChangeError::Key(error @ ManageError::NameTaken { .. }) => FieldErrors::one("name", error),
                KeyChangeError::Key(ManageError::Plan(limit)) => FieldErrors::one(field_of(&limit), limit),
                KeyChangeError::Expiration(error) => FieldErrors::one("duration", error),
                error => return Err(error.into()),
            };
            return visit.invalid::<ApiScreen>(&dialog(&visit, |_| form, errors).await?).await;
        }
    };
    let toast = Toast::ok(format!("“{}” updated", key.name));
    match Place::of(visit.page_path()) {
        // The name stands around the part of the page that would be replaced, too.
        Place::Key(_) if key.name != before.name => visit.go(Some(toast), visit.page_path()),
        _ => visit.changed::<ApiScreen>(toast).await,
    }
}

/// The dialog for the key in the address, with what was typed.
async fn dialog(
    visit: &Visit<Grant<ManageKeys>>,
    form: impl FnOnce(&ApiKey) -> KeyForm,
    errors: FieldErrors,
) -> Result<EditDialog, AppError> {
    let key_id = visit.path("key");
    let found = visit.read(move |connection, grant| {
        let key = api_keys::find(connection, grant, &key_id)?;
        Ok::<_, ManageError>((key, api_keys::scopes_in_use(connection, grant)?))
    });
    let (key, scopes_in_use) = found.await?;
    let form = form(&key);
    let end = ExpirationFields::of_edit(&key, &form.duration, &form.until, visit.now);
    Ok(EditDialog { over: visit.over::<ApiScreen>(), key, form, end, scopes_in_use, errors })
}
