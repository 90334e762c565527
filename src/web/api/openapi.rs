//! The API's description as OpenAPI 3.1, made from the handlers and completed from the route
//! table: whatever holds for every call stands here once.

use std::borrow::Cow;

use actix_web::{
    HttpResponse, ResponseError,
    http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL},
};
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::{
    activity, api_keys, calendar, credentials, forward_auth,
    gate::{Anyone, Gate},
    instance, invitations, key_rotation, leak_policy, leaks, members, organization, organizations, pauses,
    presented_token, removed_keys, scopes, session_tokens, usage, verification, webhooks,
};
use crate::{
    api_types::{FieldProblem, ProblemDocument},
    config::{InstanceRules, KeyPrefix},
    domain::{managed::ManageError, names::NameError, token_access::TokenAccess},
    web::{
        access::{Access, Route},
        error::AppError,
        limits::TooOften,
    },
};

/// Where the description is served.
pub const PATH: &str = "/api/v2/openapi.json";

/// What belongs to the API, without what every call has in common.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tessera",
        description = "Manage organizations, members, API keys and webhooks over HTTP.\n\nSend an active master \
            token, or a session token issued for one, as `Authorization: Bearer`. A token’s access is chosen when \
            it’s generated. Errors are problem details (RFC 9457) with a stable `type`.",
    ),
    tags(
        (name = "Verification", description = "Verify keys from gateways and backends."),
        (name = "Tokens", description = "Session tokens and token info."),
        (name = "Organization", description = "The organization of a master token."),
        (name = "API keys", description = "Keys, their settings and secrets."),
        (name = "Usage", description = "Requests per key and per day."),
        (name = "Members", description = "Members of the organization."),
        (name = "Invitations", description = "Invitations to join the organization."),
        (name = "Activity", description = "Who did what, when and from where."),
        (name = "Webhooks", description = "Send events to other systems."),
        (name = "Leaks", description = "Keys that were found in public."),
        (name = "Instance", description = "All organizations, their usage and the plans, with an instance token."),
        (name = "OpenAPI", description = "Download this specification."),
    ),
    paths(
        verification::verify,
        verification::verify_batch,
        forward_auth::answer,
        organization::show,
        session_tokens::issue,
        presented_token::show,
        organizations::show,
        organizations::change,
        api_keys::list,
        api_keys::create,
        api_keys::show,
        api_keys::change,
        api_keys::activate,
        api_keys::deactivate,
        api_keys::remove,
        removed_keys::list,
        removed_keys::restore,
        key_rotation::rotate,
        key_rotation::revoke_previous,
        pauses::pause,
        scopes::list,
        calendar::replace,
        calendar::revoke,
        usage::of_key,
        usage::clients,
        usage::of_organization,
        leaks::receive,
        leak_policy::show_policy,
        leak_policy::change_policy,
        webhooks::list,
        webhooks::create,
        webhooks::show,
        webhooks::change,
        webhooks::remove,
        webhooks::activate,
        webhooks::deactivate,
        webhooks::send_test,
        webhooks::rotate,
        webhooks::deliveries::list,
        webhooks::deliveries::show,
        webhooks::deliveries::resend,
        members::list,
        members::show,
        members::change,
        members::remove,
        invitations::list,
        invitations::send,
        invitations::show,
        invitations::cancel,
        invitations::resend,
        invitations::copy_link,
        activity::list,
        activity::export,
        instance::organizations::list,
        instance::organizations::create,
        instance::organizations::show,
        instance::organizations::change,
        instance::organizations::suspend,
        instance::organizations::resume,
        instance::organizations::remove,
        instance::organizations::restore,
        instance::organizations::invite_administrator,
        instance::plan_exceptions::show,
        instance::plan_exceptions::change,
        instance::usage::of_organization,
        instance::usage::list,
        instance::plans::list,
        show,
    ),
    components(schemas(ProblemDocument))
)]
struct Handlers;

/// The whole description of the API behind `routes`, as `server` has it.
pub fn describe(routes: &[Route], server: &str) -> Value {
    let mut document = serde_json::to_value(Handlers::openapi()).unwrap_or_default();
    complete(&mut document, routes);
    if let Some(document) = document.as_object_mut() {
        document.insert("servers".to_owned(), json!([{ "url": server }]));
    }
    document
}

