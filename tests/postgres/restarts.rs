//! Nodes that come and go while others are asked.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use diesel::connection::SimpleConnection as _;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::{
    cluster::{Cluster, Node},
    support::until,
};

/// What a load balancer does: requests go to the nodes that are there, and what gets no answer to the next one.
struct Load {
    urls: Arc<Mutex<Vec<String>>>,
    answers: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<Vec<String>>>,
}

impl Load {
    /// Asks about `secret`, which `expected` is the only right answer to, in four lines at once each.
    fn start(cluster: &Cluster, nodes: &[&Node], asked: &[(&str, StatusCode)]) -> Self {
        let urls = Arc::new(Mutex::new(nodes.iter().map(|node| node.url.clone()).collect::<Vec<_>>()));
        let (answers, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let lines = asked.iter().flat_map(|one| std::iter::repeat_n(*one, 4)).enumerate();
        let tasks = lines.map(|(line, (secret, expected))| {
            let (urls, answers, is_over) = (urls.clone(), answers.clone(), is_over.clone());
            let (http, secret) = (cluster.http.clone(), secret.to_owned());
            tokio::spawn(async move {
                let mut wrong = Vec::new();
                for number in line.. {
                    if is_over.load(Ordering::Acquire) {
                        break;
                    }
                    let url = {
                        let urls = urls.lock().unwrap_or_else(PoisonError::into_inner);
                        urls[number % urls.len()].clone()
                    };
                    // No answer is no wrong one.
                    let Ok(answer) = http.get(format!("{url}/auth")).bearer_auth(&secret).send().await else {
                        continue;
                    };
                    if answer.status() != expected {
                        wrong.push(format!("{url}: {} instead of {expected}", answer.status()));
                    }
                    answers.fetch_add(1, Ordering::AcqRel);
                }
                wrong
            })
        });
        let tasks = tasks.collect();
        Self { urls, answers, is_over, tasks }
    }

    fn add(&self, node: &Node) {
        self.urls.lock().unwrap_or_else(PoisonError::into_inner).push(node.url.clone());
    }

    fn take_away(&self, node: &Node) {
        self.urls.lock().unwrap_or_else(PoisonError::into_inner).retain(|url| *url != node.url);
    }

    /// Waits for so many answers more.
    async fn go_on(&self, answers: usize) {
        let wanted = self.answers.load(Ordering::Acquire) + answers;
        until(async || self.answers.load(Ordering::Acquire) >= wanted).await;
    }

    async fn end(self) -> Vec<String> {
        self.is_over.store(true, Ordering::Release);
        let mut wrong = Vec::new();
        for task in self.tasks {
            wrong.extend(task.await.expect("it ends"));
        }
        wrong
    }
}

#[tokio::test]
async fn nodes_are_replaced_one_after_the_other_under_load_without_a_wrong_answer() {
    let cluster = Cluster::new().await;
    let (_, active) = cluster.key("Active").await;
    let (id, ended) = cluster.key("Ended").await;
    let (mut first, mut second) = (cluster.node().await, cluster.node().await);
    let (status, _) = cluster.call(&first, Method::POST, &format!("{id}/deactivate?wait=20s")).await;
    assert_eq!(status, StatusCode::OK);
    let load = Load::start(
        &cluster,
        &[&first, &second],
        &[(&active, StatusCode::NO_CONTENT), (&ended, StatusCode::UNAUTHORIZED)],
    );
    load.go_on(200).await;
    let mut replacements = Vec::new();
    for old in [&mut first, &mut second] {
        let new = cluster.node().await;
        load.add(&new);
        load.take_away(old);
        old.stop().await;
        load.go_on(200).await;
        replacements.push(new);
    }
    let wrong = load.end().await;
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[tokio::test]
async fn what_a_killed_node_acknowledged_is_kept() {
    let cluster = Cluster::new().await;
    let (mut killed, other) = (cluster.node().await, cluster.node().await);
    let url = format!("{}/api/v2/organizations/{}/keys", killed.url, cluster.lumen.id);
    let (http, token) = (cluster.http.clone(), cluster.token.clone());
    let kept = Arc::new(Mutex::new(Vec::<String>::new()));
    let acknowledged = kept.clone();
    let maker = tokio::spawn(async move {
        for number in 0.. {
            let body = serde_json::json!({ "name": format!("Service {number}"), "expires_at": null });
            let Ok(answer) = http.post(&url).bearer_auth(&token).json(&body).send().await else { return };
            if answer.status() != StatusCode::CREATED {
                return;
            }
            let Ok(key) = answer.json::<Value>().await else { return };
            let secret = key["secret"].as_str().expect("a secret").to_owned();
            acknowledged.lock().unwrap_or_else(PoisonError::into_inner).push(secret);
        }
    });
    let number = || kept.lock().unwrap_or_else(PoisonError::into_inner).len();
    until(async || number() >= 20).await;
    killed.kill();
    tokio::time::timeout(Duration::from_secs(30), maker).await.expect("it ends").expect("it ends well");
    let secrets = kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for secret in secrets {
        assert_eq!(cluster.verify(&other, &secret).await, StatusCode::NO_CONTENT);
    }
}

/// What a load balancer knows of a node: it gets requests while `/readyz` says so.
struct Balancer {
    http: reqwest::Client,
    ready: Arc<Mutex<Vec<String>>>,
    watching: tokio::task::JoinHandle<()>,
}

impl Balancer {
    fn before(cluster: &Cluster, urls: Vec<String>) -> Self {
        let (ready, http) = (Arc::new(Mutex::new(urls.clone())), cluster.http.clone());
        let (noted, client) = (ready.clone(), http.clone());
        let watching = tokio::spawn(async move {
            loop {
                let mut are_ready = Vec::new();
                for url in &urls {
                    let asked = client.get(format!("{url}/readyz")).send().await;
                    if asked.is_ok_and(|answer| answer.status().is_success()) {
                        are_ready.push(url.clone());
                    }
                }
                *noted.lock().unwrap_or_else(PoisonError::into_inner) = are_ready;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        Self { http, ready, watching }
    }

    fn ready(&self) -> Vec<String> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Verifies `secret` in four lines until `work` is done; what was not 204 comes back.
    async fn verify_during(&self, secret: &str, work: impl Future<Output = ()>) -> (usize, Vec<String>) {
        let is_over = Arc::new(AtomicBool::new(false));
        let lines = (0..4_usize).map(|line| {
            let (http, ready, is_over) = (self.http.clone(), self.ready.clone(), is_over.clone());
            let secret = secret.to_owned();
            tokio::spawn(async move {
                let (mut answers, mut failed) = (0, Vec::new());
                for number in line.. {
                    if is_over.load(Ordering::Acquire) {
                        break;
                    }
                    let url = {
                        let ready = ready.lock().unwrap_or_else(PoisonError::into_inner);
                        ready[number % ready.len()].clone()
                    };
                    match http.get(format!("{url}/auth")).bearer_auth(&secret).send().await {
                        Ok(answer) if answer.status() == StatusCode::NO_CONTENT => answers += 1,
                        other => failed.push(format!("{url}: {other:?}")),
                    }
                }
                (answers, failed)
            })
        });
        let lines: Vec<_> = lines.collect();
        work.await;
        is_over.store(true, Ordering::Release);
        let (mut answers, mut failed) = (0, Vec::new());
        for line in lines {
            let (more, others) = line.await.expect("it ends");
            answers += more;
            failed.extend(others);
        }
        (answers, failed)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

/// As `docs/OPERATIONS.md` has it: no request is sent a second time.
#[tokio::test]
async fn no_verification_fails_while_each_node_is_started_anew() {
    const DRAIN: [&str; 2] = ["--drain-seconds", "2"];
    let cluster = Cluster::new().await;
    let (_, secret) = cluster.key("Active").await;
    let mut nodes = [cluster.node_with(&DRAIN).await, cluster.node_with(&DRAIN).await];
    let balancer = Balancer::before(&cluster, nodes.iter().map(|node| node.url.clone()).collect());
    let (answers, failed) = balancer
        .verify_during(&secret, async {
            for number in 0..nodes.len() {
                let port = nodes[number].port().to_owned();
                nodes[number].stop().await;
                assert!(!balancer.ready().contains(&nodes[number].url));
                nodes[number] = cluster.node_at(&port, &DRAIN).await;
                until(async || balancer.ready().len() == nodes.len()).await;
            }
        })
        .await;
    assert!(failed.is_empty(), "of {answers}: {failed:?}");
    assert!(answers > 100, "only {answers}");
}

/// An older node beside a newer one that has migrated: it goes on while it runs, and is not started again.
#[tokio::test]
async fn a_node_goes_on_when_a_newer_version_migrates_and_none_of_its_version_is_started() {
    let cluster = Cluster::new().await;
    let (id, secret) = cluster.key("Active").await;
    let mut node = cluster.node().await;
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000');
        CREATE TABLE of_a_newer_version (id BIGINT PRIMARY KEY);
        ALTER TABLE api_keys ADD COLUMN of_a_newer_version TEXT";
    cluster.world.write(move |tx| Ok(tx.connection().batch_execute(newer)?)).await;

    let (_, unknown_to_it) = cluster.key("Made since").await;
    for secret in [&secret, &unknown_to_it] {
        assert_eq!(cluster.verify(&node, secret).await, StatusCode::NO_CONTENT);
    }
    let (status, _) = cluster.call(&node, Method::POST, &format!("{id}/deactivate")).await;
    assert_eq!(status, StatusCode::OK, "it changes things, too");
    assert_eq!(cluster.verify(&node, &secret).await, StatusCode::UNAUTHORIZED);

    let (status, told) = cluster.refused_start().await;
    assert_eq!(status, Some(2), "{told}");
    assert!(told.contains("written by a newer version of Tessera (migration 99990101000000)"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert_eq!(cluster.verify(&node, &unknown_to_it).await, StatusCode::NO_CONTENT);
    node.stop().await;
}
