//! What is changed on the page of one organization: its name, the notes about it, and who is invited to administer it.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::organization::{OrganizationScreen, details};
use crate::{
    config::SignUp,
    domain::{
        access::Operator,
        email::EmailAddress,
        instance::{self, Administering, MAX_NOTES_LENGTH, Notes},
        invitations::{InvitationError, InviteOutcome},
        names::{MAX_NAME_LENGTH, Name},
    },
    web::{
        error::AppError,
        filters,
        form::{FieldErrors, Submitted},
        shell::Toast,
        shown::{self, Shown},
        urls,
        visit::{Over, Visit},
    },
};

/// The one field of each of these dialogs, as it was typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TextForm {
    text: String,
    /// Of what there is already.
    shown: Shown,
}

/// What the dialog changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Changed {
    Name,
    Notes,
    Administrators,
}

impl Changed {
    /// The last part of its address.
    fn verb(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Notes => "notes",
            Self::Administrators => "administrators",
        }
    }

    fn title(self, organization: &str) -> String {
        match self {
            Self::Name => format!("Rename “{organization}”"),
            Self::Notes => format!("Notes about “{organization}”"),
            Self::Administrators => format!("Invite an administrator of “{organization}”"),
        }
    }
}

/// The dialog.
#[derive(Template)]
#[template(path = "instance/change_organization.html")]
struct ChangeDialog {
    over: Over,
    changed: Changed,
    organization: String,
    form: TextForm,
    errors: FieldErrors,
    /// Whether an invitation creates the account of somebody who has none.
    creates_accounts: bool,
}

impl ChangeDialog {
    fn hint_of_email(&self) -> &'static str {
        if self.creates_accounts {
            "Gets an invitation to administer this organization."
        } else {
            "Gets an invitation to administer this organization. Sign-up is closed here, so only someone who already \
             has an account can accept it."
        }
    }

    fn action(&self) -> String {
        self.over.action(urls::with_instance_organization(&self.over.organization_id, self.changed.verb()))
    }
}

/// Asks for another name.
pub async fn ask_for_name(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let text = details(&visit).await?.row.organization.name;
    let shown = Shown::of(&text);
    show(&visit, Changed::Name, TextForm { text, shown }).await
}

/// Gives the organization another name.
pub async fn rename(visit: Visit<Operator, Submitted<TextForm>>) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let name = match Name::parse(&form.text, MAX_NAME_LENGTH) {
        Ok(name) => name,
        Err(error) => return refuse(&visit, Changed::Name, form, error).await,
    };
    let (id, seen) = (visit.path("organization"), form.shown.clone());
    let renamed = visit.change(move |tx, operator, now| {
        let before = instance::find_row(tx.connection(), operator, &id)?.organization.name;
        if !seen.fits(&before, &name.as_str()) {
            return Ok(None);
        }
        instance::rename_organization(tx, operator, (&id, &name), now).map(Some)
    });
    let Some(renamed) = renamed.await?? else {
        let shown = Shown::of(&details(&visit).await?.row.organization.name);
        return changed_meanwhile(&visit, Changed::Name, TextForm { shown, ..form }).await;
    };
    visit.changed::<OrganizationScreen>(Toast::ok(format!("Renamed to “{}”", renamed.name))).await
}

/// Asks for other notes.
pub async fn ask_for_notes(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let notes = details(&visit).await?.row.notes;
    let shown = Shown::of(&notes);
    show(&visit, Changed::Notes, TextForm { text: notes.unwrap_or_default(), shown }).await
}

