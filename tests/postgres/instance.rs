//! Who operates several servers on one database.

use reqwest::StatusCode;

use crate::cluster::{Cluster, Node};

/// The address that a server printed at its start, on whichever server it is opened.
fn setup_path(node: &Node) -> String {
    let log = node.log();
    let (_, link) = log.split_once(&format!("{}/setup/", node.url)).expect("a set-up link in the log");
    format!("/setup/{}", link.split_whitespace().next().expect("the secret"))
}

#[tokio::test]
async fn the_link_that_any_server_printed_works_on_all_until_somebody_took_one() {
    let cluster = Cluster::new().await;
    let (first, second) = tokio::join!(cluster.node(), cluster.node());
    let paths = [setup_path(&first), setup_path(&second)];
    assert_ne!(paths[0], paths[1]);
    let statuses = async || {
        let mut statuses = Vec::new();
        for node in [&first, &second] {
            for path in &paths {
                let answer = cluster.http.get(format!("{}{path}", node.url)).send().await;
                statuses.push(answer.expect("an answer").status());
            }
        }
        statuses
    };
    assert_eq!(statuses().await, [StatusCode::OK; 4]);
    cluster.world.appoint(&cluster.lumen.owner).await;
    assert_eq!(statuses().await, [StatusCode::NOT_FOUND; 4]);
    let third = cluster.node().await;
    assert!(!third.log().contains("/setup/"), "{}", third.log());
}
