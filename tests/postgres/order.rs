//! Lists that several nodes write to, each by a clock of its own.

use diesel::{QueryableByName, RunQueryDsl, sql_types::Text};
use tessera::{
    clock::Clock,
    db::{Change, Db, DbError},
};
use time::Duration;
use tokio::task::JoinSet;

use crate::{
    cluster::Cluster,
    support::{World, until},
};

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = Text)]
    id: String,
}

/// What a client gets that reads the list of keys on from the last one that it has seen.
async fn keys_after(world: &World, last: &str) -> Vec<String> {
    let query = diesel::sql_query("SELECT id FROM api_keys WHERE id > $1 ORDER BY id")
        .bind::<Text, _>(last.to_owned());
    let rows: Vec<Id> = world.read(move |connection| Ok(query.load(connection)?)).await;
    rows.into_iter().map(|row| row.id).collect()
}

#[tokio::test]
async fn who_reads_on_from_where_it_was_misses_nothing_though_clocks_differ() {
    const EACH: usize = 40;
    let cluster = Cluster::new().await;
    let now = Clock::System.now();
    let mut writers = JoinSet::new();
    for skew in [Duration::hours(-1), Duration::ZERO, Duration::hours(1)] {
        let node = World {
            db: Db::open_existing(cluster.url()).expect("the database"),
            clock: Clock::manual(now + skew),
        };
        let lumen = cluster.lumen.clone();
        writers.spawn(async move {
            for number in 0..EACH {
                node.api_key(&lumen, &format!("Key {number} of {skew}")).await;
            }
        });
    }
    let mut seen = Vec::new();
    loop {
        let is_over = writers.is_empty();
        let last = seen.last().map_or(String::new(), String::clone);
        seen.extend(keys_after(&cluster.world, &last).await);
        if is_over {
            break;
        }
        while writers.try_join_next().is_some_and(|done| done.is_ok()) {}
    }
    assert_eq!(seen.len(), 3 * EACH);
    assert_eq!(keys_after(&cluster.world, "").await, seen);
}

/// How many changes the nodes have to hear of.
async fn noted(cluster: &Cluster) -> Vec<String> {
    cluster.world.query("SELECT CAST(count(*) AS text) AS text FROM changes").await
}

/// A change whose number rises beside the order of commits could be passed over by whoever reads on from another one.
#[tokio::test]
async fn what_is_written_without_the_lock_is_no_change_that_nodes_hear_of() {
    let cluster = Cluster::new().await;
    let before = noted(&cluster).await;
    let refused: Result<(), DbError> = cluster
        .world
        .db
        .write_beside(|tx| {
            diesel::sql_query("INSERT INTO spent_forms (id, spent_at) VALUES ('form', now())")
                .execute(tx.connection())?;
            tx.changed(Change::Secret(vec![7]));
            Ok(())
        })
        .await;
    assert!(matches!(refused, Err(DbError::OutOfOrder)), "{refused:?}");
    assert_eq!(cluster.world.query("SELECT id AS text FROM spent_forms").await, [""; 0]);
    assert_eq!(noted(&cluster).await, before);
}

#[tokio::test]
async fn the_use_of_a_new_secret_on_which_nothing_depends_is_written_beside_the_log() {
    let cluster = Cluster::new().await;
    let node = cluster.node().await;
    let (id, _) = cluster.key("Billing worker").await;
    let url = format!("{}/api/v2/organizations/{}/keys/{id}/rotate", node.url, cluster.lumen.id);
    let plan = serde_json::json!({ "grace_period": "24h", "starts": "immediately" });
    let rotated =
        cluster.http.post(url).bearer_auth(&cluster.token).json(&plan).send().await.expect("an answer");
    let rotated: serde_json::Value = rotated.json().await.expect("JSON");
    let before = noted(&cluster).await;
    let secret = rotated["secret"].as_str().expect("a secret");
    assert_eq!(cluster.verify(&node, secret).await, reqwest::StatusCode::NO_CONTENT);
    let used = "SELECT api_key_id AS text FROM key_rotations WHERE first_used_at IS NOT NULL";
    until(async || cluster.world.query(used).await == [id.as_str()]).await;
    assert_eq!(noted(&cluster).await, before);
}
