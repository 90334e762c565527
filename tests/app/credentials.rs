//! Which of the credentials in a request counts.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use tessera::domain::instance_access::InstanceAccess;

use crate::{
    support::{Client, Response, TestApp, mistyped},
    verification::{Ground, settings},
};

/// Every address that takes an API key, and what it says of a good one.
const WITH_KEY: [(&str, u16); 2] = [("/auth", 204), ("/api/v2/organization", 200)];

#[tokio::test]
async fn x_api_key_counts_first_whatever_authorization_holds() {
    let ground = Ground::new(settings("", "", None, None)).await;
    let wrong = ground.secret.chars().rev().collect::<String>();
    let wrong_bearer = format!("Bearer {wrong}");
    let upstream = format!("Basic {}", BASE64.encode("upstream:password"));
    for (path, good) in WITH_KEY {
        for authorization in [
            "",
            " ",
            "Bearer",
            "Basic",
            "Basic %%%",
            "Digest username=x",
            "nonsense",
            &upstream,
            &wrong_bearer,
        ] {
            let headers = [("x-api-key", ground.secret.as_str()), ("authorization", authorization)];
            ask(&ground.client, path, &headers).await.must_be(good);
        }
        let good_bearer = format!("Bearer {}", ground.secret);
        for key in [wrong.as_str(), "x", &good_bearer] {
            let headers = [("x-api-key", key), ("authorization", good_bearer.as_str())];
            ask(&ground.client, path, &headers).await.must_be(401);
        }
    }
}

#[tokio::test]
async fn an_empty_header_is_none() {
    let ground = Ground::new(settings("", "", None, None)).await;
    let bearer = format!("Bearer {}", ground.secret);
    let basic = format!("Basic {}", BASE64.encode(format!("Billing worker:{}", ground.secret)));
    let other_name = format!("Basic {}", BASE64.encode(format!("Another worker:{}", ground.secret)));
    for (path, good) in WITH_KEY {
        for empty in ["", " ", "\t"] {
            for (authorization, status) in [(&bearer, good), (&basic, good), (&other_name, 401)] {
                let headers = [("x-api-key", empty), ("authorization", authorization)];
                ask(&ground.client, path, &headers).await.must_be(status);
            }
            for headers in [&[("x-api-key", empty)][..], &[("authorization", empty)], &[]] {
                let none = ask(&ground.client, path, headers).await.must_be(401);
                // RFC 6750, 3.1: no error code where no credential was sent.
                assert_eq!(none.header("www-authenticate"), r#"Bearer realm="api""#, "{headers:?}");
            }
        }
    }
}

/// A secret of another kind is told apart by its form alone.
#[tokio::test]
async fn whoever_presents_a_secret_of_another_kind_is_told_which_one_is_meant() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, key) = app.api_key(&lumen, "Billing worker").await;
    let (_, token) = app.master_token(&lumen, "Deployment").await;
    let operator = app.instance_machine(InstanceAccess::Operate).await.credential;
    let client = app.client();
    for (path, secret, detail) in [
        (
            "/api/v2/organizations/{id}",
            &operator,
            "This is an instance token. Send a master token of the organization.",
        ),
        ("/api/v2/organizations/{id}", &key, "This is an API key. Send a master token of the organization."),
        (
            "/api/v2/sessionToken",
            &operator,
            "This is an instance token. Send a master token of the organization.",
        ),
        (
            "/api/v2/instance/organizations",
            &token,
            "This is a master token of an organization. Send an instance token.",
        ),
        ("/api/v2/instance/organizations", &key, "This is an API key. Send an instance token."),
    ] {
        let bearer = format!("Bearer {secret}");
        let answer = ask(&client, &path.replace("{id}", &lumen.id), &[("authorization", &bearer)]).await;
        assert_eq!(answer.must_be(401).json()["detail"], detail, "{path}");
        let unknown = format!("Bearer {}", mistyped(secret));
        let answer = ask(&client, &path.replace("{id}", &lumen.id), &[("authorization", &unknown)]).await;
        let detail = "This token doesn’t exist, has expired or is deactivated.";
        assert_eq!(answer.must_be(401).json()["detail"], detail, "{path}");
    }
}

async fn ask(client: &Client, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = client.request("GET", path).without_site();
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.send().await
}
