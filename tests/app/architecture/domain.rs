//! The floors inside the domain.

use std::collections::{BTreeMap, BTreeSet};

use super::{Source, imports, module_path, sources};

/// The units of the domain, the lowest floor first. A unit imports units of lower floors; those of
/// its own floor, too, as long as that leads nowhere back.
const FLOORS: &[&[&str]] = &[
    // The ground: values and tools that know of no record.
    &[
        "devices",
        "email",
        "id",
        "idempotency",
        "instance",
        "instants",
        "names",
        "page",
        "passwords",
        "schema",
        "secret",
        "session_tokens",
        "spent_forms",
        "stored_text",
    ],
    // Records, and the words in them.
    &["gcra", "key_settings", "organization", "outbox", "rotation", "token_access", "user"],
    &["access", "email_links", "managed", "sessions"],
    // All that stands above changes things and notes it here.
    &["events"],
    &["audit"],
    &["accounts", "api_keys", "members", "organizations"],
    &["calendar_links", "diagnosis", "invitations", "master_tokens", "webhooks"],
    &["expiry_notices", "leaks", "verification"],
    &["rejections", "usage"],
    // What is made with all of them.
    &["bulk", "demo"],
];

#[test]
fn units_import_only_from_the_floors_below() {
    let sources = of_domain();
    assert!(imports_of_units(&sources)["webhooks"].contains("events"), "imports are not read");
    let found = wrong_imports(&sources, FLOORS);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_unit_of_the_domain_stands_on_one_floor() {
    let listed: Vec<&str> = FLOORS.iter().copied().flatten().copied().collect();
    let units: BTreeSet<String> = of_domain().iter().map(|source| unit_of(source).to_owned()).collect();
    assert_eq!(listed.iter().map(|unit| (*unit).to_owned()).collect::<BTreeSet<_>>(), units);
    assert_eq!(listed.len(), units.len(), "a unit stands on two floors");
}

#[test]
fn an_import_from_above_or_in_a_circle_is_found() {
    let source = |path: &str, code: &str| Source { path: format!("domain/{path}.rs"), code: code.into() };
    let floors: &[&[&str]] = &[&["low"], &["one", "two", "three"], &["high"]];
    let wrong = |sources: &[Source]| wrong_imports(sources, floors).join("; ");
    let high = source("high", "use super::{low, one};\nuse crate::domain::two::Two;");
    assert_eq!(wrong(&[high, source("one", "use super::two;"), source("two", "use super::three;")]), "");
    assert_eq!(wrong(&[source("low/part", "use super::super::one::One;")]), "low imports one from above");
    assert_eq!(
        wrong(&[source("low", "use crate::{\n    db,\n    domain::{high},\n};")]),
        "low imports high from above"
    );
    assert_eq!(
        wrong(&[
            source("one", "use super::two;"),
            source("two", "fn f() { super::three::g() }"),
            source("three/part", "use crate::domain::one;"),
        ]),
        "one imports two in a circle; three imports one in a circle; two imports three in a circle"
    );
}

#[test]
fn the_files_of_a_unit_import_each_other_in_no_circle() {
    let mut found = Vec::new();
    for unit in FLOORS.iter().copied().flatten() {
        found.extend(circles(&imports_of_children(&of_domain(), unit)));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_circle_within_a_unit_is_found_through_its_parent() {
    let source = |path: &str, code: &str| Source { path: format!("domain/{path}.rs"), code: code.into() };
    let parent =
        source("usage", "mod recorder;\nmod rows;\npub use recorder::{Noted, Recorder};\nuse rows::write;");
    let rows = source("usage/rows", "use super::Noted;");
    let recorder = |code: &str| source("usage/recorder", code);
    let found = |sources: &[Source]| circles(&imports_of_children(sources, "usage")).join("; ");
    assert_eq!(found(&[source("usage", &parent.code), source("usage/rows", &rows.code), recorder("")]), "");
    assert_eq!(
        found(&[parent, rows, recorder("use super::{rows::write, Other};")]),
        "recorder imports rows in a circle; rows imports recorder in a circle"
    );
}

/// The sources of the units of the domain.
pub(super) fn of_domain() -> Vec<Source> {
    sources().into_iter().filter(|source| source.path.starts_with("domain/")).collect()
}

/// `invitations` of `domain/invitations/send.rs`.
pub(super) fn unit_of(source: &Source) -> &str {
    module_path(&source.path).get(1).copied().unwrap_or_default()
}

/// Who imports whom.
type Imports = BTreeMap<String, BTreeSet<String>>;

fn imports_of_units(sources: &[Source]) -> Imports {
    let mut imports = Imports::new();
    for source in sources {
        let unit = unit_of(source);
        let others = imports::of_crate(source)
            .into_iter()
            .filter(|named| named.path.first().is_some_and(|first| first == "domain"));
        let others = others.filter_map(|named| named.path.into_iter().nth(1)).filter(|other| other != unit);
        imports.entry(unit.to_owned()).or_default().extend(others);
    }
    imports
}

/// Who imports whom among the files of a unit. What the unit's own file passes on counts as an
/// import of the file that it comes from.
fn imports_of_children(sources: &[Source], unit: &str) -> Imports {
    let own: Vec<&Source> = sources.iter().filter(|source| unit_of(source) == unit).collect();
    let child_of = |source: &Source| module_path(&source.path).get(2).map(|child| (*child).to_owned());
    let children: BTreeSet<String> = own.iter().filter_map(|source| child_of(source)).collect();
    let mut passed_on: BTreeMap<String, String> = BTreeMap::new();
    for parent in own.iter().filter(|source| child_of(source).is_none()) {
        for child in &children {
            for named in imports::of_use(parent, child) {
                let name = named.alias.or_else(|| named.path.last().cloned());
                passed_on.extend(name.map(|name| (name, child.clone())));
            }
        }
    }
    let mut imports = Imports::new();
    for source in own {
        let Some(from) = child_of(source) else { continue };
        for named in imports::of_crate(source) {
            if let [first, second, name, ..] = named.path.as_slice()
                && first == "domain"
                && second == unit
            {
                let to = if children.contains(name) { Some(name) } else { passed_on.get(name) };
                imports.entry(from.clone()).or_default().extend(to.filter(|to| **to != from).cloned());
            }
        }
    }
    imports
}

fn wrong_imports(sources: &[Source], floors: &[&[&str]]) -> Vec<String> {
    let floor = |unit: &str| floors.iter().position(|units| units.contains(&unit));
    let imports = imports_of_units(sources);
    let mut wrong = Vec::new();
    let mut level = Imports::new();
    for (from, others) in &imports {
        // Other names are not units, such as a macro's.
        for to in others.iter().filter(|to| floor(to).is_some()) {
            if floor(to) > floor(from) {
                wrong.push(format!("{from} imports {to} from above"));
            } else if floor(to) == floor(from) {
                level.entry(from.clone()).or_default().insert(to.clone());
            }
        }
    }
    wrong.extend(circles(&level));
    wrong
}

/// The imports that lead back to where they come from.
fn circles(imports: &Imports) -> Vec<String> {
    let mut circles = Vec::new();
    for (from, others) in imports {
        for to in others {
            let (mut reached, mut ahead) = (BTreeSet::new(), vec![to]);
            while let Some(next) = ahead.pop() {
                if reached.insert(next) {
                    ahead.extend(imports.get(next).into_iter().flatten());
                }
            }
            if reached.contains(from) {
                circles.push(format!("{from} imports {to} in a circle"));
            }
        }
    }
    circles
}
