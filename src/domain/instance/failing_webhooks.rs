//! Webhooks whose receivers do not answer, and those that were switched off for it.

use diesel::prelude::*;

use crate::{
    clock::Timestamp,
    db::{Connection, DbError, count_of},
    domain::{
        access::Operator,
        organization::Organization,
        page::{Cursor, CursorError, Page, PageRequest, Reach, Total, by_age},
        schema::{organizations, webhooks},
        webhooks::Webhook,
    },
    vocabulary::WebhookFailure,
};

/// A webhook that fails.
#[derive(Clone, Debug)]
pub struct FailingWebhook {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub organization: Organization,
    /// Where its messages go, without what may be a secret of the receiver's.
    pub address: String,
    /// Since when every attempt has failed; `None` for one that was switched off.
    pub failing_since: Option<Timestamp>,
    /// Since when it is switched off, and why, where nobody did it.
    pub given_up: Option<(Timestamp, WebhookFailure)>,
}

macro_rules! failing {
    () => {
        webhooks::table
            .inner_join(organizations::table)
            .filter(webhooks::failing_since.is_not_null().or(webhooks::disabled_because.is_not_null()))
            .filter(organizations::removed_at.is_null())
    };
}

/// One page of the webhooks that fail, the newest first.
pub fn page_of_failing_webhooks(
    connection: &mut Connection,
    _: &Operator,
    request: &PageRequest,
) -> Result<Page<FailingWebhook>, DbError> {
    let total = Total::count(|most| count_of(connection, failing!().select(webhooks::id).limit(most)))?;
    let cursor = |webhook: &FailingWebhook| Cursor::by_id(&webhook.id);
    request.load(total, cursor, |reach| read(connection, reach))
}

fn read(connection: &mut Connection, reach: &Reach) -> Result<Vec<FailingWebhook>, CursorError> {
    let all = failing!().into_boxed();
    let rows: Vec<(Webhook, Organization)> = by_age!(all, reach, true, webhooks::id)
        .select((Webhook::as_select(), Organization::as_select()))
        .load(connection)
        .map_err(DbError::from)?;
    let shown = |(webhook, organization): (Webhook, Organization)| FailingWebhook {
        address: webhook.url_without_query().to_owned(),
        failing_since: webhook.failing_since,
        given_up: webhook.disabled_at.zip(webhook.disabled_because),
        id: webhook.id,
        organization,
    };
    Ok(rows.into_iter().map(shown).collect())
}
