//! Who writes which table of the database.

use std::collections::{BTreeMap, BTreeSet};

use super::{Source, floors::DOMAIN, imports, leading_name, sources};

/// Every table, and the one unit that writes it. Others read it, or call that unit.
const WRITERS: &[(&str, &str)] = &[
    ("api_keys", "api_keys"),
    ("audit_events", "events"),
    ("budget_uses", "budgets"),
    ("calendar_links", "calendar_links"),
    ("changes", "nodes"),
    ("email_links", "email_links"),
    ("expiry_notices", "expiry_notices"),
    ("expiry_rounds", "expiry_notices"),
    ("idempotency_claims", "idempotency"),
    ("idempotent_responses", "idempotency"),
    ("imported_keys", "api_keys"),
    ("instance_administrators", "instance"),
    ("instance_secrets", "instance_secrets"),
    ("instance_tokens", "instance_tokens"),
    ("invitation_secrets", "invitations"),
    ("invitations", "invitations"),
    ("key_clients", "usage"),
    ("key_rotations", "api_keys"),
    ("key_usage", "usage"),
    ("leak_reports", "leaks"),
    ("leases", "leases"),
    ("maintenance", "maintenance"),
    ("master_tokens", "master_tokens"),
    ("memberships", "members"),
    ("nodes", "nodes"),
    ("organization_usage", "usage"),
    ("organizations", "organizations"),
    ("outbox", "outbox"),
    ("plan_overrides", "plans"),
    ("plans", "plans"),
    ("quota_notices", "quota_notices"),
    ("quota_portions", "verification"),
    ("readings", "nodes"),
    ("rejections", "rejections"),
    ("search_terms", "search"),
    ("removed_keys", "api_keys"),
    ("removed_memberships", "members"),
    ("sessions", "sessions"),
    ("setup_links", "instance"),
    ("spent_forms", "spent_forms"),
    ("stops", "events"),
    ("throttles", "throttles"),
    ("token_usage", "usage"),
    ("users", "accounts"),
    ("webhook_deliveries", "events"),
    ("webhooks", "webhooks"),
];

/// The calls of diesel that change rows.
const WRITES: [&str; 5] = ["insert_into", "insert_or_ignore_into", "replace_into", "update", "delete"];

#[test]
fn a_table_is_written_in_one_unit() {
    let (writes, unreadable) = writes(&DOMAIN.sources());
    assert!(unreadable.is_empty(), "{unreadable:#?}");
    let writers: BTreeMap<&str, &str> = WRITERS.iter().copied().collect();
    let strangers: Vec<String> = writes
        .iter()
        .filter(|(table, unit)| writers.get(table.as_str()) != Some(&unit.as_str()))
        .map(|(table, unit)| format!("{unit} writes {table}"))
        .collect();
    assert!(strangers.is_empty(), "{strangers:#?}");
    let written: BTreeSet<&str> = writes.iter().map(|(table, _)| table.as_str()).collect();
    assert_eq!(written, writers.keys().copied().collect(), "a table that nobody writes");
    assert_eq!(
        tables(),
        writers.keys().map(|table| (*table).to_owned()).collect(),
        "not every table is listed"
    );
}

#[test]
fn the_reading_of_writes_finds_every_form_of_them() {
    let of = |code: &str| {
        let source = Source { path: "domain/demo.rs".into(), code: code.into() };
        let (writes, unreadable) = writes(&[source]);
        let writes = writes.into_iter().map(|(table, _)| table).collect::<Vec<_>>().join(" ");
        format!("{writes}{}", if unreadable.is_empty() { "" } else { " unreadable" })
    };
    assert_eq!(of("diesel::insert_into(users::table)"), "users");
    assert_eq!(of("diesel::update(\n        users::table.find(id),\n)"), "users");
    assert_eq!(
        of("use super::schema::{api_keys as keys, users};\nfn f() { diesel::delete(keys::table.find(id)) }"),
        "api_keys"
    );
    assert_eq!(
        of("let old = users::table.filter(x);\nlet old = sessions::table;\ndiesel::delete(old).execute(c)"),
        "sessions"
    );
    assert_eq!(of("let row =\n    outbox::table.find(id);\ndiesel::update(row.filter(y))"), "outbox");
    assert_eq!(
        of("fn delete(tx: &mut Tx<'_>) {}\nsessions::update(tx); tx.changed(Change::Secret(digest))"),
        ""
    );
    for hidden in [
        "diesel::update(row)",
        "use diesel::{dsl::count, update};",
        "use diesel::delete as remove;",
        "diesel::sql_query(\"DELETE FROM users\")",
        "values.insert_into(users::table)",
        "user.save_changes(connection)",
    ] {
        assert_eq!(of(hidden), " unreadable", "{hidden}");
    }
}

/// The tables that sources write, each with the unit that does; and the writes of which no table
/// can be read.
fn writes(sources: &[Source]) -> (BTreeSet<(String, String)>, Vec<String>) {
    let (mut writes, mut unreadable) = (BTreeSet::new(), Vec::new());
    for source in sources {
        let aliases: BTreeMap<String, String> = imports::of_crate(source)
            .into_iter()
            .filter_map(|named| Some((named.alias?, named.path.last()?.clone())))
            .collect();
        for call in WRITES {
            let start = format!("diesel::{call}(");
            for (at, _) in source.code.match_indices(&start) {
                match written_table(&source.code, at + start.len()) {
                    Some(table) => {
                        let table = aliases.get(&table).cloned().unwrap_or(table);
                        writes.insert((table, DOMAIN.unit_of(source).to_owned()));
                    }
                    None => unreadable.push(format!("src/{}: diesel::{call} of what?", source.path)),
                }
            }
        }
        let imported =
            imports::of_use(source, "diesel").into_iter().filter_map(|named| named.path.last().cloned());
        let hidden =
            imported.filter(|name| WRITES.contains(&name.as_str())).map(|name| format!("use diesel::{name}"));
        let others = ["sql_query(", ".insert_into(", "save_changes("];
        let others = others.into_iter().filter(|other| source.code.contains(other)).map(str::to_owned);
        unreadable.extend(hidden.chain(others).map(|way| format!("src/{}: {way}", source.path)));
    }
    (writes, unreadable)
}

/// The table that a write names: itself, or by a variable that was set before.
fn written_table(code: &str, at: usize) -> Option<String> {
    let named = leading_name(code[at..].trim_start());
    let rest = code[at..].trim_start().get(named.len()..)?;
    if rest.starts_with("::table") {
        return Some(named);
    }
    let declared = code[..at].rfind(&format!("let {named} "))?;
    let statement = code[declared..at].split(';').next()?;
    let before = statement.split("::table").next().filter(|before| before.len() < statement.len())?;
    let start = before.rfind(|c: char| !c.is_alphanumeric() && c != '_')?;
    Some(before[start + 1..].to_owned())
}

/// The tables of the schema.
fn tables() -> BTreeSet<String> {
    let schema = sources().into_iter().find(|source| source.path == "domain/schema.rs").expect("the schema");
    schema.code.split("diesel::table! {").skip(1).map(|table| leading_name(table.trim_start())).collect()
}
