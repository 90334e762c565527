//! How much PostgreSQL reads for what is asked most.

use reqwest::StatusCode;
use tessera::domain::bulk;

use crate::{cluster::Cluster, support::until};

/// A look-up that passed over every key would be slow for many keys, and made-up ones are looked for, too.
#[tokio::test]
async fn a_key_that_is_not_in_memory_is_found_by_an_index_however_many_there_are() {
    const KEYS: usize = 3000;
    const ASKED: usize = 60;
    let cluster = Cluster::new().await;
    let now = cluster.world.now();
    let mut secrets = Vec::new();
    for _ in 0..KEYS / bulk::KEYS_AT_ONCE {
        let made = cluster
            .world
            .write(move |tx| Ok(bulk::organization_with_keys(tx, bulk::KEYS_AT_ONCE, now)?))
            .await;
        secrets.extend(made);
    }
    cluster.world.execute("ANALYZE").await;
    let node = cluster.node().await;
    let read = async || -> usize {
        let rows =
            "SELECT CAST(seq_tup_read AS text) AS text FROM pg_stat_user_tables WHERE relname = 'api_keys'";
        cluster.world.query(rows).await[0].parse().expect("a number")
    };
    let found = async || -> usize {
        let scans = "SELECT CAST(idx_scan AS text) AS text FROM pg_stat_user_indexes
            WHERE indexrelname = 'api_keys_secret_digest_key'";
        cluster.world.query(scans).await[0].parse().expect("a number")
    };
    let (read_before, found_before) = (read().await, found().await);
    for secret in secrets.iter().step_by(KEYS / ASKED) {
        assert_eq!(cluster.verify(&node, secret.expose()).await, StatusCode::NO_CONTENT);
    }
    // The server counts a little later.
    until(async || found().await >= found_before + ASKED).await;
    // Others may pass over the table meanwhile, but not once for each.
    let read = read().await - read_before;
    assert!(read < ASKED * KEYS / 2, "{read} rows were read for {ASKED} keys");
}
