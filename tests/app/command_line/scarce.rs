//! What the system has no more of, taken away from a running server and given back.

use std::{fs, net::TcpStream, path::Path, process::Command, time::Duration};

use tempfile::TempDir;
use tessera::{clock::Clock, web::form_id::FormId};
use tokio::task::JoinSet;

use super::{create_key, instance::Instance, log_in};
use crate::support::{Client, until};

/// How many descriptors the process may open in all.
fn limit(instance: &Instance, most: usize) {
    let status = Command::new("prlimit")
        .args(["--pid", &instance.process_id().to_string(), &format!("--nofile={most}:{most}")])
        .status();
    assert!(status.expect("prlimit, of util-linux").success());
}

fn descriptors(instance: &Instance) -> usize {
    fs::read_dir(format!("/proc/{}/fd", instance.process_id())).expect("its descriptors").count()
}

/// Nobody new gets in, and whoever is in goes on: keys are verified, pages read and changes made. When others leave,
/// it heals by itself.
#[tokio::test]
async fn when_no_descriptor_is_left_open_connections_go_on_and_new_ones_come_in_when_others_leave() {
    let instance = Instance::start();
    let lumen = instance.world().lumen().await;
    let browser = log_in(&instance, &lumen).await;
    let secret = create_key(&browser, &lumen, "Billing worker").await.expect("a key");
    let gateway = Client::new(&instance.url());
    let auth = async |client: &Client| {
        client
            .request("GET", "/auth")
            .header("x-api-key", &secret)
            .try_send()
            .await
            .map(|answer| answer.status)
    };
    assert_eq!(auth(&gateway).await, Some(204));

    limit(&instance, descriptors(&instance) + 3);
    let others: Vec<TcpStream> =
        (0..20).map(|_| TcpStream::connect(&instance.address).expect("room in the queue")).collect();
    until(async || instance.log().contains("accepting connection")).await;
    for _ in 0..20 {
        assert_eq!(auth(&gateway).await, Some(204));
    }
    browser.get(&lumen.url("users")).await.must_be(200);
    create_key(&browser, &lumen, "One more").await.expect("another key");
    let stranger = Client::new(&instance.url());
    let waiting = tokio::time::timeout(Duration::from_secs(1), auth(&stranger)).await;
    assert!(waiting.is_err(), "there was room: {waiting:?}");

    drop(others);
    until(async || auth(&Client::new(&instance.url())).await == Some(204)).await;
    assert_eq!(auth(&gateway).await, Some(204));
    let names = instance.world().query("SELECT name AS text FROM api_keys ORDER BY name").await;
    assert_eq!(names, ["Billing worker", "One more"], "nothing that was acknowledged is lost");
}

/// What has a server's file system become read-only, compiled from the C beside this file.
struct ReadOnly {
    folder: TempDir,
}

impl ReadOnly {
    fn compile() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/app/command_line/scarce/read_only.c");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&folder.path().join("read_only.so"), &source])
            .arg("-ldl")
            .status();
        assert!(built.expect("cc, which builds SQLite, too").success());
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("a path in UTF-8").to_owned()
    }

    fn switch(&self, is_on: bool) {
        let mark = self.path("on");
        if is_on { fs::write(mark, "") } else { fs::remove_file(mark) }.expect("the switch");
    }
}

