//! What the system has no more of, taken away from a running server and given back.

use std::{fs, net::TcpStream, process::Command, time::Duration};

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