/// Get this specification.
#[utoipa::path(
    get,
    path = "/api/v2/openapi.json",
    tag = "OpenAPI",
    responses((
        status = 200, description = "The OpenAPI 3.1 document.", body = Object,
        example = json!({ "openapi": "3.1.0", "info": { "title": "Tessera" }, "paths": {} })
    ))
)]
pub async fn show(gate: Gate<Anyone>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        // It holds nothing of anybody; tools in a browser may read it.
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .json(&**gate.state.api_description)
}

fn complete(document: &mut Value, routes: &[Route]) {
    if let Some(info) = document.get_mut("info").and_then(Value::as_object_mut) {
        info.insert("version".to_owned(), json!(env!("CARGO_PKG_VERSION")));
        let license = env!("CARGO_PKG_LICENSE");
        info.insert("license".to_owned(), json!({ "name": license, "identifier": license }));
        // Made from Cargo.toml, which speaks of the program.
        info.remove("contact");
    }
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        components.insert("securitySchemes".to_owned(), security_schemes());
        components.insert("responses".to_owned(), responses());
        components.insert("headers".to_owned(), headers());
    }
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        name_items(schemas);
    }
    let schemas = document.pointer("/components/schemas").cloned().unwrap_or_default();
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (pattern, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            let route = route(routes, method, pattern);
            if let (Some(route), Some(operation)) = (route, operation.as_object_mut()) {
                complete_operation(route, operation, &schemas, is_changed(routes, pattern));
            }
        }
    }
}

/// The items of a list bear their own name; a client that is made of the description would find one of
/// its own for each list otherwise.
fn name_items(schemas: &mut Map<String, Value>) {
    let lists: Vec<String> = schemas.keys().filter(|name| name.starts_with("List_")).cloned().collect();
    for list in lists {
        let item = list.trim_start_matches("List_");
        if schemas.contains_key(item)
            && let Some(items) =
                schemas.get_mut(&list).and_then(|list| list.pointer_mut("/properties/data/items"))
        {
            *items = json!({ "$ref": format!("#/components/schemas/{item}") });
        }
    }
}

/// The route behind an operation.
pub fn route<'a>(routes: &'a [Route], method: &str, pattern: &str) -> Option<&'a Route> {
    let is_asked = |route: &&Route| route.method == "ANY" || route.method.eq_ignore_ascii_case(method);
    routes.iter().filter(|route| route.pattern == pattern).find(is_asked)
}

fn complete_operation(route: &Route, operation: &mut Map<String, Value>, schemas: &Value, is_changed: bool) {
    name_operation(route, operation);
    let has_body = operation.contains_key("requestBody");
    let changes = !matches!(route.method, "GET" | "ANY");
    let is_counted = ["/api/v2/organizations/", "/api/v2/instance/"]
        .iter()
        .any(|beginning| route.pattern.starts_with(beginning))
        || route.pattern == "/api/v2/token";
    operation.insert("security".to_owned(), security(route));
    if let Some(access) = route.access.of_token() {
        operation.insert("x-access".to_owned(), json!(access.as_str()));
    }
    if let Some(access) = route.access.of_instance_token() {
        operation.insert("x-instance-access".to_owned(), json!(access.as_str()));
    }
    let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
    if let Some(parameters) = parameters.as_array_mut() {
        let query = std::mem::take(parameters);
        parameters.extend(path_parameters(route.pattern));
        parameters.extend(query);
        parameters.extend(header_parameters(route));
    }
    let is_token = takes_token(route.access);
    let has_query = operation
        .get("parameters")
        .and_then(Value::as_array)
        .is_some_and(|parameters| parameters.iter().any(|parameter| parameter["in"] == "query"));
    let rejections: [(&str, &str, bool); 11] = [
        ("400", "BadRequest", has_body || has_query || changes || route.access != Access::Public),
        ("401", "Unauthorized", route.access != Access::Public),
        ("403", "Forbidden", !matches!(route.access, Access::Public | Access::Reporter)),
        ("404", "NotFound", route.pattern.contains('{') || route.access == Access::Reporter),
        ("408", "TooSlow", has_body),
        ("409", "Conflict", changes && is_token),
        ("412", "PreconditionFailed", takes_version(route)),
        ("413", "TooLarge", has_body),
        ("415", "UnsupportedMediaType", has_body),
        ("422", "InvalidFields", is_token && (changes || has_query)),
        ("429", "TooManyRequests", route.access != Access::Public),
    ];
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    let Some(responses) = responses.as_object_mut() else { return };
    for (status, response) in responses.iter_mut() {
        if let Some(response) = response.as_object_mut()
            && status.starts_with('2')
        {
            let schema =
                response.get("content").and_then(|content| content.pointer("/application~1json/schema"));
            let has_version =
                is_counted && schema.is_some_and(|schema| has_id(schema, schemas) || is_changed);
            add_headers(response, is_counted, has_version);
        }
    }
    for (status, name, _) in rejections.iter().filter(|(_, _, applies)| *applies) {
        let rejection = json!({ "$ref": format!("#/components/responses/{name}") });
        responses.entry((*status).to_owned()).or_insert(rejection);
    }
    for (status, name) in [("500", "InternalError"), ("503", "Unavailable")] {
        let failure = json!({ "$ref": format!("#/components/responses/{name}") });
        responses.insert(status.to_owned(), failure);
    }
}

