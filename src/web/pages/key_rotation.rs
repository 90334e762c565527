//! Rotation: a new secret for a key, shown once, while the old one keeps working for a while.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Path, Query},
};
use askama::Template;
use serde::Deserialize;

use super::{
    api_keys::show_changed,
    api_tab::{ApiTab, Selection},
    duration::{self, ChosenExpiration, ExpirationFields, KEY},
};
use crate::{
    clock::Timestamp,
    domain::{
        access::Admin,
        api_keys::{self, ActiveRotation, ApiKey, NewExpiration, RotateError, Status},
        forms::{FormError, FormId},
        organizations::Organization,
        rotation::{GracePeriod, Plan, Starts},
        secret::Secret,
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

/// What a link to the dialog may have chosen beforehand.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Prefill {
    /// `same` for an end as far away as the present one was when it was chosen.
    duration: String,
}

/// "Rotate" as it was chosen.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RotateForm {
    grace_period: String,
    starts: String,
    duration: String,
    until: String,
    form_id: String,
}

impl RotateForm {
    fn new(key: &ApiKey, prefill: &Prefill, now: Timestamp) -> Self {
        Self {
            grace_period: GracePeriod::Day.as_str().to_owned(),
            starts: Starts::OnFirstUse.as_str().to_owned(),
            duration: duration::choice_for(key, prefill.duration == "same", now),
            until: String::new(),
            form_id: FormId::new(now).as_str().to_owned(),
        }
    }

    fn parse(&self, now: Timestamp) -> Result<(Plan, NewExpiration), FieldErrors> {
        let mut errors = FieldErrors::default();
        let grace_period =
            GracePeriod::parse(&self.grace_period).ok_or("Choose how long the previous secret goes on.");
        let starts = Starts::parse(&self.starts).ok_or("Choose when that time starts.");
        let (grace_period, starts) =
            (errors.check("grace_period", grace_period), errors.check("starts", starts));
        let end = self.parse_expiration(now, &mut errors);
        match (grace_period, starts, end) {
            (Some(grace_period), Some(starts), Some(end)) => Ok((Plan { grace_period, starts }, end)),
            _ => Err(errors),
        }
    }

    /// A form for a key without an end has no field for one.
    fn parse_expiration(&self, now: Timestamp, errors: &mut FieldErrors) -> Option<NewExpiration> {
        if self.duration.is_empty() {
            return Some(NewExpiration::Keep);
        }
        match duration::parse(KEY, &self.duration, &self.until, now, errors)? {
            ChosenExpiration::Keep => Some(NewExpiration::Keep),
            ChosenExpiration::At(end) => Some(NewExpiration::At(end)),
            ChosenExpiration::NoExpiration => errors.check("duration", Err("Choose when the key ends.")),
        }
    }
}

/// The dialog that asks how to rotate.
#[derive(Template)]
#[template(path = "api_keys/rotate.html")]
struct RotateDialog {
    organization_id: String,
    key: ApiKey,
    form: RotateForm,
    /// `None` for a key without an end.
    end: Option<ExpirationFields>,
    has_expired: bool,
    errors: FieldErrors,
}

impl RotateDialog {
    /// What the previous secret does not outlive.
    fn limits(&self) -> &'static str {
        if self.key.expires_at.is_some() {
            "A previous secret waits 30 days at most for the new one to be used, and never goes on beyond the end that the key has now. A rotation that is still under way ends with this one."
        } else {
            "A previous secret waits 30 days at most for the new one to be used. A rotation that is still under way ends with this one."
        }
    }
}

/// The dialog that shows the new secret once.
#[derive(Template)]
#[template(path = "api_keys/rotated.html")]
struct RotatedDialog {
    organization_id: String,
    key: ApiKey,
    secret: Secret,
    /// What becomes of the previous secret.
    fate: String,
}

/// How a rotation stands, in words for the list.
pub(super) fn words(key: &ApiKey, active: &ActiveRotation, now: &Timestamp) -> Option<String> {
    if key.status(*now) == Status::Expired {
        return None; // both secrets are over
    }
    let rotation = &active.rotation;
    let end = key.expires_at.map_or(rotation.ends_at(), |end| end.min(rotation.ends_at()));
    let ends = display::relative(&end, now);
    Some(match (rotation.first_used_at, active.previous_last_used_at) {
        (None, _) => format!("New secret not used yet · old one ends {ends} at the latest"),
        (Some(_), None) => format!("Previous secret never used · ends {ends}"),
        (Some(_), Some(at)) => format!("Previous secret last used {} · ends {ends}", display::ago(&at, now)),
    })
}

