//! API keys: create, deactivate, activate, remove.

use std::slice;

use actix_web::{HttpResponse, http::StatusCode, web::Path};
use askama::Template;
use serde::Deserialize;

use super::{
    api_tab::{ApiTab, Selection},
    duration::{self, ExpirationFields, KEY},
    key_page::{self, KeyPage},
    key_settings::{self, SettingsForm},
    recent_usage::{self, RecentUsage},
};
use crate::{
    clock::Timestamp,
    domain::{
        access::Admin,
        api_keys::{self, ApiKey, CreateError, KeyError, NewApiKey, Status},
        forms::{FormError, FormId},
        key_settings::Period,
        names::{MAX_KEY_NAME_LENGTH, Name},
        organizations::Organization,
        secret::Secret,
    },
    web::{
        error::AppError,
        extract::Visitor,
        form::{FieldErrors, Submitted},
        shell::Toast,
        urls, view,
    },
};

/// "New API Key" as it was typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NewKeyForm {
    name: String,
    duration: String,
    until: String,
    form_id: String,
    description: String,
    scopes: String,
    networks: String,
    rate_count: String,
    rate_period: String,
    monthly_quota: String,
    metadata: String,
}

impl NewKeyForm {
    fn empty(now: Timestamp) -> Self {
        Self {
            duration: duration::default_choice(),
            form_id: FormId::new(now).as_str().to_owned(),
            rate_period: Period::Minute.as_str().to_owned(),
            ..Self::default()
        }
    }

    fn settings(&self) -> SettingsForm {
        SettingsForm {
            description: self.description.clone(),
            scopes: self.scopes.clone(),
            networks: self.networks.clone(),
            rate_count: self.rate_count.clone(),
            rate_period: self.rate_period.clone(),
            monthly_quota: self.monthly_quota.clone(),
            metadata: self.metadata.clone(),
        }
    }

    fn parse(&self, now: Timestamp) -> Result<NewApiKey, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = errors.check("name", Name::parse(&self.name, MAX_KEY_NAME_LENGTH));
        let expires_at = duration::parse_new(KEY, &self.duration, &self.until, now, &mut errors);
        match (name, expires_at, self.settings().parse(&mut errors)) {
            (Some(name), Some(expires_at), Some(settings)) => Ok(NewApiKey { name, expires_at, settings }),
            _ => Err(errors),
        }
    }
}

/// The dialog "New API Key".
#[derive(Template)]
#[template(path = "api_keys/new.html")]
struct NewKeyDialog {
    organization_id: String,
    form: NewKeyForm,
    settings: SettingsForm,
    scopes_in_use: Vec<String>,
    errors: FieldErrors,
    end: ExpirationFields,
}

/// The dialog that shows a new key once.
#[derive(Template)]
#[template(path = "api_keys/created.html")]
struct CreatedDialog {
    organization_id: String,
    key: ApiKey,
    secret: Secret,
    public_url: String,
}

/// The dialog that asks before a key is removed.
#[derive(Template)]
#[template(path = "api_keys/remove.html")]
struct RemoveDialog {
    organization_id: String,
    key: ApiKey,
    recent_usage: RecentUsage,
    now: Timestamp,
}

impl RemoveDialog {
    /// A milder way to find out whether somebody needs the key; `None` for one that is off already.
    fn pause_url(&self) -> Option<String> {
        let is_active = self.key.status(self.now) == Status::Active;
        is_active.then(|| urls::api_item(&self.organization_id, "keys", &self.key.id, "pause"))
    }
}

/// Opens the dialog "New API Key".
///
/// # Errors
/// When the database fails.
pub async fn new(visitor: Visitor, admin: Admin<Organization>) -> Result<HttpResponse, AppError> {
    let form = NewKeyForm::empty(visitor.now);
    show_form(&visitor, &admin, form, FieldErrors::default(), StatusCode::OK).await
}

/// Creates a key and shows it, this once.
///
/// # Errors
/// When the database fails; what can be corrected is answered with 422 and the form.
pub async fn create(
    visitor: Visitor,
    admin: Admin<Organization>,
    Submitted(form): Submitted<NewKeyForm>,
) -> Result<HttpResponse, AppError> {
    let new = match form.parse(visitor.now) {
        Ok(new) => new,
        Err(errors) => return refuse(&visitor, &admin, form, errors).await,
    };
    let (proof, form_id, now) = (admin.clone(), FormId::from_form(form.form_id.clone()), visitor.now);
    let created = visitor.state.db.write(move |tx| api_keys::create(tx, &proof, &new, &form_id, now)).await;
    match created {
        Ok((key, secret)) => {
            let dialog = CreatedDialog {
                organization_id: admin.id.clone(),
                key,
                secret,
                public_url: visitor.state.config.public_url.join("/api/v2/organization"),
            };
            let tab = async |shell| ApiTab::load(&visitor, &admin, Selection::default(), shell).await;
            view::reveal(&visitor, &dialog, tab).await
        }
        Err(CreateError::Form(FormError::AlreadySent)) => {
            let toast = Toast::bad("That key was created before. It cannot be shown again.");
            view::go(&visitor, Some(toast), &urls::organization(&admin.id, "api"))
        }
        Err(CreateError::Form(FormError::Stale)) => {
            let mut errors = FieldErrors::default();
            errors.add("name", "This form was open for too long. Save it again.");
            let form = NewKeyForm { form_id: FormId::new(now).as_str().to_owned(), ..form };
            refuse(&visitor, &admin, form, errors).await
        }
        Err(error @ (CreateError::NameTaken | CreateError::TooMany)) => {
            let mut errors = FieldErrors::default();
            errors.add("name", error);
            refuse(&visitor, &admin, form, errors).await
        }
        Err(CreateError::NoRandomness(error)) => Err(AppError::internal(error)),
        Err(CreateError::Db(error) | CreateError::Form(FormError::Db(error))) => Err(error.into()),
    }
}

