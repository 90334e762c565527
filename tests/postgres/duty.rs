//! What one node does for all.

use std::{collections::BTreeMap, time::Duration};

use reqwest::Method;
use tokio::time::sleep;

use crate::{cluster::Cluster, hooks::HookReceiver, smtp::SmtpSink, support::until};

#[tokio::test]
async fn each_email_goes_out_once_whichever_node_queued_it() {
    let sink = SmtpSink::start().await;
    let cluster = Cluster::new().await;
    let flags = ["--smtp-url", &sink.url()];
    let nodes =
        [cluster.node_with(&flags).await, cluster.node_with(&flags).await, cluster.node_with(&flags).await];
    let mut expected = BTreeMap::new();
    for number in 0..30 {
        let email = format!("person{number}@lumen.example");
        let url = format!("{}/api/v2/organizations/{}/invitations", nodes[number % 3].url, cluster.lumen.id);
        let body = serde_json::json!({ "emails": [email], "role": "user" });
        let request = cluster.http.request(Method::POST, url).bearer_auth(&cluster.token).json(&body);
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
        expected.insert(email, 1);
    }
    let to_people = || {
        let mut counted = BTreeMap::new();
        let recipients = sink.received().into_iter().flat_map(|mail| mail.recipients);
        for recipient in recipients.filter(|recipient| recipient.starts_with("person")) {
            *counted.entry(recipient).or_insert(0) += 1;
        }
        counted
    };
    until(async || to_people().len() == expected.len()).await;
    assert_eq!(to_people(), expected);
}

/// A node that dies gives nothing back: the others wait until its lease is over.
#[tokio::test]
async fn what_a_killed_node_left_undone_another_does() {
    let sink = SmtpSink::start().await;
    let cluster = Cluster::new().await;
    let receiver = HookReceiver::start().await;
    cluster.webhook(&receiver).await;
    let flags = ["--smtp-url", &sink.url(), "--webhook-networks", "127.0.0.0/8"];
    let mut first = cluster.node_with(&flags).await;
    sink.wait_for_mail_to("dana.whitfield@lumen.example").await;
    let second = cluster.node_with(&flags).await;
    first.kill();
    let url = format!("{}/api/v2/organizations/{}/invitations", second.url, cluster.lumen.id);
    let body = serde_json::json!({ "emails": ["mara@lumen.example"], "role": "user" });
    let answer =
        cluster.http.post(url).bearer_auth(&cluster.token).json(&body).send().await.expect("an answer");
    assert!(answer.status().is_success());
    let (key, _) = cluster.key("Billing worker").await;
    let (status, _) = cluster.call(&second, Method::POST, &format!("{key}/deactivate")).await;
    assert!(status.is_success());
    let sent = || sink.received().iter().filter(|mail| mail.is_to("mara@lumen.example")).count();
    // Its lease is sixty seconds long.
    for _ in 0..2400 {
        if sent() > 0 {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(sent(), 1);
    let message = receiver.wait_for(1).await.remove(0).json();
    let receipts = message["data"]["details"]["receipts"].as_array().expect("receipts").clone();
    assert_eq!((&message["type"], receipts.len()), (&"api_key.stopped_everywhere".into(), 1));
    let queued = "SELECT event AS text FROM webhook_deliveries";
    assert_eq!(cluster.world.query(queued).await, ["api_key.stopped_everywhere"]);
}
