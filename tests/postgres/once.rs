//! A request that is to be run once is run once, whichever nodes it arrives at and when.

use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::cluster::{Cluster, Node};

/// What a node answers to a POST under an `Idempotency-Key`.
async fn post(cluster: &Cluster, node: &Node, path: &str, once: &str, body: &Value) -> reqwest::Response {
    let request = cluster.http.post(format!("{}{path}", node.url)).header("idempotency-key", once);
    request.bearer_auth(&cluster.token).json(body).send().await.expect("an answer")
}

/// What the nodes answer to sixteen of the same request at once.
async fn sixteen(cluster: &Cluster, nodes: [&Node; 2], path: &str, once: &str, body: &Value) -> Vec<Value> {
    let answers = (0..16).map(|number| async move {
        let answer = post(cluster, nodes[number % 2], path, once, body).await;
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.expect("JSON")
    });
    join_all(answers).await
}

#[tokio::test]
async fn sixteen_of_one_verification_at_two_nodes_are_charged_once() {
    let cluster = Cluster::new().await;
    let (mut here, mut there) = (cluster.node().await, cluster.node().await);
    let (_, secret) = cluster.key("Billing worker").await;
    let one = json!({ "key": secret });
    let batch = json!({ "keys": [{ "key": secret }] });
    for number in 0..10 {
        for (path, body) in [("/api/v2/keys/verify", &one), ("/api/v2/keys/verify/batch", &batch)] {
            let once = format!("{number} {path}").replace(' ', "-");
            let answers = sixteen(&cluster, [&here, &there], path, &once, body).await;
            assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        }
    }
    // Whatever was counted is written by whoever stops.
    here.stop().await;
    there.stop().await;
    let counted = "SELECT sum(requests)::text AS text FROM key_usage WHERE span = 'day'";
    assert_eq!(cluster.world.query(counted).await, ["20"]);
    assert_eq!(cluster.world.query("SELECT holder AS text FROM idempotency_claims").await, [""; 0]);
}

/// A change needs no claim: its transaction looks and keeps.
#[tokio::test]
async fn sixteen_of_one_change_at_two_nodes_are_carried_out_once() {
    let cluster = Cluster::new().await;
    let [here, there] = [cluster.node().await, cluster.node().await];
    let (key, _) = cluster.key("Billing worker").await;
    let organization = format!("/api/v2/organizations/{}", cluster.lumen.id);
    for (number, path, body, event) in [
        (1, "/keys".to_owned(), json!({ "name": "Invoices", "expires_at": null }), "api_key.created"),
        (
            2,
            format!("/keys/{key}/rotate"),
            json!({ "grace_period": "none", "starts": "immediately" }),
            "api_key.rotated",
        ),
        (3, format!("/keys/{key}/pause"), json!({ "hours": 1 }), "api_key.paused"),
        (
            4,
            "/invitations".to_owned(),
            json!({ "emails": ["mara@lumen.example"], "role": "user" }),
            "invitation.created",
        ),
    ] {
        let of_events = format!("SELECT count(*)::text AS text FROM audit_events WHERE action = '{event}'");
        let before: i64 = cluster.world.query(&of_events).await[0].parse().expect("a number");
        let path = format!("{organization}{path}");
        let answers = sixteen(&cluster, [&here, &there], &path, &number.to_string(), &body).await;
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        let after: i64 = cluster.world.query(&of_events).await[0].parse().expect("a number");
        assert_eq!(after - before, 1, "{path}");
    }
}

#[tokio::test]
async fn what_another_node_has_begun_is_waited_for_until_its_claim_is_over() {
    let cluster = Cluster::new().await;
    let node = cluster.node().await;
    let (_, secret) = cluster.key("Billing worker").await;
    let body = json!({ "key": secret });
    let verify = || post(&cluster, &node, "/api/v2/keys/verify", "one", &body);
    assert_eq!(verify().await.status(), StatusCode::OK);
    // As if a node that has died meanwhile had only just begun it.
    cluster
        .world
        .execute(
            "INSERT INTO idempotency_claims (owner_id, key_digest, fingerprint, holder, ends_at)
             SELECT owner_id, key_digest, fingerprint, 'another', created_at + interval '1 hour'
             FROM idempotent_responses",
        )
        .await;
    cluster.world.execute("DELETE FROM idempotent_responses").await;
    let refused = verify().await;
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    assert_eq!(refused.headers()["retry-after"], "1");
    let refused: Value = refused.json().await.expect("JSON");
    assert!(refused["detail"].as_str().expect("a reason").contains("still being processed"), "{refused}");
    let other = post(&cluster, &node, "/api/v2/keys/verify", "one", &json!({ "key": "tess_none" })).await;
    assert_eq!(other.status(), StatusCode::UNPROCESSABLE_ENTITY);
    cluster.world.execute("UPDATE idempotency_claims SET ends_at = now() - interval '1 second'").await;
    assert_eq!(verify().await.status(), StatusCode::OK);
}