async fn refuse(
    visitor: &Visitor,
    admin: &Admin<Organization>,
    form: NewKeyForm,
    errors: FieldErrors,
) -> Result<HttpResponse, AppError> {
    show_form(visitor, admin, form, errors, StatusCode::UNPROCESSABLE_ENTITY).await
}

async fn show_form(
    visitor: &Visitor,
    admin: &Admin<Organization>,
    form: NewKeyForm,
    errors: FieldErrors,
    status: StatusCode,
) -> Result<HttpResponse, AppError> {
    let dialog = NewKeyDialog {
        organization_id: admin.id.clone(),
        settings: form.settings(),
        scopes_in_use: key_settings::suggestions(visitor, admin).await?,
        end: ExpirationFields::of_new_key(&form.duration, &form.until, visitor.now),
        form,
        errors,
    };
    let tab = async |shell| ApiTab::load(visitor, admin, Selection::default(), shell).await;
    view::dialog(visitor, status, &dialog, tab).await
}

/// Switches a key off.
///
/// # Errors
/// 404 for a key of another organization.
pub async fn deactivate(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let (_, key_id) = path.into_inner();
    let (proof, now) = (admin.clone(), visitor.now);
    visitor.state.usage.flush_organization(&visitor.state.db, &admin.id).await?;
    let deactivated = visitor.state.db.write(move |tx| {
        let key = api_keys::deactivate(tx, &proof, &key_id, now)?;
        let daily = api_keys::daily_requests(tx.connection(), &proof, slice::from_ref(&key), now)?;
        Ok::<_, KeyError>((key, daily))
    });
    let (key, daily) = deactivated.await?;
    let recent_usage = daily.first().and_then(|daily| recent_usage::sentence(&key, daily, &now));
    let text = format!("“{}” is deactivated. {}", key.name, recent_usage.unwrap_or_default());
    let undo = urls::api_item(&admin.id, "keys", &key.id, "activate");
    let toast = Toast::ok(text.trim_end().to_owned()).with_undo(undo, Vec::new());
    show_changed(&visitor, &admin, toast).await
}

/// Switches a key on.
///
/// # Errors
/// 404 for a key of another organization.
pub async fn activate(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let (_, key_id) = path.into_inner();
    let (proof, now) = (admin.clone(), visitor.now);
    let key = visitor.state.db.write(move |tx| api_keys::activate(tx, &proof, &key_id, now)).await?;
    let undo = urls::api_item(&admin.id, "keys", &key.id, "deactivate");
    let toast = Toast::ok(format!("“{}” is active.", key.name)).with_undo(undo, Vec::new());
    show_changed(&visitor, &admin, toast).await
}

/// Asks before a key is removed.
///
/// # Errors
/// 404 for a key of another organization.
pub async fn confirm_removal(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    visitor.state.usage.flush_organization(&visitor.state.db, &admin.id).await?;
    let (_, key_id) = path.into_inner();
    let (proof, now) = (admin.clone(), visitor.now);
    let found = visitor.state.db.read(move |connection| {
        let key = api_keys::find(connection, &proof, &key_id)?;
        Ok::<_, KeyError>((RecentUsage::load(connection, &proof, &key, now)?, key))
    });
    let (recent_usage, key) = found.await?;
    let dialog = RemoveDialog { organization_id: admin.id.clone(), key, recent_usage, now };
    let tab = async |shell| ApiTab::load(&visitor, &admin, Selection::default(), shell).await;
    view::dialog(&visitor, StatusCode::OK, &dialog, tab).await
}

/// Removes a key.
///
/// # Errors
/// 404 for a key of another organization.
pub async fn remove(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let (_, key_id) = path.into_inner();
    let (proof, now) = (admin.clone(), visitor.now);
    let key = visitor.state.db.write(move |tx| api_keys::remove(tx, &proof, &key_id, now)).await?;
    let toast = Toast::ok(format!("“{}” is removed.", key.name));
    if key_page::key_of(visitor.page_path()).is_some() {
        return view::go(&visitor, Some(toast), &urls::organization(&admin.id, "api"));
    }
    show_changed(&visitor, &admin, toast).await
}

/// Answers a change of a key with the page that it was made on.
pub(super) async fn show_changed(
    visitor: &Visitor,
    admin: &Admin<Organization>,
    toast: Toast,
) -> Result<HttpResponse, AppError> {
    let next = urls::organization(&admin.id, "api");
    if let Some(key_id) = key_page::key_of(visitor.page_path()) {
        let page = async |shell| KeyPage::load(visitor, admin, key_id, Default::default(), shell).await;
        return view::changed(visitor, toast, &next, page).await;
    }
    let tab = async |shell| ApiTab::load(visitor, admin, Selection::default(), shell).await;
    view::changed(visitor, toast, &next, tab).await
}
