//! A key that ends on one node ends on all, and each says when.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tessera::{
    config::InstanceRules,
    domain::{
        access::ManageTokens,
        master_tokens,
        token_access::TokenAccess,
        webhooks::{self, AllowedNetworks, Events, NewWebhook, WebhookUrl},
    },
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
                Ok(webhooks::create(tx, &admin, &new, &InstanceRules::default(), now)?)
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
        self.events(node).await.remove(0)
    }

    /// The newest events as a node tells them.
    async fn events(&self, node: &Node) -> Vec<Value> {
        let url = format!("{}/api/v2/organizations/{}/activity?limit=100", node.url, self.lumen.id);
        let answer = self.http.get(url).bearer_auth(&self.token).send().await.expect("an answer");
        answer.json::<Value>().await.expect("JSON")["data"].as_array().expect("events").clone()
    }

    /// A master token that works: its id and its secret.
    async fn active_token(&self, name: &str) -> (String, String) {
        let (token, secret) = self.world.master_token_for(&self.lumen, name, TokenAccess::Full, None).await;
        let (company, id, now) = (self.lumen.clone(), token.id.clone(), self.world.now());
        self.world
            .write(move |tx| {
                let admin = company.grant::<ManageTokens>(tx)?;
                Ok(master_tokens::switch(tx, &admin, &id, true, now)?)
            })
            .await;
        (token.id, secret)
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

/// A cluster with three nodes, what their receipts name, and a browser in which the owner is logged in.
struct Three {
    cluster: Cluster,
    nodes: [Node; 3],
    ports: Vec<String>,
}

impl Three {
    async fn new(cluster: Cluster) -> Self {
        let nodes = [
            cluster.node_with(&FLAGS).await,
            cluster.node_with(&FLAGS).await,
            cluster.node_with(&FLAGS).await,
        ];
        let ports = sorted(&[&nodes[0], &nodes[1], &nodes[2]]);
        Self { cluster, nodes, ports }
    }

    /// Changes a key by the API of the first node, waits for all, and gives what that tells.
    async fn change(&self, method: Method, key: &str, verb: &str, body: Value) -> Value {
        let (cluster, node) = (&self.cluster, &self.nodes[0]);
        let url = format!("{}/api/v2/organizations/{}/keys/{key}{verb}?wait=20s", node.url, cluster.lumen.id);
        let request = cluster.http.request(method, url).bearer_auth(&cluster.token);
        let request = if body.is_null() { request } else { request.json(&body) };
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{verb}");
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!(ports(&body["receipts"]), self.ports, "{verb}: {body}");
        body
    }

    /// Whether all nodes accept a secret, or none does.
    async fn accept(&self, secret: &str) -> bool {
        let mut accepted = 0;
        for node in &self.nodes {
            match self.cluster.verify(node, secret).await {
                ACCEPTED => accepted += 1,
                status => assert_eq!(status, StatusCode::UNAUTHORIZED),
            }
        }
        assert!([0, 3].contains(&accepted), "{accepted} of 3 nodes accept it");
        accepted > 0
    }

    /// Whether all nodes let a master token in, or none does.
    async fn let_in(&self, token: &str) -> bool {
        let mut accepted = 0;
        for node in &self.nodes {
            let request = self.cluster.http.get(format!("{}/api/v2/token", node.url)).bearer_auth(token);
            match request.send().await.expect("an answer").status() {
                StatusCode::OK => accepted += 1,
                status => assert_eq!(status, StatusCode::UNAUTHORIZED),
            }
        }
        assert!([0, 3].contains(&accepted), "{accepted} of 3 nodes let it in");
        accepted > 0
    }

    /// What the owner's browser shows of the second node.
    async fn page(&self, path: &str) -> String {
        self.browse(Method::GET, path, &[]).await
    }

    /// Sends a form to the second node, and gives the page that follows it.
    async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> String {
        self.browse(Method::POST, path, fields).await
    }

    async fn browse(&self, method: Method, path: &str, fields: &[(&str, &str)]) -> String {
        let (cluster, node) = (&self.cluster, &self.nodes[1]);
        let name = format!("tessera-{}", node.port());
        let cookie = format!("{name}={}", cluster.world.session_cookie(&name, &cluster.lumen.owner).await);
        let request = |method: Method, path: &str| {
            let request = cluster.http.request(method, format!("{}{path}", node.url));
            request.header("cookie", cookie.as_str()).header("sec-fetch-site", "same-origin")
        };
        let first = request(method.clone(), path);
        let first = if method == Method::POST { first.form(fields) } else { first };
        let answer = first.send().await.expect("an answer");
        let location =
            answer.headers().get("location").and_then(|path| path.to_str().ok()).map(str::to_owned);
        match location {
            Some(next) => {
                let next = request(Method::GET, &next).send().await.expect("an answer");
                next.text().await.expect("a page")
            }
            None => answer.text().await.expect("a page"),
        }
    }
}

/// What pages say once a secret has stopped.
const STOPPED: &str = "Stopped on 3 of 3 nodes, slowest ";

/// A secret that stopped, however that was, is refused by every node before the answer, and everywhere it is said where
/// it has stopped: in the answer, on the page, in the activity and to webhooks.
#[tokio::test]
async fn whatever_ends_a_secret_ends_it_on_every_node_with_receipts() {
    let receiver = HookReceiver::start().await;
    let cluster = Cluster::new().await;
    cluster.webhook(&receiver).await;
    let three = Three::new(cluster).await;
    let plan = |grace_period: &str, starts: &str| json!({ "grace_period": grace_period, "starts": starts });
    let mut expected = Vec::new();

    // By the API.
    for (method, verb, body, action) in [
        (Method::POST, "/deactivate", Value::Null, "api_key.deactivated"),
        (Method::DELETE, "", Value::Null, "api_key.removed"),
        (Method::POST, "/pause", json!({ "hours": 1 }), "api_key.paused"),
        (Method::POST, "/rotate", plan("none", "immediately"), "api_key.rotated"),
    ] {
        let (id, secret) = three.cluster.key(action).await;
        assert!(three.accept(&secret).await, "{action}");
        three.change(method, &id, verb, body).await;
        assert!(!three.accept(&secret).await, "{action}");
        expected.push(action);
    }
    // A rotation that ends an older grace period, the end of one, and the first use of a new secret.
    let (id, first) = three.cluster.key("Rotated on").await;
    let second = three.change(Method::POST, &id, "/rotate", plan("24h", "immediately")).await;
    let second = second["secret"].as_str().expect("a secret");
    assert!(three.accept(&first).await && three.accept(second).await);
    let third = three.change(Method::POST, &id, "/rotate", plan("24h", "immediately")).await;
    let third = third["secret"].as_str().expect("a secret");
    assert!(!three.accept(&first).await && three.accept(second).await && three.accept(third).await);
    three.change(Method::POST, &id, "/revoke-previous", Value::Null).await;
    assert!(!three.accept(second).await && three.accept(third).await);
    let fourth = three.change(Method::POST, &id, "/rotate", plan("none", "on_first_use")).await;
    let fourth = fourth["secret"].as_str().expect("a secret");
    assert!(three.accept(third).await);
    assert_eq!(three.cluster.verify(&three.nodes[0], fourth).await, ACCEPTED);
    until(async || three.cluster.verify(&three.nodes[2], third).await != ACCEPTED).await;
    until(async || three.cluster.verify(&three.nodes[1], third).await != ACCEPTED).await;
    assert!(!three.accept(third).await && three.accept(fourth).await);
    expected.extend(["api_key.previous_secret_revoked"; 3]);
    // An expiration that is moved is known everywhere; it ends by the clock of each node, and so has nothing to tell.
    let (id, secret) = three.cluster.key("Shortened").await;
    assert!(three.accept(&secret).await);
    let end = three.cluster.world.now() + time::Duration::seconds(2);
    let end = end.assume_utc().format(&time::format_description::well_known::Rfc3339).expect("a time");
    three.change(Method::PATCH, &id, "", json!({ "expires_at": end })).await;
    until(async || three.cluster.verify(&three.nodes[0], &secret).await != ACCEPTED).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!three.accept(&secret).await);

    // By the pages.
    let of_lumen = |rest: &str| format!("/orgs/{}/{rest}", three.cluster.lumen.id);
    for (verb, action) in
        [("deactivate", "api_key.deactivated"), ("remove", "api_key.removed"), ("pause", "api_key.paused")]
    {
        let (id, secret) = three.cluster.key(&format!("By hand: {verb}")).await;
        assert!(three.accept(&secret).await, "{verb}");
        let page = three.submit(&of_lumen(&format!("api/keys/{id}/{verb}")), &[("hours", "1")]).await;
        assert!(page.contains(STOPPED), "{verb}: {page}");
        assert!(!three.accept(&secret).await, "{verb}");
        expected.push(action);
    }
    let (id, secret) = three.cluster.key("By hand: rotate").await;
    let path = of_lumen(&format!("api/keys/{id}/rotate"));
    let form_id = form_id(&three.page(&path).await);
    let fields = [("grace_period", "none"), ("starts", "immediately"), ("form_id", &form_id)];
    let page = three.submit(&path, &fields).await;
    assert!(page.contains("The previous secret was revoked immediately. Stopped on 3 of 3 nodes"), "{page}");
    assert!(!three.accept(&secret).await);
    expected.push("api_key.rotated");

    // Master tokens, which no webhook is told of.
    for verb in ["deactivate", "replace", "remove"] {
        let (id, token) = three.cluster.active_token(&format!("By hand: {verb}")).await;
        assert!(three.let_in(&token).await, "{verb}");
        let path = of_lumen(&format!("api/tokens/{id}/{verb}"));
        let form_id = if verb == "replace" { self::form_id(&three.page(&path).await) } else { String::new() };
        let page = three.submit(&path, &[("form_id", &form_id)]).await;
        assert!(page.contains(STOPPED), "{verb}: {page}");
        assert!(!three.let_in(&token).await, "{verb}");
    }

    // Whatever stopped has its receipts in the activity, and a message about each key.
    let waiting = "SELECT event_id AS text FROM stops WHERE spread IS NULL";
    until(async || three.cluster.world.query(waiting).await.is_empty()).await;
    let events = three.cluster.events(&three.nodes[2]).await;
    let stopped: Vec<&Value> = events.iter().filter(|event| !event["receipts"].is_null()).collect();
    assert!(stopped.iter().all(|event| ports(&event["receipts"]) == three.ports), "{stopped:?}");
    assert_eq!(stopped.len(), expected.len() + 3);
    let page = three.page(&of_lumen("activity")).await;
    assert_eq!(page.matches(STOPPED).count(), stopped.len(), "{page}");
    let messages = receiver.wait_for(expected.len()).await;
    let mut told: Vec<String> = messages
        .iter()
        .map(|message| message.json()["data"]["details"]["action"].as_str().expect("an action").to_owned())
        .collect();
    told.sort_unstable();
    expected.sort_unstable();
    assert_eq!(told, expected);

    // With the organization go its keys and its tokens.
    let (_, secret) = three.cluster.key("Of the organization").await;
    assert!(three.accept(&secret).await && three.let_in(&three.cluster.token).await);
    let page = three.submit(&of_lumen("settings/remove"), &[("name", "Lumen")]).await;
    assert!(page.contains(STOPPED), "{page}");
    assert!(!three.accept(&secret).await && !three.let_in(&three.cluster.token).await);
}

/// The id of the form on a page.
fn form_id(page: &str) -> String {
    let value = page.split("name=\"form_id\" value=\"").nth(1).expect("a form");
    value.split('"').next().expect("a value").to_owned()
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
