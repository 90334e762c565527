//! Master tokens: generate, activate, deactivate, replace, remove.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::{
    api_screen::{ApiScreen, Place},
    duration::{self, DEFAULT_DURATION, ExpirationFields, TOKEN},
    once::{Confirmation, SECRET_WAS_SHOWN, Settled, limit_reached, settle},
    stops::with_receipt,
};
use crate::{
    clock::Timestamp,
    domain::{
        access::{Grant, ManageTokens},
        master_tokens::{self, MasterToken, NewToken},
        names::{MAX_KEY_NAME_LENGTH, Name},
        secret::Secret,
        token_access::TokenAccess,
    },
    web::{
        error::AppError,
        filters,
        form::{FieldErrors, Submitted},
        form_id::FormId,
        shell::Toast,
        urls,
        visit::{Over, Visit},
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
    form_id: FormId,
}

impl NewTokenForm {
    /// Everything is chosen at first: that is what tokens could do before there was a choice.
    fn empty(now: Timestamp) -> Self {
        Self {
            access: TokenAccess::Verify.as_str().to_owned(),
            duration: DEFAULT_DURATION.to_owned(),
            form_id: FormId::new(now),
            ..Self::default()
        }
    }

    fn parse(&self, now: Timestamp) -> Result<NewToken, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = errors.check("name", Name::parse(&self.name, MAX_KEY_NAME_LENGTH));
        let access = self.access.parse::<TokenAccess>().map_err(|_| "Choose an access level.");
        let access = errors.check("access", access);
        let expires_at = duration::parse_new(TOKEN, &self.duration, &self.until, now, &mut errors);
        match (name, access, expires_at) {
            (Some(name), Some(access), Some(expires_at)) => Ok(NewToken { name, access, expires_at }),
            _ => Err(errors),
        }
    }
}

/// The dialog "Generate token".
#[derive(Template)]
#[template(path = "master_tokens/new.html")]
struct NewTokenDialog {
    over: Over,
    form: NewTokenForm,
    errors: FieldErrors,
    end: ExpirationFields,
}

/// The dialog that shows a token once.
#[derive(Template)]
#[template(path = "master_tokens/revealed.html")]
struct RevealedDialog {
    over: Over,
    organization: String,
    token: MasterToken,
    secret: Secret,
    description: String,
}

impl RevealedDialog {
    fn title(&self) -> &'static str {
        if self.token.replaced_at.is_some() { "Master token replaced" } else { "Master token generated" }
    }
}

/// The dialog that asks before a token gets a new value.
#[derive(Template)]
#[template(path = "master_tokens/replace.html")]
struct ReplaceDialog {
    over: Over,
    token: MasterToken,
    form: FormId,
    now: Timestamp,
}

/// The dialog that asks before a token is removed.
#[derive(Template)]
#[template(path = "master_tokens/remove.html")]
struct RemoveTokenDialog {
    over: Over,
    token: MasterToken,
    now: Timestamp,
}

/// Opens the dialog "Generate token".
pub async fn new(visit: Visit<Grant<ManageTokens>>) -> Result<HttpResponse, AppError> {
    if let Some(full) =
        limit_reached::<ApiScreen, _>(&visit, "Generate token", master_tokens::check_room).await?
    {
        return Ok(full);
    }
    let form = NewTokenForm::empty(visit.now);
    visit.dialog::<ApiScreen>(&new_token_dialog(&visit, form, FieldErrors::default())).await
}

/// Generates a token and shows it, this once.
pub async fn generate(
    visit: Visit<Grant<ManageTokens>, Submitted<NewTokenForm>>,
) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let new = match form.parse(visit.now) {
        Ok(new) => new,
        Err(errors) => return visit.invalid::<ApiScreen>(&new_token_dialog(&visit, form, errors)).await,
    };
    let rules = visit.state.config.rules;
    let generated = visit
        .submit(&form.form_id, move |tx, grant, now| master_tokens::generate(tx, grant, &new, &rules, now))
        .await?;
    match settle::<ApiScreen, _, _>(&visit, &form.form_id, generated, SECRET_WAS_SHOWN)? {
        Settled::Done((token, secret)) => {
            let description = format!("“{}” works once you activate it", token.name);
            reveal(&visit, token, secret, description).await
        }
        Settled::Again(error, form_id) => {
            let errors = FieldErrors::one("name", error);
            let dialog = new_token_dialog(&visit, NewTokenForm { form_id, ..form }, errors);
            visit.invalid::<ApiScreen>(&dialog).await
        }
        Settled::Answered(response) => Ok(response),
    }
}

