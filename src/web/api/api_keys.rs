//! API keys: list, read, create, change, switch on and off, remove.

mod fields;
mod filter;
mod resource;

use actix_web::HttpResponse;

pub use fields::parse_expiration;
pub use filter::KeyQuery;

use super::{
    call::{Call, TokenProof},
    json::Json,
    pagination,
    params::Params,
    receipts::WaitParams,
    response::Response,
};
use crate::{
    api_types::{ApiKey, KeyChange, KeyWithSecret, List, NewKey, Receipts},
    clock::Timestamp,
    db::Tx,
    domain::{
        access::{Grant, ManageKeys, SeeKeys},
        api_keys::{self, ApiKey as StoredKey, KeyChangeError},
        page::Cursor,
    },
    web::{error::AppError, urls},
};

/// List keys.
///
/// # Errors
/// 400 invalid parameters.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/keys",
    tag = "API keys",
    params(KeyQuery),
    responses((status = 200, description = "A page of keys.", body = List<ApiKey>))
)]
pub async fn list(call: Call<Grant<SeeKeys>, Params<KeyQuery>>) -> Result<HttpResponse, AppError> {
    let (Params(filter), now) = (call.input.clone(), call.now);
    let (slice, sort) = (filter.pagination().list_request()?, filter.sort);
    let wanted = slice.clone();
    let keys = call
        .read(move |connection, grant| {
            let found = api_keys::list_after(connection, grant, &filter.selection(), (sort, &wanted), now)?;
            let cursors: Vec<Cursor> = found.iter().map(|key| sort.cursor(key)).collect();
            let keys = ApiKey::of_all(connection, grant, found, now)?;
            Ok::<_, AppError>(cursors.into_iter().zip(keys).collect::<Vec<_>>())
        })
        .await?;
    let listing = pagination::list(keys, &slice, |(cursor, _)| cursor.clone(), |(_, key)| key);
    Ok(Response::ok(&listing)?.send())
}

/// Create a key.
///
/// The secret is returned only once.
///
/// # Errors
/// 422 invalid fields, 409 too many keys.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/keys",
    tag = "API keys",
    request_body = NewKey,
    responses((status = 201, description = "The key with its secret.", body = KeyWithSecret))
)]
pub async fn create(call: Call<Grant<ManageKeys>, Json<NewKey>>) -> Result<HttpResponse, AppError> {
    let rules = call.state.config.rules;
    let new = call.input.0.parse(rules.has_environments, call.now)?;
    call.change(move |tx, grant, now| {
        let (key, secret) = api_keys::create(tx, grant, &new, &rules, now)?;
        let location = urls::api_of_key(&grant.id, &key.id);
        let key = ApiKey::of(tx.connection(), grant, key, now)?;
        Response::created(&KeyWithSecret { key, secret: secret.expose().to_owned() }, location)
    })
    .await
}

/// Get a key.
///
/// # Errors
/// 404 not found.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/keys/{key}",
    tag = "API keys",
    responses((status = 200, description = "The key.", body = ApiKey))
)]
pub async fn show(call: Call<Grant<SeeKeys>>) -> Result<HttpResponse, AppError> {
    let (key_id, now) = (call.path("key"), call.now);
    let key = call.read(move |connection, grant| ApiKey::find(connection, grant, &key_id, now)).await?;
    call.show(&key)
}

/// Update a key.
///
/// Changes apply from the next request. A new monthly quota includes what was already used this month. A later
/// expiration applies to the current secret only, not to a previous one.
///
/// # Errors
/// 404 not found, 412 `If-Match` doesn’t match, 422 invalid fields.
#[utoipa::path(
    patch,
    path = "/api/v2/organizations/{organization}/keys/{key}",
    tag = "API keys",
    params(WaitParams),
    request_body(content = KeyChange, example = json!({ "name": "Nightly billing", "monthly_quota": 200_000 })),
    responses((status = 200, description = "The updated key.", body = ApiKey))
)]
pub async fn change(call: Call<Grant<ManageKeys>, Json<KeyChange>>) -> Result<HttpResponse, AppError> {
    let change = call.input.0.clone();
    // A quota that is new counts what was used this month before it.
    counted_key(&call).await?;
    change_key(&call, move |tx, grant, key, now| {
        let edit = change.parse(key, now)?;
        let key = api_keys::edit(tx, grant, &key.id, &edit, now).map_err(rejected)?;
        show_changed(tx, grant, key, now)
    })
    .await
}

