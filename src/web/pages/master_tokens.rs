//! Master tokens: generate, activate, deactivate, replace, remove.

use actix_web::{HttpResponse, http::StatusCode, web::Path};
use askama::Template;
use serde::Deserialize;

use super::{
    api_tab::{ApiTab, Selection},
    duration::{self, ExpirationFields, NO_EXPIRATION, TOKEN},
    token_page::{self, TokenPage},
};
use crate::{
    clock::Timestamp,
    domain::{
        access::Admin,
        forms::{FormError, FormId},
        master_tokens::{self, GenerateError, MasterToken, NewToken, TokenError},
        names::{MAX_KEY_NAME_LENGTH, Name},
        organizations::Organization,
        secret::Secret,
        token_access::{TokenAccess, UnknownAccess},
    },
    web::{
        error::AppError,
        extract::Visitor,
        form::{FieldErrors, Submitted},
        shell::Toast,
        urls, view,
    },
};

/// "Generate token" as it was typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NewTokenForm {
    name: String,
    access: String,
    duration: String,
    until: String,
    form_id: String,
}

impl NewTokenForm {
    /// Everything is chosen at first: that is what tokens could do before there was a choice.
    fn empty(now: Timestamp) -> Self {
        Self {
            access: TokenAccess::Full.as_str().to_owned(),
            duration: NO_EXPIRATION.to_owned(),
            form_id: FormId::new(now).as_str().to_owned(),
            ..Self::default()
        }
    }

    fn parse(&self, now: Timestamp) -> Result<NewToken, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = errors.check("name", Name::parse(&self.name, MAX_KEY_NAME_LENGTH));
        let access = self.access.parse().map_err(|_: UnknownAccess| "Choose what the token can do.");
        let access = errors.check("access", access);
        let expires_at = duration::parse_new(TOKEN, &self.duration, &self.until, now, &mut errors);
        match (name, access, expires_at) {
            (Some(name), Some(access), Some(expires_at)) => Ok(NewToken { name, access, expires_at }),
            _ => Err(errors),
        }
    }
}

/// A confirmation that must not be run twice.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReplaceForm {
    form_id: String,
}

/// The dialog "Generate token".
#[derive(Template)]
#[template(path = "master_tokens/new.html")]
struct NewTokenDialog {
    organization_id: String,
    form: NewTokenForm,
    errors: FieldErrors,
    end: ExpirationFields,
}

/// The dialog that shows a token once.
#[derive(Template)]
#[template(path = "master_tokens/revealed.html")]
struct RevealedDialog {
    organization_id: String,
    organization: String,
    token: MasterToken,
    secret: Secret,
}

impl RevealedDialog {
    fn title(&self) -> &'static str {
        if self.token.replaced_at.is_some() { "Master token replaced" } else { "Master token generated" }
    }

    fn description(&self) -> String {
        let name = &self.token.name;
        if self.token.replaced_at.is_some() {
            format!("“{name}” has a new token. The old one no longer works.")
        } else {
            format!("“{name}” works as soon as you activate it.")
        }
    }
}

/// The dialog that asks before a token gets a new value.
#[derive(Template)]
#[template(path = "master_tokens/replace.html")]
struct ReplaceDialog {
    organization_id: String,
    token: MasterToken,
    form: FormId,
    now: Timestamp,
}

/// The dialog that asks before a token is removed.
#[derive(Template)]
#[template(path = "master_tokens/remove.html")]
struct RemoveDialog {
    organization_id: String,
    token: MasterToken,
    now: Timestamp,
}

/// Opens the dialog "Generate token".
///
/// # Errors
/// When the database fails.
pub async fn new(visitor: Visitor, admin: Admin<Organization>) -> Result<HttpResponse, AppError> {
    let form = NewTokenForm::empty(visitor.now);
    show_form(&visitor, &admin, form, FieldErrors::default(), StatusCode::OK).await
}

