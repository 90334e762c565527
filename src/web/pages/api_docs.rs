//! The reference of the API, drawn from its own description: no script, nothing from elsewhere.

mod shapes;

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use serde_json::Value;

use crate::{
    domain::token_access::TokenAccess,
    web::{error::AppError, shell::Shell, view, visit::Visit},
};
use shapes::{Field, Schemas};

/// `GET /api/docs`.
#[derive(Template)]
#[template(path = "api_docs/index.html", blocks = ["title", "content"])]
pub struct ApiDocsPage {
    shell: Shell,
    public_url: String,
    sections: Vec<Section>,
    problems: Vec<Problem>,
}

/// The operations of one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Section {
    id: String,
    title: String,
    description: String,
    operations: Vec<Operation>,
}

/// One method of one address.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    notes: String,
    /// The access that a master token needs.
    access: Option<TokenAccess>,
    parameters: Vec<Field>,
    body: Option<Body>,
    answers: Vec<Body>,
    /// The statuses of rejections that are the same everywhere.
    rejections: Vec<String>,
}

/// What is sent or answered.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Body {
    /// The status; empty for what is sent.
    status: String,
    description: String,
    fields: Vec<Field>,
    /// JSON, or nothing.
    example: String,
}

/// A rejection that is the same everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Problem {
    status: String,
    kind: String,
    description: String,
    example: String,
}

/// Shows the reference.
pub async fn show(visitor: Visit) -> Result<HttpResponse, AppError> {
    let document = &visitor.state.api_description;
    let page = ApiDocsPage {
        public_url: visitor.state.config.public_url.origin(),
        shell: visitor.shell(),
        sections: sections(document),
        problems: problems(document),
    };
    view::plain(&page, StatusCode::OK)
}

fn sections(document: &Value) -> Vec<Section> {
    let operations = operations(document);
    let section = |tag: &Value| {
        let title = text(tag, "name");
        let here = operations.iter().filter(|(tag, _)| *tag == title);
        Section {
            id: title.to_lowercase().replace(' ', "-"),
            description: text(tag, "description"),
            operations: here.map(|(_, operation)| operation.clone()).collect(),
            title,
        }
    };
    let tags = document["tags"].as_array().into_iter().flatten().map(section);
    tags.filter(|section| !section.operations.is_empty()).collect()
}

/// The operations in the order of the description, each with its tag.
fn operations(document: &Value) -> Vec<(String, Operation)> {
    let schemas = Schemas::of(document);
    let paths = document["paths"].as_object().into_iter().flatten();
    let of_path = |(path, item): (&String, &Value)| {
        let methods = item.as_object().into_iter().flatten();
        let all: Vec<_> = methods
            .map(|(method, operation)| {
                (text(&operation["tags"], 0), one_operation(path, method, operation, &schemas))
            })
            .collect();
        all
    };
    paths.flat_map(of_path).collect()
}

fn one_operation(path: &str, method: &str, operation: &Value, schemas: &Schemas<'_>) -> Operation {
    let answers = operation["responses"].as_object().into_iter().flatten();
    let (mut told, mut rejections) = (Vec::new(), Vec::new());
    for (status, response) in answers {
        if response.get("$ref").is_some() {
            rejections.push(status.clone());
        } else {
            told.push(body(status, response, schemas));
        }
    }
    let access = operation["x-access"].as_str().and_then(|word| word.parse::<TokenAccess>().ok());
    Operation {
        id: text(operation, "operationId"),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(operation, "summary").trim_end_matches('.').to_owned(),
        notes: text(operation, "description"),
        access,
        parameters: operation["parameters"].as_array().into_iter().flatten().map(shapes::parameter).collect(),
        body: operation.get("requestBody").map(|sent| body("", sent, schemas)),
        answers: told,
        rejections,
    }
}

fn body(status: &str, holder: &Value, schemas: &Schemas<'_>) -> Body {
    let content = holder["content"].as_object().into_iter().flatten().next();
    let schema = content.map(|(_, content)| &content["schema"]).filter(|schema| !schema.is_null());
    let example = content.and_then(|(_, content)| content.get("example").cloned());
    let example = example.or_else(|| schema.map(|schema| schemas.example(schema)));
    Body {
        status: status.to_owned(),
        description: text(holder, "description"),
        fields: schema.map(|schema| schemas.fields(schema)).unwrap_or_default(),
        example: example.map(|example| format!("{example:#}")).unwrap_or_default(),
    }
}

fn problems(document: &Value) -> Vec<Problem> {
    let responses = document.pointer("/components/responses").and_then(Value::as_object);
    let problem = |response: &Value| {
        let example = response.pointer("/content/application~1problem+json/example")?;
        Some(Problem {
            status: example.get("status")?.to_string(),
            kind: text(example, "type"),
            description: text(response, "description"),
            example: format!("{example:#}"),
        })
    };
    responses.into_iter().flatten().filter_map(|(_, response)| problem(response)).collect()
}

fn text(value: &Value, name: impl serde_json::value::Index) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::{api::openapi, routes::ROUTES};

    #[test]
    fn every_operation_of_the_description_is_shown() {
        let document = &openapi::describe(ROUTES, "/");
        let described: usize =
            document["paths"].as_object().unwrap().values().map(|item| item.as_object().unwrap().len()).sum();
        let sections = sections(document);
        assert_eq!(sections.iter().map(|section| section.operations.len()).sum::<usize>(), described);
        let all = || sections.iter().flat_map(|section| &section.operations);
        assert!(all().all(|operation| !operation.summary.is_empty() && !operation.id.is_empty()));
        let ids: std::collections::BTreeSet<&str> = all().map(|operation| operation.id.as_str()).collect();
        assert_eq!(ids.len(), described, "two operations share a name");
    }

    #[test]
    fn a_body_shows_its_fields_and_an_example() {
        let sections = sections(&openapi::describe(ROUTES, "/"));
        let create = sections
            .iter()
            .flat_map(|section| &section.operations)
            .find(|operation| operation.id == "create_key")
            .unwrap();
        let sent = create.body.as_ref().unwrap();
        let name = sent.fields.iter().find(|field| field.name == "name").unwrap();
        assert!(name.is_required && name.kind == "string");
        assert!(sent.fields.iter().any(|field| field.name == "rate_limit.per"), "{:?}", sent.fields);
        assert!(sent.example.contains("\"name\": \"Billing worker\""), "{}", sent.example);
        assert!(create.rejections.contains(&"422".to_owned()));
        assert_eq!(create.access, Some(TokenAccess::Keys));
    }
}
