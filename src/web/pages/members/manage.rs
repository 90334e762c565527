//! What supervisors and administrators do with one member: another role, or none.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::{UsersScreen, role_change};
use crate::{
    domain::{
        access::{Grant, ManageMembers, ManageTokens, Role},
        invitations::{self, Invitation},
        master_tokens::{self, MasterToken},
        member_changes::{self, Changed},
        members::{self, MemberError, Person},
    },
    web::{
        error::AppError,
        filters,
        form::{FieldErrors, Submitted},
        shell::Toast,
        urls,
        visit::{Over, Visit},
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
    over: Over,
    person: Person,
    going: Going,
    /// The roles that the visitor may give.
    roles: &'static [Role],
    chosen: String,
    errors: FieldErrors,
    rejection: Option<String>,
}

impl RoleDialog {
    /// What changes for the person with this role.
    fn about(&self, role: &Role) -> String {
        role_change::words(self.person.role, *role, &self.going.invitations)
    }
}

/// The dialog that asks before a member is removed.
#[derive(Template)]
#[template(path = "members/remove.html")]
struct RemoveMemberDialog {
    over: Over,
    organization: String,
    person: Person,
    going: Going,
    rejection: Option<String>,
}

/// What goes with a membership, in whole or with a lower role in part, and what does not.
#[derive(Clone, Default)]
struct Going {
    /// Pending ones that the person sent.
    invitations: Vec<Invitation>,
    /// Master tokens whose secrets the person was shown. They go on working.
    tokens: Vec<MasterToken>,
}

/// Opens the dialog "Change role".
pub async fn choose_role(visit: Visit<Grant<ManageMembers>>) -> Result<HttpResponse, AppError> {
    let (person, going, _) = find(&visit).await?;
    visit.dialog::<UsersScreen>(&role_dialog(&visit, person, going, FieldErrors::default())).await
}

/// Gives a member another role. The last administrator is answered with 422 and the reason.
pub async fn change_role(
    visit: Visit<Grant<ManageMembers>, Submitted<RoleForm>>,
) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let (person, going, _) = find(&visit).await?;
    let mut errors = FieldErrors::default();
    let role = form.role.parse::<Role>().map_err(|_| "Choose a role.");
    let Some(role) = errors.check("role", role) else {
        return visit.invalid::<UsersScreen>(&role_dialog(&visit, person, going, errors)).await;
    };
    let user_id = person.user_id.clone();
    match visit
        .change(move |tx, grant, now| member_changes::change_role(tx, grant, &user_id, role, now))
        .await?
    {
        Ok(Changed { person, canceled }) => {
            let toast =
                Toast::ok(with_canceled(format!("Role of {} changed to {role}", person.name), &canceled));
            changed(&visit, &person, toast, &urls::organization(&visit.proof.id, "users")).await
        }
        Err(error @ MemberError::LastAdministrator) => {
            let dialog = RoleDialog {
                chosen: form.role,
                rejection: Some(error.to_string()),
                ..role_dialog(&visit, person, going, errors)
            };
            visit.invalid::<UsersScreen>(&dialog).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Asks before a member is removed, or says why that cannot be.
pub async fn confirm_removal(visit: Visit<Grant<ManageMembers>>) -> Result<HttpResponse, AppError> {
    let (person, going, is_last) = find(&visit).await?;
    let rejection = is_last.then(|| MemberError::LastAdministrator.to_string());
    visit.dialog::<UsersScreen>(&remove_dialog(&visit, person, going, rejection)).await
}

/// Removes a member. The last administrator is answered with 422 and the reason.
pub async fn remove(visit: Visit<Grant<ManageMembers>>) -> Result<HttpResponse, AppError> {
    let (person, going, _) = find(&visit).await?;
    let user_id = person.user_id.clone();
    match visit.change(move |tx, grant, now| member_changes::remove(tx, grant, &user_id, now)).await? {
        Ok(Changed { person, canceled }) => {
            let words = format!("{} removed from {}", person.name, visit.proof.name);
            let toast = Toast::ok(with_canceled(words, &canceled));
            changed(&visit, &person, toast, urls::ORGANIZATIONS).await
        }
        Err(error @ MemberError::LastAdministrator) => {
            let dialog = remove_dialog(&visit, person, going, Some(error.to_string()));
            visit.invalid::<UsersScreen>(&dialog).await
        }
        Err(error) => Err(error.into()),
    }
}

/// The member, what goes with them, and whether nobody else administers the organization.
async fn find(visit: &Visit<Grant<ManageMembers>>) -> Result<(Person, Going, bool), AppError> {
    let user_id = visit.path("user");
    let found = visit.read(move |connection, grant| {
        let person = members::find(connection, grant, &user_id)?;
        if !grant.reach().contains(&person.role) {
            return Err(MemberError::AboveYou);
        }
        // Whoever removes somebody else stays; whoever removes themselves need not be told what they know.
        let is_own = grant.actor().id() == Some(&person.user_id);
        let is_last = is_own && members::is_last_administrator(connection, grant, &person)?;
        let tokens = match grant.grant::<ManageTokens>() {
            Ok(grant) if !is_own => master_tokens::shown_to(connection, &grant, &user_id)?,
            _ => Vec::new(),
        };
        let invitations = invitations::beyond(connection, grant, &user_id, None)?;
        Ok((person, Going { invitations, tokens }, is_last))
    });
    found.await
}

fn role_dialog(
    visit: &Visit<Grant<ManageMembers>>,
    person: Person,
    going: Going,
    errors: FieldErrors,
) -> RoleDialog {
    RoleDialog {
        over: visit.over::<UsersScreen>(),
        roles: visit.proof.reach(),
        chosen: person.role.as_str().to_owned(),
        person,
        going,
        errors,
        rejection: None,
    }
}

fn remove_dialog(
    visit: &Visit<Grant<ManageMembers>>,
    person: Person,
    going: Going,
    rejection: Option<String>,
) -> RemoveMemberDialog {
    let organization = visit.proof.name.clone();
    RemoveMemberDialog { over: visit.over::<UsersScreen>(), organization, person, going, rejection }
}

fn with_canceled(words: String, canceled: &[Invitation]) -> String {
    match canceled.len() {
        0 => words,
        1 => format!("{words}. 1 invitation canceled."),
        number => format!("{words}. {number} invitations canceled."),
    }
}

/// Whoever changed themselves may no longer see this page as it is: they go to `own_next`.
async fn changed(
    visit: &Visit<Grant<ManageMembers>>,
    person: &Person,
    toast: Toast,
    own_next: &str,
) -> Result<HttpResponse, AppError> {
    if visit.proof.actor().id() == Some(&person.user_id) {
        return visit.go(Some(toast), own_next);
    }
    visit.changed::<UsersScreen>(toast).await
}
