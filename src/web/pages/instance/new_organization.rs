//! The dialog "New organization": one that is made for a customer.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::organizations::OrganizationsScreen;
use crate::{
    config::SignUp,
    domain::{
        access::Operator,
        email::EmailAddress,
        instance::{self, FirstPlan, NewCustomer},
        invitations::InvitationError,
        names::{MAX_NAME_LENGTH, Name},
        plans::Plan,
    },
    web::{
        error::AppError,
        filters,
        form::{FieldErrors, Submitted},
        form_id::FormId,
        shell::Toast,
        urls,
        visit::{Behind, Over, Submission, Visit},
    },
};

/// An organization as it was typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NewOrganizationForm {
    form_id: FormId,
    name: String,
    /// The id of its plan; empty for none.
    plan: String,
    /// The email of its first administrator; empty for none.
    email: String,
}

impl NewOrganizationForm {
    fn parse(&self) -> Result<NewCustomer, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = errors.check("name", Name::parse(&self.name, MAX_NAME_LENGTH));
        let administrator = match self.email.trim() {
            "" => Some(None),
            email => errors.check("email", EmailAddress::parse(email)).map(Some),
        };
        let plan = match self.plan.as_str() {
            "" => FirstPlan::None,
            id => FirstPlan::Plan(id.to_owned()),
        };
        match (name, administrator) {
            (Some(name), Some(administrator)) => Ok(NewCustomer { name, plan, administrator }),
            _ => Err(errors),
        }
    }
}

/// The dialog.
#[derive(Template)]
#[template(path = "instance/new_organization.html")]
struct NewOrganizationDialog {
    over: Over,
    plans: Vec<Plan>,
    form: NewOrganizationForm,
    errors: FieldErrors,
    /// Whether an invitation creates the account of somebody who has none.
    creates_accounts: bool,
}

impl NewOrganizationDialog {
    fn of(visit: &Visit<Operator>, plans: Vec<Plan>, form: NewOrganizationForm, errors: FieldErrors) -> Self {
        let creates_accounts = visit.state.config.sign_up.value != SignUp::Closed;
        Self { over: visit.over::<OrganizationsScreen>(), plans, form, errors, creates_accounts }
    }

    fn hint_of_email(&self) -> &'static str {
        if self.creates_accounts {
            "Gets an invitation. You can also invite someone later."
        } else {
            "Gets an invitation. Sign-up is closed here, so only someone who already has an account can accept it."
        }
    }
}

/// Opens the dialog.
pub async fn new(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let plans = visit.read(|connection, operator| instance::plans(connection, operator)).await?;
    let default = plans.iter().find(|plan| plan.is_default).map(|plan| plan.id.clone());
    let form = NewOrganizationForm {
        form_id: FormId::new(visit.now),
        plan: default.unwrap_or_default(),
        ..NewOrganizationForm::default()
    };
    let dialog = NewOrganizationDialog::of(&visit, plans, form, FieldErrors::default());
    visit.dialog::<OrganizationsScreen>(&dialog).await
}

/// Creates the organization.
pub async fn create(
    visit: Visit<Operator, Submitted<NewOrganizationForm>>,
) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let wanted = match form.parse() {
        Ok(wanted) => wanted,
        Err(errors) => return refuse(&visit, form, errors).await,
    };
    let (rules, invited) = (visit.state.config.rules, wanted.administrator.clone());
    let created = visit.submit(&form.form_id, move |tx, operator, now| {
        instance::create_organization(tx, operator, &wanted, &rules, now)
    });
    match created.await? {
        Submission::Done(organization) => {
            let said = match invited {
                Some(email) => format!("“{}” created. {email} is invited", organization.name),
                None => format!("“{}” created", organization.name),
            };
            visit.go(Some(Toast::ok(said)), &urls::instance_organization(&organization.id))
        }
        Submission::SentBefore => {
            let toast = Toast::bad("This organization was already created");
            visit.go(Some(toast), &OrganizationsScreen::address(&visit, &visit.proof))
        }
        Submission::Stale => {
            let form = NewOrganizationForm { form_id: FormId::new(visit.now), ..form };
            refuse(&visit, form, FieldErrors::one("name", "This form expired. Save again.")).await
        }
        Submission::Refused(InvitationError::NotFound) => {
            let error = "This plan was removed. Choose another one.";
            refuse(&visit, form, FieldErrors::one("plan", error)).await
        }
        Submission::Refused(error @ InvitationError::TooManyMails) => {
            refuse(&visit, form, FieldErrors::one("email", error)).await
        }
        Submission::Refused(error) => Err(error.into()),
    }
}

async fn refuse(
    visit: &Visit<Operator>,
    form: NewOrganizationForm,
    errors: FieldErrors,
) -> Result<HttpResponse, AppError> {
    let plans = visit.read(|connection, operator| instance::plans(connection, operator)).await?;
    let dialog = NewOrganizationDialog::of(visit, plans, form, errors);
    visit.invalid::<OrganizationsScreen>(&dialog).await
}
