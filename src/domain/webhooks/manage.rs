//! Create, change, switch, rotate, remove.

use diesel::prelude::*;

use super::{CreateError, MAX_WEBHOOKS, NewWebhook, SECRET_GRACE_PERIOD, Webhook, WebhookError};
use crate::{
    clock::Timestamp,
    db::{Change, Connection, DbError, Tx},
    domain::{
        access::{Actor, Admin},
        audit::{self, Action, Event},
        forms::{self, FormId},
        id::new_id,
        organizations::Organization,
        schema::webhooks,
        secret::Secret,
    },
};

/// Creates a webhook. Its signing secret is returned this once.
///
/// # Errors
/// [`CreateError`].
pub fn create(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    new: &NewWebhook,
    form: &FormId,
    now: Timestamp,
) -> Result<(Webhook, Secret), CreateError> {
    forms::spend(tx, form, now)?;
    if count(tx.connection(), admin)? >= MAX_WEBHOOKS {
        return Err(CreateError::TooMany);
    }
    let secret = Secret::generate_signing()?;
    let webhook = diesel::insert_into(webhooks::table)
        .values((
            webhooks::id.eq(new_id(now)),
            webhooks::organization_id.eq(&admin.id),
            webhooks::url.eq(new.url.as_str()),
            webhooks::description.eq(&new.description),
            webhooks::events.eq(&new.events),
            webhooks::secret.eq(secret.expose()),
            webhooks::created_by.eq(admin.actor().name()),
            webhooks::created_at.eq(now),
        ))
        .returning(Webhook::as_returning())
        .get_result::<Webhook>(tx.connection())
        .map_err(DbError::from)?;
    record(tx, &admin.id, admin.actor(), Action::WebhookCreated, &webhook, None, now)?;
    Ok((webhook, secret))
}

/// How many webhooks the organization has.
///
/// # Errors
/// [`DbError`].
pub fn count(connection: &mut Connection, admin: &Admin<Organization>) -> Result<i64, DbError> {
    Ok(webhooks::table.filter(webhooks::organization_id.eq(&admin.id)).count().get_result(connection)?)
}

/// The organization's webhooks, the newest first.
///
/// # Errors
/// [`DbError`].
pub fn list(connection: &mut Connection, admin: &Admin<Organization>) -> Result<Vec<Webhook>, DbError> {
    Ok(webhooks::table
        .filter(webhooks::organization_id.eq(&admin.id))
        .order(webhooks::id.desc())
        .select(Webhook::as_select())
        .load(connection)?)
}

/// One webhook.
///
/// # Errors
/// [`WebhookError::NotFound`], [`WebhookError::Db`].
pub fn find(
    connection: &mut Connection,
    admin: &Admin<Organization>,
    webhook_id: &str,
) -> Result<Webhook, WebhookError> {
    webhooks::table
        .filter(webhooks::id.eq(webhook_id).and(webhooks::organization_id.eq(&admin.id)))
        .select(Webhook::as_select())
        .first(connection)
        .optional()
        .map_err(DbError::from)?
        .ok_or(WebhookError::NotFound)
}

/// Gives a webhook another address, description or choice of events. Messages that wait already go
/// to the new address.
///
/// # Errors
/// [`WebhookError::NotFound`], [`WebhookError::Db`].
pub fn change(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    webhook_id: &str,
    new: &NewWebhook,
    now: Timestamp,
) -> Result<Webhook, WebhookError> {
    let before = find(tx.connection(), admin, webhook_id)?;
    let parts = [
        ("address", before.url != new.url.as_str()),
        ("description", before.description != new.description),
        ("events", before.events != new.events),
    ];
    let changes: Vec<&str> = parts.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name).collect();
    if changes.is_empty() {
        return Ok(before);
    }
    let webhook = diesel::update(webhooks::table.find(webhook_id))
        .set((
            webhooks::url.eq(new.url.as_str()),
            webhooks::description.eq(&new.description),
            webhooks::events.eq(&new.events),
        ))
        .returning(Webhook::as_returning())
        .get_result::<Webhook>(tx.connection())
        .map_err(DbError::from)?;
    record(tx, &admin.id, admin.actor(), Action::WebhookChanged, &webhook, Some(changes.join(", ")), now)?;
    Ok(webhook)
}