/// Asks how to rotate.
///
/// # Errors
/// 404 for a key of another organization.
pub async fn ask(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
    prefill: Query<Prefill>,
) -> Result<HttpResponse, AppError> {
    let key = find(&visitor, &admin, path.into_inner().1).await?;
    let form = RotateForm::new(&key, &prefill, visitor.now);
    show_form(&visitor, &admin, key, form, FieldErrors::default(), StatusCode::OK).await
}

/// Gives a key a new secret and shows it, this once.
///
/// # Errors
/// 404 for a key of another organization, 409 for a form that is too old.
pub async fn rotate(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
    Submitted(form): Submitted<RotateForm>,
) -> Result<HttpResponse, AppError> {
    let key = find(&visitor, &admin, path.into_inner().1).await?;
    let (plan, end) = match form.parse(visitor.now) {
        Ok(chosen) => chosen,
        Err(errors) => return refuse(&visitor, &admin, key, form, errors).await,
    };
    let (proof, form_id, now) = (admin.clone(), FormId::from_form(form.form_id.clone()), visitor.now);
    let key_id = key.id.clone();
    let rotated = visitor
        .state
        .db
        .write(move |tx| api_keys::rotate(tx, &proof, &key_id, plan, end, &form_id, now))
        .await;
    match rotated {
        Ok((rotated, secret)) => {
            let fate = if key.status(now) == Status::Expired {
                "The previous secret had expired and stays so.".to_owned()
            } else {
                format!("In short: {}.", plan.words())
            };
            let dialog = RotatedDialog { organization_id: admin.id.clone(), key: rotated, secret, fate };
            let tab = async |shell| ApiTab::load(&visitor, &admin, Selection::default(), shell).await;
            view::reveal(&visitor, &dialog, tab).await
        }
        Err(RotateError::Form(FormError::AlreadySent)) => {
            let toast = Toast::bad("That was done before. The secret cannot be shown again.");
            view::go(&visitor, Some(toast), &urls::organization(&admin.id, "api"))
        }
        Err(RotateError::Form(FormError::Stale)) => {
            let mut errors = FieldErrors::default();
            errors.add("starts", "This form was open for too long. Rotate once more.");
            let form = RotateForm { form_id: FormId::new(now).as_str().to_owned(), ..form };
            refuse(&visitor, &admin, key, form, errors).await
        }
        Err(RotateError::End(error)) if key.expires_at.is_some() => {
            let mut errors = FieldErrors::default();
            errors.add("duration", error);
            let duration = duration::choice_for(&key, false, now);
            refuse(&visitor, &admin, key, RotateForm { duration, ..form }, errors).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Ends the grace period.
///
/// # Errors
/// 404 for a key of another organization.
pub async fn revoke_previous(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let (_, key_id) = path.into_inner();
    let (proof, now) = (admin.clone(), visitor.now);
    let key = visitor.state.db.write(move |tx| api_keys::revoke_previous(tx, &proof, &key_id, now)).await?;
    let toast = Toast::ok(format!("Only the new secret of “{}” works now.", key.name));
    show_changed(&visitor, &admin, toast).await
}

async fn find(visitor: &Visitor, admin: &Admin<Organization>, key_id: String) -> Result<ApiKey, AppError> {
    let proof = admin.clone();
    Ok(visitor.state.db.read(move |connection| api_keys::find(connection, &proof, &key_id)).await?)
}

async fn refuse(
    visitor: &Visitor,
    admin: &Admin<Organization>,
    key: ApiKey,
    form: RotateForm,
    errors: FieldErrors,
) -> Result<HttpResponse, AppError> {
    show_form(visitor, admin, key, form, errors, StatusCode::UNPROCESSABLE_ENTITY).await
}

async fn show_form(
    visitor: &Visitor,
    admin: &Admin<Organization>,
    key: ApiKey,
    form: RotateForm,
    errors: FieldErrors,
    status: StatusCode,
) -> Result<HttpResponse, AppError> {
    let dialog = RotateDialog {
        organization_id: admin.id.clone(),
        end: ExpirationFields::of_rotation(&key, &form.duration, &form.until, visitor.now),
        has_expired: key.status(visitor.now) == Status::Expired,
        key,
        form,
        errors,
    };
    let tab = async |shell| ApiTab::load(visitor, admin, Selection::default(), shell).await;
    view::dialog(visitor, status, &dialog, tab).await
}
