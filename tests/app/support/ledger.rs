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
    /// last seen, how often and when a token was used, which verifications were refused, and what is
    /// counted against guessing.
    pub(crate) async fn ledger(&self) -> BTreeMap<String, Vec<String>> {
        self.read(|connection| {
            let tables = lines(
                connection,
                "SELECT name AS text FROM sqlite_master WHERE type = 'table'
                 AND name NOT IN ('sessions', 'rejections', 'throttles', 'token_usage', '__diesel_schema_migrations')",
            )?;
            tables.into_iter().map(|table| Ok((table.clone(), rows(connection, &table)?))).collect()
        })
        .await
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

fn rows(connection: &mut Connection, table: &str) -> QueryResult<Vec<String>> {
    let of_asking = "'last_active_at', 'last_used_at', 'last_used_ip'";
    let columns =
        format!("SELECT name AS text FROM pragma_table_info('{table}') WHERE name NOT IN ({of_asking})");
    let columns = lines(connection, &columns)?;
    let columns: Vec<String> = columns.iter().map(|column| format!("quote(\"{column}\")")).collect();
    lines(connection, &format!("SELECT {} AS text FROM \"{table}\" ORDER BY 1", columns.join(" || '|' || ")))
}

fn lines(connection: &mut Connection, sql: &str) -> QueryResult<Vec<String>> {
    let lines: Vec<Line> = diesel::sql_query(sql).load(connection)?;
    Ok(lines.into_iter().map(|line| line.text).collect())
}
