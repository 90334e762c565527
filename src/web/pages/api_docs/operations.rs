//! The operations and objects of a description, as they stand on the page.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::Value;

use super::{
    Reader, Section, Unit,
    examples::{ExampleRequest, Language},
    json_types::name_of,
    literals,
    requests::{Needs, request, success},
    shapes::{self, Described, Direction, Kind, Schemas},
    text,
};
use crate::{
    domain::{instance_access::InstanceAccess, token_access::TokenAccess},
    web::{filters, shell::Markup},
};

/// Parameters that mean the same everywhere: where they are sent, and the topic that explains them.
const COMMON_PARAMETERS: [(&str, &str, &str); 5] = [
    ("organization", "path", "introduction"),
    ("Idempotency-Key", "header", "idempotency"),
    ("If-Match", "header", "versions"),
    ("cursor", "query", "pagination"),
    ("limit", "query", "pagination"),
];

/// One method of one URL: what it does, and what it looks like.
#[derive(Template)]
#[template(path = "api_docs/operation.html", blocks = ["words", "examples"])]
struct Operation {
    id: String,
    title: String,
    method: String,
    path: String,
    paragraphs: Vec<String>,
    needs: Needs,
    parameters: Markup,
    common: Vec<(&'static str, &'static str)>,
    body: Option<Body>,
    responses: Vec<Response>,
    errors: Vec<Word>,
    other_statuses: Vec<String>,
    request: ExampleRequest,
    language: Language,
    /// Beside the first one.
    more_examples: Vec<Example>,
}

/// An object, described once for all operations that return it.
#[derive(Template)]
#[template(path = "api_docs/object.html", blocks = ["words", "examples"])]
struct Object<'a> {
    id: &'a str,
    title: String,
    description: String,
    fields: Markup,
    example: String,
}

/// What is sent or returned.
struct Body {
    lead: Option<Kind>,
    fields: Markup,
    /// Content types, where it is not only JSON.
    types: Vec<String>,
}

struct Response {
    status: String,
    /// The status in words.
    title: String,
    description: String,
    body: Body,
    headers: Markup,
    has_version: bool,
    examples: Vec<Example>,
}

struct Example {
    title: String,
    text: String,
}

/// Part of a sentence about errors.
struct Word {
    text: String,
    is_status: bool,
}

/// The sections of the description, in its own order.
pub(super) fn sections(document: &Value, reader: &Reader) -> askama::Result<Vec<Section>> {
    let builder = Builder { schemas: Schemas::of(document), document, reader };
    let mut objects: Vec<&str> = Vec::new();
    let mut sections = Vec::new();
    for tag in document["tags"].as_array().into_iter().flatten() {
        let title = text(tag, "name");
        let operations: Vec<(&str, &str, &Value)> = builder.operations(&title).collect();
        if operations.is_empty() {
            continue;
        }
        let mut units = Vec::new();
        for (_, _, operation) in &operations {
            // Described where it is first returned.
            let returned = content_of_success(operation).map(|content| &content["schema"]);
            if let Some((name, object)) = returned.and_then(|schema| builder.schemas.object_in(schema))
                && !objects.contains(&name)
            {
                objects.push(name);
                units.push(builder.object(name, object)?);
            }
        }
        for (method, path, operation) in operations {
            units.push(builder.operation(method, path, operation)?);
        }
        let id = title.to_lowercase().replace(' ', "-");
        sections.push(Section { id, description: text(tag, "description"), title, units });
    }
    Ok(sections)
}

/// The example of the operation `id`.
pub(super) fn example_of(document: &Value, reader: &Reader, id: &str) -> Option<ExampleRequest> {
    let builder = Builder { schemas: Schemas::of(document), document, reader };
    let mut all = builder.all();
    let (method, path, operation) = all.find(|(_, _, operation)| operation["operationId"] == id)?;
    Some(request(&builder.schemas, reader, (method, path, operation)))
}

/// Puts the description on the page.
struct Builder<'a> {
    schemas: Schemas<'a>,
    document: &'a Value,
    reader: &'a Reader,
}

