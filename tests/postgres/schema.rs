//! Both engines end with the same schema, each by its own migrations.

use std::collections::BTreeSet;

use diesel::{connection::Connection as _, prelude::*, sql_types::Text};
use tessera::db::{Connection, Db};

use crate::database::{TestDatabase, argument};

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    text: String,
}

fn lines(database: &TestDatabase, query: &str) -> BTreeSet<String> {
    let mut connection = Connection::establish(argument(database.url())).expect("a connection");
    let lines: Vec<Line> =
        diesel::sql_query(query).load(&mut connection).unwrap_or_else(|error| panic!("{error}: {query}"));
    lines.into_iter().map(|line| line.text).collect()
}

/// A query of each engine that gives the same lines.
struct Question {
    about: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

const TABLES: &str = "(SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!') AS tables";

const QUESTIONS: [Question; 6] = [
    Question {
        about: "tables and columns with their kind, whether they may be empty and what they are by default",
        // Instants and what is sorted by them are texts in SQLite, and every whole number is as wide as any.
        sqlite: "SELECT tables.name || '.' || columns.name || ' '
                || CASE WHEN columns.name IN ('expires_order', 'last_used_order') THEN 'TIMESTAMP'
                   WHEN columns.type = 'BIGINT' THEN 'INTEGER' ELSE columns.type END
                || CASE WHEN columns.\"notnull\" THEN ' NOT NULL' ELSE '' END
                || coalesce(' ' || columns.dflt_value, '') AS text
            FROM {tables} INNER JOIN pragma_table_xinfo(tables.name) AS columns
            WHERE tables.name <> '__diesel_schema_migrations'",
        postgres: "SELECT table_name || '.' || column_name || ' '
                || CASE data_type WHEN 'timestamp without time zone' THEN 'TIMESTAMP' WHEN 'bigint' THEN 'INTEGER'
                   WHEN 'bytea' THEN 'BLOB' ELSE upper(data_type) END
                || CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END
                || coalesce(' ' || replace(column_default, '::text', ''), '') AS text
            FROM information_schema.columns
            WHERE table_schema = 'public' AND table_name <> '__diesel_schema_migrations'",
    },
    Question {
        about: "primary keys and what is unique",
        // A whole number that is the key is SQLite's own number of the row, and has no index.
        sqlite: "SELECT tables.name || ' ' || list.origin || ' '
                || (SELECT group_concat(name, ', ') FROM (SELECT name FROM pragma_index_info(list.name) ORDER BY seqno)) AS text
            FROM {tables} INNER JOIN pragma_index_list(tables.name) AS list
            WHERE list.origin IN ('pk', 'u') AND tables.name <> '__diesel_schema_migrations'
            UNION ALL SELECT tables.name || ' pk ' || columns.name
            FROM {tables} INNER JOIN pragma_table_info(tables.name) AS columns
            WHERE columns.pk = 1 AND columns.type = 'INTEGER'",
        postgres: "SELECT tables.relname || CASE WHEN indisprimary THEN ' pk ' ELSE ' u ' END
                || (SELECT string_agg(attname, ', ' ORDER BY array_position(indkey::int[], attnum::int))
                    FROM pg_attribute WHERE attrelid = tables.oid AND attnum = ANY (indkey)) AS text
            FROM pg_index INNER JOIN pg_class AS tables ON tables.oid = indrelid
                INNER JOIN pg_constraint ON conindid = indexrelid AND contype IN ('p', 'u')
            WHERE tables.relnamespace = 'public'::regnamespace AND tables.relname <> '__diesel_schema_migrations'",
    },
    Question {
        about: "indexes, their columns and which rows are in them",
        sqlite: "SELECT list.name || CASE WHEN list.\"unique\" THEN ' UNIQUE ' ELSE ' ' END || tables.name || ' ('
                || (SELECT group_concat(name || CASE WHEN \"desc\" THEN ' DESC' ELSE '' END, ', ')
                    FROM (SELECT name, \"desc\" FROM pragma_index_xinfo(list.name) WHERE key ORDER BY seqno)) || ')'
                || CASE WHEN list.partial THEN ' ' || (SELECT replace(replace(substr(sql, instr(sql, 'WHERE')), '(', ''), ')', '')
                    FROM sqlite_schema AS made
                    WHERE made.name = list.name) ELSE '' END AS text
            FROM {tables} INNER JOIN pragma_index_list(tables.name) AS list WHERE list.origin = 'c'",
        postgres: "SELECT indexes.relname || CASE WHEN indisunique THEN ' UNIQUE ' ELSE ' ' END || tables.relname || ' ('
                || (SELECT string_agg(pg_get_indexdef(indexrelid, number, FALSE)
                        || CASE WHEN indoption[number - 1] & 1 = 1 THEN ' DESC' ELSE '' END, ', ' ORDER BY number)
                    FROM generate_series(1, indnkeyatts) AS number) || ')'
                || coalesce(' WHERE ' || replace(translate(pg_get_expr(indpred, indrelid), '()', ''), '::text', ''), '') AS text
            FROM pg_index INNER JOIN pg_class AS tables ON tables.oid = indrelid
                INNER JOIN pg_class AS indexes ON indexes.oid = indexrelid
            WHERE tables.relnamespace = 'public'::regnamespace
                AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))",
    },
    Question {
        about: "what refers to what, and what becomes of it",
        sqlite: "SELECT tables.name || '.' || list.\"from\" || ' ' || list.\"table\" || '.' || list.\"to\" || ' ' || list.on_delete AS text
            FROM {tables} INNER JOIN pragma_foreign_key_list(tables.name) AS list",
        postgres: "SELECT conrelid::regclass || '.' || own.attname || ' ' || confrelid::regclass || '.' || other.attname || ' '
                || CASE confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' ELSE 'NO ACTION' END AS text
            FROM pg_constraint
                INNER JOIN pg_attribute AS own ON own.attrelid = conrelid AND own.attnum = conkey[1]
                INNER JOIN pg_attribute AS other ON other.attrelid = confrelid AND other.attnum = confkey[1]
            WHERE contype = 'f'",
    },
    Question {
        about: "triggers",
        sqlite: "SELECT tbl_name || ' ' || name AS text FROM sqlite_schema WHERE type = 'trigger'",
        postgres: "SELECT tgrelid::regclass || ' ' || tgname AS text FROM pg_trigger WHERE NOT tgisinternal",
    },
    Question {
        about: "columns that the engine computes",
        sqlite: "SELECT tables.name || '.' || columns.name AS text
            FROM {tables} INNER JOIN pragma_table_xinfo(tables.name) AS columns WHERE columns.hidden = 2",
        postgres: "SELECT table_name || '.' || column_name AS text FROM information_schema.columns
            WHERE table_schema = 'public' AND is_generated = 'ALWAYS'",
    },
];

#[test]
fn both_engines_end_with_the_same_schema() {
    let (file, server) = (TestDatabase::file(), TestDatabase::new());
    drop(Db::open(file.url()).expect("the file opens"));
    for Question { about, sqlite, postgres } in QUESTIONS {
        let of_file = lines(&file, &sqlite.replace("{tables}", TABLES));
        let of_server = lines(&server, postgres);
        assert!(of_file.len() > 2, "{about}: {of_file:#?}");
        let only = |these: &BTreeSet<String>, those: &BTreeSet<String>| -> Vec<String> {
            these.difference(those).cloned().collect()
        };
        let differences = (only(&of_file, &of_server), only(&of_server, &of_file));
        assert_eq!(
            differences,
            (Vec::new(), Vec::new()),
            "{about}: what SQLite alone has, and PostgreSQL alone"
        );
    }
}

/// An order of another kind would pass over rows where a list goes on beyond a row.
#[test]
fn every_text_is_compared_byte_by_byte() {
    let others = lines(
        &TestDatabase::new(),
        "SELECT table_name || '.' || column_name AS text FROM information_schema.columns
         WHERE table_schema = 'public' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'",
    );
    assert_eq!(others, BTreeSet::new());
}
