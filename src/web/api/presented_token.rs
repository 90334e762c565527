//! What a client holds: the master token behind its credential.

use actix_web::HttpResponse;

use super::call::Call;
use crate::{
    api_types::{NamedId, PresentedToken},
    domain::access::Standing,
    web::{display, error::AppError},
};

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
