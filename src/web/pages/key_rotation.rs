//! Rotation: a new secret for a key, shown once, while the old one goes on for a while.

use actix_web::{HttpResponse, http::StatusCode, web::Path};
use askama::Template;
use serde::Deserialize;

use super::{
    api_keys::show_changed,
    api_tab::{ApiTab, Selection},
};
use crate::{
    clock::Timestamp,
    domain::{
        access::Admin,
        api_keys::{self, ApiKey, Overlapping, RotateError},
        forms::{FormError, FormId},
        organizations::Organization,
        rotation::{Begin, Overlap, Plan},
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

/// "Rotate" as it was chosen.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RotateForm {
    overlap: String,
    begin: String,
    form_id: String,
}

impl RotateForm {
    fn new(now: Timestamp) -> Self {
        Self {
            overlap: Overlap::Day.as_str().to_owned(),
            begin: Begin::FirstUse.as_str().to_owned(),
            form_id: FormId::new(now).as_str().to_owned(),
        }
    }

    fn parse(&self) -> Result<Plan, FieldErrors> {
        let mut errors = FieldErrors::default();
        let overlap = Overlap::parse(&self.overlap).ok_or("Choose how long the old secret goes on.");
        let begin = Begin::parse(&self.begin).ok_or("Choose when that time begins.");
        let (overlap, begin) = (errors.check("overlap", overlap), errors.check("begin", begin));
        overlap.zip(begin).map(|(overlap, begin)| Plan { overlap, begin }).ok_or(errors)
    }
}

/// The dialog that asks how to rotate.
#[derive(Template)]
#[template(path = "api_keys/rotate.html")]
struct RotateDialog {
    organization_id: String,
    key: ApiKey,
    form: RotateForm,
    errors: FieldErrors,
}

/// The dialog that shows the new secret once.
#[derive(Template)]
#[template(path = "api_keys/rotated.html")]
struct RotatedDialog {
    organization_id: String,
    key: ApiKey,
    secret: Secret,
    plan: Plan,
}

/// How a rotation stands, in words for the list.
pub(super) fn words(overlapping: &Overlapping, now: &Timestamp) -> String {
    let ends = display::relative(&overlapping.rotation.ends_at(), now);
    match (overlapping.rotation.first_used_at, overlapping.old_last_used_at) {
        (None, _) => format!("New secret not used yet, old one ends {ends} at the latest"),
        (Some(_), None) => format!("Old secret never used, ends {ends}"),
        (Some(_), Some(at)) => {
            let used = display::relative(&at, now).to_lowercase();
            format!("Old secret last used {used}, ends {ends}")
        }
    }
}

/// Asks how to rotate.
///
/// # Errors
/// 404 for a key of another organization.
pub async fn ask(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let key = find(&visitor, &admin, path.into_inner().1).await?;
    let form = RotateForm::new(visitor.now);
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
    let plan = match form.parse() {
        Ok(plan) => plan,
        Err(errors) => {
            return show_form(&visitor, &admin, key, form, errors, StatusCode::UNPROCESSABLE_ENTITY).await;
        }
    };
    let (proof, form_id, now) = (admin.clone(), FormId::from_form(form.form_id), visitor.now);
    let rotated =
        visitor.state.db.write(move |tx| api_keys::rotate(tx, &proof, &key.id, plan, &form_id, now)).await;
    match rotated {
        Ok((key, secret)) => {
            let dialog = RotatedDialog { organization_id: admin.id.clone(), key, secret, plan };
            let tab = async |shell| ApiTab::load(&visitor, &admin, Selection::default(), shell).await;
            view::reveal(&visitor, &dialog, tab).await
        }
        Err(RotateError::Form(FormError::AlreadySent)) => {
            let toast = Toast::bad("That was done before. The secret cannot be shown again.");
            view::go(&visitor, Some(toast), &urls::organization(&admin.id, "api"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Ends the overlap.
///
/// # Errors
/// 404 for a key of another organization.
pub async fn end_overlap(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let (_, key_id) = path.into_inner();
    let (proof, now) = (admin.clone(), visitor.now);
    let key = visitor.state.db.write(move |tx| api_keys::end_overlap(tx, &proof, &key_id, now)).await?;
    let toast = Toast::ok(format!("Only the new secret of “{}” works now.", key.name));
    show_changed(&visitor, &admin, toast).await
}

async fn find(visitor: &Visitor, admin: &Admin<Organization>, key_id: String) -> Result<ApiKey, AppError> {
    let proof = admin.clone();
    Ok(visitor.state.db.read(move |connection| api_keys::find(connection, &proof, &key_id)).await?)
}

async fn show_form(
    visitor: &Visitor,
    admin: &Admin<Organization>,
    key: ApiKey,
    form: RotateForm,
    errors: FieldErrors,
    status: StatusCode,
) -> Result<HttpResponse, AppError> {
    let dialog = RotateDialog { organization_id: admin.id.clone(), key, form, errors };
    let tab = async |shell| ApiTab::load(visitor, admin, Selection::default(), shell).await;
    view::dialog(visitor, status, &dialog, tab).await
}
