//! The rules of the house, read from the sources.

mod floors;
mod imports;
mod tables;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use scraper::{Html, Selector};
use tessera::web::routes::ROUTES;

/// A Rust file without its comments.
struct Source {
    /// Relative to `src`, such as `web/pages/api_keys.rs`.
    path: String,
    code: String,
}

#[test]
fn nothing_imports_upwards() {
    let mut upwards = Vec::new();
    for source in sources() {
        let from = first_module(&source.path);
        for to in imported_modules(&source) {
            if !may_import(&from, &to) {
                upwards.push(format!("src/{} imports crate::{to}", source.path));
            }
        }
    }
    assert!(upwards.is_empty(), "{upwards:#?}");
}

#[test]
fn the_reading_of_imports_finds_every_form_of_them() {
    let source = |code: &str| Source { path: "domain/invitations/send.rs".into(), code: code.into() };
    let found = |code: &str| imported_modules(&source(code)).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(found("use crate::web::view;"), "web");
    assert_eq!(found("use crate::{\n    db::{Db, Tx},\n    web::{self, view},\n};"), "db web");
    assert_eq!(found("fn f() { $crate::web::view::show() }"), "web");
    assert_eq!(found("use super::super::super::web;"), "web");
    assert_eq!(found("use super::{Row, super_fast};"), "domain");
    assert!(!may_import("webhooks", "mail") && !may_import("web", "webhooks"));
    assert!(!may_import("domain", "web") && !may_import("web", "mail") && !may_import("mail", "web"));
    assert!(may_import("app", "mail") && may_import("web", "domain") && may_import("db", "clock"));
    assert!(!may_import("client", "domain") && !may_import("client", "db") && may_import("client", "config"));
    assert!(!may_import("clock", "config") && !may_import("config", "db"));
}

#[test]
fn each_floor_knows_only_its_own_tools() {
    let rules: [(&str, &[&str]); 6] = [
        ("diesel", &["db", "domain"]),
        ("sqlite::", &["db"]),
        ("schema::", &["domain"]),
        ("actix_web", &["web", "app", "bench", "main"]),
        ("askama", &["web", "mail"]),
        ("lettre", &["mail", "config", "app"]),
    ];
    let mut strangers = Vec::new();
    for source in sources() {
        for (tool, floors) in rules {
            if source.code.contains(tool) && !floors.contains(&first_module(&source.path).as_str()) {
                strangers.push(format!("src/{} knows {tool}", source.path));
            }
        }
    }
    assert!(strangers.is_empty(), "{strangers:#?}");
}

#[test]
fn only_the_clock_asks_the_system_for_the_time() {
    let calls = ["SystemTime::now", "OffsetDateTime::now", "Utc::now", "now_utc", "now_local"];
    let askers: Vec<String> = sources()
        .into_iter()
        .filter(|source| calls.iter().any(|call| source.code.contains(call)))
        .map(|source| source.path)
        .collect();
    assert_eq!(askers, ["clock.rs"]);
}

/// What is slow on purpose is reached by `PasswordHasher` alone, which wants it counted and does it off
/// the workers. Only a command line goes without.
#[test]
fn passwords_are_weighed_and_hashed_in_one_place() {
    let rules: [(&str, &[&str]); 3] = [
        ("zxcvbn::", &["domain/passwords.rs"]),
        ("argon2::", &["domain/passwords.rs"]),
        ("hash_at_command_line(", &["app.rs", "app/users.rs", "domain/passwords.rs"]),
    ];
    for (tool, places) in rules {
        let users = sources().into_iter().filter(|source| source.code.contains(tool));
        let users: BTreeSet<String> = users.map(|source| source.path).collect();
        assert_eq!(users.iter().map(String::as_str).collect::<Vec<_>>(), places, "{tool}");
    }
}

/// The proof of whoever sits at the machine is made where that is so: not on a page, and not by the API.
#[test]
fn only_the_command_line_acts_for_whoever_sits_at_the_machine() {
    let makers = sources().into_iter().filter(|source| source.code.contains("at_the_machine("));
    let makers: BTreeSet<String> = makers.map(|source| source.path).collect();
    let makers: Vec<&str> = makers.iter().map(String::as_str).collect();
    assert_eq!(makers, ["app/import.rs", "app/users.rs", "bench.rs", "domain/access.rs"]);
}

