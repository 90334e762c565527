//! Which of the credentials in a request counts.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use crate::{
    support::{Client, Response},
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

async fn ask(client: &Client, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = client.request("GET", path).without_site();
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.send().await
}
