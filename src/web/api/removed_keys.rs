//! Keys that were removed and can be restored.

use actix_web::HttpResponse;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    call::Call,
    pagination::{self, Pagination},
    params::Params,
    response::Response,
};
use crate::{
    api_types::{ApiKey, List, RemovedKey},
    domain::{
        access::{Grant, ManageKeys, SeeKeys},
        api_keys::{self, RemovedKey as StoredKey},
    },
    web::{display, error::AppError},
};

impl From<StoredKey> for RemovedKey {
    fn from(key: StoredKey) -> Self {
        Self {
            restorable_until: display::iso(&key.restorable_until()),
            id: key.id,
            name: key.name,
            masked: key.masked,
            environment: key.environment,
            created_at: display::iso(&key.created_at),
            last_used_at: key.last_used_at.as_ref().map(display::iso),
            removed_at: display::iso(&key.removed_at),
            removed_by: key.removed_by,
        }
    }
}

/// Which part of the list to show.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct RemovedKeyQuery {
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// Items per page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

/// List removed keys.
///
/// Those removed last come first. A key can be restored for 14 days.
///
/// # Errors
/// 400 invalid parameters.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/removed-keys",
    tag = "API keys",
    operation_id = "list_removed_keys",
    params(RemovedKeyQuery),
    responses((status = 200, description = "A page of removed keys.", body = List<RemovedKey>))
)]
pub async fn list(call: Call<Grant<SeeKeys>, Params<RemovedKeyQuery>>) -> Result<HttpResponse, AppError> {
    let RemovedKeyQuery { cursor, limit } = call.input.0.clone();
    let (slice, now) = (Pagination::new(cursor, limit).list_request()?, call.now);
    let wanted = slice.clone();
    let keys =
        call.read(move |connection, grant| api_keys::list_removed_after(connection, grant, &wanted, now));
    let listing = pagination::list(keys.await?, &slice, StoredKey::cursor, RemovedKey::from);
    Ok(Response::ok(&listing)?.send())
}

/// Restore a removed key.
///
/// It comes back deactivated, with its settings and usage. If another key has its name, it gets a suffix. A key
/// whose secret was found in public can’t be activated until it’s rotated.
///
/// # Errors
/// 404 not found, 409 too many keys.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/removed-keys/{key}/restore",
    tag = "API keys",
    operation_id = "restore_key",
    responses((status = 200, description = "The restored key.", body = ApiKey))
)]
pub async fn restore(call: Call<Grant<ManageKeys>>) -> Result<HttpResponse, AppError> {
    let (key_id, rules) = (call.path("key"), call.state.config.rules);
    call.change(move |tx, grant, now| {
        let key = api_keys::restore(tx, grant, &key_id, &rules, now)?;
        Response::resource(&ApiKey::of(tx.connection(), grant, key, now)?)
    })
    .await
}
