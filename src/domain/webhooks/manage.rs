//! Create, change, switch, rotate, remove.

use diesel::prelude::*;

use super::{NewWebhook, SECRET_GRACE_PERIOD, Webhook, WebhookFailure};
use crate::{
    clock::Timestamp,
    config::InstanceRules,
    db::{Change, Connection, DbError, Tx, columns_of},
    domain::{
        access::{Actor, Govern, Grant},
        events::{self, Action, Detail, Event, WebhookSetting},
        managed::{self, Done, ManageError, Managed, NewRow},
        schema::webhooks,
        secret::{NoRandomness, Secret},
    },
};

impl Managed for Webhook {
    type New = NewWebhook;
    type Manage = Govern;

    const A_KIND: &'static str = "A webhook";
    const KINDS: (&'static str, &'static str) = ("webhook", "webhooks");

    fn max(rules: &InstanceRules) -> i64 {
        rules.webhooks
    }

    fn generate_secret(_: &InstanceRules, _: Option<&NewWebhook>) -> Result<Secret, NoRandomness> {
        Secret::generate_signing()
    }

    fn count(connection: &mut Connection, organization_id: &str) -> QueryResult<i64> {
        webhooks::table.filter(webhooks::organization_id.eq(organization_id)).count().get_result(connection)
    }

    fn insert(connection: &mut Connection, new: &NewWebhook, row: &NewRow<'_>) -> QueryResult<Self> {
        diesel::insert_into(webhooks::table)
            .values((
                webhooks::id.eq(&row.id),
                webhooks::organization_id.eq(row.organization_id),
                webhooks::url.eq(new.url.as_str()),
                webhooks::description.eq(&new.description),
                webhooks::events.eq(&new.events),
                webhooks::secret.eq(row.secret.expose()),
                webhooks::created_by.eq(row.created_by),
                webhooks::created_at.eq(row.created_at),
            ))
            .returning(columns_of::<Self>())
            .get_result(connection)
    }

    fn select(connection: &mut Connection, organization_id: &str, id: &str) -> QueryResult<Option<Self>> {
        webhooks::table
            .filter(webhooks::id.eq(id).and(webhooks::organization_id.eq(organization_id)))
            .select(Self::as_select())
            .first(connection)
            .optional()
    }

    fn update_switch(
        connection: &mut Connection,
        id: &str,
        off_since: Option<Timestamp>,
    ) -> QueryResult<Self> {
        set_disabled(connection, id, off_since, None)
    }

    /// For [`SECRET_GRACE_PERIOD`] the previous secret signs, too; one that was in its grace period
    /// already is revoked.
    fn update_secret(
        connection: &mut Connection,
        id: &str,
        secret: &Secret,
        now: Timestamp,
    ) -> QueryResult<Self> {
        diesel::update(webhooks::table.find(id))
            .set((
                webhooks::previous_secret.eq(webhooks::secret.nullable()),
                webhooks::previous_secret_until.eq(Some(now + SECRET_GRACE_PERIOD)),
                webhooks::secret.eq(secret.expose()),
            ))
            .returning(columns_of::<Self>())
            .get_result(connection)
    }

    fn delete(connection: &mut Connection, id: &str, _: &str, _: Timestamp) -> QueryResult<usize> {
        diesel::delete(webhooks::table.find(id)).execute(connection)
    }

    fn is_switched(&self, on: bool) -> bool {
        self.is_active() == on
    }

    fn note(
        &self,
        tx: &mut Tx<'_>,
        grant: &Grant<Govern>,
        done: Done,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let action = match done {
            Done::Created => Action::WebhookCreated,
            Done::Activated => {
                // What became due while it was off is sent now.
                tx.changed(Change::WebhookQueued);
                Action::WebhookActivated
            }
            Done::Deactivated => Action::WebhookDeactivated,
            Done::SecretReplaced => Action::WebhookSecretRotated,
            Done::Removed => Action::WebhookRemoved,
        };
        record(tx, &grant.id, grant.actor(), action, self, None, now)
    }
}

/// Whether there may be another one, to say so before anything is typed.
///
/// # Errors
/// [`ManageError::TooMany`].
pub fn check_room(
    connection: &mut Connection,
    grant: &Grant<Govern>,
    rules: &InstanceRules,
) -> Result<(), ManageError> {
    managed::check_room::<Webhook>(connection, grant, rules)
}

/// Creates a webhook. Its signing secret is returned this once.
///
/// # Errors
/// [`ManageError::TooMany`].
pub fn create(
    tx: &mut Tx<'_>,
    grant: &Grant<Govern>,
    new: &NewWebhook,
    rules: &InstanceRules,
    now: Timestamp,
) -> Result<(Webhook, Secret), ManageError> {
    managed::create(tx, grant, new, rules, now)
}

