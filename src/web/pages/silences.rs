//! Silence test: switch a key off for some hours and see who misses it.

use actix_web::{HttpResponse, http::StatusCode, web::Path};
use askama::Template;
use serde::Deserialize;

use super::{
    api_keys::show_changed,
    api_tab::{ApiTab, Selection},
    evidence::Evidence,
};
use crate::{
    clock::Timestamp,
    domain::{
        access::Admin,
        api_keys::{self, ApiKey, KeyError},
        organizations::Organization,
        silences::{self, SilenceLength},
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
pub struct SilenceForm {
    hours: String,
}

impl SilenceForm {
    fn parse(&self) -> Option<SilenceLength> {
        SilenceLength::ALL.into_iter().find(|length| length.hours().to_string() == self.hours)
    }
}

/// The dialog "Silence test".
#[derive(Template)]
#[template(path = "api_keys/silence.html")]
struct SilenceDialog {
    organization_id: String,
    key: ApiKey,
    evidence: Evidence,
    hours: String,
    errors: FieldErrors,
    now: Timestamp,
}

impl SilenceDialog {
    /// The lengths with the instant to which each leads.
    fn options(&self) -> Vec<(String, String, String)> {
        let option = |length: SilenceLength| {
            let end = self.now + time::Duration::hours(length.hours());
            let label = display::count(&length.hours(), "hour", "hours");
            (length.hours().to_string(), label, format!("until {}", display::time_of_day(&end, &self.now)))
        };
        SilenceLength::ALL.into_iter().map(option).collect()
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

/// Begins the silence.
///
/// # Errors
/// 404 for a key of another organization, 409 for one that is not active.
pub async fn begin(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
    Submitted(form): Submitted<SilenceForm>,
) -> Result<HttpResponse, AppError> {
    let (_, key_id) = path.into_inner();
    let Some(length) = form.parse() else {
        let mut errors = FieldErrors::default();
        errors.add("hours", "Choose how long the key is silent.");
        return show_dialog(&visitor, &admin, key_id, form.hours, errors).await;
    };
    let (proof, now) = (admin.clone(), visitor.now);
    let begun = visitor.state.db.write(move |tx| silences::begin(tx, &proof, &key_id, length, now)).await;
    let (key, until) = begun?;
    let undo = urls::api_item(&admin.id, "keys", &key.id, "activate");
    let text = format!("“{}” is silent until {}.", key.name, display::time_of_day(&until, &now));
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
    let (key, evidence) = visitor
        .state
        .db
        .read(move |connection| {
            let key = api_keys::find(connection, &proof, &key_id)?;
            let evidence = Evidence::load(connection, &proof, &key, now)?;
            Ok::<_, KeyError>((key, evidence))
        })
        .await?;
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let dialog = SilenceDialog { organization_id: admin.id.clone(), key, evidence, hours, errors, now };
    let tab = async |shell| ApiTab::load(visitor, admin, Selection::default(), shell).await;
    view::dialog(visitor, status, &dialog, tab).await
}
