//! The description of the API, and the file of it that is published.

use std::{collections::BTreeSet, fs, path::Path, sync::LazyLock};

use serde_json::{Value, json};
use tessera::{
    domain::{access::Role, instance_access::InstanceAccess, token_access::TokenAccess},
    web::{api::openapi, routes::ROUTES},
};

use crate::support::TestApp;

#[test]
fn the_published_description_is_the_one_that_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let published = fs::read_to_string(path).expect("docs/openapi.json");
    let served = format!("{:#}\n", openapi::describe(ROUTES, "/"));
    assert!(published == served, "renew it: cargo run -- openapi > docs/openapi.json");
}

#[test]
fn every_address_of_the_api_is_described_and_no_other() {
    let described: BTreeSet<(String, String)> = operations()
        .map(|(method, path, _)| {
            // A gateway may ask by any method; one is described.
            let method = if path == "/auth" { "ANY".to_owned() } else { method.to_uppercase() };
            (method, path)
        })
        .collect();
    let routes: BTreeSet<(String, String)> = ROUTES
        .iter()
        .filter(|route| route.pattern.starts_with("/api/v2/") || route.pattern == "/auth")
        .map(|route| (route.method.to_owned(), route.pattern.to_owned()))
        .collect();
    assert_eq!(described, routes);
}

#[test]
fn every_operation_says_what_it_does_and_what_it_refuses() {
    for (method, path, operation) in operations() {
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path}");
        let responses = operation["responses"].as_object().expect("answers");
        assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path}");
        assert!(responses.contains_key("500"), "{method} {path}");
        let is_public = operation["security"].as_array().is_some_and(Vec::is_empty);
        assert_eq!(responses.contains_key("401"), !is_public, "{method} {path}");
    }
}

#[test]
fn whatever_takes_a_version_says_how_it_is_refused() {
    let mut versioned = BTreeSet::new();
    for (method, path, operation) in operations() {
        let parameters = operation["parameters"].as_array().expect("parameters");
        let is_described = parameters.iter().any(|parameter| parameter["name"] == "If-Match");
        let responses = operation["responses"].as_object().expect("answers");
        assert_eq!(responses.contains_key("412"), is_described, "{method} {path}");
        if is_described {
            versioned
                .insert(format!("{method} {}", path.replace("/api/v2/organizations/{organization}", "")));
        }
    }
    for one in ["put /leak-policy", "post /keys/{key}/rotate", "post /webhooks/{webhook}/activate"] {
        assert!(versioned.contains(one), "{one} is not among {versioned:?}");
    }
    let paths = &openapi::describe(ROUTES, "/")["paths"];
    let shown = &paths["/api/v2/organizations/{organization}/leak-policy"]["get"]["responses"]["200"];
    assert!(shown["headers"]["ETag"].is_object(), "{shown}");
}

/// The place behind a row is another one where the list is sorted otherwise.
#[tokio::test]
async fn a_cursor_counts_in_its_own_order_only() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    for name in ["Alder", "Birch"] {
        let person = app.member(&lumen, Role::User, name).await;
        app.organization(name, &person).await;
        app.api_key(&lumen, name).await;
    }
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    let operator = app.instance_machine(InstanceAccess::Read).await;
    let mut sorted = 0;
    for (method, path, operation) in operations() {
        let parameters = operation["parameters"].as_array().expect("parameters");
        let Some(sort) = parameters.iter().find(|parameter| parameter["name"] == "sort") else { continue };
        let orders: Vec<&str> =
            sort["schema"]["enum"].as_array().expect("orders").iter().filter_map(Value::as_str).collect();
        let path = path.replace("{organization}", &lumen.id);
        let get = async |query: &str| {
            let url = format!("{path}?limit=1&{query}");
            let request = if path.starts_with("/api/v2/instance") {
                operator.request("GET", &url)
            } else {
                machine.request("GET", &url)
            };
            request.send().await
        };
        for order in &orders {
            let first = get(&format!("sort={order}")).await.must_be(200).json();
            let cursor = first["next_cursor"].as_str().expect("more");
            for other in &orders {
                let status = if other == order { 200 } else { 422 };
                get(&format!("sort={other}&cursor={cursor}")).await.must_be(status);
            }
        }
        assert_eq!(method, "get");
        sorted += 1;
    }
    assert_eq!(sorted, 3, "lists that can be sorted");
}

