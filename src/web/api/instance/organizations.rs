//! All organizations: list, read, create, change, suspend, resume, remove, restore, invite an administrator.

use actix_web::HttpResponse;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    api_types::{
        AdministratorInvitation, InstanceOrganization, InstanceOrganizationChange, List, NewAdministrator,
        NewInstanceOrganization, Receipts, SuspensionRequest,
    },
    clock::Timestamp,
    db::{Connection, Tx},
    domain::{
        access::{Observer, Operator},
        email::EmailAddress,
        instance::{
            self, Administering, FirstPlan, InstanceError, NewCustomer, Notes, OrganizationRow,
            OrganizationSelection, PlanFilter,
        },
        invitations::InviteOutcome,
        names::{MAX_NAME_LENGTH, Name},
        organization::Organization,
        plans::{self, PlanError},
    },
    vocabulary::{InviteResult, OrganizationFilter, OrganizationSort},
    web::{
        api::{
            call::Call,
            json::Json,
            pagination::{self, Pagination},
            params::Params,
            receipts::WaitParams,
            response::Response,
        },
        display,
        error::AppError,
        search,
    },
};

impl From<OrganizationRow> for InstanceOrganization {
    fn from(row: OrganizationRow) -> Self {
        let OrganizationRow { organization, members, api_keys, notes, last_active_at } = row;
        Self {
            id: organization.id,
            name: organization.name,
            created_at: display::iso(&organization.created_at),
            suspended_at: organization.suspended_at.as_ref().map(display::iso),
            suspension_reason: organization.suspension_reason,
            removed_at: organization.removed_at.as_ref().map(display::iso),
            plan_id: organization.plan_id,
            members,
            api_keys,
            notes,
            last_active_at: last_active_at.as_ref().map(display::iso),
        }
    }
}

/// Which organizations to list, and how.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct InstanceOrganizationFilter {
    /// Search in the name. Finds words that start with this text.
    #[serde(deserialize_with = "search::strict")]
    #[param(max_length = 200)]
    q: String,
    /// Filter by state.
    #[param(inline)]
    state: OrganizationFilter,
    /// Filter by plan: the ID of a plan, or `none` for organizations without one.
    plan: String,
    /// Sort order.
    #[param(inline)]
    sort: OrganizationSort,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// Items per page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

/// List all organizations.
///
/// # Errors
/// 400 invalid parameters.
#[utoipa::path(
    get,
    path = "/api/v2/instance/organizations",
    tag = "Instance",
    operation_id = "list_organizations",
    params(InstanceOrganizationFilter),
    responses((status = 200, description = "A page of organizations.", body = List<InstanceOrganization>))
)]
pub async fn list(
    call: Call<Observer, Params<InstanceOrganizationFilter>>,
) -> Result<HttpResponse, AppError> {
    let Params(InstanceOrganizationFilter { q, state, plan, sort, cursor, limit }) = call.input.clone();
    let slice = Pagination::new(cursor, limit).list_request()?;
    let (wanted, now) = (slice.clone(), call.now);
    let rows = call.read(move |connection, observer| {
        let plan = PlanFilter::parse(&plan);
        let selection = OrganizationSelection { search: &q, filter: state, plan, sort, now };
        instance::list_organizations(connection, observer, &selection, &wanted)
    });
    let listing = pagination::list(rows.await?, &slice, |row| sort.cursor(row), InstanceOrganization::from);
    Ok(Response::ok(&listing)?.send())
}

/// Get an organization of the instance.
///
/// # Errors
/// 404 not found.
#[utoipa::path(
    get,
    path = "/api/v2/instance/organizations/{organization}",
    tag = "Instance",
    operation_id = "show_organization_of_instance",
    responses((status = 200, description = "The organization.", body = InstanceOrganization))
)]
pub async fn show(call: Call<Observer>) -> Result<HttpResponse, AppError> {
    let id = call.path("organization");
    let found = call.read(move |connection, observer| find(connection, observer, &id)).await?;
    call.show(&found)
}

