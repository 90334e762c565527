//! `tessera organizations`: all organizations of the server, for whoever operates it.

use serde::Serialize;
use uuid::Uuid;

use super::{
    Failure, confirm, must_be_able_to_ask,
    output::{Column, Output, minute, or_dash},
    printable, say,
    server::{Server, encoded},
};
use crate::{
    api_types::{
        AdministratorInvitation, InstanceOrganization, InstanceOrganizationChange, InstancePlan,
        MonthlyUsage, NewAdministrator, NewInstanceOrganization, SuspensionRequest,
    },
    config::OrganizationsAction,
    folding::fold,
};

const PATH: &str = "/api/v2/instance/organizations";

/// The word for organizations without a plan.
const WITHOUT_PLAN: &str = "none";

const COLUMNS: &[Column<InstanceOrganization>] = &[
    ("Name", |organization| organization.name.clone()),
    ("State", |organization| state(organization).to_owned()),
    ("Members", |organization| organization.members.to_string()),
    ("Keys", |organization| organization.api_keys.to_string()),
    ("Last active (UTC)", |organization| minute(organization.last_active_at.as_ref())),
    ("ID", |organization| organization.id.clone()),
];

/// An organization with the name of its plan, which the API does not tell beside it.
#[derive(Serialize)]
#[serde(transparent)]
struct Detailed {
    organization: InstanceOrganization,
    #[serde(skip)]
    plan: Option<String>,
}

const DETAILS: &[Column<Detailed>] = &[
    ("Name", |one| one.organization.name.clone()),
    ("ID", |one| one.organization.id.clone()),
    ("State", |one| state(&one.organization).to_owned()),
    ("Reason", |one| or_dash(one.organization.suspension_reason.as_ref())),
    ("Plan", |one| or_dash(one.plan.as_ref().or(one.organization.plan_id.as_ref()))),
    ("Notes", |one| or_dash(one.organization.notes.as_ref().map(|notes| notes.replace('\n', " / ")))),
    ("Members", |one| one.organization.members.to_string()),
    ("Keys", |one| one.organization.api_keys.to_string()),
    ("Created (UTC)", |one| minute(Some(&one.organization.created_at))),
    ("Last active (UTC)", |one| minute(one.organization.last_active_at.as_ref())),
];

const USAGE: &[Column<MonthlyUsage>] = &[
    ("Organization", |usage| usage.organization.name.clone()),
    ("Month", |usage| usage.month.clone()),
    ("Requests", |usage| usage.requests.total.to_string()),
    ("Accepted", |usage| usage.requests.valid.to_string()),
    ("Units", |usage| usage.units.to_string()),
    ("ID", |usage| usage.organization.id.clone()),
];

const PLANS: &[Column<InstancePlan>] = &[
    ("Name", |plan| plan.name.clone()),
    ("Default", |plan| if plan.is_default { "yes" } else { "no" }.to_owned()),
    ("Rate limit", |plan| {
        or_dash(plan.rate_limit.as_ref().map(|rate| format!("{}/{}", rate.requests, rate.per.as_str())))
    }),
    ("Monthly quota", |plan| or_dash(plan.monthly_quota)),
    ("Active keys", |plan| or_dash(plan.max_active_keys)),
    ("Members", |plan| or_dash(plan.max_members)),
    ("Longest key (days)", |plan| or_dash(plan.max_lifetime_days)),
    ("Scopes", |plan| or_dash(Some(plan.scopes.join(" ")).filter(|scopes| !scopes.is_empty()))),
    ("ID", |plan| plan.id.clone()),
];

fn state(organization: &InstanceOrganization) -> &'static str {
    match (&organization.removed_at, &organization.suspended_at) {
        (Some(_), _) => "removed",
        (None, Some(_)) => "suspended",
        (None, None) => "active",
    }
}