/// Has events sent again, those first that are pending; or stops them: what is pending stays so, and
/// nothing more is queued.
///
/// # Errors
/// [`ManageError::NotFound`].
pub fn switch(
    tx: &mut Tx<'_>,
    grant: &Grant<Govern>,
    webhook_id: &str,
    on: bool,
    now: Timestamp,
) -> Result<Webhook, ManageError> {
    managed::switch(tx, grant, webhook_id, on, now)
}

/// Gives a webhook a new signing secret, returned this once.
///
/// # Errors
/// [`ManageError::NotFound`].
pub fn rotate_secret(
    tx: &mut Tx<'_>,
    grant: &Grant<Govern>,
    webhook_id: &str,
    rules: &InstanceRules,
    now: Timestamp,
) -> Result<(Webhook, Secret), ManageError> {
    managed::replace_secret(tx, grant, webhook_id, rules, now)
}

/// Removes a webhook with its log. What is pending is not sent.
///
/// # Errors
/// [`ManageError::NotFound`].
pub fn remove(
    tx: &mut Tx<'_>,
    grant: &Grant<Govern>,
    webhook_id: &str,
    now: Timestamp,
) -> Result<Webhook, ManageError> {
    managed::remove(tx, grant, webhook_id, now)
}

/// One webhook.
///
/// # Errors
/// [`ManageError::NotFound`].
pub fn find(
    connection: &mut Connection,
    grant: &Grant<Govern>,
    webhook_id: &str,
) -> Result<Webhook, ManageError> {
    managed::find(connection, grant, webhook_id)
}

/// How many webhooks the organization has.
pub fn count(connection: &mut Connection, grant: &Grant<Govern>) -> Result<i64, DbError> {
    Ok(Webhook::count(connection, &grant.id)?)
}

/// The organization's webhooks, the newest first.
pub fn list(connection: &mut Connection, grant: &Grant<Govern>) -> Result<Vec<Webhook>, DbError> {
    Ok(webhooks::table
        .filter(webhooks::organization_id.eq(&grant.id))
        .order(webhooks::id.desc())
        .select(Webhook::as_select())
        .load(connection)?)
}

/// Gives a webhook another address, description or choice of events. Messages that wait already go
/// to the new address.
///
/// # Errors
/// [`ManageError::NotFound`], [`ManageError::Db`].
pub fn change(
    tx: &mut Tx<'_>,
    grant: &Grant<Govern>,
    webhook_id: &str,
    new: &NewWebhook,
    now: Timestamp,
) -> Result<Webhook, ManageError> {
    let before = find(tx.connection(), grant, webhook_id)?;
    let parts = [
        (WebhookSetting::Url, before.url != new.url.as_str()),
        (WebhookSetting::Description, before.description != new.description),
        (WebhookSetting::Events, before.events != new.events),
    ];
    let changed: Vec<_> = parts.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name).collect();
    if changed.is_empty() {
        return Ok(before);
    }
    let webhook = diesel::update(webhooks::table.find(webhook_id))
        .set((
            webhooks::url.eq(new.url.as_str()),
            webhooks::description.eq(&new.description),
            webhooks::events.eq(&new.events),
            webhooks::not_before.eq(None::<Timestamp>),
        ))
        .returning(columns_of::<Webhook>())
        .get_result::<Webhook>(tx.connection())
        .map_err(DbError::from)?;
    let detail = Detail::WebhookSettings { changed };
    record(tx, &grant.id, grant.actor(), Action::WebhookChanged, &webhook, Some(detail), now)?;
    Ok(webhook)
}

/// Switches a webhook on or off. Failures from before do not count against one that is switched on.
pub(super) fn set_disabled(
    connection: &mut Connection,
    webhook_id: &str,
    at: Option<Timestamp>,
    because: Option<WebhookFailure>,
) -> QueryResult<Webhook> {
    diesel::update(webhooks::table.find(webhook_id))
        .set((
            webhooks::disabled_at.eq(at),
            webhooks::disabled_because.eq(because),
            webhooks::failing_since.eq(None::<Timestamp>),
            webhooks::not_before.eq(None::<Timestamp>),
        ))
        .returning(columns_of::<Webhook>())
        .get_result(connection)
}

/// Sends again to a receiver that asked to be left alone: somebody wants to know.
pub(super) fn end_rest(tx: &mut Tx<'_>, webhook_id: &str) -> Result<(), DbError> {
    diesel::update(webhooks::table.find(webhook_id))
        .set(webhooks::not_before.eq(None::<Timestamp>))
        .execute(tx.connection())?;
    Ok(())
}

pub(super) fn record(
    tx: &mut Tx<'_>,
    organization_id: &str,
    actor: &Actor,
    action: Action,
    webhook: &Webhook,
    detail: Option<Detail>,
    now: Timestamp,
) -> Result<(), DbError> {
    let event = Event {
        organization_id: Some(organization_id),
        actor,
        action,
        subject_id: Some(&webhook.id),
        subject_name: webhook.url_without_query(),
        detail,
    };
    events::record(tx, &event, now)
}
