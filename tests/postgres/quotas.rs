//! One monthly quota, spent by several nodes.

use std::{
    iter::repeat_n,
    time::{Duration, Instant},
};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tessera::domain::{
    access::{Operator, SeeKeys},
    api_keys, instance,
    key_settings::MonthlyQuota,
    names::Name,
    plans::{self, Ceilings, PlanOffer},
    usage,
};
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

/// Puts the organization of the cluster on a plan with this quota.
async fn put_on_plan(cluster: &Cluster, quota: u64) {
    let (id, now) = (cluster.lumen.id.clone(), cluster.world.now());
    let ceilings = Ceilings { monthly_quota: MonthlyQuota::new(quota).ok(), ..Ceilings::default() };
    let offer = PlanOffer { name: Name::parse("Free", 60).expect("a name"), ceilings };
    let assigned = cluster.world.write(move |tx| {
        let operator = Operator::at_the_machine();
        let plan = plans::create(tx, &operator, &offer, now)?;
        Ok(instance::assign_plan(tx, &operator, (&id, Some(&plan.id), None), now)?)
    });
    assigned.await.expect("a plan");
}

/// Two keys and three nodes, and one quota for all of them. One key has a smaller one of its own.
#[tokio::test]
async fn all_nodes_together_admit_what_the_plan_says_of_all_keys() {
    let cluster = Cluster::new().await;
    put_on_plan(&cluster, 200).await;
    let mut nodes = [cluster.node().await, cluster.node().await, cluster.node().await];
    let [one, two, three] = &nodes;
    let (small_id, small) = limited_key(&cluster, one, 40).await;
    let (large_id, large) = limited_key(&cluster, two, 190).await;
    let all = [one, two, three];
    let (of_small, of_large) =
        tokio::join!(spend_everywhere(&cluster, &all, &small), spend_everywhere(&cluster, &all, &large));
    assert!(of_small <= 40 && of_large <= 190, "{of_small} and {of_large}");
    assert_eq!(of_small + of_large, 200);
    for node in &mut nodes {
        node.stop().await;
    }
    assert_eq!(written(&cluster, &small_id).await + written(&cluster, &large_id).await, 200);
    let (id, now) = (cluster.lumen.id.clone(), cluster.world.now());
    let total = cluster.world.write(move |tx| {
        Ok(usage::used_by_organization(tx.connection(), &Operator::at_the_machine(), &id, now)?)
    });
    assert_eq!(total.await, 200);
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
