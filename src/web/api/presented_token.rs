//! What a client holds: the master token behind its credential.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::{call::Call, verification::NamedId};
use crate::{
    domain::{access::Member, organizations::Organization, permission::Permission},
    web::{display, error::AppError},
};

/// A master token, as its bearer sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct PresentedToken {
    /// The id.
    pub id: String,
    /// The name.
    #[schema(example = "Deployment")]
    pub name: String,
    /// What it may do.
    pub permission: PermissionName,
    /// When it ends; null for never. A session token ends earlier.
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
    /// The organization that it belongs to.
    pub organization: NamedId,
}

/// What a master token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PermissionName {
    /// Ask whether a key is accepted.
    Verify,
    /// See everything, change nothing.
    Read,
    /// Create, change and remove API keys.
    Keys,
    /// Invite and manage members who are no administrators.
    Members,
    /// What an administrator may do, but for master tokens and making administrators.
    Everything,
}

impl PermissionName {
    /// The name of a permission.
    pub fn of(permission: Permission) -> Self {
        match permission {
            Permission::Verify => Self::Verify,
            Permission::Read => Self::Read,
            Permission::Keys => Self::Keys,
            Permission::Members => Self::Members,
            Permission::Everything => Self::Everything,
        }
    }
}

/// What the presented token is, or the master token that the presented session token stands for.
///
/// # Errors
/// 401 without an active token.
#[utoipa::path(
    get,
    path = "/api/v2/token",
    tag = "Credentials",
    responses((status = 200, description = "The token, without its secret.", body = PresentedToken))
)]
pub async fn show(call: Call<Member<Organization>>) -> Result<HttpResponse, AppError> {
    let known = &call.token;
    call.show(&PresentedToken {
        id: known.token.id.clone(),
        name: known.token.name.clone(),
        permission: PermissionName::of(known.token.permission),
        expires_at: known.token.expires_at.map(|at| display::iso(&at)),
        organization: NamedId { id: known.organization.id.clone(), name: known.organization.name.clone() },
    })
}
