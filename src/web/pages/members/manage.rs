//! What supervisors and administrators do with one member: another role, or none.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Path};
use askama::Template;
use serde::Deserialize;

use super::{Selection, UsersTab};
use crate::{
    domain::{
        access::{Role, Supervisor},
        members::{self, MemberError, Person},
        organizations::Organization,
    },
    web::{
        error::AppError,
        extract::Visitor,
        form::{FieldErrors, Submitted},
        shell::Toast,
        urls, view,
    },
};

/// "Change role" as it was chosen.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoleForm {
    role: String,
}

/// The dialog "Change role".
#[derive(Template)]
#[template(path = "members/role.html")]
struct RoleDialog {
    organization_id: String,
    person: Person,
    /// The roles that the visitor may give.
    roles: Vec<Role>,
    chosen: String,
    errors: FieldErrors,
    rejection: Option<String>,
}

/// The dialog that asks before a member is removed.
#[derive(Template)]
#[template(path = "members/remove.html")]
struct RemoveDialog {
    organization_id: String,
    organization: String,
    person: Person,
    rejection: Option<String>,
}

/// Opens the dialog "Change role".
///
/// # Errors
/// 404 for somebody who is no member.
pub async fn choose_role(
    visitor: Visitor,
    supervisor: Supervisor<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let (person, _) = find(&visitor, &supervisor, path.into_inner().1).await?;
    let dialog = role_dialog(&supervisor, person, FieldErrors::default());
    show(&visitor, &supervisor, StatusCode::OK, &dialog).await
}

/// Gives a member another role.
///
/// # Errors
/// 404 for somebody who is no member, 403 above the visitor's own role; the last administrator
/// is answered with 422 and the reason.
pub async fn change_role(
    request: HttpRequest,
    visitor: Visitor,
    supervisor: Supervisor<Organization>,
    path: Path<(String, String)>,
    Submitted(form): Submitted<RoleForm>,
) -> Result<HttpResponse, AppError> {
    let (person, _) = find(&visitor, &supervisor, path.into_inner().1).await?;
    let mut errors = FieldErrors::default();
    let Some(role) = errors.check("role", form.role.parse::<Role>()) else {
        let dialog = role_dialog(&supervisor, person, errors);
        return show(&visitor, &supervisor, StatusCode::UNPROCESSABLE_ENTITY, &dialog).await;
    };
    let (proof, user_id, now) = (supervisor.clone(), person.user_id.clone(), visitor.now);
    let changed =
        visitor.state.db.write(move |tx| members::change_role(tx, &proof, &user_id, role, now)).await;
    match changed {
        Ok(person) => {
            let toast = Toast::ok(format!("{} has the role {role}.", person.name));
            let own_next = urls::organization(&supervisor.id, "users");
            show_changed(&request, &visitor, &supervisor, &person, toast, &own_next).await
        }
        Err(error @ MemberError::LastAdministrator) => {
            let dialog = RoleDialog {
                chosen: form.role,
                rejection: Some(error.to_string()),
                ..role_dialog(&supervisor, person, errors)
            };
            show(&visitor, &supervisor, StatusCode::UNPROCESSABLE_ENTITY, &dialog).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Asks before a member is removed, or says why that cannot be.
///
/// # Errors
/// 404 for somebody who is no member.
pub async fn confirm_removal(
    visitor: Visitor,
    supervisor: Supervisor<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let (person, is_last) = find(&visitor, &supervisor, path.into_inner().1).await?;
    let rejection = is_last.then(|| MemberError::LastAdministrator.to_string());
    let dialog = remove_dialog(&supervisor, person, rejection);
    show(&visitor, &supervisor, StatusCode::OK, &dialog).await
}

/// Removes a member.
///
/// # Errors
/// 404 for somebody who is no member, 403 above the visitor's own role; the last administrator
/// is answered with 422 and the reason.
pub async fn remove(
    request: HttpRequest,
    visitor: Visitor,
    supervisor: Supervisor<Organization>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let (person, _) = find(&visitor, &supervisor, path.into_inner().1).await?;
    let (proof, user_id, now) = (supervisor.clone(), person.user_id.clone(), visitor.now);
    match visitor.state.db.write(move |tx| members::remove(tx, &proof, &user_id, now)).await {
        Ok(person) => {
            let toast = Toast::ok(format!("{} no longer belongs to {}.", person.name, supervisor.name));
            show_changed(&request, &visitor, &supervisor, &person, toast, urls::ORGANIZATIONS).await
        }
        Err(error @ MemberError::LastAdministrator) => {
            let dialog = remove_dialog(&supervisor, person, Some(error.to_string()));
            show(&visitor, &supervisor, StatusCode::UNPROCESSABLE_ENTITY, &dialog).await
        }
        Err(error) => Err(error.into()),
    }
}

/// The member, and whether nobody else administers the organization.
async fn find(
    visitor: &Visitor,
    supervisor: &Supervisor<Organization>,
    user_id: String,
) -> Result<(Person, bool), AppError> {
    let proof = supervisor.clone();
    let found = visitor
        .state
        .db
        .read(move |connection| {
            let person = members::find(connection, &proof, &user_id)?;
            if person.role > proof.role() {
                return Err(MemberError::AboveYou);
            }
            let is_last = members::is_last_administrator(connection, &proof, &person)?;
            Ok((person, is_last))
        })
        .await?;
    Ok(found)
}

fn role_dialog(supervisor: &Supervisor<Organization>, person: Person, errors: FieldErrors) -> RoleDialog {
    RoleDialog {
        organization_id: supervisor.id.clone(),
        roles: Role::ALL.into_iter().filter(|role| *role <= supervisor.role()).collect(),
        chosen: person.role.as_str().to_owned(),
        person,
        errors,
        rejection: None,
    }
}

fn remove_dialog(
    supervisor: &Supervisor<Organization>,
    person: Person,
    rejection: Option<String>,
) -> RemoveDialog {
    RemoveDialog {
        organization_id: supervisor.id.clone(),
        organization: supervisor.name.clone(),
        person,
        rejection,
    }
}

async fn show(
    visitor: &Visitor,
    supervisor: &Supervisor<Organization>,
    status: StatusCode,
    dialog: &impl Template,
) -> Result<HttpResponse, AppError> {
    let tab = async |shell| UsersTab::load(visitor, supervisor, Selection::default(), shell).await;
    view::dialog(visitor, status, dialog, tab).await
}

/// Whoever changed themselves may no longer see this page as it is: they go to `own_next`.
async fn show_changed(
    request: &HttpRequest,
    visitor: &Visitor,
    supervisor: &Supervisor<Organization>,
    person: &Person,
    toast: Toast,
    own_next: &str,
) -> Result<HttpResponse, AppError> {
    let next = urls::organization(&supervisor.id, "users");
    if supervisor.actor().id() == Some(&person.user_id) {
        return view::go(visitor, Some(toast), own_next);
    }
    let selection = Selection::on_screen(request);
    let tab = async |shell| UsersTab::load(visitor, supervisor, selection, shell).await;
    view::changed(visitor, toast, &next, tab).await
}
