//! The tab "Settings": rename, what happens to leaked keys, leave, remove.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use serde::Deserialize;

use super::{
    organization::{Frame, Tab},
    plan_words::limits,
    stops::with_receipt,
};
use crate::{
    db::DbError,
    domain::{
        access::{Govern, Grant, See},
        invitations::{self, Invitation},
        member_changes,
        members::MemberError,
        names::{MAX_NAME_LENGTH, Name},
        organization::Figures,
        organizations::{self, RemoveError},
        plans, webhooks,
    },
    page,
    vocabulary::LeakPolicy,
    web::{
        display,
        error::AppError,
        filters,
        form::{FieldErrors, Submitted},
        shell::{Shell, Toast},
        urls,
        view::{self, Page},
        visit::{Behind, Over, Visit, Visitor},
    },
};

/// `GET /orgs/{organization}/settings`.
#[derive(Template)]
#[template(path = "settings/index.html", blocks = ["title", "content", "tabs", "panel"])]
pub struct SettingsTab {
    shell: Shell,
    frame: Frame,
    form: NameForm,
    leaks: PolicyForm,
    /// Whether anybody may report leaked keys to this server.
    takes_leaks: bool,
    errors: FieldErrors,
    is_administrator: bool,
    /// How many there are, for those who may know.
    webhooks: Option<i64>,
    /// The plan's name, and what it allows.
    plan: Option<(String, String)>,
}

page!(SettingsTab);

/// The organization's name as it was typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NameForm {
    name: String,
}

/// What happens to leaked keys, as it was sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyForm {
    pub(super) policy: String,
}

impl PolicyForm {
    pub(super) fn of(policy: LeakPolicy) -> Self {
        Self { policy: policy.as_str().to_owned() }
    }
}

/// The dialog that asks before one leaves.
#[derive(Template)]
#[template(path = "settings/leave.html")]
struct LeaveDialog {
    over: Over,
    organization: String,
    /// What is canceled with it.
    invitations: Vec<Invitation>,
    rejection: Option<String>,
}

/// The dialog that asks before the organization is removed.
#[derive(Template)]
#[template(path = "settings/remove.html")]
struct RemoveOrganizationDialog {
    over: Over,
    organization: String,
    figures: Figures,
    form: NameForm,
    errors: FieldErrors,
}

impl RemoveOrganizationDialog {
    fn consequence(&self) -> String {
        format!(
            "{} and {}",
            display::count(&self.figures.members, "member", "members"),
            display::count(&self.figures.api_keys, "API key", "API keys")
        )
    }
}

impl SettingsTab {
    pub(super) async fn load(
        visitor: &Visitor,
        member: &Grant<See>,
        form: Option<NameForm>,
        errors: FieldErrors,
        shell: Shell,
    ) -> Result<Self, AppError> {
        let form = form.unwrap_or_else(|| NameForm { name: member.name.clone() });
        let (proof, now) = (member.clone(), visitor.now);
        let config = &visitor.state.config;
        let takes_leaks = config.leak_secret.is_some() || config.leak_keys.is_some();
        let tab = visitor.state.db.read(move |connection| {
            let frame = Frame::load(connection, &proof, Tab::Settings)?;
            let leaks = PolicyForm::of(organizations::leak_policy(connection, &proof)?);
            let plan = plans::plan_of(connection, &proof)?;
            let bounds = plans::bounds_of(connection, &proof, now)?;
            let is_administrator = proof.may::<Govern>();
            let webhooks = match proof.grant::<Govern>() {
                Ok(grant) => Some(webhooks::count(connection, &grant)?),
                Err(_) => None,
            };
            Ok::<_, DbError>(Self {
                shell,
                frame,
                form,
                leaks,
                takes_leaks,
                errors,
                is_administrator,
                webhooks,
                plan: plan.map(|plan| (plan.name, limits(&bounds.ceilings))),
            })
        });
        Ok(tab.await?)
    }

    /// The tab after a choice about leaked keys that is none.
    pub(super) fn with_leaks(self, leaks: PolicyForm, errors: FieldErrors) -> Self {
        Self { leaks, errors, ..self }
    }
}

/// The tab.
pub(super) struct SettingsScreen;

impl Behind for SettingsScreen {
    type Proof = Grant<See>;