/// Handlers are called `list` and `create` in many modules; clients need names of their own.
fn name_operation(route: &Route, operation: &mut Map<String, Value>) {
    let handler = operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
    if !handler.contains('_') {
        let mut places =
            route.pattern.split('/').filter(|part| !part.is_empty() && !part.starts_with('{')).skip(2);
        let subject = match (places.next(), places.next()) {
            (Some("organizations"), Some(subject)) => subject,
            (Some(subject), _) => subject,
            _ => "request",
        };
        let subject = if handler == "list" { subject } else { subject.strip_suffix('s').unwrap_or(subject) };
        let id = format!("{handler}_{subject}").replace(['-', '.'], "_");
        operation.insert("operationId".to_owned(), json!(id));
    }
    if let Some(summary) = operation.get("summary").and_then(Value::as_str) {
        let summary = summary.replace('\n', " ");
        operation.insert("summary".to_owned(), json!(summary));
    }
    if let Some(description) = operation.get("description").and_then(Value::as_str) {
        let description = description.replace("# Errors\n", "Errors: ");
        operation.insert("description".to_owned(), json!(description));
    }
}

/// Whether a change can be tied to the version that was read. Nobody reads the calendar's URL again.
pub fn takes_version(route: &Route) -> bool {
    let acts_on = |place: &str| route.pattern.rsplit_once('/').is_some_and(|(one, _)| one.ends_with(place));
    match route.method {
        "PATCH" | "PUT" | "DELETE" => !route.pattern.ends_with("/calendar-link"),
        "POST" => {
            let is_invitation = route.pattern.ends_with("/administrators");
            acts_on("/keys/{key}")
                || acts_on("/{webhook}")
                || acts_on("/instance/organizations/{organization}") && !is_invitation
        }
        _ => false,
    }
}

/// Whether what stands at an address is changed there.
fn is_changed(routes: &[Route], pattern: &str) -> bool {
    routes.iter().any(|route| route.pattern == pattern && matches!(route.method, "PATCH" | "PUT"))
}

/// Whether a schema is that of a resource, which has a version.
fn has_id(schema: &Value, schemas: &Value) -> bool {
    let named = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.rsplit('/').next());
    if let Some(schema) = named.and_then(|name| schemas.get(name)) {
        return has_id(schema, schemas);
    }
    let parts = schema.get("allOf").and_then(Value::as_array);
    schema.pointer("/properties/id").is_some()
        || parts.is_some_and(|parts| parts.iter().any(|part| has_id(part, schemas)))
}

