//! `GET /api/v2/organization`: the first use of a key.

use tessera::{config::KeyPrefix, domain::secret::Secret};
use time::Duration;

use crate::support::{Client, Response, TestApp};

const PATH: &str = "/api/v2/organization";

async fn ask(client: &Client, header: &str, value: &str) -> Response {
    client.request("GET", PATH).without_site().header(header, value).send().await
}

async fn bearer(client: &Client, key: &str) -> Response {
    ask(client, "authorization", &format!("Bearer {key}")).await
}

/// RFC 9457 and RFC 6750: a problem document that says nothing of what is inside.
#[track_caller]
fn assert_unauthorized(answer: &Response, challenge: &str) {
    assert_eq!(answer.status, 401, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("www-authenticate"), challenge);
    let problem = answer.json();
    assert_eq!(problem["status"], 401);
    assert_eq!(problem["type"], "/problems/unauthorized");
    assert_eq!(problem["title"], "Unauthorized");
    assert_eq!(problem["request_id"], answer.header("x-request-id"));
    assert!(!problem["detail"].as_str().expect("a sentence").is_empty());
}

const INVALID: &str = r#"Bearer realm="api", error="invalid_token""#;
const MISSING: &str = r#"Bearer realm="api""#;

#[tokio::test]
async fn an_active_key_learns_its_organization_and_itself() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let end = app.now() + Duration::days(30);
    let (_, endless) = app.api_key(&lumen, "Billing worker").await;
    let (_, ending) = app.api_key_until(&lumen, "Importer", Some(end)).await;
    let answer = bearer(&app.client(), &endless).await.must_be(200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(
        answer.json(),
        serde_json::json!({
            "id": lumen.id,
            "name": "Lumen",
            "key": { "name": "Billing worker", "expires_at": null },
        })
    );
    let answer = bearer(&app.client(), &ending).await.must_be(200).json();
    assert_eq!(
        answer["key"],
        serde_json::json!({ "name": "Importer", "expires_at": "2026-12-23T10:00:00Z" })
    );
}

#[tokio::test]
async fn both_headers_are_taken_however_they_are_written() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, key) = app.api_key(&lumen, "Billing worker").await;
    let client = app.client();
    for (header, value) in [
        ("X-API-Key", key.clone()),
        ("x-api-key", format!(" {key} ")),
        ("Authorization", format!("Bearer {key}")),
        ("authorization", format!("bearer {key}")),
        ("authorization", format!("BEARER  {key}")),
    ] {
        ask(&client, header, &value).await.must_be(200);
    }
    let head = client.request("HEAD", PATH).header("x-api-key", &key).send().await.must_be(200);
    assert!(head.body.is_empty());
}

#[tokio::test]
async fn without_a_credential_the_challenge_names_no_error() {
    let app = TestApp::spawn().await;
    assert_unauthorized(&app.client().get(PATH).await, MISSING);
}

#[tokio::test]
async fn a_key_in_the_address_or_a_cookie_opens_nothing() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, key) = app.api_key(&lumen, "Billing worker").await;
    let client = app.client();
    for name in ["key", "api_key", "access_token", "token", "x-api-key"] {
        assert_unauthorized(&client.get(&format!("{PATH}?{name}={key}")).await, MISSING);
        client.set_cookie(name, &key);
    }
    assert_unauthorized(&client.get(PATH).await, MISSING);
    let dana = app.log_in_as(&lumen.owner).await;
    assert_unauthorized(&dana.get(PATH).await, MISSING);
}

#[tokio::test]
async fn what_is_no_active_key_is_refused_alike() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, key) = app.api_key(&lumen, "Billing worker").await;
    let (_, token) = app.master_token(&lumen, "Deployment").await;
    let unknown = Secret::generate_key(KeyPrefix::default(), None).expect("randomness").expose().to_owned();
    let client = app.client();
    let mut details = std::collections::BTreeSet::new();
    for presented in [
        unknown,
        token,
        key.to_uppercase(),
        format!("{key}0"),
        key[..key.len() - 1].to_owned(),
        key.replacen("tess_", "", 1),
        "' OR 1=1 --".to_owned(),
        "x".repeat(4000),
    ] {
        let answer = bearer(&client, &presented).await;
        assert_unauthorized(&answer, INVALID);
        details.insert(answer.json()["detail"].to_string());
    }
    assert_eq!(details.len(), 1, "{details:?}");
    for (header, value) in [("authorization", "Basic eDp5"), ("authorization", "Bearer"), ("x-api-key", "x")]
    {
        assert_unauthorized(&ask(&client, header, value).await, INVALID);
    }
    assert_unauthorized(&ask(&client, "x-api-key", "").await, MISSING);
    bearer(&client, &key).await.must_be(200);
}

#[tokio::test]
async fn a_key_stops_with_its_end_its_removal_or_its_organization() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let dana = app.log_in_as(&lumen.owner).await;
    let client = app.client();

    let (_, ending) = app.api_key_until(&lumen, "Importer", Some(app.now() + Duration::HOUR)).await;
    bearer(&client, &ending).await.must_be(200);
    app.clock.advance(Duration::HOUR);
    assert_unauthorized(&bearer(&client, &ending).await, INVALID);

    let (removed, secret) = app.api_key(&lumen, "Billing worker").await;
    bearer(&client, &secret).await.must_be(200);
    dana.post(&lumen.url(&format!("api/keys/{}/remove", removed.id)), &[]).await.must_be(303);
    assert_unauthorized(&bearer(&client, &secret).await, INVALID);

    let (_, last) = app.api_key(&lumen, "Exporter").await;
    bearer(&client, &last).await.must_be(200);
    dana.post(&lumen.url("settings/remove"), &[("name", "Lumen")]).await.must_be(303);
    assert_unauthorized(&bearer(&client, &last).await, INVALID);
}

#[tokio::test]
async fn a_renamed_organization_is_called_by_its_new_name_at_once() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let dana = app.log_in_as(&lumen.owner).await;
    let (_, key) = app.api_key(&lumen, "Billing worker").await;
    assert_eq!(bearer(&app.client(), &key).await.must_be(200).json()["name"], "Lumen");
    dana.post(&lumen.url("settings"), &[("name", "Lumen & Söhne")]).await.must_be(303);
    assert_eq!(bearer(&app.client(), &key).await.must_be(200).json()["name"], "Lumen & Söhne");
}

#[tokio::test]
async fn a_key_that_outlives_its_maker_keeps_working() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, key) = app.api_key(&lumen, "Billing worker").await;
    app.member(&lumen, tessera::domain::access::Role::Administrator, "Ada Admin").await;
    let dana = app.log_in_as(&lumen.owner).await;
    dana.post(&lumen.url("settings/leave"), &[]).await.must_be(303);
    bearer(&app.client(), &key).await.must_be(200);
}

#[tokio::test]
async fn another_method_or_address_is_a_problem_document_too() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for (method, path) in [("POST", PATH), ("GET", "/api/v2/nothing"), ("DELETE", "/api/v1/organization")] {
        let answer = client.request(method, path).without_site().send().await;
        assert!([404, 405].contains(&answer.status), "{method} {path}: {answer:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.json()["status"], answer.status);
    }
}