/// Create an organization.
///
/// It has no members until its first administrator accepts an invitation.
///
/// # Errors
/// 409 too many emails to this person today, 422 invalid name, email or plan.
#[utoipa::path(
    post,
    path = "/api/v2/instance/organizations",
    tag = "Instance",
    operation_id = "create_organization",
    request_body = NewInstanceOrganization,
    responses((status = 201, description = "The organization.", body = InstanceOrganization))
)]
pub async fn create(call: Call<Operator, Json<NewInstanceOrganization>>) -> Result<HttpResponse, AppError> {
    let Json(NewInstanceOrganization { name, plan_id, administrator_email }) = &call.input;
    let email = administrator_email.as_deref().map(|email| parse_email("/administrator_email", email));
    let wanted = NewCustomer {
        name: parse_name(name)?,
        plan: match plan_id.clone() {
            None => FirstPlan::Default,
            Some(plan_id) => plan_id.map_or(FirstPlan::None, FirstPlan::Plan),
        },
        administrator: email.transpose()?,
    };
    let rules = call.state.config.rules;
    call.change(move |tx, operator, now| {
        if let FirstPlan::Plan(plan_id) = &wanted.plan {
            check_plan(tx, operator, plan_id)?;
        }
        let id = instance::create_organization(tx, operator, &wanted, &rules, now)?.id;
        let created = find(tx.connection(), operator, &id)?;
        Response::created(&created, format!("/api/v2/instance/organizations/{id}"))
    })
    .await
}

/// Change an organization’s name, plan or notes.
///
/// Changes of the plan apply from the next request.
///
/// # Errors
/// 404 not found, 422 invalid name, plan or notes, 412 `If-Match` doesn’t match.
#[utoipa::path(
    patch,
    path = "/api/v2/instance/organizations/{organization}",
    tag = "Instance",
    operation_id = "change_organization_of_instance",
    request_body = InstanceOrganizationChange,
    responses((status = 200, description = "The updated organization.", body = InstanceOrganization))
)]
pub async fn change(
    call: Call<Operator, Json<InstanceOrganizationChange>>,
) -> Result<HttpResponse, AppError> {
    let Json(InstanceOrganizationChange { name, plan_id, notes }) = &call.input;
    let name = name.as_deref().map(parse_name).transpose()?;
    let notes = notes.as_ref().map(|notes| parse_notes(notes.as_deref().unwrap_or_default())).transpose()?;
    let (id, plan_id, precondition) = (call.path("organization"), plan_id.clone(), call.precondition());
    if plan_id.is_some() {
        // A quota that is new counts what was used this month before it.
        call.state.count_usage(&id).await;
    }
    call.change(move |tx, operator, now| {
        precondition.check(&find(tx.connection(), operator, &id)?)?;
        if let Some(name) = &name {
            instance::rename_organization(tx, operator, (&id, name), now)?;
        }
        if let Some(plan_id) = &plan_id {
            plan_id.as_deref().map(|plan_id| check_plan(tx, operator, plan_id)).transpose()?;
            instance::change_plan(tx, operator, (&id, plan_id.as_deref()), now)?;
        }
        if let Some(notes) = &notes {
            instance::change_notes(tx, operator, (&id, notes.as_ref()), now)?;
        }
        Response::resource(&find(tx.connection(), operator, &id)?)
    })
    .await
}

/// Suspend an organization.
///
/// Its keys are rejected from the next request, and nothing in it can be changed. An organization that is
/// suspended already gets the new reason.
///
/// # Errors
/// 404 not found, 412 `If-Match` doesn’t match, 422 invalid reason.
#[utoipa::path(
    post,
    path = "/api/v2/instance/organizations/{organization}/suspend",
    tag = "Instance",
    operation_id = "suspend_organization",
    params(WaitParams),
    request_body = SuspensionRequest,
    responses((status = 200, description = "The suspended organization.", body = InstanceOrganization))
)]
pub async fn suspend(call: Call<Operator, Json<SuspensionRequest>>) -> Result<HttpResponse, AppError> {
    let Json(SuspensionRequest { reason }) = &call.input;
    let reason = instance::parse_reason(reason).map_err(|error| AppError::field("/reason", error))?;
    change_state(&call, move |tx, operator, id, now| {
        instance::suspend_organization(tx, operator, (id, &reason), now)
    })
    .await
}

/// Resume a suspended organization.
///
/// # Errors
/// 404 not found, 412 `If-Match` doesn’t match.
#[utoipa::path(
    post,
    path = "/api/v2/instance/organizations/{organization}/resume",
    tag = "Instance",
    operation_id = "resume_organization",
    params(WaitParams),
    responses((status = 200, description = "The resumed organization.", body = InstanceOrganization))
)]
pub async fn resume(call: Call<Operator>) -> Result<HttpResponse, AppError> {
    change_state(&call, instance::resume_organization).await
}

/// Remove an organization.
///
/// Its keys and tokens are rejected from the next request, and nobody belongs to it. It can be restored for 14 days.
///
/// # Errors
/// 404 not found, 412 `If-Match` doesn’t match.
#[utoipa::path(
    delete,
    path = "/api/v2/instance/organizations/{organization}",
    tag = "Instance",
    operation_id = "remove_organization",
    params(WaitParams),
    responses(
        (status = 200, description = "Removed; with `?wait`.", body = Receipts),
        (status = 204, description = "Removed."),
    )
)]
pub async fn remove(call: Call<Operator>) -> Result<HttpResponse, AppError> {
    let (id, precondition) = (call.path("organization"), call.precondition());
    call.change_everywhere(move |tx, operator, now| {
        precondition.check(&find(tx.connection(), operator, &id)?)?;
        instance::remove_organization(tx, operator, &id, now)?;
        Ok(Response::done())
    })
    .await
}