pub(super) async fn run(
    server: &Server,
    output: &Output,
    action: &OrganizationsAction,
) -> Result<(), Failure> {
    match action {
        OrganizationsAction::List { search, state, plan, sort } => {
            let plan = match plan.as_deref() {
                Some(plan) if fold(plan) != WITHOUT_PLAN => Some(find_plan(server, plan).await?),
                word => word.map(fold),
            };
            let mut query = vec![("state", state.as_str()), ("sort", sort.as_str())];
            query.extend(search.as_deref().map(|search| ("q", search)));
            query.extend(plan.as_deref().map(|plan| ("plan", plan)));
            let organizations = server.list(PATH, &query, usize::MAX).await?;
            output.list(&organizations, COLUMNS, "No matching organizations.")
        }
        OrganizationsAction::Show(named) => {
            let organization = find(server, &named.organization).await?;
            let plan = match &organization.plan_id {
                Some(id) if !output.is_json() => {
                    plans(server).await?.into_iter().find(|plan| plan.id == *id).map(|plan| plan.name)
                }
                _ => None,
            };
            output.item(&Detailed { organization, plan }, DETAILS)
        }
        OrganizationsAction::Create { name, plan, administrator } => {
            let plan_id = match plan {
                Some(plan) => Some(find_plan(server, plan).await?),
                None => None,
            };
            let new = NewInstanceOrganization {
                name: name.clone(),
                plan_id: plan_id.map(Some),
                administrator_email: administrator.clone(),
            };
            let created: InstanceOrganization = server.post(PATH, &new).await?;
            output
                .changed(&created, &format!("Created the organization “{}” ({}).", created.name, created.id))
        }
        OrganizationsAction::Rename { organization, name } => {
            let change = InstanceOrganizationChange { name: Some(name.clone()), plan_id: None, notes: None };
            let changed = change_organization(server, &organization.organization, &change).await?;
            output.changed(&changed, &format!("The organization is now “{}”.", changed.name))
        }
        OrganizationsAction::Plan { organization, plan, none: _ } => {
            let plan_id = match plan {
                Some(plan) => Some(find_plan(server, plan).await?),
                None => None,
            };
            let change = InstanceOrganizationChange { name: None, plan_id: Some(plan_id), notes: None };
            let changed = change_organization(server, &organization.organization, &change).await?;
            let words = plan.as_ref().map_or("no plan".to_owned(), |plan| format!("the plan {plan}"));
            output.changed(&changed, &format!("“{}” is on {words}.", changed.name))
        }
        OrganizationsAction::Notes { organization, text, clear: _ } => {
            let change = InstanceOrganizationChange { name: None, plan_id: None, notes: Some(text.clone()) };
            let changed = change_organization(server, &organization.organization, &change).await?;
            output.changed(&changed, &format!("Saved the notes about “{}”.", changed.name))
        }
        OrganizationsAction::Suspend { organization, reason } => {
            let request = SuspensionRequest { reason: reason.clone() };
            let suspended = act(server, &organization.organization, "suspend", &request).await?;
            output.changed(&suspended, &format!("Suspended “{}”.", suspended.name))
        }
        OrganizationsAction::Resume(named) => {
            let resumed = act(server, &named.organization, "resume", &()).await?;
            output.changed(&resumed, &format!("Resumed “{}”.", resumed.name))
        }
        OrganizationsAction::Remove { organization, yes } => {
            must_be_able_to_ask(*yes)?;
            let found = find(server, &organization.organization).await?;
            let name = &found.name;
            confirm(*yes, &format!("Remove the organization “{name}”? It can be restored for 14 days."))?;
            server.delete(&path(&found.id)).await?;
            say(printable(&format!("Removed the organization “{name}”.")));
            Ok(())
        }
        OrganizationsAction::Restore(named) => {
            let restored = act(server, &named.organization, "restore", &()).await?;
            output.changed(&restored, &format!("Restored “{}”.", restored.name))
        }
        OrganizationsAction::Invite { organization, email } => {
            let found = find(server, &organization.organization).await?;
            let to = NewAdministrator { email: email.clone() };
            let path = format!("{}/administrators", path(&found.id));
            let invited: AdministratorInvitation = server.post(&path, &to).await?;
            let words = format!("{}: {}.", invited.email, invited.outcome.as_str().replace('_', " "));
            output.changed(&invited, &words)
        }
        OrganizationsAction::Usage { month } => {
            let query: Vec<(&str, &str)> = month.iter().map(|month| ("month", month.as_str())).collect();
            let usage = server.list("/api/v2/instance/usage", &query, usize::MAX).await?;
            output.list(&usage, USAGE, "No organizations.")
        }
        OrganizationsAction::Plans => output.list(&plans(server).await?, PLANS, "No plans."),
    }
}

fn path(id: &str) -> String {
    format!("{PATH}/{}", encoded(id))
}

async fn change_organization(
    server: &Server,
    named: &str,
    change: &InstanceOrganizationChange,
) -> Result<InstanceOrganization, Failure> {
    let found = find(server, named).await?;
    server.patch(&path(&found.id), change).await
}

async fn act(
    server: &Server,
    named: &str,
    verb: &str,
    body: &impl Serialize,
) -> Result<InstanceOrganization, Failure> {
    let states = if verb == "restore" { ["removed", "all"] } else { ["all", "removed"] };
    let found = find_among(server, named, states).await?;
    server.post(&format!("{}/{verb}", path(&found.id)), body).await
}

/// The organization of this id, or else the only one of this name, removed ones last.
async fn find(server: &Server, named: &str) -> Result<InstanceOrganization, Failure> {
    find_among(server, named, ["all", "removed"]).await
}

/// [`find`] in states of which the first counts first.
async fn find_among(
    server: &Server,
    named: &str,
    states: [&str; 2],
) -> Result<InstanceOrganization, Failure> {
    if Uuid::parse_str(named).is_ok() {
        match server.get(&path(named), &[]).await {
            Err(Failure::NotFound(_)) => {}
            answer => return answer,
        }
    }
    for state in states {
        let query = [("q", named), ("state", state)];
        let found: Vec<InstanceOrganization> = server.list(PATH, &query, usize::MAX).await?;
        let mut same = found.into_iter().filter(|one| fold(&one.name) == fold(named));
        match (same.next(), same.next()) {
            (Some(only), None) => return Ok(only),
            (Some(_), Some(_)) => {
                let said = printable(&format!("Several organizations are called “{named}”."));
                return Err(Failure::Refused(format!("{said} Name the one you mean by its ID.")));
            }
            (None, _) => {}
        }
    }
    let said = printable(&format!("There is no organization “{named}”."));
    Err(Failure::NotFound(format!("{said} List them with “tessera organizations list”.")))
}

async fn plans(server: &Server) -> Result<Vec<InstancePlan>, Failure> {
    server.list("/api/v2/instance/plans", &[], usize::MAX).await
}

/// The id of the plan of this id or name.
async fn find_plan(server: &Server, named: &str) -> Result<String, Failure> {
    let mut plans = plans(server).await?.into_iter();
    let found = plans.find(|plan| plan.id == named || fold(&plan.name) == fold(named));
    found.map(|plan| plan.id).ok_or_else(|| {
        let said = printable(&format!("There is no plan “{named}”."));
        Failure::NotFound(format!("{said} List them with “tessera organizations plans”."))
    })
}
