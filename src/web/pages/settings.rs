//! The tab "Settings": rename, what happens to leaked keys, leave, remove.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use serde::Deserialize;

use super::{
    leaks::PolicyForm,
    organization::{Frame, Tab},
};
use crate::{
    db::DbError,
    domain::{
        access::{Admin, Member, Role},
        leaks,
        members::{self, MemberError},
        names::{MAX_NAME_LENGTH, Name},
        organizations::{self, Figures, Organization, RemoveError},
        webhooks,
    },
    page,
    web::{
        display,
        error::AppError,
        extract::Visitor,
        form::{FieldErrors, Submitted},
        shell::{Shell, Toast},
        urls, view,
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
    /// How many there are, for those who may know.
    webhooks: Option<i64>,
}

page!(SettingsTab);

/// The organization's name as it was typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NameForm {
    name: String,
}

/// The dialog that asks before one leaves.
#[derive(Template)]
#[template(path = "settings/leave.html")]
struct LeaveDialog {
    organization_id: String,
    organization: String,
    rejection: Option<String>,
}

/// The dialog that asks before the organization is removed.
#[derive(Template)]
#[template(path = "settings/remove.html")]
struct RemoveDialog {
    organization_id: String,
    organization: String,
    figures: Figures,
    form: NameForm,
    errors: FieldErrors,
}

impl RemoveDialog {
    fn consequence(&self) -> String {
        format!(
            "{} and {}",
            display::count(&self.figures.members, "member loses access", "members lose access"),
            display::count(&self.figures.api_keys, "API key stops working", "API keys stop working")
        )
    }
}

impl SettingsTab {
    async fn load(
        visitor: &Visitor,
        member: &Member<Organization>,
        form: NameForm,
        errors: FieldErrors,
        shell: Shell,
    ) -> Result<Self, AppError> {
        let proof = member.clone();
        let config = &visitor.state.config;
        let takes_leaks = config.leak_secret.is_some() || config.leak_keys.is_some();
        let tab = visitor.state.db.read(move |connection| {
            let frame = Frame::load(connection, &proof, Tab::Settings)?;
            let leaks = PolicyForm::of(leaks::policy(connection, &proof)?);
            let webhooks = match proof.admin() {
                Ok(admin) => Some(webhooks::count(connection, &admin)?),
                Err(_) => None,
            };
            Ok::<_, DbError>(Self { shell, frame, form, leaks, takes_leaks, errors, webhooks })
        });
        Ok(tab.await?)
    }

    /// The tab after a choice about leaked keys that is none.
    pub(super) fn with_leaks(self, leaks: PolicyForm, errors: FieldErrors) -> Self {
        Self { leaks, errors, ..self }
    }

    fn is_administrator(&self) -> bool {
        self.frame.role == Role::Administrator
    }
}

/// Shows the tab.
///
/// # Errors
/// When the database fails.
pub async fn index(visitor: Visitor, member: Member<Organization>) -> Result<HttpResponse, AppError> {
    view::show(&unchanged(&visitor, &member, visitor.shell()).await?)
}

pub(super) async fn unchanged(
    visitor: &Visitor,
    member: &Member<Organization>,
    shell: Shell,
) -> Result<SettingsTab, AppError> {
    let form = NameForm { name: member.name.clone() };
    SettingsTab::load(visitor, member, form, FieldErrors::default(), shell).await
}

/// Gives the organization another name.
///
/// # Errors
/// When the database fails; a name that cannot be is answered with 422 and the form.
pub async fn rename(
    visitor: Visitor,
    admin: Admin<Organization>,
    Submitted(form): Submitted<NameForm>,
) -> Result<HttpResponse, AppError> {
    let mut errors = FieldErrors::default();
    let Some(name) = errors.check("name", Name::parse(&form.name, MAX_NAME_LENGTH)) else {
        let tab = SettingsTab::load(&visitor, &admin, form, errors, visitor.shell()).await?;
        return view::show_with_status(&tab, StatusCode::UNPROCESSABLE_ENTITY);
    };
    let now = visitor.now;
    let toast = Toast::ok(format!("The organization is called “{name}”."));
    let next = urls::organization(&admin.id, "settings");
    visitor.state.db.write(move |tx| organizations::rename(tx, &admin, &name, now)).await?;
    // The name stands in the page's head and title, so the whole page is loaded anew.
    view::go(&visitor, Some(toast), &next)
}

/// Asks before one leaves.
///
/// # Errors
/// When the database fails.
pub async fn confirm_leaving(
    visitor: Visitor,
    member: Member<Organization>,
) -> Result<HttpResponse, AppError> {
    ask_before_leaving(&visitor, &member, None, StatusCode::OK).await
}

/// Ends one's own membership.
///
/// # Errors
/// When the database fails; the last administrator is told why it cannot be, with 422.
pub async fn leave(visitor: Visitor, member: Member<Organization>) -> Result<HttpResponse, AppError> {
    let (proof, now) = (member.clone(), visitor.now);
    match visitor.state.db.write(move |tx| members::leave(tx, &proof, now)).await {
        Ok(()) => {
            let toast = Toast::ok(format!("You left “{}”.", member.name));
            view::go(&visitor, Some(toast), urls::ORGANIZATIONS)
        }
        Err(error @ MemberError::LastAdministrator) => {
            let rejection = Some(error.to_string());
            ask_before_leaving(&visitor, &member, rejection, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn ask_before_leaving(
    visitor: &Visitor,
    member: &Member<Organization>,
    rejection: Option<String>,
    status: StatusCode,
) -> Result<HttpResponse, AppError> {
    let dialog =
        LeaveDialog { organization_id: member.id.clone(), organization: member.name.clone(), rejection };
    view::dialog(visitor, status, &dialog, async |shell| unchanged(visitor, member, shell).await).await
}

/// Asks before the organization is removed.
///
/// # Errors
/// When the database fails.
pub async fn confirm_removal(visitor: Visitor, admin: Admin<Organization>) -> Result<HttpResponse, AppError> {
    ask_before_removal(&visitor, &admin, NameForm::default(), FieldErrors::default(), StatusCode::OK).await
}

/// Removes the organization, when its name was typed.
///
/// # Errors
/// When the database fails; another name is answered with 422.
pub async fn remove(
    visitor: Visitor,
    admin: Admin<Organization>,
    Submitted(form): Submitted<NameForm>,
) -> Result<HttpResponse, AppError> {
    let (proof, typed, now) = (admin.clone(), form.name.clone(), visitor.now);
    match visitor.state.db.write(move |tx| organizations::remove(tx, &proof, &typed, now)).await {
        Ok(()) => {
            let toast = Toast::ok(format!("“{}” is removed.", admin.name));
            view::go(&visitor, Some(toast), urls::ORGANIZATIONS)
        }
        Err(error @ RemoveError::NameDiffers) => {
            let mut errors = FieldErrors::default();
            errors.add("name", error);
            ask_before_removal(&visitor, &admin, form, errors, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(RemoveError::Db(error)) => Err(error.into()),
    }
}

async fn ask_before_removal(
    visitor: &Visitor,
    admin: &Admin<Organization>,
    form: NameForm,
    errors: FieldErrors,
    status: StatusCode,
) -> Result<HttpResponse, AppError> {
    let proof = admin.clone();
    let figures = visitor.state.db.read(move |connection| organizations::figures(connection, &proof)).await?;
    let dialog = RemoveDialog {
        organization_id: admin.id.clone(),
        organization: admin.name.clone(),
        figures,
        form,
        errors,
    };
    view::dialog(visitor, status, &dialog, async |shell| unchanged(visitor, admin, shell).await).await
}
