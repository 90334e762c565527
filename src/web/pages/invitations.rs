//! Inviting: one dialog for one or many addresses, and what became of each.

mod addresses;
mod pending;

pub use pending::{cancel, copy_link, resend};

use actix_web::{HttpResponse, http::StatusCode, web::Query};
use askama::Template;
use serde::Deserialize;

use super::members::{Selection, UsersTab};
use crate::{
    domain::{
        access::{Role, Supervisor},
        email::EmailAddress,
        forms::{FormError, FormId},
        invitations::{self, InvitationError, InviteOutcome, Inviter, MAX_AT_ONCE},
        organizations::Organization,
    },
    web::{
        error::AppError,
        extract::{CurrentUser, Visitor},
        form::{FieldErrors, Submitted},
        shell::Toast,
        urls, view,
    },
};
use addresses::Entry;

/// The role that the dialog invites for.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct InviteQuery {
    #[serde(default)]
    role: Option<String>,
}

/// "Invite Users" as it was typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InviteForm {
    emails: String,
    role: String,
    form_id: String,
}

impl InviteForm {
    /// What was typed, piece by piece, if it can be sent.
    fn parse(&self) -> Result<Vec<Entry>, FieldErrors> {
        let entries = addresses::split(&self.emails);
        let mut errors = FieldErrors::default();
        if entries.len() > MAX_AT_ONCE {
            let number = entries.len();
            errors.add(
                "emails",
                format!("These are {number} addresses. Send {MAX_AT_ONCE} at most in one go."),
            );
        } else if entries.is_empty() {
            errors.add("emails", "Enter at least one address, such as name@example.com.");
        } else if !entries.iter().any(|entry| matches!(entry, Entry::Address(_))) {
            errors.add("emails", "None of these is an address. Enter some such as name@example.com.");
        }
        if errors.is_empty() { Ok(entries) } else { Err(errors) }
    }
}

/// The dialog "Invite Users" or "Invite Admins".
#[derive(Template)]
#[template(path = "invitations/new.html")]
struct InviteDialog {
    organization_id: String,
    role: Role,
    form: InviteForm,
    errors: FieldErrors,
}

impl InviteDialog {
    fn title(&self) -> &'static str {
        match self.role {
            Role::Administrator => "Invite Admins",
            Role::Supervisor => "Invite Supervisors",
            Role::User => "Invite Users",
        }
    }

    fn description(&self) -> String {
        format!(
            "They will be able to {}. Each address receives a link that works once and expires after 7 days.",
            self.role.abilities()
        )
    }
}

/// The dialog that tells what became of each address.
#[derive(Template)]
#[template(path = "invitations/sent.html")]
struct SentDialog {
    organization_id: String,
    role: Role,
    form_id: FormId,
    outcomes: Vec<(String, Result<InviteOutcome, NotSent>)>,
}

/// The piece is no address.
struct NotSent;

impl SentDialog {
    fn words(outcome: &Result<InviteOutcome, NotSent>) -> (&'static str, &'static str) {
        match outcome {
            Ok(InviteOutcome::Sent(_)) => ("ok", "Sent"),
            Ok(InviteOutcome::AlreadyMember) => ("off", "Already a member"),
            Ok(InviteOutcome::AlreadyInvited(_)) => ("off", "Already invited"),
            Err(NotSent) => ("bad", "Not an address"),
        }
    }

    /// "3 sent, 1 already a member".
    fn summary(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        for words in ["Sent", "Already a member", "Already invited", "Not an address"] {
            let number = self.outcomes.iter().filter(|(_, outcome)| Self::words(outcome).1 == words).count();
            if number > 0 {
                parts.push(format!("{number} {}", words.to_lowercase()));
            }
        }
        parts.join(", ")
    }

    /// What is no address, line by line, ready to be corrected.
    fn to_correct(&self) -> String {
        let bad = self.outcomes.iter().filter(|(_, outcome)| outcome.is_err());
        bad.map(|(text, _)| text.as_str()).collect::<Vec<_>>().join("\n")
    }
}