/// Makes a token work.
pub async fn activate(visit: Visit<Grant<ManageTokens>>) -> Result<HttpResponse, AppError> {
    let token_id = visit.path("token");
    let token =
        visit.change(move |tx, grant, now| master_tokens::switch(tx, grant, &token_id, true, now)).await??;
    visit.changed::<ApiScreen>(Toast::ok(format!("“{}” activated", token.name))).await
}

/// Stops a token.
pub async fn deactivate(visit: Visit<Grant<ManageTokens>>) -> Result<HttpResponse, AppError> {
    let token_id = visit.path("token");
    let token =
        visit.change(move |tx, grant, now| master_tokens::switch(tx, grant, &token_id, false, now)).await??;
    let undo = urls::api_item(&visit.proof.id, "tokens", &token.id, "activate");
    let text = with_receipt(&visit, format!("“{}” deactivated", token.name)).await;
    let toast = Toast::ok(text).with_undo(undo);
    visit.changed::<ApiScreen>(toast).await
}

/// Asks before a token gets a new value.
pub async fn confirm_replacement(visit: Visit<Grant<ManageTokens>>) -> Result<HttpResponse, AppError> {
    visit.dialog::<ApiScreen>(&replace_dialog(&visit).await?).await
}

/// Gives a token a new value and shows it, this once.
pub async fn replace(
    visit: Visit<Grant<ManageTokens>, Submitted<Confirmation>>,
) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(Confirmation { form_id })) = visit.split();
    let (token_id, rules) = (visit.path("token"), visit.state.config.rules);
    let replaced = visit
        .submit(&form_id, move |tx, grant, now| master_tokens::replace(tx, grant, &token_id, &rules, now))
        .await?;
    match settle::<ApiScreen, _, _>(&visit, &form_id, replaced, SECRET_WAS_SHOWN)? {
        Settled::Done((token, secret)) => {
            let text = format!("“{}” has a new token. The previous one no longer works", token.name);
            let description = with_receipt(&visit, text).await;
            reveal(&visit, token, secret, description).await
        }
        Settled::Again(error, _) => Err(AppError::Conflict(error)),
        Settled::Answered(response) => Ok(response),
    }
}

/// Asks before a token is removed.
pub async fn confirm_removal(visit: Visit<Grant<ManageTokens>>) -> Result<HttpResponse, AppError> {
    let token = find(&visit).await?;
    let dialog = RemoveTokenDialog { over: visit.over::<ApiScreen>(), token, now: visit.now };
    visit.dialog::<ApiScreen>(&dialog).await
}

/// Removes a token.
pub async fn remove(visit: Visit<Grant<ManageTokens>>) -> Result<HttpResponse, AppError> {
    let token_id = visit.path("token");
    let token =
        visit.change(move |tx, grant, now| master_tokens::remove(tx, grant, &token_id, now)).await??;
    let toast = Toast::ok(with_receipt(&visit, format!("“{}” removed", token.name)).await);
    match Place::of(visit.page_path()) {
        Place::Token(_) => visit.go(Some(toast), &urls::organization(&visit.proof.id, "api")),
        Place::Tab | Place::Key(_) => visit.changed::<ApiScreen>(toast).await,
    }
}

async fn find(visit: &Visit<Grant<ManageTokens>>) -> Result<MasterToken, AppError> {
    let token_id = visit.path("token");
    visit.read(move |connection, grant| master_tokens::find(connection, grant, &token_id)).await
}

fn new_token_dialog(
    visit: &Visit<Grant<ManageTokens>>,
    form: NewTokenForm,
    errors: FieldErrors,
) -> NewTokenDialog {
    let end = ExpirationFields::of_new_token(&form.duration, &form.until, visit.now);
    NewTokenDialog { over: visit.over::<ApiScreen>(), form, errors, end }
}

async fn replace_dialog(visit: &Visit<Grant<ManageTokens>>) -> Result<ReplaceDialog, AppError> {
    let (token, form, now) = (find(visit).await?, FormId::new(visit.now), visit.now);
    Ok(ReplaceDialog { over: visit.over::<ApiScreen>(), token, form, now })
}

async fn reveal(
    visit: &Visit<Grant<ManageTokens>>,
    token: MasterToken,
    secret: Secret,
    description: String,
) -> Result<HttpResponse, AppError> {
    let (over, organization) = (visit.over::<ApiScreen>(), visit.proof.name.clone());
    let description = format!("{description}.");
    visit.reveal::<ApiScreen>(&RevealedDialog { over, organization, token, secret, description }).await
}