/// Restore a removed organization.
///
/// It comes back with its members, keys and settings as they were.
///
/// # Errors
/// 404 not found, 412 `If-Match` doesn’t match.
#[utoipa::path(
    post,
    path = "/api/v2/instance/organizations/{organization}/restore",
    tag = "Instance",
    operation_id = "restore_organization",
    params(WaitParams),
    responses((status = 200, description = "The restored organization.", body = InstanceOrganization))
)]
pub async fn restore(call: Call<Operator>) -> Result<HttpResponse, AppError> {
    change_state(&call, instance::restore_organization).await
}

/// Invite an administrator.
///
/// A member becomes an administrator immediately; anyone else gets an invitation, which names the operator of the server
/// as the inviter.
///
/// # Errors
/// 404 not found, 409 too many emails to this person today, 422 invalid email.
#[utoipa::path(
    post,
    path = "/api/v2/instance/organizations/{organization}/administrators",
    tag = "Instance",
    operation_id = "invite_administrator",
    request_body = NewAdministrator,
    responses((status = 200, description = "The result.", body = AdministratorInvitation))
)]
pub async fn invite_administrator(
    call: Call<Operator, Json<NewAdministrator>>,
) -> Result<HttpResponse, AppError> {
    let Json(NewAdministrator { email }) = &call.input;
    let (email, id, rules) =
        (parse_email("/email", email)?, call.path("organization"), call.state.config.rules);
    call.change(move |tx, operator, now| {
        let outcome = instance::invite_administrator(tx, operator, (&id, &email), &rules, now)?;
        let expires_at = match &outcome {
            Administering::Invited(outcome) => outcome.invitation(),
            Administering::Promoted => None,
        };
        let expires_at = expires_at.map(|invitation| display::iso(&invitation.expires_at));
        let outcome = match outcome {
            Administering::Promoted => InviteResult::Promoted,
            Administering::Invited(InviteOutcome::Sent(_)) => InviteResult::Sent,
            Administering::Invited(InviteOutcome::AlreadyMember) => InviteResult::AlreadyMember,
            Administering::Invited(InviteOutcome::AlreadyInvited(_)) => InviteResult::AlreadyInvited,
            Administering::Invited(InviteOutcome::TooManyMails) => InviteResult::TooManyMails,
        };
        Response::ok(&AdministratorInvitation { email: email.into(), outcome, expires_at })
    })
    .await
}

/// Changes the state of the organization in the address, and shows it.
async fn change_state<B>(
    call: &Call<Operator, B>,
    change: impl FnOnce(&mut Tx<'_>, &Operator, &str, Timestamp) -> Result<Organization, InstanceError>
    + Send
    + 'static,
) -> Result<HttpResponse, AppError> {
    let (id, precondition) = (call.path("organization"), call.precondition());
    call.change_everywhere(move |tx, operator, now| {
        precondition.check(&find(tx.connection(), operator, &id)?)?;
        change(tx, operator, &id, now)?;
        Response::resource(&find(tx.connection(), operator, &id)?)
    })
    .await
}

fn find(
    connection: &mut Connection,
    observer: &Observer,
    id: &str,
) -> Result<InstanceOrganization, AppError> {
    Ok(instance::find_row(connection, observer, id)?.into())
}

fn parse_name(text: &str) -> Result<Name, AppError> {
    Name::parse(text, MAX_NAME_LENGTH).map_err(|error| AppError::field("/name", error))
}

fn parse_notes(text: &str) -> Result<Option<Notes>, AppError> {
    Notes::parse(text).map_err(|error| AppError::field("/notes", error))
}

fn parse_email(pointer: &str, text: &str) -> Result<EmailAddress, AppError> {
    EmailAddress::parse(text).map_err(|error| AppError::field(pointer, error))
}

/// A plan in a body is a field, and no thing in the address.
fn check_plan(tx: &mut Tx<'_>, operator: &Operator, plan_id: &str) -> Result<(), AppError> {
    match plans::find(tx.connection(), operator, plan_id) {
        Ok(_) => Ok(()),
        Err(PlanError::NotFound) => Err(AppError::field("/plan_id", "There is no plan with this ID.")),
        Err(error) => Err(error.into()),
    }
}
