//! A key that ends on one node ends on all, and each says when.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::Value;
use tessera::{
    config::InstanceLimits,
    domain::webhooks::{self, AllowedNetworks, Events, NewWebhook, WebhookUrl},
};

use crate::{
    cluster::{Cluster, Node},
    hooks::HookReceiver,
    proxy::Proxy,
    support::until,
};

/// Of a node that sends to receivers in tests.
const FLAGS: [&str; 2] = ["--webhook-networks", "127.0.0.0/8"];

impl Cluster {
    /// Has `receiver` told where keys have stopped, and of nothing else.
    pub(crate) async fn webhook(&self, receiver: &HookReceiver) {
        let networks = AllowedNetworks::new(&["127.0.0.0/8".parse().expect("a network")]);
        let new = NewWebhook {
            url: WebhookUrl::parse(&receiver.url(), &networks).expect("a URL"),
            description: None,
            events: Events::chosen(["api_key.stopped_everywhere"]).expect("an event"),
        };
        let (company, now) = (self.lumen.clone(), self.world.now());
        self.world
            .write(move |tx| {
                let admin = company.admin(tx)?;
                Ok(webhooks::create(tx, &admin, &new, &InstanceLimits::default(), now)?)
            })
            .await;
    }

    /// The page of a node on which the owner sees what happened.
    async fn activity(&self, node: &Node) -> String {
        let name = format!("tessera-{}", node.port());
        let value = self.world.session_cookie(&name, &self.lumen.owner).await;
        let url = format!("{}/orgs/{}/activity", node.url, self.lumen.id);
        let request = self.http.get(url).header("cookie", format!("{name}={value}"));
        request.send().await.expect("an answer").text().await.expect("a page")
    }

    /// The newest event as a node tells it.
    async fn newest_event(&self, node: &Node) -> Value {
        let url = format!("{}/api/v2/organizations/{}/activity?limit=1", node.url, self.lumen.id);
        let answer = self.http.get(url).bearer_auth(&self.token).send().await.expect("an answer");
        answer.json::<Value>().await.expect("JSON")["data"][0].clone()
    }
}

/// The ports of the nodes in receipts.
fn ports(receipts: &Value) -> Vec<String> {
    let receipts = receipts.as_array().expect("receipts");
    let port = |receipt: &Value| {
        receipt["node"].as_str().and_then(|node| node.rsplit(':').next()).map(str::to_owned)
    };
    let mut ports: Vec<String> = receipts.iter().filter_map(port).collect();
    ports.sort_unstable();
    ports
}

fn sorted(nodes: &[&Node]) -> Vec<String> {
    let mut ports: Vec<String> = nodes.iter().map(|node| node.port().to_owned()).collect();
    ports.sort_unstable();
    ports
}

#[tokio::test]
async fn the_activity_keeps_the_receipt_of_every_node_and_webhooks_are_told_once() {
    let receiver = HookReceiver::start().await;
    let cluster = Cluster::new().await;
    cluster.webhook(&receiver).await;
    let nodes =
        [cluster.node_with(&FLAGS).await, cluster.node_with(&FLAGS).await, cluster.node_with(&FLAGS).await];
    let all = sorted(&[&nodes[0], &nodes[1], &nodes[2]]);
    for (number, (method, verb, action)) in [
        (Method::POST, "/deactivate", "api_key.deactivated"),
        (Method::POST, "/pause", "api_key.paused"),
        (Method::DELETE, "", "api_key.removed"),
    ]
    .into_iter()
    .enumerate()
    {
        let (id, _) = cluster.key(action).await;
        // Whichever node it is that leads, each is asked once.
        let url = format!("{}/api/v2/organizations/{}/keys/{id}{verb}", nodes[number].url, cluster.lumen.id);
        let request = cluster.http.request(method, url).bearer_auth(&cluster.token);
        let request =
            if verb == "/pause" { request.json(&serde_json::json!({ "hours": 1 })) } else { request };
        assert!(request.send().await.expect("an answer").status().is_success(), "{action}");
        let message = receiver.wait_for(number + 1).await.remove(number).json();
        assert_eq!(
            (&message["type"], &message["data"]["subject"]["id"]),
            (&"api_key.stopped_everywhere".into(), &id.into())
        );
        let details = &message["data"]["details"];
        assert_eq!((&details["action"], ports(&details["receipts"])), (&action.into(), all.clone()));
        let event = cluster.newest_event(&nodes[2 - number]).await;
        assert_eq!((&event["action"], ports(&event["receipts"])), (&action.into(), all.clone()));
        assert_eq!(event["id"], details["event_id"]);
    }
    assert_eq!(cluster.world.query("SELECT id AS text FROM webhook_deliveries").await.len(), 3);
    assert_eq!(receiver.received().len(), 3);

    // Who comes later has nothing to stop.
    let late = cluster.node_with(&FLAGS).await;
    let event = cluster.newest_event(&late).await;
    assert_eq!(ports(&event["receipts"]), all);
    let page = cluster.activity(&nodes[0]).await;
    assert!(page.contains("Stopped on 3 of 3 nodes, slowest 0."), "{page}");
    assert!(!page.contains("Stopped on 1 of"), "{page}");
}

#[tokio::test]
async fn nobody_waits_for_a_node_that_died_before_it_read() {
    let receiver = HookReceiver::start().await;
    let cluster = Cluster::new().await;
    cluster.webhook(&receiver).await;
    let [first, second] = [cluster.node_with(&FLAGS).await, cluster.node_with(&FLAGS).await];
    let mut third = cluster.node_with(&FLAGS).await;
    let (id, _) = cluster.key("Billing worker").await;
    third.kill();
    let (status, _) = cluster.call(&second, Method::POST, &format!("{id}/deactivate")).await;
    assert_eq!(status, StatusCode::OK);
    let event = cluster.newest_event(&second).await;
    assert_eq!((&event["action"], &event["receipts"]), (&"api_key.deactivated".into(), &Value::Null));
    let message = receiver.wait_for(1).await.remove(0).json();
    assert_eq!(ports(&message["data"]["details"]["receipts"]), sorted(&[&first, &second]));
    let event = cluster.newest_event(&first).await;
    assert_eq!(ports(&event["receipts"]), sorted(&[&first, &second]));
}

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

#[tokio::test]
async fn the_log_says_each_time_that_changes_cannot_be_read_and_that_they_are_again() {
    let cluster = Cluster::new().await;
    let node = cluster.node().await;
    let times = |words: &str| node.log().matches(words).count();
    for number in 1..=2 {
        let all = "SELECT count(pg_terminate_backend(pid))::text AS text FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%changes%'";
        until(async || {
            cluster.world.query(all).await;
            times("the log of changes can't be read") >= number
        })
        .await;
        until(async || times("the log of changes is read again") >= number).await;
    }
}