impl<'a> Builder<'a> {
    /// The method, path and description of each operation.
    fn all(&self) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> + use<'a> {
        let paths = self.document["paths"].as_object().into_iter().flatten();
        paths.flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            methods.map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
        })
    }

    fn operations<'b>(&'b self, tag: &'b str) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> + 'b {
        self.all().filter(move |(_, _, operation)| text(&operation["tags"], 0) == tag)
    }

    fn object(&self, name: &str, object: &Described) -> askama::Result<Unit> {
        let schema = self.schemas.named(name).unwrap_or(&Value::Null);
        // An example that an operation gives is fuller than one that is made up of the fields.
        let contents = self.all().filter_map(|(_, _, operation)| content_of_success(operation));
        let example = contents
            .filter(|content| name_of(&content["schema"]) == Some(name))
            .find_map(|content| given_examples(content).into_iter().next().map(|(_, value)| value.clone()))
            .unwrap_or_else(|| self.schemas.returned(schema));
        let page = Object {
            id: &object.id,
            title: object.title(),
            description: text(schema, "description"),
            fields: shapes::field_list(
                &self.schemas.fields(schema, Direction::Returned),
                &self.reader.base_path,
            )?,
            example: literals::json(&example),
        };
        Unit::new(self.reader, &object.id, &page.title, &page.as_words(), &page.as_examples())
    }

    fn operation(&self, method: &str, path: &str, operation: &Value) -> askama::Result<Unit> {
        let description = text(operation, "description").replace("\n\n", "\u{2029}").replace('\n', " ");
        let (errors, paragraphs): (Vec<String>, Vec<String>) = description
            .split('\u{2029}')
            .filter(|paragraph| !paragraph.is_empty())
            .map(str::to_owned)
            .partition(|paragraph| paragraph.starts_with("Errors: "));
        let errors = errors.first().and_then(|text| text.strip_prefix("Errors: ")).unwrap_or_default();
        let responses = || operation["responses"].as_object().into_iter().flatten();
        let (rejections, told): (Vec<_>, Vec<_>) =
            responses().partition(|(_, response)| response.get("$ref").is_some());
        let statuses: Vec<&str> = rejections.iter().map(|(status, _)| status.as_str()).collect();
        let errors = with_statuses(errors, &statuses);
        let is_told = |status: &&&str| !errors.iter().any(|word| word.is_status && word.text == **status);
        let parameters = || operation["parameters"].as_array().into_iter().flatten();
        let (common, own): (Vec<_>, Vec<_>) =
            parameters().partition(|parameter| topic_of(parameter).is_some());
        let own: Vec<_> =
            own.into_iter().map(|one| self.schemas.parameter(&text(one, "name"), one)).collect();
        let common = common.into_iter().filter_map(topic_of);
        let mut responses = told
            .into_iter()
            .map(|(status, response)| self.response(status, response))
            .collect::<askama::Result<Vec<Response>>>()?;
        let more_examples = responses
            .iter_mut()
            .flat_map(|response| response.examples.split_off(response.examples.len().min(1)))
            .collect();
        let page = Operation {
            id: text(operation, "operationId"),
            title: text(operation, "summary").trim_end_matches('.').to_owned(),
            method: method.to_uppercase(),
            path: path.to_owned(),
            paragraphs,
            needs: Needs::of(operation),
            parameters: shapes::field_list(&own, &self.reader.base_path)?,
            common: common.collect(),
            body: operation.get("requestBody").map(|sent| self.body(sent, Direction::Sent)).transpose()?,
            responses,
            other_statuses: statuses.iter().filter(is_told).map(|status| (*status).to_owned()).collect(),
            errors,
            request: request(&self.schemas, self.reader, (method, path, operation)),
            language: self.reader.language,
            more_examples,
        };
        Unit::new(self.reader, &page.id, &page.title, &page.as_words(), &page.as_examples())
    }

    fn body(&self, holder: &Value, direction: Direction) -> askama::Result<Body> {
        let contents = || holder["content"].as_object().into_iter().flatten();
        let schema = contents().next().map(|(_, content)| &content["schema"]);
        let shape = schema.map(|schema| self.schemas.shape(schema, direction)).unwrap_or_default();
        let is_json = contents().all(|(kind, _)| kind == "application/json");
        let types = contents().map(|(kind, _)| kind.clone()).filter(|_| !is_json);
        Ok(Body {
            lead: shape.lead,
            fields: shapes::field_list(&shape.fields, &self.reader.base_path)?,
            types: types.collect(),
        })
    }

    fn response(&self, status: &str, response: &Value) -> askama::Result<Response> {
        let headers = || response["headers"].as_object().into_iter().flatten();
        let own: Vec<_> = headers()
            .filter(|(_, header)| header.get("$ref").is_none())
            .map(|(name, header)| self.schemas.parameter(name, header))
            .collect();
        let content = response["content"].as_object().into_iter().flatten().next();
        let examples =
            content.map(|(kind, content)| self.examples(status, kind, content)).unwrap_or_default();
        Ok(Response {
            status: status.to_owned(),
            title: title_of(status),
            description: text(response, "description"),
            body: self.body(response, Direction::Returned)?,
            headers: shapes::field_list(&own, &self.reader.base_path)?,
            has_version: headers().any(|(name, _)| name == "ETag"),
            examples,
        })
    }

    /// What a response looks like, the fullest first.
    fn examples(&self, status: &str, kind: &str, content: &Value) -> Vec<Example> {
        let given = given_examples(content);
        if given.is_empty() {
            let example = self.schemas.returned(&content["schema"]);
            // One line for each, as it is sent.
            let is_lines = kind.ends_with("jsonl");
            let text = if is_lines { example.to_string() } else { literals::json(&example) };
            return vec![Example { title: title_of(status), text }];
        }
        let titled = |(name, value): (&str, &Value)| Example {
            title: if name.is_empty() { title_of(status) } else { format!("{}: {name}", title_of(status)) },
            text: literals::json(value),
        };
        given.into_iter().map(titled).collect()
    }
}

