//! The floors inside the domain and inside the web.

use std::collections::{BTreeMap, BTreeSet};

use super::{Source, imports, module_path, sources};

/// A module whose children stand on floors.
pub(super) struct House {
    /// Where it stands, such as `domain`.
    path: &'static [&'static str],
    floors: Floors,
}

/// The units of a house, the lowest floor first. A unit imports units of lower floors; those of its
/// own floor, too, as long as that leads nowhere back.
type Floors = &'static [&'static [&'static str]];

const HOUSES: [House; 4] = [DOMAIN, WEB, API, PAGES];

pub(super) const DOMAIN: House = House {
    path: &["domain"],
    floors: &[
        // The ground: values and tools that know of no record.
        &[
            "budgets",
            "devices",
            "email",
            "id",
            "idempotency",
            "grouped",
            "instance_secrets",
            "instants",
            "leases",
            "maintenance",
            "names",
            "nodes",
            "page",
            "passwords",
            "schema",
            "search",
            "secret",
            "session_tokens",
            "spent_forms",
            "stored_text",
            "throttles",
        ],
        // Records, and the words in them.
        &[
            "gcra",
            "instance_access",
            "key_settings",
            "organization",
            "outbox",
            "plan_limit",
            "roles",
            "rotation",
            "token_access",
            "user",
        ],
        &["access", "email_links", "managed", "sessions"],
        // All that stands above changes things and notes it here.
        &["events"],
        // What organizations may use.
        &["plans"],
        &["audit"],
        &["accounts", "api_keys", "members", "organizations"],
        &[
            "calendar_links",
            "diagnosis",
            "instance_tokens",
            "invitations",
            "master_tokens",
            "member_changes",
            "webhooks",
        ],
        &["expiry_notices", "leaks", "verification"],
        &["rejections", "usage"],
        &["quota_notices"],
        // The whole, above all organizations.
        &["instance"],
        // What is made with all of them.
        &["bulk", "demo"],
    ],
};

const WEB: House = House {
    path: &["web"],
    floors: &[
        // What knows nothing of a request's answer.
        &[
            "access",
            "base_path",
            "compression",
            "connections",
            "cookies",
            "display",
            "etags",
            "filters",
            "form_id",
            "forwarded",
            "fragment",
            "icalendar",
            "limits",
            "local",
            "metrics",
            "pager",
            "plan_numbers",
            "request_id",
            "search",
            "shown",
            "sorting",
            "stream",
            "turns",
            "urls",
            "wire",
        ],
        &["chart", "details", "rate_headers", "session_store", "shell"],
        &["error"],
        // What every handler stands on.
        &["activity_file", "csv_cells", "download", "form", "state", "view"],
        &["visit"],
        // The handlers; a page may show what the API answers.
        &["api"],
        &["assets", "pages"],
        &["routes"],
        // What happens around all of them.
        &["problem"],
        &["middleware"],
    ],
};

const API: House = House {
    path: &["web", "api"],
    floors: &[
        &["credentials", "instants", "json", "key_settings", "pagination", "params", "response"],
        &["receipts"],
        // The two ways in.
        &["call", "gate"],
        &[
            "activity",
            "api_keys",
            "calendar",
            "forward_auth",
            "health",
            "invitations",
            "leak_policy",
            "leaks",
            "members",
            "organization",
            "organizations",
            "presented_token",
            "removed_keys",
            "scopes",
            "session_tokens",
            "verification",
            "webhooks",
        ],
        &["instance", "key_rotation", "pauses", "usage"],
        // What describes them all.
        &["openapi"],
    ],
};

const PAGES: House = House {
    path: &["web", "pages"],
    floors: &[
        &[
            "duration",
            "error",
            "invitation_link",
            "key_words",
            "once",
            "organization",
            "recent_usage",
            "selection",
            "stops",
        ],
        &[
            "accounts",
            "account_settings",
            "activity",
            "api_docs",
            "docs",
            "invitation_answers",
            "landing",
            "mailbox",
            "plan_words",
            "preferences",
            "setup",
        ],
        &[
            "gateway_setup",
            "removed_keys",
            "instance",
            "key_menu",
            "members",
            "my_organizations",
            "settings",
            "token_menu",
            "troubleshoot",
            "webhooks",
        ],
        &["api_tab", "invitations", "key_page", "leaks", "token_page"],
        // What stands behind the dialogs of keys and tokens.
        &["api_screen"],
        &["calendar", "key_rotation", "key_settings", "master_tokens", "pauses"],
        &["api_keys"],
    ],
};

#[test]
fn units_import_only_from_the_floors_below() {
    assert!(
        imports_of_units(&DOMAIN, &DOMAIN.sources())["webhooks"].contains("events"),
        "imports are not read"
    );
    assert!(imports_of_units(&PAGES, &PAGES.sources())["key_page"].contains("key_words"));
    for house in HOUSES {
        let found = wrong_imports(&house, &house.sources());
        assert!(found.is_empty(), "{}: {found:#?}", house.path.join("::"));
    }
}

#[test]
fn every_unit_stands_on_one_floor() {
    for house in HOUSES {
        let listed: Vec<&str> = house.units().collect();
        let sources = house.sources();
        let units: BTreeSet<&str> = sources.iter().map(|source| house.unit_of(source)).collect();
        assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), units);
        assert_eq!(listed.len(), units.len(), "a unit stands on two floors");
    }
}