fn add_headers(response: &mut Map<String, Value>, is_counted: bool, has_version: bool) {
    let headers = response.entry("headers").or_insert_with(|| json!({}));
    let Some(headers) = headers.as_object_mut() else { return };
    let names: [(&str, &str, bool); 4] = [
        ("X-Request-Id", "RequestId", true),
        ("RateLimit", "RateLimit", is_counted),
        ("RateLimit-Policy", "RateLimitPolicy", is_counted),
        ("ETag", "ETag", has_version),
    ];
    for (name, reference, _) in names.iter().filter(|(_, _, applies)| *applies) {
        let header = json!({ "$ref": format!("#/components/headers/{reference}") });
        headers.insert((*name).to_owned(), header);
    }
}

/// Whether a token of any kind is asked for.
fn takes_token(access: Access) -> bool {
    access.of_token().is_some() || access.of_instance_token().is_some()
}

/// The document with the prefix of a server's own keys in its examples.
pub fn in_words_of(prefix: KeyPrefix, document: Value) -> Value {
    match prefix.in_example(&document.to_string()) {
        Cow::Borrowed(_) => document,
        Cow::Owned(text) => serde_json::from_str(&text).unwrap_or(document),
    }
}

fn security(route: &Route) -> Value {
    match route.access {
        Access::Public => json!([]),
        Access::Key => json!([{ "apiKeyHeader": [] }, { "apiKey": [] }, { "apiKeyBasic": [] }]),
        Access::Reporter => json!([{ "leakSecret": [] }, { "leakSignature": [], "leakKey": [] }]),
        Access::InstanceToken(_) => json!([{ "instanceToken": [] }]),
        _ if route.pattern.starts_with("/api/v2/keys/verify") => {
            json!([{ "masterToken": [] }, { "instanceToken": [] }])
        }
        _ => json!([{ "masterToken": [] }]),
    }
}

fn security_schemes() -> Value {
    json!({
        "masterToken": {
            "type": "http", "scheme": "bearer",
            "description": "An active master token (`tess_m_…`), or a session token (`tess_s_…`).",
        },
        "instanceToken": {
            "type": "http", "scheme": "bearer", "description": "An active instance token (`tess_i_…`).",
        },
        "apiKey": { "type": "http", "scheme": "bearer", "description": "An API key (`tess_…`)." },
        "apiKeyBasic": {
            "type": "http", "scheme": "basic",
            "description": "The name of an API key as user, the key as password.",
        },
        "leakSecret": {
            "type": "http", "scheme": "bearer",
            "description": "The secret that the operator shares with those who report leaked keys.",
        },
        "leakSignature": {
            "type": "apiKey", "in": "header", "name": "Github-Public-Key-Signature",
            "description": "GitHub’s signature of the raw body (ECDSA P-256 with SHA-256, Base64).",
        },
        "leakKey": {
            "type": "apiKey", "in": "header", "name": "Github-Public-Key-Identifier",
            "description": "The identifier of the signing key.",
        },
        "apiKeyHeader": {
            "type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key (`tess_…`).",
        },
    })
}

/// The parameters in the path itself.
fn path_parameters(pattern: &str) -> Vec<Value> {
    let names = pattern.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameter = |name: &str| {
        json!({
            "name": name, "in": "path", "required": true, "schema": { "type": "string" },
            "description": match name {
                "organization" => "The organization ID.".to_owned(),
                name => format!("The {name} ID."),
            },
            "example": match name {
                "delivery" => "msg_019a8f45-1e6a-7b3c-a2d4-0c9b8a7f6e5d",
                "organization" => "019a8f3e-7b1c-7d2e-9f40-5a6b7c8d9e0f",
                _ => "019a8f41-03aa-7c51-8d7e-61b2c3d4e5f6",
            },
        })
    };
    names.map(parameter).collect()
}

fn header_parameters(route: &Route) -> Vec<Value> {
    let header = |name: &str, description: &str| {
        json!({
            "name": name, "in": "header", "required": false, "description": description,
            "schema": { "type": "string", "pattern": "^[!-~]+$", "minLength": 1, "maxLength": 255 },
        })
    };
    let once = "Makes retries safe: for 24 hours, the same request with the same key runs once and returns the same \
                response. Use a random value for each request, such as a UUID.";
    let version = "The `ETag` of the version to change. Returns 412 if there’s a newer one.";
    let is_once = route.method == "POST" && takes_token(route.access);
    let headers = [("Idempotency-Key", once, is_once), ("If-Match", version, takes_version(route))];
    headers.iter().filter(|(_, _, applies)| *applies).map(|(name, text, _)| header(name, text)).collect()
}

