//! Gives the rows that are stored the terms by which they are found: the part of a migration that SQL
//! cannot write, since it knows too little of letters.

use std::borrow::Cow;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
};
use serde_json::json;

use super::{Connection, DbError};
use crate::folding::terms::{List, Searched, event_key_of_older};

/// The migration after which every row has them: one brought the table, and this one what keys and members are
/// found by since.
pub(super) const VERSION: &str = "20261126183000";
/// The migration that brought the lists of all people and all organizations.
pub(super) const VERSION_OF_INSTANCE: &str = "20261127021000";

/// Rows read at once.
const ROWS_IN_A_PART: usize = 1000;
/// After how many rows the log says how far it is: a large database takes minutes, once.
const ROWS_BETWEEN_NOTES: usize = 100_000;

/// A row that is searched: by four columns, all but the first of which may be empty.
#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    scope: String,
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    one: String,
    #[diesel(sql_type = Text)]
    other: String,
    #[diesel(sql_type = Text)]
    third: String,
    #[diesel(sql_type = Text)]
    fourth: String,
}

/// What a row of a list is found by.
type Read = for<'a> fn(&'a Row) -> Searched<'a>;

/// The rows of each list in the order of an index, beyond a scope and an id.
const LISTS: [(List, &str, Read); 7] = [
    (
        List::Keys,
        "SELECT organization_id AS scope, id, name AS one, masked || coalesce(' ' || previous_masked, '') AS other,
             created_by AS third, scopes AS fourth
         FROM api_keys LEFT JOIN key_rotations ON api_key_id = id
         WHERE (organization_id, id) > ($1, $2) ORDER BY organization_id, id LIMIT $3",
        |row| Searched::Key {
            name: &row.one,
            masked: &row.other,
            created_by: &row.third,
            scopes: &row.fourth,
        },
    ),
    (
        List::Members,
        "SELECT organization_id AS scope, user_id AS id, name AS one, email AS other, role AS third, '' AS fourth
         FROM memberships CROSS JOIN users ON users.id = user_id
         WHERE (organization_id, user_id) > ($1, $2) ORDER BY organization_id, user_id LIMIT $3",
        |row| Searched::Member { name: &row.one, email: &row.other, role: &row.third },
    ),
    (
        List::Invitations,
        "SELECT organization_id AS scope, id, email AS one, '' AS other, '' AS third, '' AS fourth FROM invitations
         WHERE outcome IS NULL AND (organization_id, id) > ($1, $2) ORDER BY organization_id, id LIMIT $3",
        |row| Searched::Invitation { email: &row.one },
    ),
    (
        List::Events,
        "SELECT organization_id AS scope, id, search_key AS one, '' AS other, '' AS third, '' AS fourth FROM audit_events
         WHERE (organization_id, id) > ($1, $2) ORDER BY organization_id, id LIMIT $3",
        |row| Searched::Event { search_key: &row.one },
    ),
    (
        List::Organizations,
        // The names of one organization follow each other.
        "SELECT organization_id AS scope, user_id AS id, name AS one, '' AS other, '' AS third, '' AS fourth
         FROM memberships CROSS JOIN organizations ON organizations.id = organization_id
         WHERE (organization_id, user_id) > ($1, $2) ORDER BY organization_id, user_id LIMIT $3",
        |row| Searched::Organization { name: &row.one },
    ),
    (
        List::People,
        // SQLite numbers parameters as it meets them, so the first one is named first.
        "SELECT 'instance' AS scope, id, name AS one, email AS other, '' AS third, '' AS fourth FROM users
         WHERE $1 IS NOT NULL AND id > $2 ORDER BY id LIMIT $3",
        |row| Searched::Person { name: &row.one, email: &row.other },
    ),
    (
        List::AllOrganizations,
        "SELECT 'instance' AS scope, id, name AS one, '' AS other, '' AS third, '' AS fourth FROM organizations
         WHERE $1 IS NOT NULL AND id > $2 ORDER BY id LIMIT $3",
        |row| Searched::AnyOrganization { name: &row.one },
    ),
];

