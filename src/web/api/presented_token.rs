//! What a client holds: the master token behind its credential.

use actix_web::HttpResponse;

use super::call::Call;
use crate::{
    api_types::{NamedId, PresentedToken},
    domain::access::Standing,
    web::{display, error::AppError},
};

/// Get the master token of the request.
///
/// For a session token, returns the master token that it was issued for.
///
/// # Errors
/// 401 missing or invalid token.
#[utoipa::path(
    get,
    path = "/api/v2/token",
    tag = "Tokens",
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
