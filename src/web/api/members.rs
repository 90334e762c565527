//! Members: list, read, change, remove.

use actix_web::HttpResponse;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    call::Call,
    json::Json,
    pagination::{self, Pagination},
    params::Params,
    response::Response,
};
use crate::{
    api_types::{List, Member, MemberChange},
    domain::{
        access::{Grant, ManageMembers, Role, See},
        member_changes,
        members::{self, MemberError, Person},
        token_access::TokenAccess,
    },
    vocabulary::MemberSort,
    web::{display, error::AppError, search},
};

impl From<Person> for Member {
    fn from(person: Person) -> Self {
        Self {
            id: person.user_id,
            name: person.name,
            email: person.email,
            role: person.role,
            joined_at: display::iso(&person.joined_at),
            last_active_at: person.last_active_at.map(|at| display::iso(&at)),
        }
    }
}

/// Which members to list, and how.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct MemberFilter {
    /// Search in the name, the email and the role. Finds words that start with this text.
    #[serde(deserialize_with = "search::strict")]
    #[param(max_length = 200)]
    q: String,
    /// Filter by role.
    role: Option<Role>,
    /// Sort order.
    #[param(inline)]
    sort: MemberSort,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// Items per page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

/// List members.
///
/// # Errors
/// 400 invalid parameters.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/members",
    tag = "Members",
    params(MemberFilter),
    responses((status = 200, description = "A page of members.", body = List<Member>))
)]
pub async fn list(call: Call<Grant<See>, Params<MemberFilter>>) -> Result<HttpResponse, AppError> {
    let Params(filter) = call.input.clone();
    let slice = Pagination::new(filter.cursor, filter.limit).list_request()?;
    let (role, sort, wanted) = (filter.role, filter.sort, slice.clone());
    let people = call
        .read(move |connection, member| {
            members::list_after(connection, member, &filter.q, role, (sort, &wanted))
        })
        .await?;
    let listing = pagination::list(people, &slice, |person| sort.cursor(person), Member::from);
    Ok(Response::ok(&listing)?.send())
}

/// Get a member.
///
/// # Errors
/// 404 not found.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/members/{user}",
    tag = "Members",
    responses((status = 200, description = "The member.", body = Member))
)]
pub async fn show(call: Call<Grant<See>>) -> Result<HttpResponse, AppError> {
    let user_id = call.path("user");
    let person = call.read(move |connection, member| members::find(connection, member, &user_id)).await?;
    call.show(&Member::from(person))
}

/// Change the role of a member.
///
/// Master tokens can’t add administrators.
///
/// # Errors
/// 404 not found, 403 for administrators and developers unless the token has full access, 409 last
/// administrator, 412 `If-Match` doesn’t match.
#[utoipa::path(
    patch,
    path = "/api/v2/organizations/{organization}/members/{user}",
    tag = "Members",
    request_body(content = MemberChange, example = json!({ "role": "supervisor" })),
    responses((status = 200, description = "The updated member.", body = Member))
)]
pub async fn change(call: Call<Grant<ManageMembers>, Json<MemberChange>>) -> Result<HttpResponse, AppError> {
    let role = call.input.0.role;
    let (user_id, precondition) = (call.path("user"), call.precondition());
    call.change(move |tx, grant, now| {
        let present = members::find(tx.connection(), grant, &user_id)?;
        precondition.check(&Member::from(present.clone()))?;
        let person = match role {
            Some(role) => {
                member_changes::change_role(tx, grant, &user_id, role, now).map_err(rejection)?.person
            }
            None => present,
        };
        Response::resource(&Member::from(person))
    })
    .await
}

/// Remove a member.
///
/// Keys they created keep working. Pending invitations they sent are canceled.
///
/// # Errors
/// 404 not found, 403 for administrators and developers unless the token has full access, 409 last
/// administrator, 412 `If-Match` doesn’t match.
#[utoipa::path(
    delete,
    path = "/api/v2/organizations/{organization}/members/{user}",
    tag = "Members",
    responses((status = 204, description = "Removed."))
)]
pub async fn remove(call: Call<Grant<ManageMembers>>) -> Result<HttpResponse, AppError> {
    let (user_id, precondition) = (call.path("user"), call.precondition());
    call.change(move |tx, grant, now| {
        let present = members::find(tx.connection(), grant, &user_id)?;
        precondition.check(&Member::from(present))?;
        member_changes::remove(tx, grant, &user_id, now).map_err(rejection)?;
        Ok(Response::done())
    })
    .await
}

/// A machine has no role of its own, it has an access.
fn rejection(error: MemberError) -> AppError {
    match error {
        MemberError::AboveYou => AppError::TokenForbidden(TokenAccess::Full),
        error => error.into(),
    }
}
