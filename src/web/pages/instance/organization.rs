//! The page of one organization for those who operate the instance: what it has and how much it is used, whether it is
//! suspended, and nothing of what is in it.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::{
    Frame, Tab,
    plan_form::{PlanForm, values_of_organization},
    plan_use::{self, Limit},
};
use crate::{
    clock::Timestamp,
    domain::{
        access::Operator,
        instance::{self, InstanceError, OrganizationDetails},
        invitations::Pending,
        managed::RESTORABLE_FOR,
        organization::Organization,
        outbox::MailState,
        plans::{self, Override, Plan, PlanError},
        usage,
    },
    page,
    web::{
        chart::Bars,
        display,
        error::AppError,
        filters,
        form::{FieldErrors, Submitted},
        pages::{plan_words::limits, stops::with_receipt},
        shell::{Shell, Toast},
        shown::{self, Shown},
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
    /// How much of its plan it uses.
    limits: Vec<Limit>,
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
            let details = instance::find_organization(connection, &operator, &id, now)?;
            let days = usage::days_of_organization(connection, &operator, (&id, DAYS_SHOWN), now)?;
            let thing = Some(details.row.organization.name.clone());
            Ok::<_, InstanceError>(Self {
                shell,
                frame: Frame { thing, ..Frame::of(Tab::Organizations) },
                now,
                limits: plan_use::of(&details, &days),
                bars: Bars::of(&days),
                details,
                is_hourly: false,
            })
        });
        Ok(page.await?)
    }

    /// What of the plan is replaced, where that has not ended.
    fn exceptions(&self) -> Option<String> {
        let instead = self.details.instead.as_ref();
        let lasts = |instead: &&Override| instead.ends_at.is_none_or(|end| self.now < end);
        instead.filter(lasts).map(|instead| limits(&instead.ceilings))
    }

    fn used_this_month(&self) -> String {
        display::thousands(&i64::try_from(self.details.used_this_month).unwrap_or(i64::MAX))
    }

    /// Until when it can be restored, if it is removed.
    fn restorable_until(&self) -> Option<Timestamp> {
        self.details.row.organization.removed_at.map(|at| at + RESTORABLE_FOR)
    }

    fn url(&self, verb: &str) -> String {
        urls::with_instance_organization(&self.details.row.organization.id, verb)
    }

    fn invitation_url(&self, invitation_id: &str, verb: &str) -> String {
        self.url(&format!("invitations/{invitation_id}/{verb}"))
    }

    /// Whether the last email of an invitation did not arrive.
    fn has_failed(pending: &Pending) -> bool {
        pending.mail.as_ref().is_some_and(|mail| mail.state == MailState::Failed)
    }
}

/// The page of the organization in the address.
pub(super) struct OrganizationScreen;

impl Behind for OrganizationScreen {
    type Proof = Operator;

    async fn page(visitor: &Visitor, operator: &Operator, shell: Shell) -> Result<Box<dyn Page>, AppError> {
        Ok(Box::new(OrganizationPage::load(visitor, operator, visitor.path("organization"), shell).await?))
    }

    fn address(visitor: &Visitor, _: &Operator) -> String {
        urls::instance_organization(&visitor.path("organization"))
    }
}

/// The dialog in which the plan of an organization is chosen.
#[derive(Template)]
#[template(path = "instance/change_plan.html")]
struct ChangePlanDialog {
    over: Over,
    organization: String,
    plans: Vec<Plan>,
    form: PlanForm,
    errors: FieldErrors,
}

impl ChangePlanDialog {
    /// Whether the exceptions are open: there are some, or one of their fields needs a change.
    fn has_exceptions(&self) -> bool {
        let form = &self.form;
        let texts = [
            &form.rate_count,
            &form.monthly_quota,
            &form.max_active_keys,
            &form.max_members,
            &form.max_lifetime_days,
            &form.scopes,
            &form.until,
        ];
        texts.iter().any(|text| !text.trim().is_empty())
    }
}

/// The dialog that asks before an organization is removed.
#[derive(Template)]
#[template(path = "instance/remove_organization.html")]
struct RemoveDialog {
    over: Over,
    organization: Organization,
}