    async fn page(visitor: &Visitor, member: &Grant<See>, shell: Shell) -> Result<Box<dyn Page>, AppError> {
        Ok(Box::new(SettingsTab::load(visitor, member, None, FieldErrors::default(), shell).await?))
    }

    fn address(_: &Visitor, member: &Grant<See>) -> String {
        urls::organization(&member.id, "settings")
    }
}

/// Shows the tab.
pub async fn index(visit: Visit<Grant<See>>) -> Result<HttpResponse, AppError> {
    let (errors, shell) = (FieldErrors::default(), visit.shell());
    view::show(&SettingsTab::load(&visit, &visit.proof, None, errors, shell).await?)
}

/// Gives the organization another name.
pub async fn rename(visit: Visit<Grant<Govern>, Submitted<NameForm>>) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let mut errors = FieldErrors::default();
    let Some(name) = errors.check("name", Name::parse(&form.name, MAX_NAME_LENGTH)) else {
        let shell = visit.shell();
        let tab = SettingsTab::load(&visit, &visit.proof, Some(form), errors, shell).await?;
        return view::show_with_status(&tab, StatusCode::UNPROCESSABLE_ENTITY);
    };
    let renamed = visit.change(move |tx, grant, now| organizations::rename(tx, grant, &name, now)).await??;
    let toast = Toast::ok(format!("Organization renamed to “{}”", renamed.name));
    // The name stands in the page's head and title, so the whole page is loaded anew.
    visit.go(Some(toast), &urls::organization(&renamed.id, "settings"))
}

/// Asks before one leaves.
pub async fn confirm_leaving(visit: Visit<Grant<See>>) -> Result<HttpResponse, AppError> {
    visit.dialog::<SettingsScreen>(&leave_dialog(&visit, None).await?).await
}

/// Ends one's own membership. The last administrator is told why it cannot be, with 422.
pub async fn leave(visit: Visit<Grant<See>>) -> Result<HttpResponse, AppError> {
    match visit.change(member_changes::leave).await? {
        Ok(()) => {
            let toast = Toast::ok(format!("You left “{}”", visit.proof.name));
            visit.go(Some(toast), urls::ORGANIZATIONS)
        }
        Err(error @ MemberError::LastAdministrator) => {
            let dialog = leave_dialog(&visit, Some(error.to_string())).await?;
            visit.invalid::<SettingsScreen>(&dialog).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn leave_dialog(visit: &Visit<Grant<See>>, rejection: Option<String>) -> Result<LeaveDialog, AppError> {
    let own = visit.read(|connection, grant| match grant.actor().id() {
        Some(own_id) => invitations::beyond(connection, grant, own_id, None),
        None => Ok(Vec::new()),
    });
    let (invitations, organization) = (own.await?, visit.proof.name.clone());
    Ok(LeaveDialog { over: visit.over::<SettingsScreen>(), organization, invitations, rejection })
}

/// Asks before the organization is removed.
pub async fn confirm_removal(visit: Visit<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    let dialog = remove_dialog(&visit, NameForm::default(), FieldErrors::default()).await?;
    visit.dialog::<SettingsScreen>(&dialog).await
}

/// Removes the organization, when its name was typed; another name is answered with 422.
pub async fn remove(visit: Visit<Grant<Govern>, Submitted<NameForm>>) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let typed = form.name.clone();
    match visit.change(move |tx, grant, now| organizations::remove(tx, grant, &typed, now)).await? {
        Ok(()) => {
            let toast = Toast::ok(with_receipt(&visit, format!("“{}” removed", visit.proof.name)).await);
            visit.go(Some(toast), urls::ORGANIZATIONS)
        }
        Err(error @ RemoveError::NameDiffers) => {
            let dialog = remove_dialog(&visit, form, FieldErrors::one("name", error)).await?;
            visit.invalid::<SettingsScreen>(&dialog).await
        }
        Err(RemoveError::Db(error)) => Err(error.into()),
    }
}

async fn remove_dialog(
    visit: &Visit<Grant<Govern>>,
    form: NameForm,
    errors: FieldErrors,
) -> Result<RemoveOrganizationDialog, AppError> {
    let figures = visit.read(|connection, grant| organizations::figures(connection, grant)).await?;
    let (over, organization) = (visit.over::<SettingsScreen>(), visit.proof.name.clone());
    Ok(RemoveOrganizationDialog { over, organization, figures, form, errors })
}