/// The name of a common parameter, and the topic that explains it.
fn topic_of(parameter: &Value) -> Option<(&'static str, &'static str)> {
    let common = COMMON_PARAMETERS.iter();
    let mut common =
        common.filter(|(name, place, _)| parameter["name"] == *name && parameter["in"] == *place);
    common.next().map(|(name, _, topic)| (*name, *topic))
}

fn content_of_success(operation: &Value) -> Option<&Value> {
    success(operation)?["content"].as_object()?.values().next()
}

/// The examples that are written for a body, each with its name, the fullest first.
fn given_examples(content: &Value) -> Vec<(&str, &Value)> {
    let named = content["examples"].as_object().into_iter().flatten();
    let mut examples: Vec<(&str, &Value)> =
        named.map(|(name, example)| (name.as_str(), &example["value"])).collect();
    examples.extend(content.get("example").map(|example| ("", example)));
    examples.sort_by_key(|(_, value)| std::cmp::Reverse(value.to_string().len()));
    examples
}

/// Tells the statuses in a sentence from the rest of it.
fn with_statuses(sentence: &str, statuses: &[&str]) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for part in sentence.split_inclusive(' ') {
        let word = part.trim_end_matches([' ', ',', '.']);
        if statuses.contains(&word) {
            words.push(Word { text: word.to_owned(), is_status: true });
            let rest = part.strip_prefix(word).unwrap_or_default();
            words.push(Word { text: rest.to_owned(), is_status: false });
        } else {
            match words.last_mut() {
                Some(last) if !last.is_status => last.text.push_str(part),
                _ => words.push(Word { text: part.to_owned(), is_status: false }),
            }
        }
    }
    words
}

/// "201 Created".
fn title_of(status: &str) -> String {
    let code = status.parse::<u16>().ok().and_then(|status| StatusCode::from_u16(status).ok());
    let reason = code.and_then(|code| code.canonical_reason()).unwrap_or_default();
    format!("{status} {reason}").trim_end().to_owned()
}