/// The dialog that asks why an organization is to be suspended.
#[derive(Template)]
#[template(path = "instance/suspend.html")]
struct SuspendDialog {
    over: Over,
    organization: Organization,
    form: SuspendForm,
    errors: FieldErrors,
}

impl SuspendDialog {
    fn title(&self) -> String {
        let name = &self.organization.name;
        if self.organization.is_suspended() {
            format!("Why “{name}” is suspended")
        } else {
            format!("Suspend “{name}”?")
        }
    }
}

/// Why an organization is suspended, as it was typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SuspendForm {
    reason: String,
    shown: Shown,
}

/// Shows the page.
pub async fn show(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let id = visit.path("organization");
    view::show(&OrganizationPage::load(&visit, &visit.proof, id, visit.shell()).await?)
}

/// Opens the dialog "Change plan".
pub async fn choose_plan(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let details = details(&visit).await?;
    let form = PlanForm::of_organization(details.plan.as_ref(), details.instead.as_ref(), visit.now);
    let dialog = plan_dialog(&visit, details, form, FieldErrors::default()).await?;
    visit.dialog::<OrganizationScreen>(&dialog).await
}

/// Puts the organization on a plan.
pub async fn change_plan(visit: Visit<Operator, Submitted<PlanForm>>) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let (id, before) = (visit.path("organization"), details(&visit).await?.instead);
    let instead = match form.parse_override(before.as_ref(), visit.now) {
        Ok(instead) if form.plan.is_empty() && !instead.ceilings.is_empty() => {
            let error = "Choose a plan. Exceptions replace what a plan says.";
            return refuse_plan(&visit, form, FieldErrors::one("plan", error)).await;
        }
        Ok(instead) => instead,
        Err(errors) => return refuse_plan(&visit, form, errors).await,
    };
    let plan_id = Some(form.plan.clone()).filter(|id| !id.is_empty());
    if let Some(wanted) = plan_id.clone() {
        let found = visit
            .read(move |connection, operator| Ok::<_, AppError>(plans::find(connection, operator, &wanted)));
        if let Err(PlanError::NotFound) = found.await? {
            let error = "This plan was removed. Choose another one.";
            return refuse_plan(&visit, form, FieldErrors::one("plan", error)).await;
        }
    }
    // A quota that is new counts what was used this month before it.
    visit.state.count_usage(&id).await;
    let seen = form.shown.clone();
    let assigned = visit.change(move |tx, operator, now| {
        let before = instance::find_row(tx.connection(), operator, &id)?.organization.plan_id;
        let instead_before = plans::override_of(tx.connection(), operator, &id)?;
        let values = values_of_organization(before.as_deref(), instead_before.as_ref(), now);
        let kept = Some(&instead).filter(|instead| !instead.ceilings.is_empty());
        if !seen.fits(&values, &values_of_organization(plan_id.as_deref(), kept, now)) {
            return Ok(None);
        }
        instance::assign_plan(tx, operator, (&id, plan_id.as_deref(), Some(instead)), now).map(Some)
    });
    let Some(assigned) = assigned.await?? else {
        let details = details(&visit).await?;
        let plan_id = details.row.organization.plan_id.as_deref();
        let shown = Shown::of(&values_of_organization(plan_id, details.instead.as_ref(), visit.now));
        let errors = FieldErrors::one(shown::FIELD, shown::CHANGED);
        let dialog = plan_dialog(&visit, details, PlanForm { shown, ..form }, errors).await?;
        return visit.invalid::<OrganizationScreen>(&dialog).await;
    };
    let words = assigned.map_or("No plan".to_owned(), |plan| format!("Plan “{}”", plan.name));
    visit.changed::<OrganizationScreen>(Toast::ok(format!("{words} applies from the next request"))).await
}

async fn refuse_plan(
    visit: &Visit<Operator>,
    form: PlanForm,
    errors: FieldErrors,
) -> Result<HttpResponse, AppError> {
    let dialog = plan_dialog(visit, details(visit).await?, form, errors).await?;
    visit.invalid::<OrganizationScreen>(&dialog).await
}