/// Activate a key.
///
/// This also ends a pause. A key that has expired stays rejected.
///
/// # Errors
/// 404 not found, 412 `If-Match` doesn’t match.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/keys/{key}/activate",
    tag = "API keys",
    params(WaitParams),
    responses((status = 200, description = "The activated key.", body = ApiKey))
)]
pub async fn activate(call: Call<Grant<ManageKeys>>) -> Result<HttpResponse, AppError> {
    change_key(&call, |tx, grant, key, now| {
        let key = api_keys::switch(tx, grant, &key.id, true, now)?;
        show_changed(tx, grant, key, now)
    })
    .await
}

/// Deactivate a key.
///
/// The key is rejected from the next request.
///
/// # Errors
/// 404 not found, 412 `If-Match` doesn’t match.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/keys/{key}/deactivate",
    tag = "API keys",
    params(WaitParams),
    responses((status = 200, description = "The deactivated key.", body = ApiKey))
)]
pub async fn deactivate(call: Call<Grant<ManageKeys>>) -> Result<HttpResponse, AppError> {
    change_key(&call, |tx, grant, key, now| {
        let key = api_keys::switch(tx, grant, &key.id, false, now)?;
        show_changed(tx, grant, key, now)
    })
    .await
}

/// Remove a key.
///
/// The key is rejected from the next request. It can be restored for 14 days.
///
/// # Errors
/// 404 not found, 412 `If-Match` doesn’t match.
#[utoipa::path(
    delete,
    path = "/api/v2/organizations/{organization}/keys/{key}",
    tag = "API keys",
    params(WaitParams),
    responses(
        (status = 200, description = "Removed; with `?wait`.", body = Receipts),
        (status = 204, description = "Removed.")
    )
)]
pub async fn remove(call: Call<Grant<ManageKeys>>) -> Result<HttpResponse, AppError> {
    change_key(&call, |tx, grant, key, now| {
        api_keys::remove(tx, grant, &key.id, now)?;
        Ok(Response::done())
    })
    .await
}

/// The key in the address, once everything that was asked of it is counted.
pub(super) async fn counted_key<P, B>(call: &Call<P, B>) -> Result<StoredKey, AppError>
where
    P: TokenProof + AsRef<Grant<SeeKeys>>,
{
    let key_id = call.path("key");
    let key = call.read(move |connection, proof| api_keys::find(connection, proof.as_ref(), &key_id)).await?;
    call.state.count_usage(&call.proof.as_ref().id).await;
    Ok(key)
}

/// Carries out a change of the key in the address, if it is in the version that the client demands.
pub(super) async fn change_key<B>(
    call: &Call<Grant<ManageKeys>, B>,
    work: impl FnOnce(&mut Tx<'_>, &Grant<ManageKeys>, &StoredKey, Timestamp) -> Result<Response, AppError>
    + Send
    + 'static,
) -> Result<HttpResponse, AppError> {
    let (key_id, precondition) = (call.path("key"), call.precondition());
    call.change_everywhere(move |tx, grant, now| {
        let key = api_keys::find(tx.connection(), grant, &key_id)?;
        precondition.check(&ApiKey::of(tx.connection(), grant, key.clone(), now)?)?;
        work(tx, grant, &key, now)
    })
    .await
}

/// Why a key was not changed, with the field that is wrong.
pub(super) fn rejected(error: KeyChangeError) -> AppError {
    match error {
        KeyChangeError::Expiration(error) => AppError::field("/expires_at", error),
        error => error.into(),
    }
}

/// The answer with a key that was changed.
pub(super) fn show_changed(
    tx: &mut Tx<'_>,
    grant: &Grant<ManageKeys>,
    key: StoredKey,
    now: Timestamp,
) -> Result<Response, AppError> {
    Response::resource(&ApiKey::of(tx.connection(), grant, key, now)?)
}