fn headers() -> Value {
    let header = |description: &str, example: &str| json!({ "description": description, "schema": { "type": "string" }, "example": example });
    json!({
        "RequestId": header("The request ID. Include it when you contact the operator.", "req_9f02ab71-0000001c"),
        "RateLimit": header("What’s left of the token’s requests.", "\"requests\";r=599;t=1"),
        "RateLimitPolicy": header("The number of requests that a token may send.", "\"requests\";q=600;w=60"),
        "ETag": header("The version of the resource.", "\"3f1c0e8d7b64a1b2c3d4e5f60718293a\""),
        "RetryAfter": header("Seconds to wait before retrying.", "12"),
        "WwwAuthenticate": header("The required credentials (RFC 6750).", "Bearer realm=\"api\""),
        "Allow": header("The methods that the URL accepts.", "GET, HEAD, POST"),
    })
}

/// The rejections that are the same everywhere, each with an example in the words of the error itself.
fn responses() -> Value {
    let rejection = |description: &str, error: AppError| {
        let status = error.status_code();
        let example = ProblemDocument {
            kind: format!("/problems/{}", error.kind()),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: error.detail(),
            request_id: "req_9f02ab71-0000001c".to_owned(),
            errors: error.fields().to_vec(),
            limited_by: error.limited_by(),
        };
        json!({
            "description": description,
            "headers": { "X-Request-Id": { "$ref": "#/components/headers/RequestId" } },
            "content": { "application/problem+json": {
                "schema": { "$ref": "#/components/schemas/ProblemDocument" }, "example": example,
            } },
        })
    };
    let wrong_type = FieldProblem::new("/monthly_quota", "Invalid type: string \"many\", expected u64.");
    let too_many = ManageError::TooMany { kinds: ("key", "keys"), max: InstanceRules::default().keys };
    let mut responses = json!({
        "BadRequest": rejection("Malformed body, parameter or header.", AppError::BadBody(wrong_type)),
        "Unauthorized": rejection("Missing or invalid credentials.", credentials::no_token()),
        "Forbidden": rejection("Not permitted.", AppError::TokenForbidden(TokenAccess::Keys)),
        "NotFound": rejection("Not found, or not visible with these credentials.", AppError::NotFound),
        "TooSlow": rejection("The body didn’t arrive within 20 seconds.", AppError::TooSlow),
        "Conflict": rejection("Conflict.", too_many.into()),
        "PreconditionFailed": rejection(
            "`If-Match` doesn’t match: the resource was changed.", AppError::PreconditionFailed),
        "TooLarge": rejection("The body is too large.", AppError::TooLarge),
        "UnsupportedMediaType": rejection("The body isn’t JSON.", AppError::UnsupportedMediaType),
        "InvalidFields": rejection(
            "Invalid fields or parameters, or an `Idempotency-Key` that was used for another request.",
            AppError::field("/name", NameError::Empty)),
        "TooManyRequests": rejection(
            "Rate limit exceeded.", AppError::TooOften(TooOften { retry_after_seconds: 12 })),
        "InternalError": rejection("Server error. Nothing was changed.", AppError::internal("")),
        "Unavailable": rejection(
            "Temporarily unavailable, or under maintenance, when only verification works.", AppError::Unavailable(String::new())),
    });
    for (name, header, reference) in [
        ("Unauthorized", "WWW-Authenticate", "WwwAuthenticate"),
        ("TooManyRequests", "Retry-After", "RetryAfter"),
        ("Unavailable", "Retry-After", "RetryAfter"),
    ] {
        let headers = responses.pointer_mut(&format!("/{name}/headers")).and_then(Value::as_object_mut);
        if let Some(headers) = headers {
            headers.insert(header.to_owned(), json!({ "$ref": format!("#/components/headers/{reference}") }));
        }
    }
    responses
}