#[test]
fn an_import_from_above_or_in_a_circle_is_found() {
    let house = House { path: &["web", "api"], floors: &[&["low"], &["one", "two", "three"], &["high"]] };
    let source = |path: &str, code: &str| Source { path: format!("web/api/{path}.rs"), code: code.into() };
    let wrong = |sources: &[Source]| wrong_imports(&house, sources).join("; ");
    let high = source("high", "use super::{low, one};\nuse crate::web::api::two::Two;");
    assert_eq!(wrong(&[high, source("one", "use super::two;"), source("two", "use super::three;")]), "");
    assert_eq!(wrong(&[source("low/part", "use super::super::one::One;")]), "low imports one from above");
    assert_eq!(
        wrong(&[source("low", "use crate::{\n    db,\n    web::api::{high},\n};")]),
        "low imports high from above"
    );
    assert_eq!(
        wrong(&[
            source("one", "use super::two;"),
            source("two", "fn f() { super::three::g() }"),
            source("three/part", "use crate::web::api::one;"),
        ]),
        "one imports two in a circle; three imports one in a circle; two imports three in a circle"
    );
}

#[test]
fn the_files_of_a_unit_import_each_other_in_no_circle() {
    for house in HOUSES {
        let sources = house.sources();
        let found: Vec<String> =
            house.units().flat_map(|unit| circles(&imports_of_children(&house, &sources, unit))).collect();
        assert!(found.is_empty(), "{}: {found:#?}", house.path.join("::"));
    }
}

#[test]
fn a_circle_within_a_unit_is_found_through_its_parent() {
    let source = |path: &str, code: &str| Source { path: format!("domain/{path}.rs"), code: code.into() };
    let parent =
        source("usage", "mod recorder;\nmod rows;\npub use recorder::{Noted, Recorder};\nuse rows::write;");
    let rows = source("usage/rows", "use super::Noted;");
    let recorder = |code: &str| source("usage/recorder", code);
    let found = |sources: &[Source]| circles(&imports_of_children(&DOMAIN, sources, "usage")).join("; ");
    assert_eq!(found(&[source("usage", &parent.code), source("usage/rows", &rows.code), recorder("")]), "");
    assert_eq!(
        found(&[parent, rows, recorder("use super::{rows::write, Other};")]),
        "recorder imports rows in a circle; rows imports recorder in a circle"
    );
}

impl House {
    /// The sources of the units, without their unit tests, which may look anywhere.
    pub(super) fn sources(&self) -> Vec<Source> {
        let all = sources().into_iter().filter(|source| {
            let path = module_path(&source.path);
            path.starts_with(self.path) && path.len() > self.path.len()
        });
        all.map(|source| Source { code: without_tests(&source.code).to_owned(), ..source }).collect()
    }

    /// `invitations` of `domain/invitations/send.rs`.
    pub(super) fn unit_of<'a>(&self, source: &'a Source) -> &'a str {
        module_path(&source.path).get(self.path.len()).copied().unwrap_or_default()
    }

    fn units(&self) -> impl Iterator<Item = &'static str> {
        self.floors.iter().copied().flatten().copied()
    }

    /// What stands behind the house's own path in another.
    fn within<'a>(&self, path: &'a [String]) -> Option<&'a [String]> {
        let (own, rest) = path.split_at_checked(self.path.len())?;
        (own == self.path).then_some(rest)
    }
}

fn without_tests(code: &str) -> &str {
    code.split_once("#[cfg(test)]\nmod tests {").map_or(code, |(before, _)| before)
}

/// Who imports whom.
type Imports = BTreeMap<String, BTreeSet<String>>;

fn imports_of_units(house: &House, sources: &[Source]) -> Imports {
    let mut imports = Imports::new();
    for source in sources {
        let unit = house.unit_of(source);
        let named = imports::of_crate(source);
        let others = named.iter().filter_map(|named| house.within(&named.path)?.first());
        let others = others.filter(|other| *other != unit).cloned();
        imports.entry(unit.to_owned()).or_default().extend(others);
    }
    imports
}

/// Who imports whom among the files of a unit. What the unit's own file passes on counts as an
/// import of the file that it comes from.
fn imports_of_children(house: &House, sources: &[Source], unit: &str) -> Imports {
    let own: Vec<&Source> = sources.iter().filter(|source| house.unit_of(source) == unit).collect();
    let child_of = |source: &Source| {
        module_path(&source.path).get(house.path.len() + 1).map(|child| (*child).to_owned())
    };
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
            if let Some([first, name, ..]) = house.within(&named.path)
                && first == unit
            {
                let to = if children.contains(name) { Some(name) } else { passed_on.get(name) };
                imports.entry(from.clone()).or_default().extend(to.filter(|to| **to != from).cloned());
            }
        }
    }
    imports
}

fn wrong_imports(house: &House, sources: &[Source]) -> Vec<String> {
    let floor = |unit: &str| house.floors.iter().position(|units| units.contains(&unit));
    let imports = imports_of_units(house, sources);
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
