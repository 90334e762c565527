//! Pause key: switch a key off for some hours and see who misses it.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::{api_screen::ApiScreen, recent_usage::RecentUsage, stops::with_receipt};
use crate::{
    clock::Timestamp,
    domain::{
        access::{Grant, ManageKeys},
        api_keys::{self, ApiKey, PauseLength},
        managed::ManageError,
    },
    web::{
        display,
        error::AppError,
        filters,
        form::{FieldErrors, Submitted},
        shell::Toast,
        urls,
        visit::{Over, Visit},
    },
};

/// The length as it was chosen.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PauseForm {
    hours: String,
}

impl PauseForm {
    fn parse(&self) -> Option<PauseLength> {
        PauseLength::ALL.into_iter().find(|length| length.hours().to_string() == self.hours)
    }
}

/// The dialog "Pause key".
#[derive(Template)]
#[template(path = "api_keys/pause.html")]
struct PauseDialog {
    over: Over,
    key: ApiKey,
    recent_usage: RecentUsage,
    hours: String,
    errors: FieldErrors,
    now: Timestamp,
}

impl PauseDialog {
    /// The lengths with the instant to which each leads.
    fn options(&self) -> Vec<(String, String, String)> {
        let option = |length: PauseLength| {
            let end = self.now + time::Duration::hours(length.hours());
            let label = display::count(&length.hours(), "hour", "hours");
            (length.hours().to_string(), label, format!("until {}", display::time_of_day(&end, &self.now)))
        };
        PauseLength::ALL.into_iter().map(option).collect()
    }
}

/// Opens the dialog.
pub async fn ask(visit: Visit<Grant<ManageKeys>>) -> Result<HttpResponse, AppError> {
    visit.dialog::<ApiScreen>(&dialog(&visit, "4".to_owned(), FieldErrors::default()).await?).await
}

/// Pauses the key.
pub async fn pause(visit: Visit<Grant<ManageKeys>, Submitted<PauseForm>>) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let Some(length) = form.parse() else {
        let errors = FieldErrors::one("hours", "Choose how long to pause the key.");
        return visit.invalid::<ApiScreen>(&dialog(&visit, form.hours, errors).await?).await;
    };
    let key_id = visit.path("key");
    let key = visit.change(move |tx, grant, now| api_keys::pause(tx, grant, &key_id, length, now)).await??;
    let undo = urls::api_item(&visit.proof.id, "keys", &key.id, "activate");
    let until = key.paused_until.map(|until| display::time_of_day(&until, &visit.now)).unwrap_or_default();
    let text = with_receipt(&visit, format!("“{}” paused until {until}", key.name)).await;
    visit.changed::<ApiScreen>(Toast::ok(text).with_undo(undo)).await
}

async fn dialog(
    visit: &Visit<Grant<ManageKeys>>,
    hours: String,
    errors: FieldErrors,
) -> Result<PauseDialog, AppError> {
    visit.count_usage().await;
    let (key_id, now) = (visit.path("key"), visit.now);
    let found = visit.read(move |connection, grant| {
        let key = api_keys::find(connection, grant, &key_id)?;
        Ok::<_, ManageError>((RecentUsage::load(connection, grant, &key, now)?, key))
    });
    let (recent_usage, key) = found.await?;
    Ok(PauseDialog { over: visit.over::<ApiScreen>(), key, recent_usage, hours, errors, now })
}
