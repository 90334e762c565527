//! The part of a migration that SQL cannot write: it gives the names that are stored their folded
//! form.

use diesel::{
    migration::Result,
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
};

use super::Connection;
use crate::folding::{composed, fold, search_key};

/// The migration that brings the columns.
pub(super) const VERSION: &str = "20261126040000";

/// Events read at once.
const EVENTS_IN_A_PART: i64 = 1000;

/// Fills the columns.
pub(super) fn fold_names(connection: &mut Connection) -> Result<()> {
    for table in ["users", "organizations", "api_keys"] {
        for Row { id, text } in rows(connection, table, "name")? {
            set(connection, table, "search_key", &search_key(&text), &id)?;
        }
    }
    for table in ["api_keys", "master_tokens"] {
        fold_unique_names(connection, table)?;
    }
    for table in ["users", "invitations"] {
        compose_addresses(connection, table)?;
    }
    Ok(fold_events(connection)?)
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    text: String,
}

#[derive(QueryableByName)]
struct Event {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    actor_name: String,
    #[diesel(sql_type = Text)]
    subject_name: String,
    #[diesel(sql_type = Nullable<Text>)]
    search_text: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    ip: Option<String>,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// Names that were different before and are the same now both stay as they are; the older one takes
/// the folded form, so that no new name can be the same as either, and the other one a form that
/// nobody can type.
fn fold_unique_names(connection: &mut Connection, table: &str) -> QueryResult<()> {
    let names = rows(connection, table, "name")?;
    // First out of each other's way: a new form may be what another row has still.
    for Row { id, .. } in &names {
        set(connection, table, "name_key", &own_form("", id), id)?;
    }
    for Row { id, text } in names {
        let folded = fold(&text);
        let twins = format!(
            "SELECT count(*) AS \"rows\" FROM {table} WHERE name_key = ?
             AND organization_id = (SELECT organization_id FROM {table} WHERE id = ?)"
        );
        let twins: Count =
            diesel::sql_query(twins).bind::<Text, _>(&folded).bind::<Text, _>(&id).get_result(connection)?;
        let name_key = if twins.rows == 0 { folded } else { own_form(&folded, &id) };
        set(connection, table, "name_key", &name_key, &id)?;
    }
    Ok(())
}

fn own_form(folded: &str, id: &str) -> String {
    format!("{folded}\n{id}")
}

/// An address is looked up in its composed form; where another row has that already, both stay.
fn compose_addresses(connection: &mut Connection, table: &str) -> QueryResult<()> {
    for Row { id, text } in rows(connection, table, "email")? {
        let composed = composed(&text);
        if composed == text {
            continue;
        }
        let taken = format!("SELECT count(*) AS \"rows\" FROM {table} WHERE email = ?");
        let taken: Count = diesel::sql_query(taken).bind::<Text, _>(&composed).get_result(connection)?;
        if taken.rows == 0 {
            set(connection, table, "email", &composed, &id)?;
        }
    }
    Ok(())
}

fn fold_events(connection: &mut Connection) -> QueryResult<()> {
    let mut after = String::new();
    loop {
        let events: Vec<Event> = diesel::sql_query(
            "SELECT id, actor_name, subject_name, search_text, ip FROM audit_events
             WHERE id > ? ORDER BY id LIMIT ?",
        )
        .bind::<Text, _>(&after)
        .bind::<BigInt, _>(EVENTS_IN_A_PART)
        .load(connection)?;
        let Some(last) = events.last() else { return Ok(()) };
        after.clone_from(&last.id);
        for event in events {
            let texts = [Some(event.actor_name), Some(event.subject_name), event.search_text, event.ip];
            let keys: Vec<String> = texts.into_iter().flatten().map(|text| search_key(&text)).collect();
            set(connection, "audit_events", "search_key", &keys.join("\n"), &event.id)?;
        }
    }
}

/// Each row's id with a column, the oldest first.
fn rows(connection: &mut Connection, table: &str, column: &str) -> QueryResult<Vec<Row>> {
    diesel::sql_query(format!("SELECT id, {column} AS text FROM {table} ORDER BY id")).load(connection)
}

fn set(connection: &mut Connection, table: &str, column: &str, value: &str, id: &str) -> QueryResult<()> {
    diesel::sql_query(format!("UPDATE {table} SET {column} = ? WHERE id = ?"))
        .bind::<Text, _>(value)
        .bind::<Text, _>(id)
        .execute(connection)?;
    Ok(())
}