/// Opens the dialog that invites.
///
/// # Errors
/// 403 for a role above the visitor's own.
pub async fn new(
    visitor: Visitor,
    supervisor: Supervisor<Organization>,
    query: Query<InviteQuery>,
) -> Result<HttpResponse, AppError> {
    let role = query.into_inner().role.unwrap_or_else(|| Role::User.as_str().to_owned());
    let form = InviteForm { role, form_id: fresh_id(&visitor), ..InviteForm::default() };
    let role = offered(&supervisor, &form.role)?;
    show_form(&visitor, &supervisor, role, form, FieldErrors::default(), StatusCode::OK).await
}

/// Invites, and tells for each address what became of it.
///
/// # Errors
/// 403 for a role above the visitor's own; what can be corrected is answered with 422 and the form.
pub async fn send(
    current: CurrentUser,
    supervisor: Supervisor<Organization>,
    Submitted(form): Submitted<InviteForm>,
) -> Result<HttpResponse, AppError> {
    let CurrentUser { visitor, user, .. } = current;
    let role = offered(&supervisor, &form.role)?;
    let entries = match form.parse() {
        Ok(entries) => entries,
        Err(errors) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return show_form(&visitor, &supervisor, role, form, errors, status).await;
        }
    };
    let emails: Vec<EmailAddress> = entries.iter().filter_map(Entry::address).cloned().collect();
    let (proof, form_id, now) = (supervisor.clone(), FormId::from_form(form.form_id.clone()), visitor.now);
    let inviter = Inviter::from(&user);
    let invited = visitor
        .state
        .db
        .write(move |tx| invitations::invite(tx, &proof, &inviter, role, &emails, &form_id, now))
        .await;
    match invited {
        Ok(outcomes) => {
            visitor.state.mail_queued.notify_one();
            show_outcomes(&visitor, &supervisor, role, entries, outcomes).await
        }
        Err(InvitationError::Form(FormError::AlreadySent)) => {
            let toast = Toast::bad("These invitations were sent before. Nothing was sent twice.");
            view::go(&visitor, Some(toast), &urls::organization(&supervisor.id, "users"))
        }
        Err(InvitationError::Form(FormError::Stale)) => {
            let mut errors = FieldErrors::default();
            errors.add("emails", "This form was open for too long. Send it again.");
            let form = InviteForm { form_id: fresh_id(&visitor), ..form };
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            show_form(&visitor, &supervisor, role, form, errors, status).await
        }
        Err(error) => Err(error.into()),
    }
}

/// A role that the visitor may invite for.
fn offered(supervisor: &Supervisor<Organization>, role: &str) -> Result<Role, AppError> {
    match role.parse::<Role>() {
        Ok(role) if role > supervisor.role() => Err(AppError::Forbidden(role)),
        Ok(role) => Ok(role),
        Err(error) => Err(AppError::Unreadable(error.to_string())),
    }
}

fn fresh_id(visitor: &Visitor) -> String {
    FormId::new(visitor.now).as_str().to_owned()
}

async fn show_form(
    visitor: &Visitor,
    supervisor: &Supervisor<Organization>,
    role: Role,
    form: InviteForm,
    errors: FieldErrors,
    status: StatusCode,
) -> Result<HttpResponse, AppError> {
    let dialog = InviteDialog { organization_id: supervisor.id.clone(), role, form, errors };
    let tab = async |shell| UsersTab::load(visitor, supervisor, Selection::default(), shell).await;
    view::dialog(visitor, status, &dialog, tab).await
}

async fn show_outcomes(
    visitor: &Visitor,
    supervisor: &Supervisor<Organization>,
    role: Role,
    entries: Vec<Entry>,
    outcomes: Vec<(EmailAddress, InviteOutcome)>,
) -> Result<HttpResponse, AppError> {
    let mut outcomes = outcomes.into_iter().map(|(_, outcome)| outcome);
    let outcomes = entries
        .into_iter()
        .filter_map(|entry| match entry {
            Entry::Address(address) => Some((address.into(), Ok(outcomes.next()?))),
            Entry::NotAnAddress(text) => Some((text, Err(NotSent))),
        })
        .collect();
    let dialog = SentDialog {
        organization_id: supervisor.id.clone(),
        role,
        form_id: FormId::new(visitor.now),
        outcomes,
    };
    let tab = async |shell| UsersTab::load(visitor, supervisor, Selection::default(), shell).await;
    view::reveal(visitor, &dialog, tab).await
}
