//! The prefix of a server's own, and keys for tests beside live ones.

use serde_json::json;
use tessera::domain::{access::Role, token_access::TokenAccess};

use crate::support::{Machine, Response, TestApp};

async fn auth(app: &TestApp, query: &str, secret: &str) -> Response {
    app.client().request("GET", &format!("/auth{query}")).header("x-api-key", secret).send().await
}

async fn app() -> TestApp {
    TestApp::builder().flag("--environments", "yes").flag("--key-prefix", "acme").spawn().await
}

async fn create(machine: &Machine, body: serde_json::Value) -> (String, String) {
    let created = machine.send("POST", "keys", body).await.must_be(201).json();
    let text = |name: &str| created[name].as_str().expect("a text").to_owned();
    (text("id"), text("secret"))
}

#[tokio::test]
async fn a_key_is_for_one_environment_and_says_so() {
    let app = app().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    assert!(machine.credential.starts_with("tess_m_"), "made by the test, under the prefix of before");
    let (_, live) = create(&machine, json!({ "name": "Live" })).await;
    let (test_id, test) = create(&machine, json!({ "name": "Test", "environment": "test" })).await;
    assert!(live.starts_with("acme_live_") && test.starts_with("acme_test_"), "{live} {test}");
    let (key, before) = app.api_key(&lumen, "From before").await;
    assert!(before.starts_with("tess_"), "{before}");

    for (secret, environment, other) in
        [(&live, "live", "test"), (&test, "test", "live"), (&before, "live", "test")]
    {
        for query in [String::new(), format!("?environment={environment}")] {
            let accepted = auth(&app, &query, secret).await.must_be(204);
            assert_eq!(accepted.header("x-tessera-environment"), environment, "{query}");
        }
        let refused = auth(&app, &format!("?environment={other}"), secret).await.must_be(403);
        assert!(refused.text().contains("another environment"), "{refused:?}");
        let verify = async |wanted: &str| {
            let body = json!({ "key": secret, "environment": wanted }).to_string();
            let request = machine.request("POST", "/api/v2/keys/verify").body("application/json", body);
            request.send().await.must_be(200).json()
        };
        let accepted = verify(environment).await;
        assert_eq!(
            (&accepted["code"], &accepted["key"]["environment"]),
            (&json!("valid"), &json!(environment))
        );
        let refused = verify(other).await;
        assert_eq!((&refused["code"], &refused["valid"]), (&json!("wrong_environment"), &json!(false)));
    }
    auth(&app, "?environment=staging", &live).await.must_be(400);
    let names = async |show: &str| {
        let list = machine.get(&format!("keys?show={show}&sort=name")).await.must_be(200).json();
        let rows = list["data"].as_array().expect("a list").iter();
        rows.map(|row| row["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("test").await, ["Test"]);
    assert_eq!(names("live").await, ["From before", "Live"]);

    let total = async |query: &str| {
        let usage = machine.get(&format!("usage{query}")).await.must_be(200).json();
        [usage["totals"]["valid"].clone(), usage["totals"]["wrong_environment"].clone()]
    };
    assert_eq!(total("").await, [json!(9), json!(6)]);
    assert_eq!(total("?environment=live").await, [json!(6), json!(4)]);
    assert_eq!(total("?environment=test").await, [json!(3), json!(2)]);

    let plan = || json!({ "grace_period": "24h", "starts": "on_first_use" });
    let rotated = machine.send("POST", &format!("keys/{test_id}/rotate"), plan()).await.must_be(200).json();
    assert!(rotated["secret"].as_str().unwrap().starts_with("acme_test_"), "{rotated}");
    let rotated = machine.send("POST", &format!("keys/{}/rotate", key.id), plan()).await.must_be(200).json();
    assert!(rotated["secret"].as_str().unwrap().starts_with("acme_live_"), "{rotated}");
}

#[tokio::test]
async fn the_dialog_asks_for_the_environment_and_the_list_shows_it() {
    let app = app().await;
    let lumen = app.lumen().await;
    let dev = app.member(&lumen, Role::Developer, "Dev Developer").await;
    let browser = app.log_in_as(&dev).await;
    let dialog = browser.get(&lumen.url("api/keys/new")).await.must_be(200).html();
    assert!(dialog.has("input[name=environment][value=live][checked]"), "live is the usual one");
    let create = async |name: &str, environment: &str| {
        let dialog = browser.get(&lumen.url("api/keys/new")).await.must_be(200).html();
        let form_id = dialog.hidden("form_id");
        let fields = [
            ("name", name),
            ("environment", environment),
            ("duration", "none"),
            ("form_id", form_id.as_str()),
        ];
        browser.post(&lumen.url("api/keys"), &fields).await
    };
    let refused = create("Staging", "staging").await.must_be(422);
    assert!(refused.text().contains("Choose an environment."), "{}", refused.text());
    let created = create("Smoke tests", "test").await.must_be(200).text().to_owned();
    assert!(created.contains("acme_test_"), "{created}");
    create("Production", "live").await.must_be(200);
    let listed = async |query: &str| {
        let page = browser.get(&lumen.url(&format!("api{query}"))).await.must_be(200).html();
        page.texts("#keys tbody th")
    };
    let rows = listed("").await;
    assert!(rows[0].contains("Live") && rows[1].contains("Test"), "{rows:?}");
    let [row] = listed("?show=test").await.try_into().expect("one");
    assert!(row.contains("Smoke tests"), "{row}");
    let search = listed("?q=acme_test_").await;
    assert_eq!(search.len(), 0, "the beginning of all keys finds none");
}

#[tokio::test]
async fn without_environments_nobody_is_asked_for_one() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Keys).await;
    let refused =
        machine.send("POST", "keys", json!({ "name": "T", "environment": "test" })).await.must_be(422);
    assert!(refused.text().contains("no test keys"), "{refused:?}");
    let (_, secret) = create(&machine, json!({ "name": "T", "environment": "live" })).await;
    assert_eq!(secret.split('_').count(), 2, "{secret}");
    auth(&app, "?environment=live", &secret).await.must_be(204);
    auth(&app, "?environment=test", &secret).await.must_be(403);
    let browser = app.log_in_as(&lumen.owner).await;
    let dialog = browser.get(&lumen.url("api/keys/new")).await.must_be(200).html();
    assert!(!dialog.has("input[name=environment]"));
    let page = browser.get(&lumen.url("api")).await.must_be(200).html();
    assert!(!page.has("#keys tbody .tag"), "{}", page.main_text());
}

#[tokio::test]
async fn whatever_the_server_shows_begins_with_its_prefix() {
    let app = app().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    for address in
        ["/docs".to_owned(), "/api/docs".to_owned(), "/api/v2/openapi.json".to_owned(), "/".to_owned()]
            .into_iter()
            .chain(
                ["nginx", "curl", "python", "go"]
                    .map(|p| lumen.url(&format!("api/gateway-setup?program={p}"))),
            )
            .chain([lumen.url("api/troubleshoot")])
    {
        let page = browser.get(&address).await.must_be(200);
        assert!(!page.text().contains("tess_"), "{address}");
    }
    let docs = browser.get("/docs").await.html();
    let pattern = docs.text("[aria-label='Regular expression']");
    assert!(pattern.contains(r"\bacme_(?:(?:m|i|live|test)_)?[0-9A-Za-z]{36}\b"), "{pattern}");
    let token = browser.get(&lumen.url("api/tokens/new")).await.must_be(200).html();
    let fields = [
        ("name", "Deploy"),
        ("access", "verify"),
        ("duration", "none"),
        ("form_id", &token.hidden("form_id")),
    ];
    let made = browser.post(&lumen.url("api/tokens"), &fields).await.must_be(200);
    assert!(made.text().contains("acme_m_"), "{}", made.text());
}
