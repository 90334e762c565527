//! Lists that several nodes write to, each by a clock of its own.

use diesel::{QueryableByName, RunQueryDsl, sql_types::Text};
use tessera::{clock::Clock, db::Db};
use time::Duration;
use tokio::task::JoinSet;

use crate::{cluster::Cluster, support::World};

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
