//! What a client holds: the master token behind its credential.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::{call::Call, verification::NamedId};
use crate::{
    domain::{access::Standing, token_access::TokenAccess},
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
    pub access: TokenAccess,
    /// When it ends; null for never. A session token ends earlier.
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
    /// The organization that it belongs to.
    pub organization: NamedId,
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
pub async fn show(call: Call<Standing>) -> Result<HttpResponse, AppError> {
    let known = &call.token;
    call.show(&PresentedToken {
        id: known.token.id.clone(),
        name: known.token.name.clone(),
        access: known.token.access,
        expires_at: known.token.expires_at.map(|at| display::iso(&at)),
        organization: NamedId { id: known.organization.id.clone(), name: known.organization.name.clone() },
    })
}
