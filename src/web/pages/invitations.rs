//! Inviting: one dialog for one or many addresses, and what became of each.

mod addresses;
mod pending;
mod several;

pub use pending::{cancel, copy_link, resend};
pub use several::{cancel_several, select};

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::members::UsersScreen;
use crate::{
    config::SignUp,
    domain::{
        access::{Grant, ManageMembers, Role},
        email::EmailAddress,
        invitations::{self, InvitationError, InviteOutcome, MAX_AT_ONCE},
    },
    web::{
        error::AppError,
        filters,
        form::{FieldErrors, Submitted},
        form_id::FormId,
        shell::Toast,
        urls,
        visit::{Over, Submission, Visit},
    },
};
use addresses::Entry;

/// The role that the dialog invites for.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct InviteQuery {
    #[serde(default)]
    role: Option<String>,
}

/// "Invite Users" or "Invite Admins" as it was typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InviteForm {
    emails: String,
    role: String,
    form_id: FormId,
}

impl InviteForm {
    /// What was typed, piece by piece, and for which role, if it can be sent.
    fn parse(&self) -> Result<(Role, Vec<Entry>), FieldErrors> {
        let entries = addresses::split(&self.emails);
        let mut errors = FieldErrors::default();
        let role = errors.check("role", self.role.parse::<Role>().map_err(|_| "Choose a role."));
        if entries.len() > MAX_AT_ONCE {
            let number = entries.len();
            errors
                .add("emails", format!("You entered {number} emails. Send at most {MAX_AT_ONCE} at a time."));
        } else if entries.is_empty() {
            errors.add("emails", "Enter at least one email, such as name@example.com.");
        } else if !entries.iter().any(|entry| matches!(entry, Entry::Address(_))) {
            errors.add("emails", "None of these is a valid email. Enter one such as name@example.com.");
        }
        role.filter(|_| errors.is_empty()).map(|role| (role, entries)).ok_or(errors)
    }
}

/// The dialog "Invite Users" or "Invite Admins".
#[derive(Template)]
#[template(path = "invitations/new.html")]
struct InviteDialog {
    over: Over,
    /// The roles that the visitor may invite for.
    roles: &'static [Role],
    form: InviteForm,
    errors: FieldErrors,
    /// Whether an invitation creates the account of somebody who has none.
    creates_accounts: bool,
}

impl InviteDialog {
    fn description(&self) -> &'static str {
        if self.creates_accounts {
            "Each person gets an email with a link that expires in 7 days."
        } else {
            "Each person gets an email with a link that expires in 7 days. Sign-up is closed here, so only people \
             who already have an account can join."
        }
    }

    fn title(&self) -> &'static str {
        if self.form.role == Role::Administrator.as_str() { "Invite Admins" } else { "Invite Users" }
    }
}

/// The dialog that tells what became of each address.
#[derive(Template)]
#[template(path = "invitations/sent.html")]
struct SentDialog {
    over: Over,
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
            Ok(InviteOutcome::TooManyMails) => ("bad", "Email limit reached"),
            Err(NotSent) => ("bad", "Invalid email"),
        }
    }

    /// "3 sent · 1 already a member".
    fn summary(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        for words in ["Sent", "Already a member", "Already invited", "Email limit reached", "Invalid email"] {
            let number = self.outcomes.iter().filter(|(_, outcome)| Self::words(outcome).1 == words).count();
            if number > 0 {
                let words =
                    if words == "Invalid email" { "invalid".to_owned() } else { words.to_lowercase() };
                parts.push(format!("{number} {words}"));
            }
        }
        parts.join(" · ")
    }

    /// What is no address, line by line, ready to be corrected.
    fn to_correct(&self) -> String {
        let bad = self.outcomes.iter().filter(|(_, outcome)| outcome.is_err());
        bad.map(|(text, _)| text.as_str()).collect::<Vec<_>>().join("\n")
    }
}

/// Opens the dialog that invites.
pub async fn new(visit: Visit<Grant<ManageMembers>>) -> Result<HttpResponse, AppError> {
    let query: InviteQuery = visit.query()?;
    let role = query.role.as_deref().map_or(Ok(Role::User), str::parse);
    let role = role.map_err(|_| AppError::Unreadable("There is no such role.".to_owned()))?;
    must_reach(&visit.proof, role)?;
    let (role, form_id) = (role.as_str().to_owned(), FormId::new(visit.now));
    let form = InviteForm { role, form_id, ..InviteForm::default() };
    visit.dialog::<UsersScreen>(&dialog(&visit, form, FieldErrors::default())).await
}

/// Invites, and tells for each address what became of it.
pub async fn send(
    visit: Visit<Grant<ManageMembers>, Submitted<InviteForm>>,
) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let (role, entries) = match form.parse() {
        Ok(parsed) => parsed,
        Err(errors) => return visit.invalid::<UsersScreen>(&dialog(&visit, form, errors)).await,
    };
    must_reach(&visit.proof, role)?;
    let emails: Vec<EmailAddress> = entries.iter().filter_map(Entry::address).cloned().collect();
    let rules = visit.state.config.rules;
    let invited = visit
        .submit(&form.form_id, move |tx, grant, now| {
            invitations::invite(tx, grant, role, &emails, &rules, now)
        })
        .await?;
    match invited {
        Submission::Done(outcomes) => {
            visit.reveal::<UsersScreen>(&sent_dialog(&visit, role, entries, outcomes)).await
        }
        Submission::SentBefore => {
            let toast = Toast::bad("These invitations were already sent. Nothing was sent twice.");
            visit.go(Some(toast), &urls::organization(&visit.proof.id, "users"))
        }
        Submission::Stale => {
            let errors = FieldErrors::one("emails", "This form expired. Send again.");
            let form = InviteForm { form_id: FormId::new(visit.now), ..form };
            visit.invalid::<UsersScreen>(&dialog(&visit, form, errors)).await
        }
        Submission::Refused(error @ InvitationError::BudgetSpent(_)) => {
            let errors = FieldErrors::one("emails", error);
            visit.invalid::<UsersScreen>(&dialog(&visit, form, errors)).await
        }
        Submission::Refused(error) => Err(error.into()),
    }
}

/// Refuses a role that the visitor may not invite for.
fn must_reach(grant: &Grant<ManageMembers>, role: Role) -> Result<(), InvitationError> {
    if grant.reach().contains(&role) { Ok(()) } else { Err(InvitationError::AboveYou) }
}

fn dialog(visit: &Visit<Grant<ManageMembers>>, form: InviteForm, errors: FieldErrors) -> InviteDialog {
    let creates_accounts = visit.state.config.sign_up.value != SignUp::Closed;
    let (over, roles) = (visit.over::<UsersScreen>(), visit.proof.reach());
    InviteDialog { over, roles, form, errors, creates_accounts }
}

fn sent_dialog(
    visit: &Visit<Grant<ManageMembers>>,
    role: Role,
    entries: Vec<Entry>,
    outcomes: Vec<(EmailAddress, InviteOutcome)>,
) -> SentDialog {
    let mut outcomes = outcomes.into_iter().map(|(_, outcome)| outcome);
    let outcomes = entries
        .into_iter()
        .filter_map(|entry| match entry {
            Entry::Address(address) => Some((address.into(), Ok(outcomes.next()?))),
            Entry::NotAnAddress(text) => Some((text, Err(NotSent))),
        })
        .collect();
    SentDialog { over: visit.over::<UsersScreen>(), role, form_id: FormId::new(visit.now), outcomes }
}
