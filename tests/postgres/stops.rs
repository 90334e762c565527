//! A key that ends on one node ends on all, and each says when.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::{cluster::Cluster, proxy::Proxy, support::until};

/// What README promises: the interval at which the log is read, and how long what is in memory counts after it.
const BOUND: Duration = Duration::from_millis(2250);

/// What `/auth` answers to a key that is accepted.
const ACCEPTED: StatusCode = StatusCode::NO_CONTENT;

#[tokio::test]
async fn whatever_ends_a_key_ends_it_on_every_node_before_the_answer_with_receipts() {
    let cluster = Cluster::new().await;
    let nodes = [cluster.node().await, cluster.node().await, cluster.node().await];
    for (name, method, verb) in [
        ("Deactivated", Method::POST, "/deactivate"),
        ("Removed", Method::DELETE, ""),
        ("Rotated", Method::POST, "/rotate"),
        ("Paused", Method::POST, "/pause"),
    ] {
        let (id, secret) = cluster.key(name).await;
        for node in &nodes {
            assert_eq!(cluster.verify(node, &secret).await, ACCEPTED, "{name}");
        }
        let url =
            format!("{}/api/v2/organizations/{}/keys/{id}{verb}?wait=20s", nodes[0].url, cluster.lumen.id);
        let mut request = cluster.http.request(method, url).bearer_auth(&cluster.token);
        request = match verb {
            "/rotate" => {
                request.json(&serde_json::json!({ "grace_period": "none", "starts": "immediately" }))
            }
            "/pause" => request.json(&serde_json::json!({ "hours": 1 })),
            _ => request,
        };
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{name}");
        let body: Value = answer.json().await.expect("JSON");
        let mut told: Vec<&str> = body["receipts"]
            .as_array()
            .expect("receipts")
            .iter()
            .filter_map(|one| one["node"].as_str())
            .collect();
        told.sort_unstable();
        let mut expected: Vec<&str> = nodes.iter().map(|node| node.port()).collect();
        expected.sort_unstable();
        assert_eq!(told.len(), 3, "{name}: {body}");
        for (told, port) in told.iter().zip(expected) {
            assert!(told.ends_with(&format!(":{port}")), "{name}: {told}");
        }
        for node in &nodes {
            assert_ne!(cluster.verify(node, &secret).await, ACCEPTED, "{name} on {}", node.url);
        }
    }
}

/// The previous secret goes on until the new one is used, on whichever node that is.
#[tokio::test]
async fn the_first_use_of_a_new_secret_counts_on_every_node() {
    let cluster = Cluster::new().await;
    let [here, there] = [cluster.node().await, cluster.node().await];
    let (id, previous) = cluster.key("Billing worker").await;
    let url = format!("{}/api/v2/organizations/{}/keys/{id}/rotate", here.url, cluster.lumen.id);
    let plan = serde_json::json!({ "grace_period": "none", "starts": "on_first_use" });
    let rotated =
        cluster.http.post(url).bearer_auth(&cluster.token).json(&plan).send().await.expect("an answer");
    let rotated: Value = rotated.json().await.expect("JSON");
    let new = rotated["secret"].as_str().expect("a secret");
    for node in [&here, &there] {
        assert_eq!(cluster.verify(node, &previous).await, ACCEPTED);
    }
    assert_eq!(cluster.verify(&here, new).await, ACCEPTED);
    until(async || cluster.verify(&there, &previous).await == StatusCode::UNAUTHORIZED).await;
    assert_eq!(cluster.verify(&here, &previous).await, StatusCode::UNAUTHORIZED);
    assert_eq!(cluster.verify(&there, new).await, ACCEPTED);
}

#[tokio::test]
async fn a_node_that_is_cut_off_accepts_nothing_beyond_the_bound() {
    let cluster = Cluster::new().await;
    let url: url::Url = cluster.database_url().parse().expect("a URL");
    let target = format!("{}:{}", url.host_str().expect("a host"), url.port().unwrap_or(5432));
    let proxy = Proxy::to(target).await;
    let mut through = url.clone();
    through.set_host(Some("127.0.0.1")).expect("a host");
    through.set_port(Some(proxy.address.port())).expect("a port");
    let near = cluster.node().await;
    let far = cluster.node_with(&["--database-url", through.as_str()]).await;
    let (id, secret) = cluster.key("Billing worker").await;
    for node in [&near, &far] {
        assert_eq!(cluster.verify(node, &secret).await, ACCEPTED);
    }

    proxy.cut();
    let (status, _) = cluster.call(&near, Method::POST, &format!("{id}/deactivate")).await;
    let acknowledged = Instant::now();
    assert_eq!(status, StatusCode::OK);
    assert_ne!(cluster.verify(&near, &secret).await, ACCEPTED);
    let mut last_accepted = None;
    loop {
        let asked = Instant::now();
        match cluster.verify(&far, &secret).await {
            ACCEPTED => last_accepted = Some(asked),
            // It says that it does not know.
            StatusCode::SERVICE_UNAVAILABLE => break,
            other => panic!("{other}: {}", far.log()),
        }
    }
    let latest = last_accepted.map(|at| at.saturating_duration_since(acknowledged));
    assert!(latest.unwrap_or_default() <= BOUND, "still accepted after {latest:?}");

    proxy.mend();
    until(async || cluster.verify(&far, &secret).await == StatusCode::UNAUTHORIZED).await;
}