/// Gives each row of each list the terms that it lacks. Whoever stores rows past the product, as
/// measurements and tests do, calls it after that.
///
/// # Errors
/// When the database fails.
pub fn fill_terms(connection: &mut Connection) -> Result<(), DbError> {
    fill(connection, &LISTS)
}

/// Fills the lists that have no terms at all. A list that has some was filled by a version before, and has all.
pub(super) fn fill_empty_lists(connection: &mut Connection) -> Result<(), DbError> {
    let filled: Vec<Filled> = diesel::sql_query("SELECT DISTINCT list FROM search_terms").load(connection)?;
    let is_empty = |list: List| filled.iter().all(|filled| filled.list != list.as_str());
    let lists: Vec<_> = LISTS.into_iter().filter(|(list, ..)| is_empty(*list)).collect();
    fill(connection, &lists)
}

/// A list that has terms.
#[derive(QueryableByName)]
struct Filled {
    #[diesel(sql_type = Text)]
    list: String,
}

fn fill(connection: &mut Connection, lists: &[(List, &'static str, Read)]) -> Result<(), DbError> {
    let mut done = 0;
    for (_, rows, searched) in lists {
        let (mut scope, mut id) = (String::new(), String::new());
        loop {
            let part: Vec<Row> = diesel::sql_query(in_words_of(connection, rows))
                .bind::<Text, _>(&scope)
                .bind::<Text, _>(&id)
                .bind::<BigInt, _>(i64::try_from(ROWS_IN_A_PART).unwrap_or(i64::MAX))
                .load(connection)?;
            let Some(last) = part.last() else { break };
            (scope, id) = (last.scope.clone(), last.id.clone());
            write(connection, &part, *searched)?;
            let before = done;
            done += part.len();
            if done / ROWS_BETWEEN_NOTES > before / ROWS_BETWEEN_NOTES {
                tracing::info!(rows = done, "preparing the search, once for this version");
            }
        }
    }
    Ok(())
}

fn write(connection: &mut Connection, part: &[Row], searched: Read) -> Result<(), DbError> {
    let (mut terms, mut keys) = (Vec::new(), Vec::new());
    for row in part {
        let found_by = searched(row);
        let list = found_by.list().as_str();
        // A list of organizations is a person's.
        let (scope, id) = match found_by {
            Searched::Organization { .. } => (&row.id, &row.scope),
            _ => (&row.scope, &row.id),
        };
        terms.extend(found_by.terms().into_iter().map(|term| json!([scope, list, term, id])));
        if let Searched::Event { search_key } = found_by {
            keys.push(json!([id, event_key_of_older(search_key)]));
        }
    }
    let insert = "INSERT INTO search_terms (scope, list, term, row_id)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each($1) WHERE TRUE
         ON CONFLICT DO NOTHING";
    diesel::sql_query(in_words_of(connection, insert))
        .bind::<Text, _>(serde_json::Value::from(terms).to_string())
        .execute(connection)?;
    if !keys.is_empty() {
        let update = "UPDATE audit_events SET search_key = value ->> 1 FROM json_each($1)
             WHERE audit_events.id = value ->> 0";
        diesel::sql_query(in_words_of(connection, update))
            .bind::<Text, _>(serde_json::Value::from(keys).to_string())
            .execute(connection)?;
    }
    Ok(())
}

/// A statement in SQLite's words in those of the engine.
fn in_words_of(connection: &Connection, statement: &'static str) -> Cow<'static, str> {
    match connection {
        Connection::Sqlite(_) => statement.into(),
        // SQLite's CROSS JOIN reads the tables in the order in which they stand; PostgreSQL chooses.
        Connection::Postgres(_) => statement
            .replace("json_each($1)", "json_array_elements(CAST($1 AS json)) AS listed (value)")
            .replace("CROSS JOIN", "JOIN")
            .into(),
    }
}
