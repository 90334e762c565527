//! The reference of the API, drawn from its own description. All of it is in the page: what is searched for
//! without a script is hidden by the server, as the script would.
//!
//! What makes it up is drawn once for all who read the same. A browser in which nobody is logged in keeps the page
//! and asks whether it has changed; with somebody's name on it, it is kept by nobody, as all such pages.

mod examples;
mod json_types;
mod literals;
mod operations;
mod requests;
mod samples;
mod shapes;
mod topics;

use std::{
    collections::HashSet,
    num::NonZeroU32,
    sync::{Arc, LazyLock},
};

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, ETAG, VARY},
    },
};
use askama::Template;
use quick_cache::sync::Cache;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use time::{Date, Time};

use crate::{
    clock::Timestamp,
    config::{BasePath, KeyPrefix},
    domain::{access::Role, organization::Organization, organizations},
    hex,
    web::{
        compression::HoldsNoSecret,
        display,
        error::AppError,
        etags, filters, search,
        shell::{Markup, Shell},
        view,
        visit::Visit,
    },
};
use examples::{Language, Text};

/// The script keeps the language of the examples in it, so that the page comes with it.
const LANGUAGE_COOKIE: &str = "example-language";

/// Kinds of readers for whom the reference is kept as it was drawn, some 300 KiB each.
const MAX_DRAWN: usize = 16;

/// What was drawn.
static DRAWN: LazyLock<Cache<ReadBy, Arc<[Section]>>> = LazyLock::new(|| Cache::new(MAX_DRAWN));

/// `GET /api/docs`.
#[derive(Template)]
#[template(path = "api_docs/index.html", blocks = ["title", "content"])]
pub struct ApiDocsPage {
    shell: Shell,
    search: String,
    sections: Arc<[Section]>,
    /// The ids of the units that do not have what is searched for.
    missed: HashSet<String>,
}

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
struct Query {
    #[serde(default, deserialize_with = "search::lenient")]
    q: String,
}

/// The units of one subject.
struct Section {
    id: String,
    title: String,
    description: String,
    units: Vec<Unit>,
}

/// An operation, an object or a topic.
struct Unit {
    id: String,
    title: String,
    /// What it is.
    words: Markup,
    /// What it looks like.
    examples: Markup,
}

/// Whoever reads the page, as far as the examples differ.
struct Reader {
    base_url: String,
    base_path: BasePath,
    key_prefix: KeyPrefix,
    /// The time of which examples tell.
    now: Timestamp,
    language: Language,
    is_logged_in: bool,
    /// Their organization, if it is the only one, and their role in it.
    organization: Option<(Organization, Role)>,
}

/// All that the reference depends on.
#[derive(Clone, PartialEq, Eq, Hash)]
struct ReadBy {
    base_url: String,
    key_prefix: KeyPrefix,
    requests_per_minute: NonZeroU32,
    day: Date,
    language: Language,
    is_logged_in: bool,
    /// Id, name and role.
    organization: Option<(String, String, &'static str)>,
}

/// Shows the reference.
pub async fn show(visit: Visit) -> Result<HttpResponse, AppError> {
    let Query { q } = visit.query()?;
    let user = visit.logged_in().map(|logged_in| logged_in.user.clone());
    let is_logged_in = user.is_some();
    let only = match user {
        Some(user) => visit.read(move |connection, _| organizations::only_one(connection, &user)).await?,
        None => None,
    };
    let language = visit.request().cookie(LANGUAGE_COOKIE);
    let reader = Reader {
        base_url: visit.state.config.public_url.to_string(),
        base_path: visit.base_path().clone(),
        key_prefix: visit.state.config.rules.key_prefix,
        // A time of today, and the same for all who read it today.
        now: visit.now.replace_time(Time::MIDNIGHT),
        language: language.and_then(|cookie| cookie.value().parse().ok()).unwrap_or_default(),
        is_logged_in,
        organization: only.map(|membership| (membership.organization, membership.role)),
    };
    let sections = sections(&visit.state.api_description, &reader, visit.state.config.requests_per_minute)?;
    let page = ApiDocsPage { shell: visit.shell(), missed: missed(&sections, &q), search: q, sections };
    let mut response = view::html(StatusCode::OK);
    response.insert_header((VARY, "Accept-Encoding, Cookie"));
    let body = page.render_with_values(visit.base_path())?;
    if !is_logged_in {
        // Weak, since the page may be compressed.
        let hash = Sha256::digest(&body);
        let etag = format!("W/\"{}\"", hex::of(hash.get(..16).unwrap_or_default()));
        response.insert_header((CACHE_CONTROL, "private, no-cache")).insert_header((ETAG, etag.as_str()));
        if etags::is_known(visit.request(), &etag) {
            return Ok(response.status(StatusCode::NOT_MODIFIED).finish());
        }
    }
    let mut response = response.body(body);
    response.extensions_mut().insert(HoldsNoSecret);
    Ok(response)
}

/// The sections for `reader`, drawn unless they were.
fn sections(
    document: &Value,
    reader: &Reader,
    requests_per_minute: NonZeroU32,
) -> askama::Result<Arc<[Section]>> {
    let read_by = ReadBy {
        base_url: reader.base_url.clone(),
        key_prefix: reader.key_prefix,
        requests_per_minute,
        day: reader.now.date(),
        language: reader.language,
        is_logged_in: reader.is_logged_in,
        organization: reader
            .organization
            .as_ref()
            .map(|(organization, role)| (organization.id.clone(), organization.name.clone(), role.as_str())),
    };
    DRAWN.get_or_insert_with(&read_by, || {
        let mut sections = vec![topics::section(document, reader, requests_per_minute)?];
        sections.extend(operations::sections(document, reader)?);
        Ok(sections.into())
    })
}

/// The ids of the units that do not have all words that are searched for.
fn missed(sections: &[Section], search: &str) -> HashSet<String> {
    let wanted = search.to_lowercase();
    let wanted: Vec<&str> = wanted.split_whitespace().collect();
    if wanted.is_empty() {
        return HashSet::new();
    }
    let is_missed = |unit: &&Unit| {
        let words = unit.words.text().to_lowercase();
        !wanted.iter().all(|word| words.contains(word))
    };
    let units = sections.iter().flat_map(|section| &section.units);
    units.filter(is_missed).map(|unit| unit.id.clone()).collect()
}

impl ApiDocsPage {
    fn is_found(&self, unit: &Unit) -> bool {
        !self.missed.contains(&unit.id)
    }

    fn is_any_found(&self, section: &Section) -> bool {
        section.units.iter().any(|unit| self.is_found(unit))
    }

    fn found(&self) -> usize {
        self.sections.iter().flat_map(|section| &section.units).filter(|unit| self.is_found(unit)).count()
    }

    /// "12 results".
    fn results(&self) -> String {
        display::count(&(self.found() as i64), "result", "results")
    }
}

impl Unit {
    fn new(
        reader: &Reader,
        id: &str,
        title: &str,
        words: &impl Template,
        examples: &impl Template,
    ) -> askama::Result<Self> {
        Ok(Self {
            id: id.to_owned(),
            title: title.to_owned(),
            words: Markup::render(words, &reader.base_path)?,
            examples: Markup::render(examples, &reader.base_path)?,
        })
    }
}

impl Reader {
    /// Their organization's ID, or the variable that holds it.
    fn push_organization(&self, text: &mut Text) {
        match &self.organization {
            Some((organization, _)) => text.push(&organization.id),
            None => text.push_variable("ORGANIZATION"),
        }
    }
}

fn text(value: &Value, name: impl serde_json::value::Index) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}