/// As Linux does to the file system of a disk that fails. What needs no write goes on, also for keys that are not in
/// memory, and nothing has to be started anew when the disk is well again.
#[tokio::test]
async fn on_a_file_system_that_becomes_read_only_keys_are_verified_and_changes_put_off_until_it_is_writable()
{
    let read_only = ReadOnly::compile();
    let mut instance = Instance::prepare();
    let folder = instance.folder().to_str().expect("a path in UTF-8").to_owned();
    instance.start_with(&[
        ("LD_PRELOAD", &read_only.path("read_only.so")),
        ("READ_ONLY_SWITCH", &read_only.path("on")),
        ("READ_ONLY_FOLDER", &folder),
    ]);
    let lumen = instance.world().lumen().await;
    let browser = log_in(&instance, &lumen).await;
    let used = create_key(&browser, &lumen, "Billing worker").await.expect("a key");
    let unused = create_key(&browser, &lumen, "Mailer").await.expect("a key");
    let client = Client::new(&instance.url());
    let auth =
        async |secret: &str| client.request("GET", "/auth").header("x-api-key", secret).send().await.status;
    let create = async |name: &str| {
        let form_id = FormId::new(Clock::System.now());
        let fields = [("name", name), ("duration", "none"), ("form_id", form_id.as_str())];
        browser.post(&lumen.url("api/keys"), &fields).await
    };
    assert_eq!(auth(&used).await, 204);

    read_only.switch(true);
    for _ in 0..20 {
        let refused = create("Nowhere").await.must_be(503);
        assert!(!refused.header("retry-after").is_empty(), "{refused:?}");
        assert_eq!((auth(&used).await, auth(&unused).await), (204, 204));
    }
    browser.get(&lumen.url("api")).await.must_be(200);
    client.get("/healthz").await.must_be(503);

    read_only.switch(false);
    until(async || client.get("/healthz").await.status == 200).await;
    create("One more").await.must_be(200);
    instance.pull_the_plug();
    instance.start_again();
    let names = instance.world().query("SELECT name AS text FROM api_keys ORDER BY name").await;
    assert_eq!(names, ["Billing worker", "Mailer", "One more"], "and nothing of what was refused");
}

/// The bytes of memory that belong to the process alone, as its limit counts them.
fn data_of(instance: &Instance) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", instance.process_id())).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:")).expect("a line");
    let kibibytes: usize = line.trim().trim_end_matches("kB").trim().parse().expect("a number of kibibytes");
    kibibytes * 1024
}

/// A server with little memory turns away what is too much for it at one time, and answers the rest: it asks for no
/// more than it may have, so nobody ends it.
#[tokio::test]
async fn with_little_memory_a_crowd_is_answered_and_nothing_is_lost() {
    /// What it may take beyond what it has at rest: a hash of a password takes 19 of it.
    const ROOM: usize = 96 * 1024 * 1024;
    let mut instance = Instance::start();
    let lumen = instance.world().lumen().await;
    let browser = log_in(&instance, &lumen).await;
    let secret = create_key(&browser, &lumen, "Billing worker").await.expect("a key");
    let most = data_of(&instance) + ROOM;
    let limited = Command::new("prlimit")
        .args(["--pid", &instance.process_id().to_string(), &format!("--data={most}:{most}")])
        .status();
    assert!(limited.expect("prlimit, of util-linux").success());

    let large = "x".repeat(60 * 1024);
    let mut crowd = JoinSet::new();
    for number in 0..150 {
        let (client, large, secret) = (Client::new(&instance.url()), large.clone(), secret.clone());
        let api = lumen.url("api");
        let cookie = browser.clone();
        crowd.spawn(async move {
            let answer = match number % 4 {
                0 => {
                    client
                        .post("/login", &[("email", "dana@lumen.example"), ("password", "a wrong one")])
                        .await
                }
                1 => client.post("/login", &[("email", &large), ("password", "a wrong one")]).await,
                2 => cookie.get(&api).await,
                _ => client.request("GET", "/auth").header("x-api-key", &secret).send().await,
            };
            (number % 4, answer.status)
        });
    }
    while let Some(answered) = crowd.join_next().await {
        let (kind, status) = answered.expect("an answer");
        match kind {
            2 => assert_eq!(status, 200),
            3 => assert_eq!(status, 204),
            _ => assert!([413, 422, 429, 503].contains(&status), "{status}"),
        }
    }
    create_key(&browser, &lumen, "One more").await.expect("another key");
    // What a system does that has no memory for anybody.
    instance.pull_the_plug();
    instance.start_again();
    let names = instance.world().query("SELECT name AS text FROM api_keys ORDER BY name").await;
    assert_eq!(names, ["Billing worker", "One more"]);
}