#[test]
fn no_two_operations_share_a_name_and_every_reference_leads_somewhere() {
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations() {
        let name = operation["operationId"].as_str().expect("a name");
        assert!(names.insert(name), "{method} {path} is called {name}, too");
    }
    let document = openapi::describe(ROUTES, "/");
    let text = document.to_string();
    let references: BTreeSet<&str> =
        text.split(r##""$ref":"#"##).skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(references.contains("/components/schemas/ApiKey"));
    for reference in references {
        assert!(document.pointer(reference).is_some(), "{reference} leads nowhere");
    }
}

#[tokio::test]
async fn the_description_and_the_reference_are_open_to_everybody() {
    let app = TestApp::spawn().await;
    let served = app.client().get("/api/v2/openapi.json").await.must_be(200);
    let origin = app.state.config.public_url.origin();
    assert_eq!(served.json(), openapi::describe(ROUTES, &origin));
    let page = app.client().get("/api/docs").await.must_be(200).html();
    assert_eq!(page.heading(), "API reference");
    let text = page.main_text();
    assert!(text.contains("/api/v2/organizations/{organization}/keys"));
    assert!(text.contains("pass next_cursor as cursor") && !text.contains('`'), "code is marked up as such");
}

/// What a generated client has to know: which fields it will always find, and what things are called.
#[test]
fn answers_name_their_items_and_require_what_is_always_there() {
    let document = openapi::describe(ROUTES, "/");
    assert_eq!(document["info"]["license"]["identifier"], "MIT OR Apache-2.0");
    assert_eq!(document["servers"], json!([{ "url": "/" }]));
    let schemas = &document["components"]["schemas"];
    assert_eq!(
        schemas["List_Member"]["properties"]["data"]["items"],
        json!({ "$ref": "#/components/schemas/Member" })
    );
    // What is left out where there is nothing to say.
    let omitted = [
        "ProblemDocument.errors",
        "ProblemDocument.limited_by",
        "Verification.organization",
        "Verification.key",
        "Verification.limited_by",
        "LimitState.window_seconds",
        "ApiKey.receipts",
    ];
    let mut checked = 0;
    let mut optional = BTreeSet::new();
    for (name, schema) in schemas.as_object().expect("schemas").iter().filter(|(name, _)| is_answer(name)) {
        let own = schema["allOf"].as_array().and_then(|parts| parts.last()).unwrap_or(schema);
        let required: Vec<&str> =
            own["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for field in own["properties"].as_object().into_iter().flatten().map(|(field, _)| field) {
            if !required.contains(&field.as_str()) {
                optional.insert(format!("{name}.{field}"));
            }
            checked += 1;
        }
    }
    assert!(checked > 100, "only {checked} fields");
    for field in omitted {
        optional.remove(field);
    }
    assert!(optional.is_empty(), "{optional:#?}");
}

/// Whether a schema is of what is answered, and not of what is sent.
fn is_answer(name: &str) -> bool {
    let sent = ["Change", "Request", "Settings", "Match", "Fields"];
    !name.starts_with("New") && !sent.iter().any(|end| name.ends_with(end))
}

fn operations() -> impl Iterator<Item = (String, String, &'static Value)> {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| openapi::describe(ROUTES, "/"));
    DOCUMENT["paths"].as_object().expect("paths").iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("methods");
        methods.iter().map(|(method, operation)| (method.clone(), path.clone(), operation))
    })
}
