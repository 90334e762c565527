//! The reference of the API, drawn from its own description. All of it is in the page: what is searched for
//! without a script is hidden by the server, as the script would.

mod examples;
mod json_types;
mod literals;
mod operations;
mod requests;
mod samples;
mod shapes;
mod topics;

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{HeaderValue, VARY},
    },
};
use askama::Template;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    clock::Timestamp,
    domain::{access::Role, organization::Organization, organizations},
    web::{
        compression::HoldsNoSecret,
        display,
        error::AppError,
        search,
        shell::{Markup, Shell},
        view,
        visit::Visit,
    },
};
use examples::{Language, Text};

/// The script keeps the language of the examples in it, so that the page comes with it.
const LANGUAGE_COOKIE: &str = "example-language";

/// `GET /api/docs`.
#[derive(Template)]
#[template(path = "api_docs/index.html", blocks = ["title", "content"])]
pub struct ApiDocsPage {
    shell: Shell,
    search: String,
    sections: Vec<Section>,
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
    /// Whether it has what is searched for.
    is_found: bool,
}

/// Whoever reads the page, as far as the examples differ.
struct Reader {
    base_url: String,
    now: Timestamp,
    language: Language,
    is_logged_in: bool,
    /// Their organization, if it is the only one, and their role in it.
    organization: Option<(Organization, Role)>,
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
        base_url: visit.state.config.public_url.origin(),
        now: visit.now,
        language: language.and_then(|cookie| cookie.value().parse().ok()).unwrap_or_default(),
        is_logged_in,
        organization: only.map(|membership| (membership.organization, membership.role)),
    };
    let document = &visit.state.api_description;
    let mut sections = vec![topics::section(document, &reader, visit.state.config.requests_per_minute)?];
    sections.extend(operations::sections(document, &reader)?);
    let mut page = ApiDocsPage { shell: visit.shell(), search: q, sections };
    page.find();
    let mut response = view::plain(&page, StatusCode::OK)?;
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept-Encoding, Cookie"));
    response.extensions_mut().insert(HoldsNoSecret);
    Ok(response)
}

impl ApiDocsPage {
    /// Marks what has all words that are searched for.
    fn find(&mut self) {
        let wanted = self.search.to_lowercase();
        let wanted: Vec<&str> = wanted.split_whitespace().collect();
        if wanted.is_empty() {
            return;
        }
        for unit in self.sections.iter_mut().flat_map(|section| &mut section.units) {
            let words = unit.words.text().to_lowercase();
            unit.is_found = wanted.iter().all(|word| words.contains(word));
        }
    }

    fn found(&self) -> usize {
        self.sections.iter().flat_map(|section| &section.units).filter(|unit| unit.is_found).count()
    }

    /// "12 results".
    fn results(&self) -> String {
        display::count(&(self.found() as i64), "result", "results")
    }
}

impl Section {
    fn is_found(&self) -> bool {
        self.units.iter().any(|unit| unit.is_found)
    }
}

impl Unit {
    fn new(id: &str, title: &str, words: &impl Template, examples: &impl Template) -> askama::Result<Self> {
        Ok(Self {
            id: id.to_owned(),
            title: title.to_owned(),
            words: Markup::render(words)?,
            examples: Markup::render(examples)?,
            is_found: true,
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