/// Writes other notes.
pub async fn save_notes(visit: Visit<Operator, Submitted<TextForm>>) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let notes = match Notes::parse(&form.text) {
        Ok(notes) => notes,
        Err(error) => return refuse(&visit, Changed::Notes, form, error).await,
    };
    let (id, seen) = (visit.path("organization"), form.shown.clone());
    let saved = visit.change(move |tx, operator, now| {
        let before = instance::find_row(tx.connection(), operator, &id)?.notes;
        if !seen.fits(&before, &notes.as_ref().map(Notes::as_str)) {
            return Ok(None);
        }
        instance::change_notes(tx, operator, (&id, notes.as_ref()), now).map(Some)
    });
    if saved.await??.is_none() {
        let shown = Shown::of(&details(&visit).await?.row.notes);
        return changed_meanwhile(&visit, Changed::Notes, TextForm { shown, ..form }).await;
    }
    visit.changed::<OrganizationScreen>(Toast::ok("Notes saved")).await
}

/// Asks who is to administer the organization.
pub async fn ask_for_administrator(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    show(&visit, Changed::Administrators, TextForm::default()).await
}

/// Invites an administrator.
pub async fn invite_administrator(
    visit: Visit<Operator, Submitted<TextForm>>,
) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let email = match EmailAddress::parse(&form.text) {
        Ok(email) => email,
        Err(error) => return refuse(&visit, Changed::Administrators, form, error).await,
    };
    let (id, rules, to) = (visit.path("organization"), visit.state.config.rules, email.clone());
    let invited = visit.change(move |tx, operator, now| {
        instance::invite_administrator(tx, operator, (&id, &to), &rules, now)
    });
    let said = match invited.await? {
        Ok(Administering::Promoted) => format!("{email} is an administrator now"),
        Ok(Administering::Invited(InviteOutcome::Sent(_))) => format!("Invitation sent to {email}"),
        Ok(Administering::Invited(InviteOutcome::AlreadyMember)) => {
            format!("{email} is already an administrator")
        }
        Ok(Administering::Invited(InviteOutcome::AlreadyInvited(_))) => {
            format!("{email} is already invited")
        }
        Ok(Administering::Invited(InviteOutcome::TooManyMails)) => {
            return refuse(&visit, Changed::Administrators, form, InvitationError::TooManyMails).await;
        }
        Err(
            error @ (InvitationError::TooManyMails
            | InvitationError::Deactivated
            | InvitationError::Full(_)
            | InvitationError::BudgetSpent(_)),
        ) => {
            return refuse(&visit, Changed::Administrators, form, error).await;
        }
        Err(error) => return Err(error.into()),
    };
    visit.changed::<OrganizationScreen>(Toast::ok(said)).await
}

async fn show(visit: &Visit<Operator>, changed: Changed, form: TextForm) -> Result<HttpResponse, AppError> {
    let dialog = dialog(visit, changed, form, FieldErrors::default()).await?;
    visit.dialog::<OrganizationScreen>(&dialog).await
}

async fn refuse(
    visit: &Visit<Operator>,
    changed: Changed,
    form: TextForm,
    error: impl ToString,
) -> Result<HttpResponse, AppError> {
    let dialog = dialog(visit, changed, form, FieldErrors::one("text", error)).await?;
    visit.invalid::<OrganizationScreen>(&dialog).await
}

async fn changed_meanwhile(
    visit: &Visit<Operator>,
    changed: Changed,
    form: TextForm,
) -> Result<HttpResponse, AppError> {
    let dialog = dialog(visit, changed, form, FieldErrors::one(shown::FIELD, shown::CHANGED)).await?;
    visit.invalid::<OrganizationScreen>(&dialog).await
}

async fn dialog(
    visit: &Visit<Operator>,
    changed: Changed,
    form: TextForm,
    errors: FieldErrors,
) -> Result<ChangeDialog, AppError> {
    let (over, organization) = (visit.over::<OrganizationScreen>(), details(visit).await?.row.organization);
    if organization.is_removed() && changed != Changed::Notes {
        return Err(AppError::NotFound);
    }
    let creates_accounts = visit.state.config.sign_up.value != SignUp::Closed;
    Ok(ChangeDialog { over, changed, organization: organization.name, form, errors, creates_accounts })
}
