//! The tables of a database, as its own catalogue has them, and their rows as JSON.

use std::collections::{BTreeMap, BTreeSet};

use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Bool, Text},
};

use super::{Line, lines};
use crate::db::{Connection, DbError};

/// What the migrations note for themselves.
const OF_MIGRATIONS: &str = "__diesel_schema_migrations";

/// What processes on one database tell each other while they run.
const OF_PROCESSES: [&str; 8] = [
    "changes",
    "idempotency_claims",
    "leases",
    "maintenance",
    "nodes",
    "quota_portions",
    "readings",
    "setup_links",
];

/// A table whose rows are copied.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    /// By their names, so that both engines have them in one order. Without those that are computed.
    columns: BTreeMap<String, Kind>,
    /// The columns of the primary key.
    key: Vec<String>,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Flag,
    Bytes,
    Instant,
}

/// A column in the catalogue.
#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    declared: String,
    /// Its place in the primary key; 0 for none.
    #[diesel(sql_type = BigInt)]
    place_in_key: i64,
    #[diesel(sql_type = Bool)]
    is_computed: bool,
}

const COLUMNS_OF_SQLITE: &str =
    "SELECT tables.name AS table_name, columns.name AS name, columns.type AS declared,
        columns.pk AS place_in_key, columns.hidden <> 0 AS is_computed
    FROM sqlite_schema AS tables INNER JOIN pragma_table_xinfo(tables.name) AS columns
    WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite!_%' ESCAPE '!'";

const COLUMNS_OF_POSTGRES: &str = "SELECT CAST(relname AS text) AS table_name, CAST(attname AS text) AS name,
        format_type(atttypid, NULL) AS declared,
        CAST(coalesce(array_position(CAST(indkey AS int2[]), attnum) - array_lower(CAST(indkey AS int2[]), 1) + 1, 0)
            AS bigint) AS place_in_key,
        attgenerated <> '' AS is_computed
    FROM pg_class AS tables INNER JOIN pg_attribute ON attrelid = tables.oid AND attnum > 0 AND NOT attisdropped
        LEFT JOIN pg_index ON indrelid = tables.oid AND indisprimary
    WHERE relkind = 'r' AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())";

/// A table, and another one whose rows its own refer to.
#[derive(QueryableByName)]
struct Reference {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    other: String,
}

const REFERENCES_OF_SQLITE: &str = "SELECT tables.name AS table_name, list.\"table\" AS other
    FROM sqlite_schema AS tables INNER JOIN pragma_foreign_key_list(tables.name) AS list
    WHERE tables.type = 'table'";

const REFERENCES_OF_POSTGRES: &str = "SELECT CAST(own.relname AS text) AS table_name, CAST(others.relname AS text) AS other
    FROM pg_constraint INNER JOIN pg_class AS own ON own.oid = conrelid
        INNER JOIN pg_class AS others ON others.oid = confrelid
    WHERE contype = 'f' AND own.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())";

/// The names of all tables but the migrations' own.
pub(super) fn names(connection: &mut Connection) -> Result<BTreeSet<String>, DbError> {
    let columns = columns(connection)?.into_iter().map(|column| column.table_name);
    Ok(columns.filter(|name| name != OF_MIGRATIONS).collect())
}

