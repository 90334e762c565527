//! "My Organizations": those one belongs to, invitations to others, and a new one.

use actix_web::{HttpResponse, http::StatusCode, web::Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    clock::Timestamp,
    db::DbError,
    domain::{
        access::Role,
        forms::{FormError, FormId},
        invitations::{self, Invitation},
        names::{MAX_NAME_LENGTH, Name},
        organizations::{self, CreateError, Membership, Organization},
    },
    page,
    web::{
        display,
        error::AppError,
        extract::{CurrentUser, Visitor},
        form::{FieldErrors, Submitted},
        shell::{Shell, Toast},
        urls, view,
    },
};

/// `GET /orgs`.
#[derive(Template)]
#[template(path = "my_organizations/index.html", blocks = ["title", "content", "tabs", "panel"])]
pub struct MyOrganizations {
    shell: Shell,
    now: Timestamp,
    invitations: Vec<(Invitation, Organization)>,
    memberships: Vec<Membership>,
}

page!(MyOrganizations);

impl MyOrganizations {
    async fn load(current: &CurrentUser, shell: Shell) -> Result<Self, AppError> {
        let CurrentUser { visitor, user, .. } = current;
        let (user, now) = (user.clone(), visitor.now);
        let page = visitor
            .state
            .db
            .read(move |connection| {
                Ok::<_, DbError>(Self {
                    shell,
                    now,
                    invitations: invitations::of_user(connection, &user, now)?,
                    memberships: organizations::of_user(connection, &user)?,
                })
            })
            .await?;
        Ok(page)
    }

    /// "12 members · 5 API keys"; keys are the administrators' affair.
    fn figures(&self, membership: &Membership) -> String {
        let members = display::count(&membership.members, "member", "members");
        match membership.api_keys {
            _ if membership.role < Role::Administrator => members,
            0 => format!("{members} · no API keys yet"),
            keys => format!("{members} · {}", display::count(&keys, "API key", "API keys")),
        }
    }
}

/// "Create Organization" as it was typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NewOrganizationForm {
    name: String,
    form_id: String,
}

/// The dialog "Create Organization".
#[derive(Template)]
#[template(path = "my_organizations/new.html")]
struct NewOrganizationDialog {
    form: NewOrganizationForm,
    errors: FieldErrors,
}

/// Shows the page.
///
/// # Errors
/// When the database fails.
pub async fn index(current: CurrentUser) -> Result<HttpResponse, AppError> {
    view::show(&MyOrganizations::load(&current, current.visitor.shell()).await?)
}

/// Opens the dialog "Create Organization".
///
/// # Errors
/// When the database fails.
pub async fn new(current: CurrentUser) -> Result<HttpResponse, AppError> {
    let form = NewOrganizationForm { form_id: fresh_id(&current.visitor), ..NewOrganizationForm::default() };
    show_form(&current, form, FieldErrors::default(), StatusCode::OK).await
}

/// Creates an organization, whose administrator the person becomes.
///
/// # Errors
/// When the database fails; what can be corrected is answered with 422 and the form.
pub async fn create(
    current: CurrentUser,
    Submitted(form): Submitted<NewOrganizationForm>,
) -> Result<HttpResponse, AppError> {
    let mut errors = FieldErrors::default();
    let Some(name) = errors.check("name", Name::parse(&form.name, MAX_NAME_LENGTH)) else {
        return show_form(&current, form, errors, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    let visitor = &current.visitor;
    let (user, actor, now) = (current.user.clone(), visitor.actor(), visitor.now);
    let form_id = FormId::from_form(form.form_id.clone());
    let created = visitor
        .state
        .db
        .write(move |tx| organizations::create(tx, &user, &actor, &name, &form_id, now))
        .await;
    match created {
        Ok(organization) => {
            let toast = Toast::ok(format!("“{}” is created.", organization.name));
            view::go(visitor, Some(toast), &urls::organization(&organization.id, "users"))
        }
        Err(CreateError::Form(FormError::AlreadySent)) => {
            let toast = Toast::bad("That organization was created before.");
            view::go(visitor, Some(toast), urls::ORGANIZATIONS)
        }
        Err(CreateError::Form(FormError::Stale)) => {
            errors.add("name", "This form was open for too long. Save it again.");
            let form = NewOrganizationForm { form_id: fresh_id(visitor), ..form };
            show_form(&current, form, errors, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(error @ CreateError::TooMany) => {
            errors.add("name", error);
            show_form(&current, form, errors, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(CreateError::Db(error) | CreateError::Form(FormError::Db(error))) => Err(error.into()),
    }
}

fn fresh_id(visitor: &Visitor) -> String {
    FormId::new(visitor.now).as_str().to_owned()
}

async fn show_form(
    current: &CurrentUser,
    form: NewOrganizationForm,
    errors: FieldErrors,
    status: StatusCode,
) -> Result<HttpResponse, AppError> {
    let dialog = NewOrganizationDialog { form, errors };
    let page = async |shell| MyOrganizations::load(current, shell).await;
    view::dialog(&current.visitor, status, &dialog, page).await
}

/// Accepts an invitation in the list. The form is a plain one: the count in the user menu
/// changes too, so the whole page is loaded anew.
///
/// # Errors
/// 404 for an invitation that is not open or somebody else's.
pub async fn accept(current: CurrentUser, path: Path<String>) -> Result<HttpResponse, AppError> {
    let CurrentUser { visitor, user, .. } = current;
    let (invitation_id, ip, now) = (path.into_inner(), visitor.ip, visitor.now);
    let organization =
        visitor.state.db.write(move |tx| invitations::accept(tx, &user, ip, &invitation_id, now)).await?;
    let toast = Toast::ok(format!("You are now a member of {}.", organization.name));
    view::go(&visitor, Some(toast), urls::ORGANIZATIONS)
}

/// Declines an invitation in the list.
///
/// # Errors
/// 404 for an invitation that is not open or somebody else's.
pub async fn decline(current: CurrentUser, path: Path<String>) -> Result<HttpResponse, AppError> {
    let CurrentUser { visitor, user, .. } = current;
    let (invitation_id, ip, now) = (path.into_inner(), visitor.ip, visitor.now);
    let organization =
        visitor.state.db.write(move |tx| invitations::decline(tx, &user, ip, &invitation_id, now)).await?;
    let toast = Toast::ok(format!("The invitation to {} is declined.", organization.name));
    view::go(&visitor, Some(toast), urls::ORGANIZATIONS)
}
