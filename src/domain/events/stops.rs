//! Where what an event ended has stopped being accepted: a later fact, which the audit log shows beside the event
//! and webhooks are told.
//!
//! A process that has the database to itself knows it in the transaction of the event. On a server the event waits
//! here until every node that is there has read the change; one node looks at that for all.

use diesel::{dsl::exists, prelude::*};

use super::{
    Detail, EventType,
    webhook_queue::{self, Told, Who},
};
use crate::{
    clock::Timestamp,
    db::{Change, Connection, DbError, Tx},
    domain::{
        nodes::{self, Spread},
        schema::{audit_events, stops},
    },
};

/// Events that are looked at together.
const AT_ONCE: i64 = 100;

/// Has the event with this id followed, which ended some secret. Whatever it changed has been told to `tx` before:
/// who has heard of this has heard of that.
pub(super) fn note(tx: &mut Tx<'_>, event_id: &str, now: Timestamp) -> Result<(), DbError> {
    let immediately = tx.only_node().map(|node| Spread::of_one(node, now));
    let json = immediately.as_ref().map(serde_json::to_string).transpose().map_err(DbError::Encoding)?;
    diesel::insert_into(stops::table)
        .values((stops::event_id.eq(event_id), stops::spread.eq(json)))
        .execute(tx.connection())?;
    match immediately {
        Some(spread) => tell(tx, event_id, spread, now),
        None => {
            tx.changed(Change::Stop(event_id.to_owned()));
            Ok(())
        }
    }
}

/// An event that waits, by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// The id of the event.
    pub event_id: String,
    /// How far it has got; `None` where the log has forgotten it, and nobody will ever know.
    pub spread: Option<Spread>,
}

impl Followed {
    /// Whether there is nothing more to wait for.
    pub fn is_over(&self) -> bool {
        self.spread.as_ref().is_none_or(|spread| spread.waits_for.is_empty())
    }
}

/// The events that wait, the oldest first, and how far each has got.
pub fn followed(connection: &mut Connection) -> Result<Vec<Followed>, DbError> {
    let waiting: Vec<String> = stops::table
        .filter(stops::spread.is_null())
        .order(stops::event_id)
        .select(stops::event_id)
        .limit(AT_ONCE)
        .load(connection)?;
    let follow = |event_id: String| {
        let spread = match nodes::number_of_stop(connection, &event_id)? {
            Some(number) => nodes::spread(connection, number)?,
            None => None,
        };
        Ok(Followed { event_id, spread })
    };
    waiting.into_iter().map(follow).collect()
}

/// Keeps where an event has got that [`is_over`](Followed::is_over), and tells of it. Does nothing where that was
/// done already: another node may have looked at the same time.
pub fn settle(tx: &mut Tx<'_>, followed: Followed, now: Timestamp) -> Result<(), DbError> {
    let Followed { event_id, spread } = followed;
    let waiting = stops::table.find(&event_id).filter(stops::spread.is_null());
    if !diesel::select(exists(waiting)).get_result(tx.connection())? {
        return Ok(());
    }
    let Some(spread) = spread else {
        diesel::delete(stops::table.find(&event_id)).execute(tx.connection())?;
        return Ok(());
    };
    let json = serde_json::to_string(&spread).map_err(DbError::Encoding)?;
    diesel::update(stops::table.find(&event_id)).set(stops::spread.eq(json)).execute(tx.connection())?;
    tell(tx, &event_id, spread, now)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_events)]
struct Row {
    organization_id: Option<String>,
    actor_kind: String,
    actor_id: Option<String>,
    actor_name: String,
    action: String,
    subject_id: Option<String>,
    subject_name: String,
    details: Option<String>,
    search_text: Option<String>,
}

/// Queues the messages about an event that ended the secret of an API key.
fn tell(tx: &mut Tx<'_>, event_id: &str, spread: Spread, now: Timestamp) -> Result<(), DbError> {
    let row: Row = audit_events::table.find(event_id).select(Row::as_select()).first(tx.connection())?;
    let is_of_key = row.action.split_once('.').is_some_and(|(kind, _)| kind == "api_key");
    let Some(organization_id) = row.organization_id.as_deref().filter(|_| is_of_key) else { return Ok(()) };
    let before = Detail::of_row(event_id, row.details.as_deref(), row.search_text);
    let detail =
        Detail::Stop { event_id: event_id.to_owned(), action: row.action, receipts: spread.receipts };
    let told = Told {
        organization_id,
        actor: Who { kind: &row.actor_kind, id: row.actor_id.as_deref(), name: &row.actor_name },
        subject_id: row.subject_id.as_deref(),
        subject_name: &row.subject_name,
        masked_before: before.as_ref().and_then(Detail::masked),
        details: Some(&detail),
    };
    webhook_queue::queue_about(tx, EventType::KeyStoppedEverywhere, &told, now)
}

/// Where an event has got, as it is kept. What cannot be read is told of nowhere.
pub(in crate::domain) fn spread_of_row(event_id: &str, json: Option<&str>) -> Option<Spread> {
    serde_json::from_str(json?)
        .inspect_err(
            |error| tracing::warn!(event = event_id, %error, "where an event has got cannot be read"),
        )
        .ok()
}
