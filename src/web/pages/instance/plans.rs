//! The tab "Plans".

use actix_web::HttpResponse;
use askama::Template;

use super::{
    Frame, Tab,
    plan_form::{PlanForm, values_of_plan},
};
use crate::{
    domain::{
        access::Operator,
        instance,
        page::Total,
        plans::{self, Plan, PlanError},
    },
    page,
    web::{
        display,
        error::AppError,
        filters,
        form::{FieldErrors, Submitted},
        pages::plan_words::limits,
        shell::{Shell, Toast},
        shown::{self, Shown},
        urls,
        view::{self, Page},
        visit::{Behind, Over, Visit, Visitor},
    },
};

/// `GET /instance/plans`.
#[derive(Template)]
#[template(path = "instance/plans.html", blocks = ["title", "content", "tabs", "panel"])]
struct PlansTab {
    shell: Shell,
    frame: Frame,
    /// Each with the number of organizations on it.
    plans: Vec<(Plan, i64)>,
    /// How many organizations have no plan.
    without: Total,
}

page!(PlansTab);

impl PlansTab {
    async fn load(visitor: &Visitor, operator: &Operator, shell: Shell) -> Result<Self, AppError> {
        let operator = operator.clone();
        visitor
            .state
            .db
            .read(move |connection| {
                Ok(Self {
                    shell,
                    frame: Frame::of(Tab::Plans),
                    plans: plans::list(connection, &operator)?,
                    without: instance::total_without_plan(connection, &operator)?,
                })
            })
            .await
    }

    fn limits(&self, plan: &Plan) -> String {
        limits(&plan.ceilings)
    }

    fn url(&self, plan: &Plan, verb: &str) -> String {
        self.shell.over(urls::instance_plan(&plan.id, verb))
    }

    fn has_without(&self) -> bool {
        !self.without.is_within(0)
    }

    /// "3 organizations have no plan, so nothing is limited for them."
    fn without_words(&self) -> String {
        let have = if self.without.is_within(1) { "organization has" } else { "organizations have" };
        format!("{} {have} no plan. Nothing is limited there.", display::total(&self.without))
    }
}

/// The dialog in which a plan is made or changed.
#[derive(Template)]
#[template(path = "instance/plan.html")]
struct PlanDialog {
    over: Over,
    /// The plan that is changed; `None` for a new one.
    plan: Option<Plan>,
    form: PlanForm,
    errors: FieldErrors,
}

impl PlanDialog {
    fn title(&self) -> String {
        self.plan.as_ref().map_or("New plan".to_owned(), |plan| format!("Edit “{}”", plan.name))
    }

    fn action(&self) -> String {
        let url = match &self.plan {
            Some(plan) => urls::instance_plan(&plan.id, "edit"),
            None => urls::PLANS.to_owned(),
        };
        self.over.action(url)
    }
}

/// The dialog that asks before a plan is removed.
#[derive(Template)]
#[template(path = "instance/remove_plan.html")]
struct RemovePlanDialog {
    over: Over,
    plan: Plan,
    rejection: Option<String>,
}

/// The dialog that asks before organizations get a plan that have none.
#[derive(Template)]
#[template(path = "instance/assign_plan.html")]
struct AssignDialog {
    over: Over,
    plan: Plan,
    /// How many have none.
    without: Total,
}

impl AssignDialog {
    /// "The 3 organizations without a plan get “Free”."
    fn words(&self) -> String {
        let plan = &self.plan.name;
        if self.without.is_within(1) {
            return format!("The one organization without a plan gets “{plan}”.");
        }
        format!("The {} organizations without a plan get “{plan}”.", display::total(&self.without))
    }

    fn limits(&self) -> String {
        limits(&self.plan.ceilings)
    }
}

/// The tab.
struct PlansScreen;

impl Behind for PlansScreen {
    type Proof = Operator;

    async fn page(visitor: &Visitor, operator: &Operator, shell: Shell) -> Result<Box<dyn Page>, AppError> {
        Ok(Box::new(PlansTab::load(visitor, operator, shell).await?))
    }

    fn address(_: &Visitor, _: &Operator) -> String {
        urls::PLANS.to_owned()
    }
}

/// Shows the plans.
pub async fn index(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    view::show(&PlansTab::load(&visit, &visit.proof, visit.shell()).await?)
}

/// Opens the dialog "New plan".
pub async fn new(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    show_dialog(&visit, None, PlanForm::new(), FieldErrors::default()).await
}