/// The tables that are copied, each behind those that its rows refer to.
pub(super) fn in_order(connection: &mut Connection) -> Result<Vec<Table>, DbError> {
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    let mut columns = columns(connection)?;
    columns.sort_by_key(|column| column.place_in_key);
    for column in columns {
        let Column { table_name, name, declared, place_in_key, is_computed } = column;
        if is_computed || table_name == OF_MIGRATIONS || OF_PROCESSES.contains(&table_name.as_str()) {
            continue;
        }
        let kind = Kind::of(&declared).ok_or_else(|| {
            DbError::NotCopied(format!("{table_name}.{name} holds {declared}, which can’t be copied"))
        })?;
        let table = tables.entry(table_name.clone()).or_insert_with(|| Table {
            name: table_name,
            columns: BTreeMap::new(),
            key: Vec::new(),
        });
        if place_in_key > 0 {
            table.key.push(name.clone());
        }
        table.columns.insert(name, kind);
    }
    let query = match connection {
        Connection::Sqlite(_) => REFERENCES_OF_SQLITE,
        Connection::Postgres(_) => REFERENCES_OF_POSTGRES,
    };
    let references: Vec<Reference> = diesel::sql_query(query).load(connection)?;
    let mut in_order = Vec::new();
    while !tables.is_empty() {
        let waits = |name: &String| {
            references.iter().any(|reference| {
                reference.table_name == *name
                    && reference.other != *name
                    && tables.contains_key(&reference.other)
            })
        };
        let next = tables.keys().find(|name| !waits(name)).cloned();
        match next.and_then(|next| tables.remove(&next)) {
            Some(table) if table.key.is_empty() => {
                return Err(DbError::NotCopied(format!("{} has no primary key", table.name)));
            }
            Some(table) => in_order.push(table),
            None => return Err(DbError::NotCopied("some tables refer to each other in a circle".to_owned())),
        }
    }
    Ok(in_order)
}

fn columns(connection: &mut Connection) -> Result<Vec<Column>, DbError> {
    let query = match connection {
        Connection::Sqlite(_) => COLUMNS_OF_SQLITE,
        Connection::Postgres(_) => COLUMNS_OF_POSTGRES,
    };
    Ok(diesel::sql_query(query).load(connection)?)
}

impl Table {
    /// What its columns hold, in the order of the values in a row.
    pub(super) fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.columns.values().copied()
    }

    pub(super) fn count(&self, connection: &mut Connection) -> Result<u64, DbError> {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = BigInt)]
            rows: i64,
        }
        let query = format!("SELECT count(*) AS rows FROM \"{}\"", self.name);
        let count: Count = diesel::sql_query(query).get_result(connection)?;
        Ok(count.rows.unsigned_abs())
    }

    /// The rows behind the one with these values, as JSON arrays of texts.
    pub(super) fn rows(
        &self,
        connection: &mut Connection,
        last: Option<&[Option<String>]>,
        limit: usize,
    ) -> Result<Vec<String>, DbError> {
        let values: Vec<String> =
            self.columns.iter().map(|(name, kind)| kind.to_text(connection, name)).collect();
        let row = match connection {
            Connection::Sqlite(_) => format!("json_array({})", values.join(", ")),
            Connection::Postgres(_) => format!("CAST(json_build_array({}) AS text)", values.join(", ")),
        };
        let key = quoted(&self.key);
        let (name, order) = (&self.name, format!("ORDER BY {key} LIMIT {limit}"));
        let Some(last) = last else {
            return lines(connection, &format!("SELECT {row} AS text FROM \"{name}\" {order}"));
        };
        let given = match connection {
            Connection::Sqlite(_) => "?1",
            Connection::Postgres(_) => "CAST($1 AS json)",
        };
        let mut of_key = Vec::new();
        for (column, place) in self.columns.iter().zip(0..) {
            if let Some(in_key) = self.key.iter().position(|name| name == column.0) {
                of_key.push((in_key, column.1.of_json(connection, given, place)));
            }
        }
        of_key.sort();
        let of_key: Vec<String> = of_key.into_iter().map(|(_, value)| value).collect();
        let query =
            format!("SELECT {row} AS text FROM \"{name}\" WHERE ({key}) > ({}) {order}", of_key.join(", "));
        let last = serde_json::to_string(last).map_err(DbError::Encoding)?;
        let rows: Vec<Line> = diesel::sql_query(query).bind::<Text, _>(last).load(connection)?;
        Ok(rows.into_iter().map(|row| row.text).collect())
    }

    /// Writes an array of such rows.
    pub(super) fn insert(&self, connection: &mut Connection, rows: &str) -> Result<(), DbError> {
        let columns: Vec<&String> = self.columns.keys().collect();
        let values: Vec<String> =
            self.kinds().zip(0..).map(|(kind, place)| kind.of_json(connection, "value", place)).collect();
        let each = match connection {
            Connection::Sqlite(_) => "json_each(?1)",
            Connection::Postgres(_) => "jsonb_array_elements(CAST($1 AS jsonb)) AS listed (value)",
        };
        let (name, columns, values) = (&self.name, quoted(columns), values.join(", "));
        let query = format!("INSERT INTO \"{name}\" ({columns}) SELECT {values} FROM {each}");
        diesel::sql_query(query).bind::<Text, _>(rows).execute(connection)?;
        Ok(())
    }
}

