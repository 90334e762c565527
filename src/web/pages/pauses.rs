//! Pause key: switch a key off for some hours and see who misses it.

use actix_web::{HttpResponse, http::StatusCode, web::Path};
use askama::Template;
use serde::Deserialize;

use super::{
    api_keys::show_changed,
    api_tab::{ApiTab, Selection},
    recent_usage::RecentUsage,
};
use crate::{
    clock::Timestamp,
    domain::{
        access::Admin,
        api_keys::{self, ApiKey, KeyError, PauseLength},
        organizations::Organization,
    },
    web::{
        display,
        error::AppError,
        extract::Visitor,
        form::{FieldErrors, Submitted},
        shell::Toast,
        urls, view,
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
    organization_id: String,
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
///
/// # Errors
/// 404 for a key of another organization.
pub async fn ask(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let (_, key_id) = path.into_inner();
    show_dialog(&visitor, &admin, key_id, "4".to_owned(), FieldErrors::default()).await
}

/// Begins the pause.
///
/// # Errors
/// 404 for a key of another organization, 409 for one that is not active.
pub async fn begin(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
    Submitted(form): Submitted<PauseForm>,
) -> Result<HttpResponse, AppError> {
    let (_, key_id) = path.into_inner();
    let Some(length) = form.parse() else {
        let mut errors = FieldErrors::default();
        errors.add("hours", "Choose how long the key is paused.");
        return show_dialog(&visitor, &admin, key_id, form.hours, errors).await;
    };
    let (proof, now) = (admin.clone(), visitor.now);
    let key = visitor.state.db.write(move |tx| api_keys::pause(tx, &proof, &key_id, length, now)).await?;
    let undo = urls::api_item(&admin.id, "keys", &key.id, "activate");
    let until = key.paused_until.map(|until| display::time_of_day(&until, &now)).unwrap_or_default();
    let text = format!("“{}” is paused until {until}.", key.name);
    show_changed(&visitor, &admin, Toast::ok(text).with_undo(undo, Vec::new())).await
}

async fn show_dialog(
    visitor: &Visitor,
    admin: &Admin<Organization>,
    key_id: String,
    hours: String,
    errors: FieldErrors,
) -> Result<HttpResponse, AppError> {
    visitor.state.usage.flush_organization(&visitor.state.db, &admin.id).await?;
    let (proof, now) = (admin.clone(), visitor.now);
    let (key, recent_usage) = visitor
        .state
        .db
        .read(move |connection| {
            let key = api_keys::find(connection, &proof, &key_id)?;
            let recent_usage = RecentUsage::load(connection, &proof, &key, now)?;
            Ok::<_, KeyError>((key, recent_usage))
        })
        .await?;
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let dialog = PauseDialog { organization_id: admin.id.clone(), key, recent_usage, hours, errors, now };
    let tab = async |shell| ApiTab::load(visitor, admin, Selection::default(), shell).await;
    view::dialog(visitor, status, &dialog, tab).await
}