/// Generates a token and shows it, this once.
///
/// # Errors
/// When the database fails; what can be corrected is answered with 422 and the form.
pub async fn generate(
    visitor: Visitor,
    admin: Admin<Organization>,
    Submitted(form): Submitted<NewTokenForm>,
) -> Result<HttpResponse, AppError> {
    let mut errors = FieldErrors::default();
    let new = match form.parse(visitor.now) {
        Ok(new) => new,
        Err(errors) => {
            return show_form(&visitor, &admin, form, errors, StatusCode::UNPROCESSABLE_ENTITY).await;
        }
    };
    let (proof, form_id, now) = (admin.clone(), FormId::from_form(form.form_id.clone()), visitor.now);
    let generated =
        visitor.state.db.write(move |tx| master_tokens::generate(tx, &proof, &new, &form_id, now)).await;
    match generated {
        Ok((token, secret)) => reveal(&visitor, &admin, token, secret).await,
        Err(GenerateError::Form(FormError::AlreadySent)) => sent_before(&visitor, &admin),
        Err(GenerateError::Form(FormError::Stale)) => {
            errors.add("name", "This form was open for too long. Save it again.");
            let form = NewTokenForm { form_id: FormId::new(now).as_str().to_owned(), ..form };
            show_form(&visitor, &admin, form, errors, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(error @ (GenerateError::NameTaken | GenerateError::TooMany)) => {
            errors.add("name", error);
            show_form(&visitor, &admin, form, errors, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(GenerateError::OnlyPeople(error)) => Err(AppError::Conflict(error.to_string())),
        Err(GenerateError::NoRandomness(error)) => Err(AppError::internal(error)),
        Err(GenerateError::Db(error) | GenerateError::Form(FormError::Db(error))) => Err(error.into()),
    }
}

/// Makes a token work.
///
/// # Errors
/// 404 for a token of another organization.
pub async fn activate(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let (_, token_id) = path.into_inner();
    let (proof, now) = (admin.clone(), visitor.now);
    let token = visitor.state.db.write(move |tx| master_tokens::activate(tx, &proof, &token_id, now)).await?;
    visitor.state.mail_queued.notify_one();
    show_changed(&visitor, &admin, Toast::ok(format!("“{}” is active.", token.name))).await
}

/// Stops a token.
///
/// # Errors
/// 404 for a token of another organization.
pub async fn deactivate(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let (_, token_id) = path.into_inner();
    let (proof, now) = (admin.clone(), visitor.now);
    let token =
        visitor.state.db.write(move |tx| master_tokens::deactivate(tx, &proof, &token_id, now)).await?;
    let undo = urls::api_item(&admin.id, "tokens", &token.id, "activate");
    let toast = Toast::ok(format!("“{}” is deactivated.", token.name)).with_undo(undo, Vec::new());
    show_changed(&visitor, &admin, toast).await
}

/// Asks before a token gets a new value.
///
/// # Errors
/// 404 for a token of another organization.
pub async fn confirm_replacement(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let token = find(&visitor, &admin, path.into_inner().1).await?;
    let dialog = ReplaceDialog {
        organization_id: admin.id.clone(),
        token,
        form: FormId::new(visitor.now),
        now: visitor.now,
    };
    show_dialog(&visitor, &admin, &dialog).await
}

/// Gives a token a new value and shows it, this once.
///
/// # Errors
/// 404 for a token of another organization, 409 for a form that is too old.
pub async fn replace(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
    Submitted(form): Submitted<ReplaceForm>,
) -> Result<HttpResponse, AppError> {
    let (_, token_id) = path.into_inner();
    let (proof, form_id, now) = (admin.clone(), FormId::from_form(form.form_id), visitor.now);
    let replaced =
        visitor.state.db.write(move |tx| master_tokens::replace(tx, &proof, &token_id, &form_id, now)).await;
    match replaced {
        Ok((token, secret)) => reveal(&visitor, &admin, token, secret).await,
        Err(TokenError::Form(FormError::AlreadySent)) => sent_before(&visitor, &admin),
        Err(error) => Err(error.into()),
    }
}

/// Asks before a token is removed.
///
/// # Errors
/// 404 for a token of another organization.
pub async fn confirm_removal(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let token = find(&visitor, &admin, path.into_inner().1).await?;
    let dialog = RemoveDialog { organization_id: admin.id.clone(), token, now: visitor.now };
    show_dialog(&visitor, &admin, &dialog).await
}

/// Removes a token.
///
/// # Errors
/// 404 for a token of another organization.
pub async fn remove(
    visitor: Visitor,
    admin: Admin<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let (_, token_id) = path.into_inner();
    let (proof, now) = (admin.clone(), visitor.now);
    let token = visitor.state.db.write(move |tx| master_tokens::remove(tx, &proof, &token_id, now)).await?;
    let toast = Toast::ok(format!("“{}” is removed.", token.name));
    if token_page::token_of(visitor.page_path()).is_some() {
        return view::go(&visitor, Some(toast), &urls::organization(&admin.id, "api"));
    }
    show_changed(&visitor, &admin, toast).await
}

async fn find(
    visitor: &Visitor,
    admin: &Admin<Organization>,
    token_id: String,
) -> Result<MasterToken, AppError> {
    let proof = admin.clone();
    Ok(visitor.state.db.read(move |connection| master_tokens::find(connection, &proof, &token_id)).await?)
}

async fn show_form(
    visitor: &Visitor,
    admin: &Admin<Organization>,
    form: NewTokenForm,
    errors: FieldErrors,
    status: StatusCode,
) -> Result<HttpResponse, AppError> {
    let end = ExpirationFields::of_new_token(&form.duration, &form.until, visitor.now);
    let dialog = NewTokenDialog { organization_id: admin.id.clone(), form, errors, end };
    let tab = async |shell| ApiTab::load(visitor, admin, Selection::default(), shell).await;
    view::dialog(visitor, status, &dialog, tab).await
}

async fn show_dialog(
    visitor: &Visitor,
    admin: &Admin<Organization>,
    dialog: &impl Template,
) -> Result<HttpResponse, AppError> {
    let tab = async |shell| ApiTab::load(visitor, admin, Selection::default(), shell).await;
    view::dialog(visitor, StatusCode::OK, dialog, tab).await
}

async fn reveal(
    visitor: &Visitor,
    admin: &Admin<Organization>,
    token: MasterToken,
    secret: Secret,
) -> Result<HttpResponse, AppError> {
    visitor.state.mail_queued.notify_one();
    let dialog =
        RevealedDialog { organization_id: admin.id.clone(), organization: admin.name.clone(), token, secret };
    if let Some(token_id) = token_page::token_of(visitor.page_path()) {
        let page = async |shell| TokenPage::load(visitor, admin, token_id, shell).await;
        return view::reveal(visitor, &dialog, page).await;
    }
    let tab = async |shell| ApiTab::load(visitor, admin, Selection::default(), shell).await;
    view::reveal(visitor, &dialog, tab).await
}

fn sent_before(visitor: &Visitor, admin: &Admin<Organization>) -> Result<HttpResponse, AppError> {
    let toast = Toast::bad("That was done before. The token cannot be shown again.");
    view::go(visitor, Some(toast), &urls::organization(&admin.id, "api"))
}

async fn show_changed(
    visitor: &Visitor,
    admin: &Admin<Organization>,
    toast: Toast,
) -> Result<HttpResponse, AppError> {
    let next = urls::organization(&admin.id, "api");
    if let Some(token_id) = token_page::token_of(visitor.page_path()) {
        let page = async |shell| TokenPage::load(visitor, admin, token_id, shell).await;
        return view::changed(visitor, toast, &next, page).await;
    }
    let tab = async |shell| ApiTab::load(visitor, admin, Selection::default(), shell).await;
    view::changed(visitor, toast, &next, tab).await
}
