//! What is done with one webhook.

use actix_web::{HttpResponse, http::StatusCode, web::Path};
use askama::Template;
use serde::Deserialize;

use super::{
    RevealedDialog, WebhookForm,
    one::{Selection, WebhookPage, show_changed, show_dialog},
};
use crate::{
    domain::{
        access::Admin,
        forms::{FormError, FormId},
        organizations::Organization,
        webhooks::{self, Webhook, WebhookError},
    },
    web::{
        error::AppError,
        extract::Visitor,
        form::{FieldErrors, Submitted},
        shell::Toast,
        urls, view,
    },
};

/// A confirmation that must not be run twice.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RotateForm {
    form_id: String,
}

/// The dialog with a webhook's settings.
#[derive(Template)]
#[template(path = "webhooks/settings.html")]
struct SettingsDialog {
    organization_id: String,
    webhook: Webhook,
    form: WebhookForm,
    errors: FieldErrors,
}

/// The dialog that asks before the signing secret is rotated.
#[derive(Template)]
#[template(path = "webhooks/rotate.html")]
struct RotateDialog {
    organization_id: String,
    webhook: Webhook,
    form: FormId,
}

/// The dialog that asks before a webhook is removed.
#[derive(Template)]
#[template(path = "webhooks/remove.html")]
struct RemoveDialog {
    organization_id: String,
    webhook: Webhook,
}

/// Opens the dialog with the settings.
///
/// # Errors
/// 404 for a webhook of another organization.
pub async fn edit(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let webhook = find(&visitor, &admin, path.into_inner().1).await?;
    let form = WebhookForm::of(&webhook);
    show_form(&visitor, &admin, webhook, form, FieldErrors::default(), StatusCode::OK).await
}

/// Changes the settings.
///
/// # Errors
/// 404 for a webhook of another organization; what can be corrected is answered with 422 and the form.
pub async fn save(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
    Submitted(form): Submitted<WebhookForm>,
) -> Result<HttpResponse, AppError> {
    let webhook = find(&visitor, &admin, path.into_inner().1).await?;
    let mut errors = FieldErrors::default();
    let Some(new) = form.parse(&visitor.state.config.webhook_networks, &mut errors) else {
        return show_form(&visitor, &admin, webhook, form, errors, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    let (proof, id, now) = (admin.clone(), webhook.id.clone(), visitor.now);
    visitor.state.db.write(move |tx| webhooks::change(tx, &proof, &id, &new, now)).await?;
    show_changed(&visitor, &admin, &webhook.id, Toast::ok("The settings are saved.")).await
}

/// Has messages sent again.
///
/// # Errors
/// 404 for a webhook of another organization.
pub async fn activate(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let (_, id) = path.into_inner();
    let (proof, now) = (admin.clone(), visitor.now);
    let webhook = visitor.state.db.write(move |tx| webhooks::activate(tx, &proof, &id, now)).await?;
    show_changed(&visitor, &admin, &webhook.id, Toast::ok("The webhook is active.")).await
}

/// Stops messages.
///
/// # Errors
/// 404 for a webhook of another organization.
pub async fn deactivate(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let (_, id) = path.into_inner();
    let (proof, now) = (admin.clone(), visitor.now);
    let webhook = visitor.state.db.write(move |tx| webhooks::deactivate(tx, &proof, &id, now)).await?;
    let undo = urls::webhook_verb(&admin.id, &webhook.id, "activate");
    let toast = Toast::ok("The webhook is deactivated.").with_undo(undo, Vec::new());
    show_changed(&visitor, &admin, &webhook.id, toast).await
}

/// Sends a message that tells of nothing.
///
/// # Errors
/// 404 for a webhook of another organization, 409 for one that is deactivated.
pub async fn send_test(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let (_, id) = path.into_inner();
    let (proof, now) = (admin.clone(), visitor.now);
    let sent = visitor.state.db.write(move |tx| webhooks::send_test(tx, &proof, &id, now)).await?;
    let toast = Toast::ok("The test event is on its way. Reload the page to see what became of it.");
    show_changed(&visitor, &admin, &sent.webhook_id, toast).await
}

/// Asks before the signing secret is rotated.
///
/// # Errors
/// 404 for a webhook of another organization.
pub async fn confirm_rotation(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let webhook = find(&visitor, &admin, path.into_inner().1).await?;
    let id = webhook.id.clone();
    let dialog = RotateDialog { organization_id: admin.id.clone(), webhook, form: FormId::new(visitor.now) };
    show_dialog(&visitor, &admin, &id, &dialog, StatusCode::OK).await
}

/// Gives a webhook a new signing secret and shows it, this once.
///
/// # Errors
/// 404 for a webhook of another organization, 409 for a form that is too old.
pub async fn rotate(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
    Submitted(form): Submitted<RotateForm>,
) -> Result<HttpResponse, AppError> {
    let (_, webhook_id) = path.into_inner();
    let (proof, id, now) = (admin.clone(), webhook_id.clone(), visitor.now);
    let form_id = FormId::from_form(form.form_id);
    let rotated =
        visitor.state.db.write(move |tx| webhooks::rotate_secret(tx, &proof, &id, &form_id, now)).await;
    match rotated {
        Ok((_, secret)) => {
            let dialog = RevealedDialog {
                close: urls::webhook(&admin.id, &webhook_id),
                title: "Secret rotated",
                description:
                    "For 24 hours events carry two signatures: by this secret and by the one before."
                        .to_owned(),
                secret,
            };
            let page = async |shell| {
                WebhookPage::load(&visitor, &admin, &webhook_id, Selection::default(), shell).await
            };
            view::reveal(&visitor, &dialog, page).await
        }
        Err(WebhookError::Form(FormError::AlreadySent)) => {
            let toast = Toast::bad("That was done before. The secret cannot be shown again.");
            view::go(&visitor, Some(toast), &urls::webhook(&admin.id, &webhook_id))
        }
        Err(error) => Err(error.into()),
    }
}

/// Asks before a webhook is removed.
///
/// # Errors
/// 404 for a webhook of another organization.
pub async fn confirm_removal(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let webhook = find(&visitor, &admin, path.into_inner().1).await?;
    let id = webhook.id.clone();
    let dialog = RemoveDialog { organization_id: admin.id.clone(), webhook };
    show_dialog(&visitor, &admin, &id, &dialog, StatusCode::OK).await
}

/// Removes a webhook.
///
/// # Errors
/// 404 for a webhook of another organization.
pub async fn remove(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let (_, id) = path.into_inner();
    let (proof, now) = (admin.clone(), visitor.now);
    let webhook = visitor.state.db.write(move |tx| webhooks::remove(tx, &proof, &id, now)).await?;
    let toast = Toast::ok(format!("The webhook to {} is removed.", webhook.address()));
    view::go(&visitor, Some(toast), &urls::organization(&admin.id, "webhooks"))
}

async fn find(
    visitor: &Visitor,
    admin: &Admin<Organization>,
    webhook_id: String,
) -> Result<Webhook, AppError> {
    let proof = admin.clone();
    Ok(visitor.state.db.read(move |connection| webhooks::find(connection, &proof, &webhook_id)).await?)
}

async fn show_form(
    visitor: &Visitor,
    admin: &Admin<Organization>,
    webhook: Webhook,
    form: WebhookForm,
    errors: FieldErrors,
    status: StatusCode,
) -> Result<HttpResponse, AppError> {
    let id = webhook.id.clone();
    let dialog = SettingsDialog { organization_id: admin.id.clone(), webhook, form, errors };
    show_dialog(visitor, admin, &id, &dialog, status).await
}
