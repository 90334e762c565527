//! Keys of other systems on several nodes.

use std::{fs, process::Command};

use reqwest::StatusCode;

use crate::{cluster::Cluster, support::until};

const KEY: &str = "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d";
const DIGEST: &str = "c3ab5d29ee87f7005b1e9753c5ac7418800c49edf6267ec0f31a4f2ca85d67d39dd72f97d2680df3ed655c3cd3ae0a4e7657edc53a7e9d2a464f4993d19a60da";

/// Its first use on one node gives it its digest; each has to find it before, while and after that.
#[tokio::test]
async fn a_key_that_is_imported_beside_two_nodes_is_taken_by_both_and_ends_on_both() {
    let cluster = Cluster::new().await;
    let nodes = [cluster.node().await, cluster.node().await];
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tokens.csv");
    fs::write(&file, format!("name,digest\nKnox,{DIGEST}\n")).expect("a file");
    for node in &nodes {
        assert_eq!(cluster.verify(node, KEY).await, StatusCode::UNAUTHORIZED);
    }
    let import = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tessera"));
        command.args(["import", "keys"]).arg(&file).args(["--format", "knox", "--organization", "Lumen"]);
        command.args(["--database-url", cluster.database_url()]);
        let output = command.output().expect("the program");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    assert_eq!(import(), "2: imported: Knox\n");
    for node in &nodes {
        until(async || cluster.verify(node, KEY).await == StatusCode::NO_CONTENT).await;
    }
    for node in nodes.iter().chain(&nodes) {
        assert_eq!(cluster.verify(node, KEY).await, StatusCode::NO_CONTENT);
    }
    assert_eq!(import(), "2: here already: Knox: It’s “Knox” of “Lumen”.\n");
    let ids = cluster.world.query("SELECT id AS text FROM api_keys WHERE name = 'Knox'").await;
    for (verb, expected) in [("deactivate", StatusCode::UNAUTHORIZED), ("activate", StatusCode::NO_CONTENT)] {
        let (status, told) =
            cluster.call(&nodes[0], reqwest::Method::POST, &format!("{}/{verb}", ids[0])).await;
        assert!(status.is_success(), "{told}");
        until(async || cluster.verify(&nodes[1], KEY).await == expected).await;
        assert_eq!(cluster.verify(&nodes[0], KEY).await, expected);
    }
}
