//! The page of one organization for those who operate the instance: what it has and how much it is used, whether it is
//! suspended, and nothing of what is in it.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::{Frame, Tab};
use crate::{
    clock::Timestamp,
    domain::{
        access::Operator,
        instance::{self, InstanceError, MAX_REASON_LENGTH, OrganizationDetails},
        names::{Name, NameError},
        usage,
    },
    page,
    web::{
        chart::Bars,
        error::AppError,
        form::{FieldErrors, Submitted},
        pages::stops::with_receipt,
        shell::{Shell, Toast},
        urls,
        view::{self, Page},
        visit::{Behind, Over, Visit, Visitor},
    },
};

/// Days in the chart.
const DAYS_SHOWN: i32 = 30;

/// `GET /instance/organizations/{organization}`.
#[derive(Template)]
#[template(path = "instance/organization.html", blocks = ["title", "content", "tabs", "panel"])]
struct OrganizationPage {
    shell: Shell,
    frame: Frame,
    now: Timestamp,
    details: OrganizationDetails,
    bars: Bars,
    /// The chart has days, as its table says.
    is_hourly: bool,
}

page!(OrganizationPage);

impl OrganizationPage {
    async fn load(
        visitor: &Visitor,
        operator: &Operator,
        id: String,
        shell: Shell,
    ) -> Result<Self, AppError> {
        visitor.state.count_usage(&id).await;
        let (operator, now) = (operator.clone(), visitor.now);
        let page = visitor.state.db.read(move |connection| {
            let details = instance::find_organization(connection, &operator, &id)?;
            let days = usage::days_of_organization(connection, &operator, (&id, DAYS_SHOWN), now)?;
            let thing = Some(details.row.organization.name.clone());
            Ok::<_, InstanceError>(Self {
                shell,
                frame: Frame { thing, ..Frame::of(Tab::Organizations) },
                now,
                bars: Bars::of(&days),
                details,
                is_hourly: false,
            })
        });
        Ok(page.await?)
    }

    fn url(&self, verb: &str) -> String {
        urls::with_instance_organization(&self.details.row.organization.id, verb)
    }
}

/// The page of the organization in the address.
struct OrganizationScreen;

impl Behind for OrganizationScreen {
    type Proof = Operator;

    async fn page(visitor: &Visitor, operator: &Operator, shell: Shell) -> Result<Box<dyn Page>, AppError> {
        Ok(Box::new(OrganizationPage::load(visitor, operator, visitor.path("organization"), shell).await?))
    }

    fn address(visitor: &Visitor, _: &Operator) -> String {
        urls::instance_organization(&visitor.path("organization"))
    }
}

/// The dialog that asks why an organization is to be suspended.
#[derive(Template)]
#[template(path = "instance/suspend.html")]
struct SuspendDialog {
    over: Over,
    organization: String,
    form: SuspendForm,
    errors: FieldErrors,
}

/// Why an organization is suspended, as it was typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SuspendForm {
    reason: String,
}

impl SuspendForm {
    fn parse(&self) -> Result<Name, &'static str> {
        Name::parse_text(&self.reason, MAX_REASON_LENGTH).map_err(|error| match error {
            NameError::Empty => "Enter a reason.",
            NameError::TooLong { .. } => "Use at most 300 characters.",
            NameError::Unprintable | NameError::Link => {
                "Use only letters, digits, spaces and common symbols."
            }
        })
    }
}

/// Shows the page.
pub async fn show(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let id = visit.path("organization");
    view::show(&OrganizationPage::load(&visit, &visit.proof, id, visit.shell()).await?)
}

/// Asks why.
pub async fn confirm_suspension(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let dialog = suspend_dialog(&visit, SuspendForm::default(), FieldErrors::default()).await?;
    visit.dialog::<OrganizationScreen>(&dialog).await
}

/// Suspends the organization; without a reason it is asked for once more, with 422.
pub async fn suspend(visit: Visit<Operator, Submitted<SuspendForm>>) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let mut errors = FieldErrors::default();
    let Some(reason) = errors.check("reason", form.parse()) else {
        let dialog = suspend_dialog(&visit, form, errors).await?;
        return visit.invalid::<OrganizationScreen>(&dialog).await;
    };
    let id = visit.path("organization");
    let suspended = visit
        .change(move |tx, operator, now| instance::suspend_organization(tx, operator, (&id, &reason), now))
        .await??;
    let toast = Toast::ok(with_receipt(&visit, format!("“{}” suspended", suspended.name)).await);
    visit.changed::<OrganizationScreen>(toast).await
}

/// Ends the suspension.
pub async fn resume(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let id = visit.path("organization");
    let resumed = visit
        .change(move |tx, operator, now| instance::resume_organization(tx, operator, &id, now))
        .await??;
    visit.changed::<OrganizationScreen>(Toast::ok(format!("“{}” resumed", resumed.name))).await
}

async fn suspend_dialog(
    visit: &Visit<Operator>,
    form: SuspendForm,
    errors: FieldErrors,
) -> Result<SuspendDialog, AppError> {
    let id = visit.path("organization");
    let details = visit
        .read(move |connection, operator| instance::find_organization(connection, operator, &id))
        .await?;
    let over = visit.over::<OrganizationScreen>();
    Ok(SuspendDialog { over, organization: details.row.organization.name, form, errors })
}
