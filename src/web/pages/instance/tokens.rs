//! The tab "Instance tokens": generate, activate, deactivate, replace, remove.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::{Frame, Tab};
use crate::{
    clock::Timestamp,
    domain::{
        access::InstanceAdministrator,
        instance_access::InstanceAccess,
        instance_tokens::{self, InstanceToken, NewInstanceToken},
        names::{MAX_KEY_NAME_LENGTH, Name},
        secret::Secret,
    },
    page,
    vocabulary::KeyStatus,
    web::{
        error::AppError,
        filters,
        form::{FieldErrors, Submitted},
        form_id::FormId,
        pages::{
            duration::{self, DEFAULT_DURATION, ExpirationFields, TOKEN},
            key_words::status_badge,
            once::{Confirmation, SECRET_WAS_SHOWN, Settled, limit_reached, settle},
            stops::with_receipt,
        },
        shell::{Shell, Toast},
        urls,
        view::{self, Page},
        visit::{Behind, Over, Visit, Visitor},
    },
};

/// `GET /instance/tokens`.
#[derive(Template)]
#[template(path = "instance/tokens.html", blocks = ["title", "content", "tabs", "panel"])]
struct TokensTab {
    shell: Shell,
    frame: Frame,
    now: Timestamp,
    tokens: Vec<InstanceToken>,
}

page!(TokensTab);

impl TokensTab {
    async fn load(
        visitor: &Visitor,
        administrator: &InstanceAdministrator,
        shell: Shell,
    ) -> Result<Self, AppError> {
        let (administrator, now) = (administrator.clone(), visitor.now);
        let read = move |connection: &mut _| {
            let tokens = instance_tokens::list(connection, &administrator)?;
            Ok::<_, AppError>(Self { shell, frame: Frame::of(Tab::Tokens), now, tokens })
        };
        visitor.state.db.read(read).await
    }

    fn badge(&self, token: &InstanceToken) -> (&'static str, String) {
        status_badge(token.status(self.now), token.expires_at, self.now)
    }

    fn is_expired(&self, token: &InstanceToken) -> bool {
        token.status(self.now) == KeyStatus::Expired
    }

    fn url(&self, token: &InstanceToken, verb: &str) -> String {
        self.shell.over(urls::instance_token(&token.id, verb))
    }
}

/// "Generate token" as it was typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokenForm {
    name: String,
    access: String,
    duration: String,
    until: String,
    form_id: FormId,
}

impl TokenForm {
    /// The least is chosen at first.
    fn empty(now: Timestamp) -> Self {
        Self {
            access: InstanceAccess::Verify.as_str().to_owned(),
            duration: DEFAULT_DURATION.to_owned(),
            form_id: FormId::new(now),
            ..Self::default()
        }
    }

    fn parse(&self, now: Timestamp) -> Result<NewInstanceToken, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = errors.check("name", Name::parse(&self.name, MAX_KEY_NAME_LENGTH));
        let access = self.access.parse::<InstanceAccess>().map_err(|_| "Choose an access level.");
        let access = errors.check("access", access);
        let expires_at = duration::parse_new(TOKEN, &self.duration, &self.until, now, &mut errors);
        match (name, access, expires_at) {
            (Some(name), Some(access), Some(expires_at)) => Ok(NewInstanceToken { name, access, expires_at }),
            _ => Err(errors),
        }
    }
}

/// The dialog "Generate token".
#[derive(Template)]
#[template(path = "instance/new_token.html")]
struct NewTokenDialog {
    over: Over,
    form: TokenForm,
    errors: FieldErrors,
    end: ExpirationFields,
}

/// The dialog that shows a token once.
#[derive(Template)]
#[template(path = "instance/token_revealed.html")]
struct RevealedDialog {
    over: Over,
    token: InstanceToken,
    secret: Secret,
    description: String,
}

impl RevealedDialog {
    fn title(&self) -> &'static str {
        if self.token.replaced_at.is_some() { "Instance token replaced" } else { "Instance token generated" }
    }
}

/// The dialog that asks before a token gets a new value.
#[derive(Template)]
#[template(path = "instance/replace_token.html")]
struct ReplaceDialog {
    over: Over,
    token: InstanceToken,
    form: FormId,
    now: Timestamp,
}

/// The dialog that asks before a token is removed.
#[derive(Template)]
#[template(path = "instance/remove_token.html")]
struct RemoveDialog {
    over: Over,
    token: InstanceToken,
    now: Timestamp,
}

/// The tab.
struct TokensScreen;

impl Behind for TokensScreen {
    type Proof = InstanceAdministrator;

    async fn page(
        visitor: &Visitor,
        administrator: &InstanceAdministrator,
        shell: Shell,
    ) -> Result<Box<dyn Page>, AppError> {
        Ok(Box::new(TokensTab::load(visitor, administrator, shell).await?))
    }

    fn address(_: &Visitor, _: &InstanceAdministrator) -> String {
        urls::INSTANCE_TOKENS.to_owned()
    }
}

/// Shows the tokens.
pub async fn index(visit: Visit<InstanceAdministrator>) -> Result<HttpResponse, AppError> {
    view::show(&TokensTab::load(&visit, &visit.proof, visit.shell()).await?)
}

/// Opens the dialog "Generate token".
pub async fn new(visit: Visit<InstanceAdministrator>) -> Result<HttpResponse, AppError> {
    let full = limit_reached::<TokensScreen, _>(&visit, "Generate token", |connection, administrator, _| {
        instance_tokens::check_room(connection, administrator)
    });
    if let Some(full) = full.await? {
        return Ok(full);
    }
    let form = TokenForm::empty(visit.now);
    visit.dialog::<TokensScreen>(&new_token_dialog(&visit, form, FieldErrors::default())).await
}

