//! What holds for every request, told once.

use std::num::NonZeroU32;

use askama::Template;
use serde_json::Value;

use super::{
    Reader, Section, Unit,
    examples::{ExampleRequest, Language},
    literals, operations,
    shapes::{self, Direction, Schemas},
    text,
};
use crate::{
    config::KeyPrefix,
    domain::{
        access::ManageTokens, idempotency, instance_access::InstanceAccess, organization::Organization,
        token_access::TokenAccess,
    },
    web::{filters, shell::Markup, urls},
};

/// The operation that a reader tries first: it tells a token its organization.
const FIRST: &str = "show_token";

/// The topics; each is a block for its words and one for its examples.
#[derive(Template)]
#[template(
    path = "api_docs/topics.html",
    blocks = [
        "introduction", "introduction_example", "authentication", "authentication_example", "errors",
        "errors_example", "pagination", "pagination_example", "idempotency", "idempotency_example", "versions",
        "versions_example", "rate_limits", "rate_limits_example",
    ]
)]
struct Topics<'a> {
    base_url: &'a str,
    key_prefix: KeyPrefix,
    is_logged_in: bool,
    organization: Option<&'a Organization>,
    /// Where the reader makes a token, if they may.
    new_token: Option<String>,
    first: ExampleRequest,
    first_response: String,
    language: Language,
    problem_fields: Markup,
    problems: Vec<Problem>,
    problem_example: String,
    page_size: String,
    max_page_size: String,
    hours_kept: i64,
    requests_per_minute: NonZeroU32,
}

impl Topics<'_> {
    fn limit_headers(&self) -> String {
        let limit = self.requests_per_minute;
        format!(
            "RateLimit-Policy: \"requests\";q={limit};w=60\nRateLimit: \"requests\";r={};t=1",
            limit.get() - 1
        )
    }
}

/// A rejection that is the same everywhere.
struct Problem {
    status: String,
    kind: String,
    description: String,
}

pub(super) fn section(
    document: &Value,
    reader: &Reader,
    requests_per_minute: NonZeroU32,
) -> askama::Result<Section> {
    let schemas = Schemas::of(document);
    let named = |name: &str| schemas.named(name).unwrap_or(&Value::Null);
    let keys = document.pointer("/paths/~1api~1v2~1organizations~1{organization}~1keys/get/parameters");
    let mut parameters = keys.and_then(Value::as_array).into_iter().flatten();
    let limit = parameters.find(|parameter| parameter["name"] == "limit").map(|limit| &limit["schema"]);
    let bound = |name: &str| limit.map(|schema| schema[name].to_string()).unwrap_or_default();
    let organization = reader.organization.as_ref();
    let new_token = organization.filter(|(_, role)| role.may::<ManageTokens>());
    let first = operations::example_of(document, reader, FIRST).ok_or(askama::Error::Fmt)?;
    let page = Topics {
        base_url: &reader.base_url,
        key_prefix: reader.key_prefix,
        is_logged_in: reader.is_logged_in,
        organization: organization.map(|(organization, _)| organization),
        new_token: new_token.map(|(organization, _)| urls::organization(&organization.id, "api/tokens/new")),
        first,
        first_response: literals::json(&schemas.returned(named("PresentedToken"))),
        language: reader.language,
        problem_fields: shapes::field_list(
            &schemas.fields(named("ProblemDocument"), Direction::Returned),
            &reader.base_path,
        )?,
        problems: problems(document),
        problem_example: example_of_problem(document, "InvalidFields"),
        page_size: bound("default"),
        max_page_size: bound("maximum"),
        hours_kept: idempotency::KEPT.whole_hours(),
        requests_per_minute,
    };
    let units = vec![
        Unit::new(
            reader,
            "introduction",
            "Introduction",
            &page.as_introduction(),
            &page.as_introduction_example(),
        )?,
        Unit::new(
            reader,
            "authentication",
            "Authentication",
            &page.as_authentication(),
            &page.as_authentication_example(),
        )?,
        Unit::new(reader, "errors", "Errors", &page.as_errors(), &page.as_errors_example())?,
        Unit::new(reader, "pagination", "Pagination", &page.as_pagination(), &page.as_pagination_example())?,
        Unit::new(
            reader,
            "idempotency",
            "Idempotent requests",
            &page.as_idempotency(),
            &page.as_idempotency_example(),
        )?,
        Unit::new(reader, "versions", "Versions", &page.as_versions(), &page.as_versions_example())?,
        Unit::new(
            reader,
            "rate-limits",
            "Rate limits",
            &page.as_rate_limits(),
            &page.as_rate_limits_example(),
        )?,
    ];
    Ok(Section {
        id: "getting-started".to_owned(),
        title: "Getting started".to_owned(),
        description: "What applies to every request.".to_owned(),
        units,
    })
}

fn problems(document: &Value) -> Vec<Problem> {
    let responses = document.pointer("/components/responses").and_then(Value::as_object);
    let problem = |response: &Value| {
        let example = response.pointer("/content/application~1problem+json/example")?;
        let status = example.get("status")?.to_string();
        Some(Problem { status, kind: text(example, "type"), description: text(response, "description") })
    };
    responses.into_iter().flat_map(|responses| responses.values().filter_map(problem)).collect()
}

fn example_of_problem(document: &Value, name: &str) -> String {
    let pointer = format!("/components/responses/{name}/content/application~1problem+json/example");
    document.pointer(&pointer).map(literals::json).unwrap_or_default()
}