#[test]
fn every_action_has_an_address() {
    let routes = sources().into_iter().find(|source| source.path == "web/routes.rs").expect("the table");
    let mut actions = 0;
    for source in sources().iter().filter(|source| is_handlers(&source.path)) {
        let module = module_of(&source.path);
        for action in source.code.split("\npub async fn ").skip(1) {
            let (signature, _) = action.split_once('{').expect("a body");
            if signature.contains("-> Result<HttpResponse, AppError>") {
                let name: String = action.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                // A submodule's action is routed under its feature.
                let (feature, _) = module.split_once("::").unwrap_or((&module, ""));
                let routed = [format!("{module}::{name}"), format!("{feature}::{name}")];
                // The size of a body may follow.
                let lines = |path: &String| [";", " ["].map(|end| format!("{path}{end}"));
                assert!(
                    routed.iter().flat_map(lines).any(|line| routes.code.contains(&line)),
                    "{module}::{name} has no route"
                );
                actions += 1;
            }
        }
    }
    assert!(actions > 10, "only {actions} actions were found");
}

#[test]
fn no_address_stands_in_the_table_twice() {
    let shapes: Vec<String> =
        ROUTES.iter().map(|route| format!("{} {}", route.method, route.pattern)).collect();
    let different: BTreeSet<&String> = shapes.iter().collect();
    assert_eq!(different.len(), shapes.len());
}

#[test]
fn every_template_is_used() {
    let templates = templates();
    let mut used: BTreeSet<String> = BTreeSet::new();
    let mut texts: Vec<String> = sources().into_iter().map(|source| source.code).collect();
    while let Some(text) = texts.pop() {
        for (path, content) in &templates {
            if text.contains(&format!("\"{path}\"")) && used.insert(path.clone()) {
                texts.push(content.clone());
            }
        }
    }
    let unused: Vec<&String> =
        templates.iter().map(|(path, _)| path).filter(|path| !used.contains(*path)).collect();
    assert!(unused.is_empty(), "{unused:#?}");
}

/// Otherwise it stays open over what it has done.
#[test]
fn the_form_of_a_dialog_is_answered_in_its_place() {
    let mut forms = 0;
    for (path, text) in templates().iter().filter(|(_, text)| text.contains("part::dialog(")) {
        for form in text.split("<form ").skip(1).filter_map(|rest| rest.split_once('>')) {
            let (head, _) = form;
            if head.contains("hx-post=") {
                assert!(head.contains("hx-target=\"#dialog-slot\""), "templates/{path}: <form {head}>");
                forms += 1;
            }
        }
    }
    assert!(forms > 20, "only {forms}");
}

#[test]
fn templates_need_nothing_that_the_content_security_policy_refuses() {
    for (path, text) in templates().iter().filter(|(path, _)| !path.starts_with("email/")) {
        for forbidden in ["hx-on", "js:", "javascript:", "|safe }}"] {
            assert!(!text.contains(forbidden), "templates/{path} has {forbidden}");
        }
        let page = Html::parse_fragment(text);
        let everything = Selector::parse("*").expect("a selector");
        for element in page.select(&everything) {
            let name = element.value().name();
            assert!(
                name != "style" && (name != "script" || element.attr("src").is_some()),
                "templates/{path}: inline {name}"
            );
            for (attribute, value) in element.value().attrs() {
                let inline = attribute == "style" || attribute.starts_with("on");
                assert!(!inline, "templates/{path}: {attribute}=\"{value}\" on <{name}>");
                // htmx would evaluate a filter: `hx-trigger="keyup[…]"`.
                assert!(attribute != "hx-trigger" || !value.contains('['), "templates/{path}: {value}");
            }
        }
        let words = ["style=\"", "style='", " onclick", " onchange", " oninput", " onsubmit", " onload"];
        assert!(
            !words.iter().any(|word| text.contains(word)),
            "templates/{path} has an inline handler or style"
        );
    }
}