/// Makes a plan.
pub async fn create(visit: Visit<Operator, Submitted<PlanForm>>) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let offer = match form.parse() {
        Ok(offer) => offer,
        Err(errors) => return show_dialog(&visit, None, form, errors).await,
    };
    match visit.change(move |tx, operator, now| plans::create(tx, operator, &offer, now)).await? {
        Ok(plan) => visit.changed::<PlansScreen>(Toast::ok(format!("Plan “{}” created", plan.name))).await,
        Err(error @ (PlanError::NameTaken | PlanError::TooMany)) => {
            show_dialog(&visit, None, form, FieldErrors::one("name", error)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Opens the dialog "Edit".
pub async fn edit(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let plan = find(&visit).await?;
    let form = PlanForm::of(&plan);
    show_dialog(&visit, Some(plan), form, FieldErrors::default()).await
}

/// Changes a plan.
pub async fn save(visit: Visit<Operator, Submitted<PlanForm>>) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let offer = match form.parse() {
        Ok(offer) => offer,
        Err(errors) => return show_dialog(&visit, Some(find(&visit).await?), form, errors).await,
    };
    // A quota that is new counts what was used this month before it.
    visit.state.count_all_usage().await;
    let (id, seen) = (visit.path("plan"), form.shown.clone());
    let saved = visit.change(move |tx, operator, now| {
        let wanted = (offer.name.as_str(), &offer.ceilings);
        if !seen.fits(&values_of_plan(&plans::find(tx.connection(), operator, &id)?), &wanted) {
            return Ok(None);
        }
        plans::change(tx, operator, (&id, &offer), now).map(Some)
    });
    match saved.await? {
        Ok(None) => {
            let plan = find(&visit).await?;
            let form = PlanForm { shown: Shown::of(&values_of_plan(&plan)), ..form };
            show_dialog(&visit, Some(plan), form, FieldErrors::one(shown::FIELD, shown::CHANGED)).await
        }
        Ok(Some(plan)) => {
            visit.changed::<PlansScreen>(Toast::ok(format!("Plan “{}” saved", plan.name))).await
        }
        Err(error @ PlanError::NameTaken) => {
            show_dialog(&visit, Some(find(&visit).await?), form, FieldErrors::one("name", error)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Has new organizations get the plan.
pub async fn make_default(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let id = visit.path("plan");
    let plan = visit.change(move |tx, operator, now| plans::make_default(tx, operator, &id, now)).await??;
    let toast = Toast::ok(format!("New organizations get the plan “{}”", plan.name));
    visit.changed::<PlansScreen>(toast).await
}

/// Asks before all organizations without a plan are put on it.
pub async fn confirm_assignment(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let (over, plan) = (visit.over::<PlansScreen>(), find(&visit).await?);
    let without = visit.read(instance::total_without_plan).await?;
    visit.dialog::<PlansScreen>(&AssignDialog { over, plan, without }).await
}

/// Puts all organizations without a plan on it.
pub async fn assign(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    visit.state.count_all_usage().await;
    let id = visit.path("plan");
    let assigned = visit
        .change(move |tx, operator, now| instance::assign_plan_to_those_without(tx, operator, &id, now))
        .await??;
    let (plan, number) = assigned;
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    let organizations = display::count(&number, "organization", "organizations");
    visit.changed::<PlansScreen>(Toast::ok(format!("{organizations} put on “{}”", plan.name))).await
}

/// Asks before a plan is removed.
pub async fn confirm_removal(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let (over, plan) = (visit.over::<PlansScreen>(), find(&visit).await?);
    visit.dialog::<PlansScreen>(&RemovePlanDialog { over, plan, rejection: None }).await
}

/// Removes a plan. One that organizations are on stays, with 422.
pub async fn remove(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let id = visit.path("plan");
    match visit.change(move |tx, operator, now| instance::remove_plan(tx, operator, &id, now)).await? {
        Ok(plan) => visit.changed::<PlansScreen>(Toast::ok(format!("Plan “{}” removed", plan.name))).await,
        Err(error @ PlanError::InUse) => {
            let (over, plan) = (visit.over::<PlansScreen>(), find(&visit).await?);
            let rejection = Some(error.to_string());
            visit.invalid::<PlansScreen>(&RemovePlanDialog { over, plan, rejection }).await
        }
        Err(error) => Err(error.into()),
    }
}

/// The plan in the address.
async fn find(visit: &Visit<Operator>) -> Result<Plan, AppError> {
    let id = visit.path("plan");
    visit.read(move |connection, operator| plans::find(connection, operator, &id)).await
}

async fn show_dialog(
    visit: &Visit<Operator>,
    plan: Option<Plan>,
    form: PlanForm,
    errors: FieldErrors,
) -> Result<HttpResponse, AppError> {
    let is_refused = !errors.is_empty();
    let dialog = PlanDialog { over: visit.over::<PlansScreen>(), plan, form, errors };
    if is_refused {
        visit.invalid::<PlansScreen>(&dialog).await
    } else {
        visit.dialog::<PlansScreen>(&dialog).await
    }
}
