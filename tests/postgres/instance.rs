//! Who operates several servers on one database.

use reqwest::StatusCode;
use serde_json::{Value, json};
use tessera::domain::instance_access::InstanceAccess;

use crate::cluster::{Cluster, Node};

/// The address that a server printed at its start, on whichever server it is opened.
fn setup_path(node: &Node) -> String {
    let log = node.log();
    let (_, link) = log.split_once(&format!("{}/setup/", node.url)).expect("a set-up link in the log");
    format!("/setup/{}", link.split_whitespace().next().expect("the secret"))
}

#[tokio::test]
async fn the_link_that_any_server_printed_works_on_all_until_somebody_took_one() {
    let cluster = Cluster::new().await;
    let (first, second) = tokio::join!(cluster.node(), cluster.node());
    let paths = [setup_path(&first), setup_path(&second)];
    assert_ne!(paths[0], paths[1]);
    let statuses = async || {
        let mut statuses = Vec::new();
        for node in [&first, &second] {
            for path in &paths {
                let answer = cluster.http.get(format!("{}{path}", node.url)).send().await;
                statuses.push(answer.expect("an answer").status());
            }
        }
        statuses
    };
    assert_eq!(statuses().await, [StatusCode::OK; 4]);
    cluster.world.appoint(&cluster.lumen.owner).await;
    assert_eq!(statuses().await, [StatusCode::NOT_FOUND; 4]);
    let third = cluster.node().await;
    assert!(!third.log().contains("/setup/"), "{}", third.log());
}

#[tokio::test]
async fn an_instance_token_verifies_on_every_node_and_ends_on_all_before_that_is_told() {
    let cluster = Cluster::new().await;
    let nodes = [cluster.node().await, cluster.node().await];
    let (_, key) = cluster.key("Billing worker").await;
    let olga = cluster.world.user("Olga Operator").await;
    cluster.world.appoint(&olga).await;
    let (token, secret) = cluster.world.instance_token(&olga, InstanceAccess::Verify).await;
    let verify = async |node: &Node| {
        let request = cluster.http.post(format!("{}/api/v2/keys/verify", node.url)).bearer_auth(&secret);
        let answer = request.json(&json!({ "key": key })).send().await.expect("an answer");
        (answer.status(), answer.json::<Value>().await.expect("JSON")["valid"].clone())
    };
    for node in nodes.iter().chain(&nodes) {
        assert_eq!(verify(node).await, (StatusCode::OK, json!(true)));
    }
    let name = format!("tessera-{}", nodes[0].port());
    let cookie = format!("{name}={}", cluster.world.session_cookie(&name, &olga).await);
    let page = |verb: &str| {
        let request = cluster.http.post(format!("{}/instance/tokens/{}/{verb}", nodes[0].url, token.id));
        request.header("cookie", cookie.as_str()).header("sec-fetch-site", "same-origin").send()
    };
    for _ in 0..3 {
        page("deactivate").await.expect("an answer");
        for node in &nodes {
            assert_eq!(verify(node).await.0, StatusCode::UNAUTHORIZED);
        }
        page("activate").await.expect("an answer");
        assert_eq!(verify(&nodes[0]).await.0, StatusCode::OK);
    }
}
