//! Everything that people read, taken from where it is written.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use scraper::{ElementRef, Html};
use serde_json::Value;
use tessera::{
    config,
    web::{api::openapi, routes::ROUTES},
};

/// A sentence or a label.
pub(super) struct Text {
    /// The file or command that it is from.
    pub(super) place: String,
    /// What it says. A value that is put into it is "…".
    pub(super) words: String,
    /// Whether it is shown as HTML.
    pub(super) is_html: bool,
}

/// Elements within a sentence; any other one ends it.
const INLINE: [&str; 10] = ["a", "b", "bdi", "br", "em", "i", "span", "strong", "time", "code"];
/// What is read out or shown of an element besides its text.
const ATTRIBUTES: [&str; 6] =
    ["alt", "aria-label", "aria-roledescription", "data-label", "placeholder", "title"];
/// Elements that hold code.
const CODE: [&str; 4] = ["code", "pre", "script", "style"];

/// All texts.
pub(super) fn all() -> Vec<Text> {
    let mut texts = templates();
    texts.extend(descriptions());
    texts.extend(helps());
    texts.extend(sentences_of_scripts());
    texts.extend(sentences_of_sources());
    texts
}

fn templates() -> Vec<Text> {
    let mut texts = Vec::new();
    for (path, source) in files("templates") {
        let text = |words: &str, is_html| Text { place: path.clone(), words: words.to_owned(), is_html };
        let (plain, literals) = without_askama(&source);
        let is_configuration = path.starts_with("templates/gateway_setup/") && !path.ends_with(".html");
        let lines: Vec<String> = if path.ends_with(".html") {
            lines_of_html(&plain)
        } else if is_configuration {
            let is_comment = |line: &&str| {
                let line = line.trim_start();
                line.starts_with(['#', '-']) || line.starts_with("//")
            };
            plain.lines().filter(is_comment).map(str::to_owned).collect()
        } else {
            plain.lines().map(str::to_owned).collect()
        };
        texts.extend(lines.iter().map(|line| text(line, !is_configuration)));
        texts.extend(literals.iter().filter(|literal| is_for_people(literal)).map(|words| text(words, true)));
    }
    texts
}

/// A template with "…" for each value, and the texts between quotation marks in its code.
fn without_askama(source: &str) -> (String, Vec<String>) {
    let (mut plain, mut literals, mut rest) = (String::new(), Vec::new(), source);
    while let Some(start) = rest.find("{{").into_iter().chain(rest.find("{%")).chain(rest.find("{#")).min() {
        plain.push_str(&rest[..start]);
        let (end, shown) = match rest.get(start..start + 2) {
            Some("{{") => ("}}", "…"),
            Some("{%") => ("%}", " "),
            _ => ("#}", ""),
        };
        let code = rest[start..].find(end).map_or("", |length| &rest[start..start + length + end.len()]);
        assert!(!code.is_empty(), "askama’s code does not end: {rest}");
        plain.push_str(shown);
        if end != "#}" {
            literals.extend(code.split('"').skip(1).step_by(2).map(str::to_owned));
        }
        rest = &rest[start + code.len()..];
    }
    plain.push_str(rest);
    (plain, literals)
}

/// Whether what stands between quotation marks is a text, and not a name.
fn is_for_people(literal: &str) -> bool {
    literal.trim_start_matches(['“', '{']).starts_with(char::is_uppercase)
        && literal.contains(char::is_lowercase)
}