/// The public URL may have a path, which nothing but the filter `link` knows.
#[test]
fn addresses_in_templates_go_out_by_the_filter_link() {
    const ATTRIBUTES: [&str; 6] = ["href", "src", "action", "formaction", "hx-get", "hx-post"];
    // Whole addresses already.
    const WHOLE: [(&str, &str); 3] = [
        ("accounts/no_cookie.html", "{{ address }}{{ crate::web::urls::log_in(next) }}"),
        ("mailbox/show.html", "{{ link.url }}"),
        ("mailbox/show.html", "{{ url }}"),
    ];
    let mut links = 0;
    for (path, text) in templates().iter().filter(|(path, _)| !path.starts_with("email/")) {
        for attribute in ATTRIBUTES {
            for (start, found) in text.match_indices(&format!(" {attribute}=\"")) {
                let value = attribute_at(&text[start + found.len()..]);
                let is_whole = WHOLE.contains(&(path.as_str(), value));
                let goes_out = value.contains("|link }}") && !value.starts_with('/');
                assert!(
                    goes_out || is_whole || value.starts_with('#'),
                    "templates/{path}: {attribute}=\"{value}\" needs the filter link"
                );
                links += 1;
            }
        }
    }
    assert!(links > 200, "only {links}");
}

/// The value of an attribute, up to the quotation mark that ends it and stands in no expression.
fn attribute_at(text: &str) -> &str {
    let mut depth = 0;
    let end = text.char_indices().find(|(at, letter)| {
        let pair = text.get(*at..at + 2).unwrap_or_default();
        depth += i32::from(pair == "{{" || pair == "{%") - i32::from(pair == "}}" || pair == "%}");
        *letter == '"' && depth == 0
    });
    end.map_or(text, |(end, _)| &text[..end])
}

#[test]
fn templates_call_only_their_own_floor() {
    for (path, text) in templates() {
        let floor = if path.starts_with("email/") { "mail" } else { "web" };
        for (_, rest) in text.match_indices("crate::").map(|(at, found)| text.split_at(at + found.len())) {
            let to = leading_name(rest);
            assert!(may_import(floor, &to), "templates/{path} calls crate::{to}");
        }
    }
}

/// main -> bench -> app -> { web, mail, webhooks } -> domain -> db, and main -> client; config,
/// clock, fair turns and vocabulary are leaves.
fn may_import(from: &str, to: &str) -> bool {
    let floor = |module: &str| match module {
        "vocabulary" | "clock" | "fair_turns" | "folding" | "hex" | "http_client" | "machine" | "metrics" => {
            0
        }
        "config" | "api_types" | "import" => 1,
        "db" | "client" => 2,
        "domain" => 3,
        "web" | "mail" | "webhooks" => 4,
        "app" => 5,
        "bench" => 6,
        "main" | "lib" => 7,
        other => panic!("the module {other} stands on no floor yet"),
    };
    from == to || floor(to) < floor(from)
}

/// The top-level modules that a file names.
fn imported_modules(source: &Source) -> BTreeSet<String> {
    let named = imports::of_crate(source).into_iter().filter_map(|named| named.path.into_iter().next());
    // `page!` is exported by web::view, and exported macros live at the root.
    named.map(|module| if module == "page" { "web".to_owned() } else { module }).collect()
}

fn leading_name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// `domain`, `invitations`, `send` of `domain/invitations/send.rs`.
fn module_path(path: &str) -> Vec<&str> {
    path.trim_end_matches(".rs").split('/').collect()
}

fn first_module(path: &str) -> String {
    module_path(path).first().copied().unwrap_or_default().to_owned()
}

fn is_handlers(path: &str) -> bool {
    path.starts_with("web/pages/") || path.starts_with("web/api/") || path == "web/assets.rs"
}

/// `activity::export` of `web/pages/activity/export.rs`.
fn module_of(path: &str) -> String {
    let path = path.trim_end_matches(".rs");
    path.trim_start_matches("web/").trim_start_matches("pages/").trim_start_matches("api/").replace('/', "::")
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |path: PathBuf| Source {
        code: without_comments(&fs::read_to_string(root.join(&path)).expect("a source")),
        path: path.to_str().expect("a path in UTF-8").to_owned(),
    };
    files_under(&root).into_iter().map(read).collect()
}

fn without_comments(code: &str) -> String {
    let lines: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    lines.join("\n")
}

fn templates() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(root.join(&path)).expect("a template");
        (path.to_str().expect("a path in UTF-8").to_owned(), text)
    };
    files_under(&root).into_iter().map(read).collect()
}

/// The files under a folder, relative to it.
fn files_under(root: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![root.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(root).expect("inside").to_path_buf());
            }
        }
    }
    files.sort();
    files
}
