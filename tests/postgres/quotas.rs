//! One monthly quota, spent by several nodes.

use std::{
    iter::repeat_n,
    time::{Duration, Instant},
};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tessera::domain::{access::SeeKeys, api_keys, usage};
use tokio::{task::JoinSet, time::sleep};

use crate::cluster::{Cluster, Node};

/// A key with this quota: its id and its secret.
async fn limited_key(cluster: &Cluster, node: &Node, quota: u64) -> (String, String) {
    let url = format!("{}/api/v2/organizations/{}/keys", node.url, cluster.lumen.id);
    let new = json!({ "name": format!("{quota} a month"), "monthly_quota": quota });
    let answer =
        cluster.http.post(url).bearer_auth(&cluster.token).json(&new).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::CREATED);
    let key: Value = answer.json().await.expect("JSON");
    let text = |name: &str| key[name].as_str().expect("a text").to_owned();
    (text("id"), text("secret"))
}

/// Asks about a key until it is refused for longer than a node believes that nothing is left. Gives how often it was
/// accepted.
async fn spend_all(http: &Client, url: &str, secret: &str) -> usize {
    let (mut accepted, mut refused_since) = (0, None::<Instant>);
    while refused_since.is_none_or(|since| since.elapsed() < Duration::from_secs(3)) {
        let asked = http.get(format!("{url}/auth")).bearer_auth(secret).send().await;
        match asked.expect("an answer").status() {
            StatusCode::NO_CONTENT => {
                accepted += 1;
                refused_since = None;
            }
            StatusCode::TOO_MANY_REQUESTS => {
                refused_since.get_or_insert_with(Instant::now);
                sleep(Duration::from_millis(20)).await;
            }
            other => panic!("{other}"),
        }
    }
    accepted
}

/// [`spend_all`] at all of `nodes`, in several lines at once.
async fn spend_everywhere(cluster: &Cluster, nodes: &[&Node], secret: &str) -> usize {
    let mut lines = JoinSet::new();
    for url in nodes.iter().flat_map(|node| repeat_n(node.url.clone(), 4)) {
        let (http, secret) = (cluster.http.clone(), secret.to_owned());
        lines.spawn(async move { spend_all(&http, &url, &secret).await });
    }
    lines.join_all().await.into_iter().sum()
}

/// What is written of the use of a key.
async fn written(cluster: &Cluster, key_id: &str) -> u64 {
    let (key_id, now) = (key_id.to_owned(), cluster.world.now());
    let company = cluster.lumen.clone();
    cluster
        .world
        .write(move |tx| {
            let grant = company.grant::<SeeKeys>(tx)?;
            let key = api_keys::find(tx.connection(), &grant, &key_id)?;
            Ok(usage::used_this_month(tx.connection(), &grant, &key, now)?)
        })
        .await
}

#[tokio::test]
async fn all_nodes_together_admit_what_the_quota_says() {
    let cluster = Cluster::new().await;
    let mut nodes = [cluster.node().await, cluster.node().await, cluster.node().await];
    let [one, two, three] = &nodes;
    for quota in [1, 7, 300] {
        let (_, secret) = limited_key(&cluster, one, quota).await;
        let admitted = spend_everywhere(&cluster, &[one, two, three], &secret).await;
        assert_eq!(admitted as u64, quota);
    }
    let (id, secret) = limited_key(&cluster, one, 60).await;
    assert_eq!(spend_everywhere(&cluster, &[one, two, three], &secret).await, 60);
    for node in &mut nodes {
        node.stop().await;
    }
    assert_eq!(written(&cluster, &id).await, 60);
}

#[tokio::test]
async fn what_a_node_took_and_did_not_use_comes_back() {
    let cluster = Cluster::new().await;
    let (mut stopped, other) = (cluster.node().await, cluster.node().await);
    let (_, secret) = limited_key(&cluster, &other, 400).await;
    assert_eq!(cluster.verify(&stopped, &secret).await, StatusCode::NO_CONTENT);
    // Its portion was an eighth of the quota. Once its use is written, it keeps twice what it used.
    let (mut admitted, mut looks) = (1, 0);
    while admitted < 398 && looks < 20 {
        admitted += spend_all(&cluster.http, &other.url, &secret).await;
        looks += 1;
    }
    assert_eq!(admitted, 398);
    // Nothing once it stops.
    stopped.stop().await;
    assert_eq!(spend_all(&cluster.http, &other.url, &secret).await, 2);
}

#[tokio::test]
async fn the_portion_of_a_killed_node_is_not_admitted_again_by_others() {
    let cluster = Cluster::new().await;
    let (mut killed, other) = (cluster.node().await, cluster.node().await);
    let (_, secret) = limited_key(&cluster, &other, 100).await;
    let mut admitted = 0;
    for _ in 0..9 {
        assert_eq!(cluster.verify(&killed, &secret).await, StatusCode::NO_CONTENT);
        admitted += 1;
    }
    killed.kill();
    admitted += spend_all(&cluster.http, &other.url, &secret).await;
    assert!((80..=100).contains(&admitted), "{admitted}");
}
