//! What is in the database, row by row, to see that a refused request changed nothing.

use std::collections::BTreeMap;

use diesel::{prelude::*, sql_types::Text};
use tessera::db::Connection;

use super::World;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    text: String,
}

impl World {
    /// Every row of every table as text, but for what only asking moves: sessions, when somebody was
    /// last seen, how often and when a token was used, which verifications were refused, what is
    /// counted against guessing, and what servers on one database note of themselves.
    pub(crate) async fn ledger(&self) -> BTreeMap<String, Vec<String>> {
        self.read(|connection| {
            let of_asking = [
                "sessions",
                "rejections",
                "throttles",
                "token_usage",
                "leases",
                "nodes",
                "readings",
                "__diesel_schema_migrations",
            ];
            let tables = tables(connection)?.into_iter().filter(|table| !of_asking.contains(&table.as_str()));
            tables
                .map(|table| {
                    // Where a secret has stopped, servers note in their own time.
                    let rows = match table.as_str() {
                        "stops" => lines(connection, "SELECT event_id AS text FROM stops ORDER BY event_id")?,
                        _ => rows(connection, &table)?,
                    };
                    Ok((table, rows))
                })
                .collect()
        })
        .await
    }

    /// The names of all tables.
    pub(crate) async fn tables(&self) -> Vec<String> {
        self.read(|connection| Ok(tables(connection)?)).await
    }

    /// The one text that a query gives under the name `text`.
    pub(crate) async fn query(&self, sql: &str) -> Vec<String> {
        let sql = sql.to_owned();
        self.read(move |connection| Ok(lines(connection, &sql)?)).await
    }

    /// Changes rows past the domain, where it would take too long or cannot be done otherwise.
    pub(crate) async fn execute(&self, sql: &str) {
        let sql = sql.to_owned();
        self.write(move |tx| Ok(diesel::sql_query(sql).execute(tx.connection())?)).await;
    }
}

/// Which engine answers: each has words of its own for what it keeps.
pub(crate) fn is_postgres(connection: &Connection) -> bool {
    matches!(connection, Connection::Postgres(_))
}

fn tables(connection: &mut Connection) -> QueryResult<Vec<String>> {
    let all = if is_postgres(connection) {
        "SELECT tablename AS text FROM pg_tables WHERE schemaname = 'public'"
    } else {
        "SELECT name AS text FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
    };
    lines(connection, all)
}

fn rows(connection: &mut Connection, table: &str) -> QueryResult<Vec<String>> {
    let of_asking = "('last_active_at', 'last_used_at', 'last_used_ip')";
    let (columns, quote) = if is_postgres(connection) {
        let columns = "SELECT column_name AS text FROM information_schema.columns WHERE column_name NOT IN";
        (format!("{columns} {of_asking} AND table_name = '{table}'"), "quote_nullable")
    } else {
        let columns = "SELECT name AS text FROM pragma_table_info";
        (format!("{columns}('{table}') WHERE name NOT IN {of_asking}"), "quote")
    };
    let columns = lines(connection, &columns)?;
    let columns: Vec<String> = columns.iter().map(|column| format!("{quote}(\"{column}\")")).collect();
    lines(connection, &format!("SELECT {} AS text FROM \"{table}\" ORDER BY 1", columns.join(" || '|' || ")))
}

fn lines(connection: &mut Connection, sql: &str) -> QueryResult<Vec<String>> {
    // SQLite gives whatever it has as a text.
    let as_text =
        is_postgres(connection).then(|| format!("SELECT CAST(text AS TEXT) AS text FROM ({sql}) AS asked"));
    let lines: Vec<Line> = diesel::sql_query(as_text.as_deref().unwrap_or(sql)).load(connection)?;
    Ok(lines.into_iter().map(|line| line.text).collect())
}