async fn plan_dialog(
    visit: &Visit<Operator>,
    details: OrganizationDetails,
    form: PlanForm,
    errors: FieldErrors,
) -> Result<ChangePlanDialog, AppError> {
    let plans = visit.read(plans::list).await?;
    Ok(ChangePlanDialog {
        over: visit.over::<OrganizationScreen>(),
        organization: details.row.organization.name,
        plans: plans.into_iter().map(|(plan, _)| plan).collect(),
        form,
        errors,
    })
}

/// The organization in the address.
pub(super) async fn details(visit: &Visit<Operator>) -> Result<OrganizationDetails, AppError> {
    let (id, now) = (visit.path("organization"), visit.now);
    visit.read(move |connection, operator| instance::find_organization(connection, operator, &id, now)).await
}

/// Asks why, or of a suspended organization for another reason.
pub async fn confirm_suspension(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let dialog = suspend_dialog(&visit, None, FieldErrors::default()).await?;
    visit.dialog::<OrganizationScreen>(&dialog).await
}

/// Suspends the organization; without a reason it is asked for once more, with 422.
pub async fn suspend(visit: Visit<Operator, Submitted<SuspendForm>>) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let mut errors = FieldErrors::default();
    let Some(reason) = errors.check("reason", instance::parse_reason(&form.reason)) else {
        let dialog = suspend_dialog(&visit, Some(form), errors).await?;
        return visit.invalid::<OrganizationScreen>(&dialog).await;
    };
    let (id, seen) = (visit.path("organization"), form.shown.clone());
    let suspended = visit.change(move |tx, operator, now| {
        let before = instance::find_row(tx.connection(), operator, &id)?.organization;
        if !seen.fits(&before.suspension_reason, &Some(reason.as_str())) {
            return Ok(None);
        }
        let suspended = instance::suspend_organization(tx, operator, (&id, &reason), now)?;
        Ok::<_, InstanceError>(Some((before.is_suspended(), suspended)))
    });
    let Some((was_suspended, suspended)) = suspended.await?? else {
        let shown = Shown::of(&details(&visit).await?.row.organization.suspension_reason);
        let errors = FieldErrors::one(shown::FIELD, shown::CHANGED);
        let dialog = suspend_dialog(&visit, Some(SuspendForm { shown, ..form }), errors).await?;
        return visit.invalid::<OrganizationScreen>(&dialog).await;
    };
    let toast = if was_suspended {
        Toast::ok("Reason saved")
    } else {
        Toast::ok(with_receipt(&visit, format!("“{}” suspended", suspended.name)).await)
    };
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

/// Asks before the organization is removed.
pub async fn confirm_removal(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let organization = details(&visit).await?.row.organization;
    let dialog = RemoveDialog { over: visit.over::<OrganizationScreen>(), organization };
    visit.dialog::<OrganizationScreen>(&dialog).await
}

/// Removes the organization.
pub async fn remove(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let id = visit.path("organization");
    visit.change(move |tx, operator, now| instance::remove_organization(tx, operator, &id, now)).await??;
    let toast = Toast::ok(with_receipt(&visit, "Organization removed".to_owned()).await);
    visit.changed::<OrganizationScreen>(toast).await
}

/// Restores the organization.
pub async fn restore(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let id = visit.path("organization");
    let restored = visit
        .change(move |tx, operator, now| instance::restore_organization(tx, operator, &id, now))
        .await??;
    visit.changed::<OrganizationScreen>(Toast::ok(format!("“{}” restored", restored.name))).await
}

async fn suspend_dialog(
    visit: &Visit<Operator>,
    typed: Option<SuspendForm>,
    errors: FieldErrors,
) -> Result<SuspendDialog, AppError> {
    let (over, organization) = (visit.over::<OrganizationScreen>(), details(visit).await?.row.organization);
    let form = typed.unwrap_or_else(|| SuspendForm {
        reason: organization.suspension_reason.clone().unwrap_or_default(),
        shown: Shown::of(&organization.suspension_reason),
    });
    Ok(SuspendDialog { over, organization, form, errors })
}