fn quoted(names: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    names.into_iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

impl Kind {
    fn of(declared: &str) -> Option<Self> {
        Some(match declared.to_ascii_lowercase().as_str() {
            "text" => Self::Text,
            "integer" | "bigint" => Self::Number,
            "boolean" => Self::Flag,
            "blob" | "bytea" => Self::Bytes,
            "timestamp" | "timestamp without time zone" => Self::Instant,
            _ => return None,
        })
    }

    /// A column as text: what [`of_json`](Self::of_json) takes.
    fn to_text(self, connection: &Connection, column: &str) -> String {
        match (connection, self) {
            (_, Self::Text) | (Connection::Sqlite(_), Self::Instant) => format!("\"{column}\""),
            (_, Self::Number) | (Connection::Sqlite(_), Self::Flag) => format!("CAST(\"{column}\" AS text)"),
            (Connection::Sqlite(_), Self::Bytes) => {
                format!("CASE WHEN \"{column}\" IS NOT NULL THEN lower(hex(\"{column}\")) END")
            }
            (Connection::Postgres(_), Self::Flag) => format!("CAST(CAST(\"{column}\" AS integer) AS text)"),
            (Connection::Postgres(_), Self::Bytes) => format!("encode(\"{column}\", 'hex')"),
            // As diesel writes it into a file, where instants are compared as texts.
            (Connection::Postgres(_), Self::Instant) => format!(
                "to_char(\"{column}\", 'YYYY-MM-DD HH24:MI:SS')
                 || coalesce('.' || nullif(rtrim(to_char(\"{column}\", 'US'), '0'), ''), '')"
            ),
        }
    }

    /// The value at a place of an array of texts, as the column has it.
    fn of_json(self, connection: &Connection, array: &str, place: usize) -> String {
        let text = format!("{array} ->> {place}");
        match (connection, self) {
            (_, Self::Text) | (Connection::Sqlite(_), Self::Instant) => format!("({text})"),
            (_, Self::Number) => format!("CAST({text} AS bigint)"),
            (Connection::Sqlite(_), Self::Flag) => format!("CAST({text} AS integer)"),
            (Connection::Sqlite(_), Self::Bytes) => format!("unhex({text})"),
            (Connection::Postgres(_), Self::Flag) => format!("CAST(CAST({text} AS integer) AS boolean)"),
            (Connection::Postgres(_), Self::Bytes) => format!("decode({text}, 'hex')"),
            (Connection::Postgres(_), Self::Instant) => format!("CAST({text} AS timestamp)"),
        }
    }

    /// A value in the form that both engines have in common. A file may have zeros behind a second that say
    /// nothing.
    pub(super) fn plain(self, value: &str) -> &str {
        match self {
            Self::Instant if value.contains('.') => value.trim_end_matches('0').trim_end_matches('.'),
            _ => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_has_one_form() {
        for (stored, plain) in [
            ("2026-11-26 20:00:00", "2026-11-26 20:00:00"),
            ("2026-11-26 20:00:00.0", "2026-11-26 20:00:00"),
            ("2026-11-26 20:00:00.120000", "2026-11-26 20:00:00.12"),
        ] {
            assert_eq!(Kind::Instant.plain(stored), plain);
        }
        assert_eq!(Kind::Text.plain("1.00"), "1.00");
    }
}