/// The texts of elements, each as far as one sentence may go, and of attributes.
fn lines_of_html(source: &str) -> Vec<String> {
    let html = Html::parse_fragment(source);
    let mut text = String::new();
    add_text(html.root_element(), &mut text);
    text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

fn add_text(element: ElementRef<'_>, text: &mut String) {
    let name = element.value().name();
    let is_inline = INLINE.contains(&name);
    if !is_inline {
        text.push('\n');
    }
    for (attribute, value) in element.value().attrs() {
        if ATTRIBUTES.contains(&attribute) {
            text.insert_str(0, &format!("{}\n", value.replace('\n', " ")));
        }
    }
    if CODE.contains(&name) {
        text.push('…');
    } else {
        for child in element.children() {
            if let Some(within) = ElementRef::wrap(child) {
                add_text(within, text);
            } else if let Some(words) = child.value().as_text() {
                text.push_str(&words.replace('\n', " "));
            }
        }
    }
    if !is_inline {
        text.push('\n');
    }
}

/// Summaries and descriptions of the API, which `/api/docs` shows.
pub(super) fn descriptions() -> Vec<Text> {
    let mut texts = Vec::new();
    add_descriptions(&openapi::describe(ROUTES, "/"), "", &mut texts);
    texts
}

fn add_descriptions(value: &Value, pointer: &str, texts: &mut Vec<Text>) {
    if let Value::Array(items) = value {
        for (index, item) in items.iter().enumerate() {
            add_descriptions(item, &format!("{pointer}/{index}"), texts);
        }
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        match value {
            // A field may have this name, too.
            Value::String(words) if ["summary", "description"].contains(&name.as_str()) => texts.push(Text {
                place: format!("docs/openapi.json {pointer}"),
                words: words.split('`').step_by(2).collect::<Vec<_>>().join("…"),
                is_html: true,
            }),
            _ if ["example", "examples"].contains(&name.as_str()) => {}
            value => add_descriptions(value, &format!("{pointer}/{}", name.replace('/', "~1")), texts),
        }
    }
}

/// What `--help` prints, of the program and of each of its commands.
fn helps() -> Vec<Text> {
    let (mut texts, mut commands) = (Vec::new(), vec![vec!["tessera".to_owned()]]);
    while let Some(command) = commands.pop() {
        let line = command.iter().cloned().chain(["--help".to_owned()]).map(OsString::from);
        let help = config::parse_with(line, |_| None).expect_err("help").message;
        let place = format!("{} --help", command.join(" "));
        // A sentence may go over several lines; an empty one ends it.
        texts.extend(help.split("\n\n").map(|words| Text {
            place: place.clone(),
            words: words.to_owned(),
            is_html: false,
        }));
        let listed = help.split("\nCommands:\n").nth(1).into_iter().flat_map(str::lines);
        let listed = listed.take_while(|line| line.starts_with("  "));
        let names = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
        for name in names.filter(|name| !name.is_empty() && *name != "help") {
            commands.push(command.iter().cloned().chain([name.to_owned()]).collect());
        }
    }
    texts
}

fn sentences_of_scripts() -> Vec<Text> {
    let scripts = files("static/js").into_iter().filter(|(path, _)| !path.ends_with(".min.js"));
    scripts.flat_map(|(path, source)| sentences(&path, &source, &['\'', '"', '`'])).collect()
}

/// What the code itself says: toasts, errors, words of pages. Of logs, only sentences.
fn sentences_of_sources() -> Vec<Text> {
    let sources = files("src").into_iter().filter(|(path, _)| !path.ends_with("tests.rs"));
    let without_tests =
        |source: &str| source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
    sources.flat_map(|(path, source)| sentences(&path, &without_tests(&source), &['"'])).collect()
}

/// The texts between quotation marks that are for people, with "…" for each value in them.
fn sentences(path: &str, source: &str, quotes: &[char]) -> Vec<Text> {
    let literals = literals(source, quotes).into_iter().filter(|literal| is_for_people(literal));
    let text =
        |literal: String| Text { place: path.to_owned(), words: without_values(&literal), is_html: false };
    literals.filter(|literal| literal.contains(' ')).map(text).collect()
}

/// What stands between quotation marks outside of comments.
fn literals(source: &str, quotes: &[char]) -> Vec<String> {
    let (mut literals, mut rest) = (Vec::new(), source);
    while let Some(first) = rest.chars().next() {
        rest = if rest.starts_with("//") {
            rest.find('\n').map_or("", |end| &rest[end..])
        } else if first == '\'' && !quotes.contains(&first) {
            // A letter of Rust, which may be a quotation mark, or a lifetime.
            let letter: String = rest.chars().take(4).collect();
            let length =
                ["'\\\"'", "'\"'"].into_iter().find(|mark| letter.starts_with(mark)).map_or(1, str::len);
            &rest[length..]
        } else if quotes.contains(&first) {
            let body = &rest[1..];
            let mut is_escaped = false;
            let end = body.find(|c| {
                let ends = c == first && !is_escaped;
                is_escaped = c == '\\' && !is_escaped;
                ends
            });
            let end = end.unwrap_or(body.len());
            literals.push(body[..end].to_owned());
            body.get(end + 1..).unwrap_or_default()
        } else {
            &rest[first.len_utf8()..]
        };
    }
    literals
}

/// A sentence on one line, with "…" for each value in braces.
fn without_values(literal: &str) -> String {
    let mut words = String::new();
    for (number, part) in literal.split('{').enumerate() {
        match part.split_once('}') {
            Some((_, after)) if number > 0 => words.extend(["…", after]),
            _ => words.push_str(part),
        }
    }
    words.replace("\\n", " ").replace("\\\n", " ")
}

/// The files below a folder of the repository, each with its path from there.
fn files(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut files, mut folders) = (Vec::new(), vec![root.join(folder)]);
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        let (below, here): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|path| path.is_dir());
        folders.extend(below);
        files.extend(here.into_iter().map(|file| {
            let path = file.strip_prefix(root).expect("below it").display().to_string();
            (path, fs::read_to_string(&file).expect("a text"))
        }));
    }
    assert!(!files.is_empty(), "no files in {folder}");
    files
}
