//! A key's settings: the fields in "New API Key", and the dialog that edits them later.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::api_screen::ApiScreen;
use crate::{
    domain::{
        access::{Grant, ManageKeys},
        api_keys::{self, ApiKey},
        key_settings::{self, KeySettings, Metadata, MonthlyQuota, Networks, Period, RateLimit},
        managed::ManageError,
    },
    web::{
        error::AppError,
        form::{FieldErrors, Submitted},
        shell::Toast,
        visit::{Over, Visit},
    },
};

/// The names of the fields, to know when one of them needs a change.
const FIELDS: [&str; 6] = ["description", "scopes", "networks", "rate_count", "monthly_quota", "metadata"];

/// Settings as they were typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SettingsForm {
    pub(super) description: String,
    pub(super) scopes: String,
    pub(super) networks: String,
    pub(super) rate_count: String,
    pub(super) rate_period: String,
    pub(super) monthly_quota: String,
    pub(super) metadata: String,
}

impl SettingsForm {
    fn of(settings: &KeySettings) -> Self {
        let rate = settings.rate_limit;
        Self {
            description: settings.description.clone().unwrap_or_default(),
            scopes: settings.scopes.to_string(),
            networks: settings.networks.lines(),
            rate_count: rate.map(|rate| rate.count.to_string()).unwrap_or_default(),
            rate_period: rate.map_or(Period::Minute, |rate| rate.period).as_str().to_owned(),
            monthly_quota: settings.monthly_quota.map(|quota| quota.get().to_string()).unwrap_or_default(),
            metadata: settings.metadata.as_ref().map(Metadata::lines).unwrap_or_default(),
        }
    }

    /// The settings; what is wrong with them is added to `errors`.
    pub(super) fn parse(&self, errors: &mut FieldErrors) -> Option<KeySettings> {
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

    /// Whether there is something to see: a value, or a field that needs a change.
    pub(super) fn is_worth_seeing(&self, errors: &FieldErrors) -> bool {
        let values = [
            &self.description,
            &self.scopes,
            &self.networks,
            &self.rate_count,
            &self.monthly_quota,
            &self.metadata,
        ];
        values.iter().any(|value| !value.trim().is_empty())
            || FIELDS.iter().any(|field| errors.of(field).is_some())
    }
}

/// The dialog "Edit settings".
#[derive(Template)]
#[template(path = "api_keys/settings.html")]
struct SettingsDialog {
    over: Over,
    key: ApiKey,
    settings: SettingsForm,
    scopes_in_use: Vec<String>,
    errors: FieldErrors,
}

/// Opens the dialog.
pub async fn edit(visit: Visit<Grant<ManageKeys>>) -> Result<HttpResponse, AppError> {
    let (key, scopes_in_use) = find(&visit).await?;
    let settings = SettingsForm::of(&key.settings);
    let over = visit.over::<ApiScreen>();
    let errors = FieldErrors::default();
    visit.dialog::<ApiScreen>(&SettingsDialog { over, key, settings, scopes_in_use, errors }).await
}

/// Changes a key's settings.
pub async fn save(
    visit: Visit<Grant<ManageKeys>, Submitted<SettingsForm>>,
) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let mut errors = FieldErrors::default();
    let Some(settings) = form.parse(&mut errors) else {
        let (key, scopes_in_use) = find(&visit).await?;
        let over = visit.over::<ApiScreen>();
        let dialog = SettingsDialog { over, key, settings: form, scopes_in_use, errors };
        return visit.invalid::<ApiScreen>(&dialog).await;
    };
    // A quota that is new counts what was used this month before it.
    visit.count_usage().await;
    let key_id = visit.path("key");
    let changed = visit
        .change(move |tx, grant, now| api_keys::change_settings(tx, grant, &key_id, &settings, now))
        .await?;
    visit.changed::<ApiScreen>(Toast::ok(format!("Settings of “{}” saved", changed?.name))).await
}

/// The key, and the scopes in use, which the field for scopes suggests.
async fn find(visit: &Visit<Grant<ManageKeys>>) -> Result<(ApiKey, Vec<String>), AppError> {
    let key_id = visit.path("key");
    let found = visit.read(move |connection, grant| {
        let key = api_keys::find(connection, grant, &key_id)?;
        Ok::<_, ManageError>((key, api_keys::scopes_in_use(connection, grant)?))
    });
    found.await
}