/// Has messages sent again, those first that waited meanwhile.
///
/// # Errors
/// [`WebhookError::NotFound`], [`WebhookError::Db`].
pub fn activate(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    webhook_id: &str,
    now: Timestamp,
) -> Result<Webhook, WebhookError> {
    let webhook = find(tx.connection(), admin, webhook_id)?;
    if webhook.is_active() {
        return Ok(webhook);
    }
    let webhook = set_disabled(tx, webhook_id, None, None)?;
    tx.changed(Change::WebhookQueued);
    record(tx, &admin.id, admin.actor(), Action::WebhookActivated, &webhook, None, now)?;
    Ok(webhook)
}

/// Stops messages: what waits goes on waiting, and nothing more is queued.
///
/// # Errors
/// [`WebhookError::NotFound`], [`WebhookError::Db`].
pub fn deactivate(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    webhook_id: &str,
    now: Timestamp,
) -> Result<Webhook, WebhookError> {
    let webhook = find(tx.connection(), admin, webhook_id)?;
    if !webhook.is_active() {
        return Ok(webhook);
    }
    let webhook = set_disabled(tx, webhook_id, Some(now), None)?;
    record(tx, &admin.id, admin.actor(), Action::WebhookDeactivated, &webhook, None, now)?;
    Ok(webhook)
}

/// Switches a webhook on or off. Failures from before do not count against one that is switched on.
pub(super) fn set_disabled(
    tx: &mut Tx<'_>,
    webhook_id: &str,
    at: Option<Timestamp>,
    because: Option<&str>,
) -> Result<Webhook, DbError> {
    Ok(diesel::update(webhooks::table.find(webhook_id))
        .set((
            webhooks::disabled_at.eq(at),
            webhooks::disabled_because.eq(because),
            webhooks::failing_since.eq(None::<Timestamp>),
        ))
        .returning(Webhook::as_returning())
        .get_result(tx.connection())?)
}

/// Gives a webhook a new signing secret, returned this once. For [`SECRET_GRACE_PERIOD`] the one before
/// signs, too; one that was still overlapping ends.
///
/// # Errors
/// [`WebhookError`].
pub fn rotate_secret(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    webhook_id: &str,
    form: &FormId,
    now: Timestamp,
) -> Result<(Webhook, Secret), WebhookError> {
    find(tx.connection(), admin, webhook_id)?;
    forms::spend(tx, form, now)?;
    let before: String = webhooks::table
        .find(webhook_id)
        .select(webhooks::secret)
        .first(tx.connection())
        .map_err(DbError::from)?;
    let secret = Secret::generate_signing()?;
    let webhook = diesel::update(webhooks::table.find(webhook_id))
        .set((
            webhooks::secret.eq(secret.expose()),
            webhooks::previous_secret.eq(Some(before)),
            webhooks::previous_secret_until.eq(Some(now + SECRET_GRACE_PERIOD)),
        ))
        .returning(Webhook::as_returning())
        .get_result::<Webhook>(tx.connection())
        .map_err(DbError::from)?;
    record(tx, &admin.id, admin.actor(), Action::WebhookSecretRotated, &webhook, None, now)?;
    Ok((webhook, secret))
}

/// Removes a webhook with its log. What waits is not sent.
///
/// # Errors
/// [`WebhookError::NotFound`], [`WebhookError::Db`].
pub fn remove(
    tx: &mut Tx<'_>,
    admin: &Admin<Organization>,
    webhook_id: &str,
    now: Timestamp,
) -> Result<Webhook, WebhookError> {
    let webhook = find(tx.connection(), admin, webhook_id)?;
    diesel::delete(webhooks::table.find(webhook_id)).execute(tx.connection()).map_err(DbError::from)?;
    record(tx, &admin.id, admin.actor(), Action::WebhookRemoved, &webhook, None, now)?;
    Ok(webhook)
}

pub(super) fn record(
    tx: &mut Tx<'_>,
    organization_id: &str,
    actor: &Actor,
    action: Action,
    webhook: &Webhook,
    detail: Option<String>,
    now: Timestamp,
) -> Result<(), DbError> {
    let event = Event {
        organization_id: Some(organization_id),
        actor,
        action,
        subject_id: Some(&webhook.id),
        subject_name: webhook.address(),
        detail,
    };
    audit::record(tx, &event, now)
}
