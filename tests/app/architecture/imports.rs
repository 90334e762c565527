//! The paths that a source names, read without a compiler: the sources are formatted by rustfmt.

use super::{Source, leading_name, module_path};

/// A path from the root of the crate, such as `domain::schema::api_keys`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) path: Vec<String>,
    /// The name that it bears here, where another was given.
    pub(super) alias: Option<String>,
}

/// Every path into the crate that a source names: by `crate::`, `tessera::`, or a way up with
/// `super::`, alone or in a tree.
pub(super) fn of_crate(source: &Source) -> Vec<Named> {
    let (mut named, mut read) = (Vec::new(), 0);
    let mut places: Vec<(usize, &str)> = ["crate::", "tessera::", "super::"]
        .into_iter()
        .flat_map(|start| starts(&source.code, start).map(move |at| (at, start)))
        .collect();
    places.sort_unstable();
    for (at, start) in places {
        // What stands within a tree was read with it.
        if at < read {
            continue;
        }
        let mut module = Vec::new();
        if start == "super::" {
            module = module_path(&source.path).into_iter().map(str::to_owned).collect();
            module.extend(inline_modules(&source.code[..at]));
            module.pop();
        }
        let begin = at + start.len();
        read = begin + tree(&source.code[begin..], &module, &mut named);
    }
    named
}

/// What the `use` of a name brings in, such as `diesel` or, in `usage.rs`, its child `rows`.
pub(super) fn of_use(source: &Source, name: &str) -> Vec<Named> {
    let mut named = Vec::new();
    let start = format!("use {name}::");
    for at in starts(&source.code, &start) {
        tree(&source.code[at + start.len()..], &[name.to_owned()], &mut named);
    }
    named
}

/// Where `start` begins a path; what follows `::` goes on with one.
fn starts<'a>(code: &'a str, start: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(start).map(|(at, _)| at).filter(|at| {
        let before = code[..*at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':')
    })
}

/// Reads a use tree, or the rest of a path in an expression; tells how long it is.
fn tree(text: &str, module: &[String], named: &mut Vec<Named>) -> usize {
    if let Some(inside) = text.strip_prefix('{') {
        let mut read = 1;
        let mut rest = inside;
        loop {
            let blank = rest.len() - rest.trim_start_matches([' ', '\n', ',']).len();
            (read, rest) = (read + blank, &rest[blank..]);
            if rest.is_empty() || rest.starts_with('}') {
                return read + 1;
            }
            let length = tree(rest, module, named).max(1);
            (read, rest) = (read + length, rest.get(length..).unwrap_or_default());
        }
    }
    let name = leading_name(text);
    let rest = &text[name.len()..];
    let mut path = module.to_vec();
    match name.as_str() {
        "super" => _ = path.pop(),
        "self" | "" => {} // the module itself, or everything in it
        _ => path.push(name.clone()),
    }
    if let Some(rest) = rest.strip_prefix("::") {
        return name.len() + 2 + tree(rest, &path, named);
    }
    let alias = rest.strip_prefix(" as ").map(leading_name);
    let length = name.len() + alias.as_ref().map_or(0, |alias| alias.len() + 4);
    named.push(Named { path, alias });
    length
}

/// The modules within a source that are open at the end of `code`, such as `tests`.
fn inline_modules(code: &str) -> Vec<String> {
    let mut open: Vec<(String, String)> = Vec::new();
    for line in code.lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        let declared = line.trim_start().split_once("mod ").filter(|(before, _)| {
            before.is_empty() || before.starts_with("pub ") || before.starts_with("pub(")
        });
        match declared {
            Some((_, rest)) if rest.ends_with('{') => open.push((indent.to_owned(), leading_name(rest))),
            _ if open.last().is_some_and(|(start, _)| line == format!("{start}}}")) => _ = open.pop(),
            _ => {}
        }
    }
    open.into_iter().map(|(_, name)| name).collect()
}

#[test]
fn every_form_of_a_path_is_read() {
    let of = |code: &str| {
        let source = Source { path: "domain/usage/rows.rs".into(), code: code.into() };
        let show = |named: Named| {
            let path = named.path.join("::");
            named.alias.map_or(path.clone(), |alias| format!("{path} as {alias}"))
        };
        of_crate(&source).into_iter().map(show).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        of("use crate::domain::{api_keys::{self, ApiKey}, id};"),
        "domain::api_keys domain::api_keys::ApiKey domain::id"
    );
    assert_eq!(
        of("use crate::{\n    db::Tx,\n    domain::schema::{api_keys as keys, key_usage},\n};"),
        "db::Tx domain::schema::api_keys as keys domain::schema::key_usage"
    );
    assert_eq!(
        of("use super::{super::{access::Grant, schema::key_usage}, Series};"),
        "domain::access::Grant domain::schema::key_usage domain::usage::Series"
    );
    assert_eq!(
        of("use super::*;\nfn f() -> super::super::user::User {}"),
        "domain::usage domain::user::User"
    );
    assert_eq!(
        of("mod tests {\n    use super::super::Span;\n    use super::*;\n}\nuse super::Span;"),
        "domain::usage::Span domain::usage::rows domain::usage::Span"
    );
    assert_eq!(of("fn f() { $crate::web::view::show(another_crate::x, a::super_::b) }"), "web::view::show");
    let source =
        Source { path: "domain/usage.rs".into(), code: "pub(super) use rows::{add, write as w};".into() };
    let of_child: Vec<Option<String>> =
        of_use(&source, "rows").into_iter().map(|named| named.alias).collect();
    assert_eq!(of_child, [None, Some("w".to_owned())]);
}
