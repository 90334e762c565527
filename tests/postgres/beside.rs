//! What goes on while one transaction holds the lock that writes take one after the other.

use std::{sync::mpsc, time::Duration};

use diesel::RunQueryDsl;
use reqwest::{Method, StatusCode};
use tessera::db::DbError;
use tokio::{sync::oneshot, time::timeout};

use crate::{cluster::Cluster, hooks::HookReceiver, smtp::SmtpSink, support::until};

#[tokio::test]
async fn mail_webhooks_usage_and_housekeeping_wait_for_no_other_write() {
    let (sink, receiver) = (SmtpSink::start().await, HookReceiver::start().await);
    let cluster = Cluster::new().await;
    cluster.webhook(&receiver).await;
    // It leads, and can send neither mails nor webhooks.
    let mut first = cluster.node().await;
    let (stopped, _) = cluster.key("Stopped").await;
    let (used, secret) = cluster.key("Used").await;
    let (waiting, _) = cluster.key("Changed meanwhile").await;
    let (status, _) = cluster.call(&first, Method::POST, &format!("{stopped}/deactivate")).await;
    assert_eq!(status, StatusCode::OK);
    let url = format!("{}/api/v2/organizations/{}/invitations", first.url, cluster.lumen.id);
    let body = serde_json::json!({ "emails": ["mara@lumen.example"], "role": "user" });
    let invited = cluster.http.post(url).bearer_auth(&cluster.token).json(&body).send().await;
    assert!(invited.expect("an answer").status().is_success());
    let failed = "SELECT event AS text FROM webhook_deliveries WHERE attempts > 0";
    until(async || cluster.world.query(failed).await.len() == 1).await;
    cluster
        .world
        .execute("INSERT INTO spent_forms (id, spent_at) VALUES ('old', now() - interval '1 year')")
        .await;
    let flags = ["--smtp-url", &sink.url(), "--webhook-networks", "127.0.0.0/8"];
    let second = cluster.node_with(&flags).await;

    let (taken, is_taken) = oneshot::channel();
    let (release, is_released) = mpsc::channel::<()>();
    let db = cluster.world.db.clone();
    let holder = tokio::spawn(async move {
        db.write(move |_| {
            let _ = taken.send(());
            let _ = is_released.recv();
            Ok::<_, DbError>(())
        })
        .await
    });
    is_taken.await.expect("the lock");

    // The other node gets the lead, with all that is due.
    first.stop().await;
    let due = "UPDATE webhook_deliveries SET next_attempt_at = created_at";
    let made_due = cluster.world.db.write_beside(move |tx| {
        diesel::sql_query(due).execute(tx.connection())?;
        Ok::<_, DbError>(())
    });
    made_due.await.expect("the delivery");
    let is = async |sql: &str, expected: &str| cluster.world.query(sql).await == [expected];
    until(async || {
        is("SELECT state AS text FROM outbox WHERE recipient = 'mara@lumen.example'", "sent").await
            && is("SELECT state AS text FROM webhook_deliveries", "delivered").await
            && is("SELECT CAST(count(*) AS text) AS text FROM spent_forms", "0").await
    })
    .await;
    assert_eq!(sink.received().iter().filter(|mail| mail.is_to("mara@lumen.example")).count(), 1);
    assert_eq!(receiver.received().len(), 1);
    // So are uses and rejections written.
    assert_eq!(cluster.verify(&second, &secret).await, StatusCode::NO_CONTENT);
    assert_eq!(cluster.verify(&second, "nobody's").await, StatusCode::UNAUTHORIZED);
    until(async || {
        is("SELECT DISTINCT api_key_id AS text FROM key_usage", &used).await
            && is("SELECT code AS text FROM rejections", "malformed").await
    })
    .await;

    // A change waits: it may be about what the holder looks at.
    let path = format!("{waiting}/deactivate");
    let mut change = std::pin::pin!(cluster.call(&second, Method::POST, &path));
    assert!(timeout(Duration::from_secs(1), &mut change).await.is_err());
    assert!(!holder.is_finished());
    release.send(()).expect("it waits");
    holder.await.expect("the holder").expect("nothing was written");
    let (status, _) = change.await;
    assert_eq!(status, StatusCode::OK);
}