/// Generates a token and shows it, this once.
pub async fn generate(
    visit: Visit<InstanceAdministrator, Submitted<TokenForm>>,
) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let new = match form.parse(visit.now) {
        Ok(new) => new,
        Err(errors) => return visit.invalid::<TokensScreen>(&new_token_dialog(&visit, form, errors)).await,
    };
    let rules = visit.state.config.rules;
    let generated = visit
        .submit(&form.form_id, move |tx, administrator, now| {
            instance_tokens::generate(tx, administrator, &new, &rules, now)
        })
        .await?;
    match settle::<TokensScreen, _, _>(&visit, &form.form_id, generated, SECRET_WAS_SHOWN)? {
        Settled::Done((token, secret)) => {
            let description = format!("“{}” works once you activate it.", token.name);
            reveal(&visit, token, secret, description).await
        }
        Settled::Again(error, form_id) => {
            let errors = FieldErrors::one("name", error);
            let dialog = new_token_dialog(&visit, TokenForm { form_id, ..form }, errors);
            visit.invalid::<TokensScreen>(&dialog).await
        }
        Settled::Answered(response) => Ok(response),
    }
}

/// Makes a token work.
pub async fn activate(visit: Visit<InstanceAdministrator>) -> Result<HttpResponse, AppError> {
    let token = switch(&visit, true).await?;
    visit.changed::<TokensScreen>(Toast::ok(format!("“{}” activated", token.name))).await
}

/// Stops a token.
pub async fn deactivate(visit: Visit<InstanceAdministrator>) -> Result<HttpResponse, AppError> {
    let token = switch(&visit, false).await?;
    let text = with_receipt(&visit, format!("“{}” deactivated", token.name)).await;
    let toast = Toast::ok(text).with_undo(urls::instance_token(&token.id, "activate"));
    visit.changed::<TokensScreen>(toast).await
}

async fn switch(visit: &Visit<InstanceAdministrator>, on: bool) -> Result<InstanceToken, AppError> {
    let id = visit.path("token");
    let switched =
        visit.change(move |tx, administrator, now| instance_tokens::switch(tx, administrator, &id, on, now));
    Ok(switched.await??)
}

/// Asks before a token gets a new value.
pub async fn confirm_replacement(visit: Visit<InstanceAdministrator>) -> Result<HttpResponse, AppError> {
    let (token, form, now) = (find(&visit).await?, FormId::new(visit.now), visit.now);
    let dialog = ReplaceDialog { over: visit.over::<TokensScreen>(), token, form, now };
    visit.dialog::<TokensScreen>(&dialog).await
}

/// Gives a token a new value and shows it, this once.
pub async fn replace(
    visit: Visit<InstanceAdministrator, Submitted<Confirmation>>,
) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(Confirmation { form_id })) = visit.split();
    let (id, rules) = (visit.path("token"), visit.state.config.rules);
    let replaced = visit
        .submit(&form_id, move |tx, administrator, now| {
            instance_tokens::replace(tx, administrator, &id, &rules, now)
        })
        .await?;
    match settle::<TokensScreen, _, _>(&visit, &form_id, replaced, SECRET_WAS_SHOWN)? {
        Settled::Done((token, secret)) => {
            let text = format!("“{}” has a new token. The previous one no longer works", token.name);
            let description = format!("{}.", with_receipt(&visit, text).await);
            reveal(&visit, token, secret, description).await
        }
        Settled::Again(error, _) => Err(AppError::Conflict(error)),
        Settled::Answered(response) => Ok(response),
    }
}

/// Asks before a token is removed.
pub async fn confirm_removal(visit: Visit<InstanceAdministrator>) -> Result<HttpResponse, AppError> {
    let (over, token) = (visit.over::<TokensScreen>(), find(&visit).await?);
    visit.dialog::<TokensScreen>(&RemoveDialog { over, token, now: visit.now }).await
}

/// Removes a token.
pub async fn remove(visit: Visit<InstanceAdministrator>) -> Result<HttpResponse, AppError> {
    let id = visit.path("token");
    let removed =
        visit.change(move |tx, administrator, now| instance_tokens::remove(tx, administrator, &id, now));
    let token = removed.await??;
    let toast = Toast::ok(with_receipt(&visit, format!("“{}” removed", token.name)).await);
    visit.changed::<TokensScreen>(toast).await
}

/// The token in the address.
async fn find(visit: &Visit<InstanceAdministrator>) -> Result<InstanceToken, AppError> {
    let id = visit.path("token");
    visit.read(move |connection, administrator| instance_tokens::find(connection, administrator, &id)).await
}

fn new_token_dialog(
    visit: &Visit<InstanceAdministrator>,
    form: TokenForm,
    errors: FieldErrors,
) -> NewTokenDialog {
    let end = ExpirationFields::of_new_token(&form.duration, &form.until, visit.now);
    NewTokenDialog { over: visit.over::<TokensScreen>(), form, errors, end }
}

async fn reveal(
    visit: &Visit<InstanceAdministrator>,
    token: InstanceToken,
    secret: Secret,
    description: String,
) -> Result<HttpResponse, AppError> {
    let over = visit.over::<TokensScreen>();
    visit.reveal::<TokensScreen>(&RevealedDialog { over, token, secret, description }).await
}
