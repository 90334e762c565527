//! What a body may look like, tried with one of each kind that the description knows.

use serde_json::{Map, Value, json};
use tessera::{
    domain::token_access::TokenAccess,
    web::{api::openapi, routes::ROUTES},
};

use crate::support::TestApp;

#[tokio::test]
async fn a_list_is_no_object_and_an_object_no_word_wherever_they_stand() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    let document = openapi::describe(ROUTES, "/");
    let (mut roots, mut inside, mut words) = (0, 0, 0);
    for (path, method, body) in bodies(&document) {
        let path = path.replace("{organization}", &lumen.id).replace(['{', '}'], "");
        let method = method.to_uppercase();
        let send = async |body: &Value| {
            machine.request(&method, &path).body("application/json", body.to_string()).send().await
        };
        assert_ne!(send(&body).await.status, 400, "{method} {path}: {body}");
        for place in places(&body, "", &Value::is_string) {
            let mut changed = body.clone();
            let word = changed.pointer_mut(&place).expect("the place");
            *word = json!({ word.as_str().expect("a text"): null });
            let answer = send(&changed).await;
            assert!([400, 422].contains(&answer.status), "{method} {path}: {changed} {}", answer.text());
            assert_eq!(answer.json()["errors"][0]["pointer"], place, "{}", answer.text());
            words += 1;
        }
        for place in places(&body, "", &Value::is_object) {
            let mut changed = body.clone();
            let object = changed.pointer_mut(&place).expect("the place");
            *object = object.as_object().expect("an object").values().cloned().collect();
            let answer = send(&changed).await;
            // What is to be an object and no field of ours is told with the fields.
            if place == "/metadata" {
                assert!([404, 422].contains(&answer.status), "{method} {path}: {changed} {}", answer.text());
                continue;
            }
            assert_eq!(answer.status, 400, "{method} {path}: {changed} {}", answer.text());
            assert_eq!(answer.json()["errors"][0]["pointer"], place, "{}", answer.text());
            if place.is_empty() { roots += 1 } else { inside += 1 }
        }
    }
    assert!(roots > 10 && inside > 2, "only {roots} bodies, and {inside} objects in them");
    assert!(words > 20, "only {words} texts");
}

/// A body for each operation of a master token that takes one.
fn bodies(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let of_path = |(path, item): (&String, &Value)| {
        let operations = item.as_object().expect("operations").clone();
        let of_token = operations.into_iter().filter(|(_, operation)| operation["x-access"].is_string());
        let path = path.clone();
        of_token.filter_map(move |(method, operation)| {
            let schema = operation.pointer("/requestBody/content/application~1json/schema")?;
            Some((path.clone(), method, sample(document, schema)))
        })
    };
    paths.iter().flat_map(of_path).collect()
}

/// Something that a schema describes, every field of it filled in.
fn sample(document: &Value, schema: &Value) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        return sample(document, document.pointer(&reference[1..]).expect("a schema"));
    }
    let choices = ["oneOf", "anyOf", "allOf"].into_iter().find_map(|of| schema[of].as_array());
    if let Some(choices) = choices {
        let choice = choices.iter().find(|choice| choice["type"] != "null").expect("a choice");
        return sample(document, choice);
    }
    let properties = schema["properties"].as_object();
    if let Some(properties) = properties {
        let field = |(name, schema): (&String, &Value)| (name.clone(), sample(document, schema));
        return Value::Object(properties.iter().map(field).collect::<Map<String, Value>>());
    }
    if !schema["example"].is_null() {
        return schema["example"].clone();
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.clone(),
        kind => vec![kind.clone()],
    };
    match kinds[0].as_str().expect("a type") {
        "string" if schema["format"] == "date-time" => json!("2027-01-31T00:00:00Z"),
        "string" => schema["enum"].get(0).cloned().unwrap_or_else(|| json!("x")),
        "integer" => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        "array" => json!([sample(document, &schema["items"])]),
        "object" => json!({ "customer": 4711 }),
        other => panic!("nothing to send for {other}: {schema}"),
    }
}

/// Where values of a kind stand in a value.
fn places(value: &Value, place: &str, is_wanted: &dyn Fn(&Value) -> bool) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (format!("{place}/{name}"), value)).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, value)| (format!("{place}/{index}"), value)).collect()
        }
        _ => Vec::new(),
    };
    let own = is_wanted(value).then(|| place.to_owned());
    let inside = children.into_iter().flat_map(|(place, value)| places(value, &place, is_wanted));
    own.into_iter().chain(inside).collect()
}
